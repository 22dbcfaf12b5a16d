# SPDX-License-Identifier: Apache-2.0
"""OCSP (RFC 6960) as bytes: requests read strictly and within bounds, responses written.

A request that is not one, that has too many questions, a nonce out of bounds (RFC 9654 §2.1: 1 to 128 bytes) or a
critical extension that we do not know raises `Malformed`; the edge answers that with `malformedRequest`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tegata.authority.model import Reason, Revocation
from tegata.codecs import der
from tegata.jpki import oids
from tegata.messages import TegataError

MOST_QUESTIONS: Final = 32
LONGEST_NONCE: Final = 128
LONGEST_REQUEST: Final = 8192
"""Bytes; 32 questions with SHA-256 fit well."""

HASHES: Final = {"1.3.14.3.2.26": "sha1", "2.16.840.1.101.3.4.2.1": "sha256"}
"""Hashes that a CertID may use, by object identifier."""


class Malformed(TegataError):
    """The request is not a proper OCSP request (`authority.ocsp_malformed`)."""

    def __init__(self, clause: str) -> None:
        super().__init__("authority.ocsp_malformed", clause=clause)


@dataclass(frozen=True, slots=True)
class Question:
    """One CertID: its raw bytes (echoed in the answer), hash name (empty if unknown), hashes of issuer name and key,
    serial.
    """

    raw: bytes = field(repr=False)
    hash_name: str
    name_hash: bytes
    key_hash: bytes
    serial: int


@dataclass(frozen=True, slots=True)
class OcspRequest:
    """A request that was read."""

    questions: tuple[Question, ...]
    nonce: bytes | None


def parse(data: bytes) -> OcspRequest:
    """Read an OCSPRequest; a signature on it is passed over.  Raises `Malformed`."""
    if len(data) > LONGEST_REQUEST:
        raise Malformed("RFC 6960 §4.1.1")
    try:
        return _request(der.read(data))
    except (der.DerError, ValueError) as error:
        raise Malformed("RFC 6960 §4.1.1") from error


def _request(element: der.Element) -> OcspRequest:
    tbs, *signature = element.expect(der.SEQUENCE).children()
    if len(signature) > 1 or (signature and signature[0].tag != 0xA0):
        raise Malformed("RFC 6960 §4.1.1")
    parts = tbs.expect(der.SEQUENCE).children()
    if parts and parts[0].tag == 0xA0:  # version: v1 is the default, and the only one
        version = der.read(parts.pop(0).value).expect(der.INTEGER)
        if version.integer() != 0:
            raise Malformed("RFC 6960 §4.1.1")
    if parts and parts[0].tag == 0xA1:  # requestorName: anybody may ask
        parts.pop(0)
    listed, *extensions = parts
    if len(extensions) > 1:
        raise Malformed("RFC 6960 §4.1.1")
    nonce = _nonce(der.read(extensions[0].expect(0xA2).value)) if extensions else None
    questions = listed.expect(der.SEQUENCE).children()
    if not 0 < len(questions) <= MOST_QUESTIONS:
        raise Malformed("RFC 6960 §4.1.1")
    return OcspRequest(tuple(_question(one) for one in questions), nonce)


def _question(element: der.Element) -> Question:
    cert_id, *extensions = element.expect(der.SEQUENCE).children()
    if len(extensions) > 1:
        raise Malformed("RFC 6960 §4.1.1")
    if extensions:
        _extensions(der.read(extensions[0].expect(0xA0).value))
    algorithm, name_hash, key_hash, serial = cert_id.expect(der.SEQUENCE).children()
    identifier, *parameters = algorithm.expect(der.SEQUENCE).children()
    if len(parameters) > 1 or (parameters and parameters[0].raw != der.null()):
        raise Malformed("RFC 6960 §4.1.1")
    return Question(
        raw=cert_id.raw,
        hash_name=HASHES.get(identifier.oid(), ""),
        name_hash=name_hash.expect(der.OCTET_STRING).value,
        key_hash=key_hash.expect(der.OCTET_STRING).value,
        serial=serial.expect(der.INTEGER).integer(),
    )


def digest(hash_name: str, data: bytes) -> bytes:
    """Hash an issuer's name or key as a CertID does; SHA-1 only names things here."""
    return hashlib.new(hash_name, data, usedforsecurity=False).digest()


def _extensions(element: der.Element) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in element.expect(der.SEQUENCE).children():
        identifier, *critical, value = one.expect(der.SEQUENCE).children()
        oid = identifier.oid()
        if critical and critical != [der.read(der.boolean(True))]:
            raise Malformed("RFC 5280 §4.1")
        if oid in found or (critical and oid != oids.OCSP_NONCE):
            raise Malformed("RFC 6960 §4.4")
        found[oid] = value.expect(der.OCTET_STRING).value
    return found


def _nonce(element: der.Element) -> bytes | None:
    value = _extensions(element).get(oids.OCSP_NONCE)
    if value is None:
        return None
    nonce = der.read(value).expect(der.OCTET_STRING).value
    if not 1 <= len(nonce) <= LONGEST_NONCE:
        raise Malformed("RFC 9654 §2.1")
    return nonce


# -- responses ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What is said of one question: good, unknown, or revoked since when and why."""

    question: bytes = field(repr=False)
    known: bool
    revocation: Revocation | None = None

    def cert_status(self) -> bytes:
        """CertStatus (RFC 6960 §4.2.1)."""
        if not self.known:
            return der.context(2, b"", constructed=False)
        if self.revocation is None:
            return der.context(0, b"", constructed=False)
        reason = self.revocation.reason
        shown = b"" if reason is Reason.UNSPECIFIED else der.explicit(0, der.enumerated(reason.code))
        return der.context(1, der.generalized_time(self.revocation.at) + shown)


MALFORMED: Final = der.sequence(der.enumerated(1))
INTERNAL_ERROR: Final = der.sequence(der.enumerated(2))
TRY_LATER: Final = der.sequence(der.enumerated(3))


def response_data(
    key_id: bytes, findings: Sequence[Finding], this_update: datetime, next_update: datetime, nonce: bytes | None
) -> bytes:
    """Return the ResponseData that a responder signs; it is named by the hash of its key."""
    times = der.generalized_time(this_update) + der.explicit(0, der.generalized_time(next_update))
    singles = (der.sequence(one.question, one.cert_status(), times) for one in findings)
    extensions = b""
    if nonce is not None:
        value = der.octet_string(der.octet_string(nonce))
        extensions = der.explicit(1, der.sequence(der.sequence(der.oid(oids.OCSP_NONCE), value)))
    return der.sequence(
        der.explicit(2, der.octet_string(key_id)),
        der.generalized_time(this_update),
        der.sequence(*singles),
        extensions,
    )


def response(signed: tuple[bytes, bytes, bytes], certificate: bytes) -> bytes:
    """Return the OCSPResponse `successful` around a signed ResponseData and the responder's certificate."""
    basic = der.sequence(*signed, der.explicit(0, der.sequence(certificate)))
    content = der.sequence(der.oid(oids.OCSP_BASIC), der.octet_string(basic))
    return der.sequence(der.enumerated(0), der.explicit(0, content))
