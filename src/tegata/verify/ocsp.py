# SPDX-License-Identifier: Apache-2.0
"""OCSP (RFC 6960) without a connection: build a request, and turn a response into an authentic `Answer`.

A response counts only if it is about the very certificate (name and key of the issuer, serial), signed by the issuer
itself or by a responder that the same issuer certified for this and nothing in between, and, where a nonce was sent,
returns it.  Its age is judged by the caller.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tegata.codecs import der
from tegata.codecs.der import DerError, Element
from tegata.crypto.keys import CryptoError
from tegata.crypto.signatures import verify as verify_signature
from tegata.jpki import oids
from tegata.verify import reading
from tegata.verify.answer import Answer, Revocation, crl_reason
from tegata.verify.certificate import Certificate
from tegata.verify.errors import Rejected, StatusUnavailable
from tegata.verify.policy import OCSP_LIMIT, Terms
from tegata.verify.reading import Fields, fields, malformed

SUCCESSFUL: Final = 0
NONCE_LIMIT: Final = 128
"""Octets of a nonce (RFC 9654 §2.1)."""
CERTIFICATES_LIMIT: Final = 4
"""Certificates in a response that are looked at: a delegated responder needs one."""
HASHES: Final = {"1.3.14.3.2.26": "sha1", "2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384"}
"""Hashes that a CertID may use.  SHA-1 serves here only to name the issuer whose key we already hold."""
PROCESSED: Final = frozenset({oids.OCSP_NONCE})
RESPONDER_PROCESSED: Final = frozenset(
    {oids.KEY_USAGE, oids.EXTENDED_KEY_USAGE, oids.BASIC_CONSTRAINTS, oids.OCSP_NO_CHECK}
)


def request(certificate: Certificate, issuer: Certificate, nonce: bytes | None = None) -> bytes:
    """Return a DER OCSPRequest for one certificate, with SHA-1 in its CertID as every responder understands.

    Raises `ValueError` for a nonce that is not 1 to 128 bytes long.
    """
    single = der.sequence(_cert_id("1.3.14.3.2.26", certificate.serial, issuer))
    parts = [der.sequence(single)]
    if nonce is not None:
        if not 1 <= len(nonce) <= NONCE_LIMIT:
            raise ValueError("an OCSP nonce has 1 to 128 bytes (RFC 9654 §2.1)")
        extension = der.sequence(der.oid(oids.OCSP_NONCE), der.octet_string(der.octet_string(nonce)))
        parts.append(der.explicit(2, der.sequence(extension)))
    return der.sequence(der.sequence(*parts))


def _cert_id(hash_oid: str, serial: int, issuer: Certificate) -> bytes:
    name = HASHES[hash_oid]
    return der.sequence(
        der.sequence(der.oid(hash_oid), der.null()),
        der.octet_string(_digest(name, issuer.subject)),
        der.octet_string(_digest(name, public_key_bits(issuer.spki))),
        der.integer(serial),
    )


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def public_key_bits(spki: bytes) -> bytes:
    """Return subjectPublicKey without tag, length and unused bits: what key hashes cover (RFC 6960 §4.1.1)."""
    parts = fields(der.read(spki))
    parts.take(der.SEQUENCE)
    return reading.whole_bytes(parts.take(der.BIT_STRING))


@dataclass(frozen=True, slots=True)
class _Single:
    hash_oid: str
    name_hash: bytes
    key_hash: bytes
    serial: int
    revocation: Revocation | None
    known: bool
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True)
class _Response:
    signed: reading.Signed
    responder: Element = field(repr=False)
    singles: tuple[_Single, ...]
    extensions: reading.Extensions
    certificates: tuple[bytes, ...] = field(repr=False)


def answer(response: bytes, nonce: bytes | None, certificate: Certificate, issuer: Certificate, terms: Terms) -> Answer:
    """Return what an authentic response says of `certificate`.

    Raises `StatusUnavailable` (`verify.status_invalid`, `verify.status_refused`).
    """
    if len(response) > OCSP_LIMIT:
        raise invalid("RFC 6960 §4.2.1", "size")
    try:
        found = _read(bytes(response))
        _authenticate(found, issuer, terms)
        _returns_nonce(found, nonce)
        single = _single_for(found, certificate, issuer)
    except (DerError, CryptoError) as error:
        raise invalid(error.clause or "RFC 6960 §4.2.1", "form") from error
    return Answer("ocsp", single.this_update, single.next_update, single.revocation, single.known)


def invalid(clause: str, part: str) -> StatusUnavailable:
    """Make the error for a response that cannot be used, naming the part that is wrong."""
    return StatusUnavailable("verify.status_invalid", clause=clause, source="ocsp", part=part)


def _read(data: bytes) -> _Response:
    outer = fields(der.read(data))
    status = outer.take(reading.ENUMERATED).integer()
    if status != SUCCESSFUL:
        raise StatusUnavailable("verify.status_refused", clause="RFC 6960 §2.3", response_status=status)
    wrapper = outer.explicit(0)
    outer.end()
    if wrapper is None:
        raise malformed("RFC 6960 §4.2.1")
    inner = fields(wrapper)
    if inner.take(der.OID).oid() != oids.OCSP_BASIC:
        raise malformed("RFC 6960 §4.2.1")
    content = inner.take(der.OCTET_STRING).value
    inner.end()
    return _read_basic(content)


def _read_basic(data: bytes) -> _Response:
    basic = fields(der.read(data))
    signed = reading.Signed.take(basic)
    certificates = basic.explicit(0)
    basic.end()
    tbs = fields(signed.tbs)
    responder = tbs.any()
    reading.moment(tbs.take(reading.GENERALIZED_TIME))
    singles = tuple(_read_single(single) for single in tbs.take(der.SEQUENCE).children())
    extensions = reading.extensions(tbs.explicit(1))
    tbs.end()
    if reading.unprocessed_critical(extensions, PROCESSED) is not None:
        raise malformed("RFC 6960 §4.4")
    carried = () if certificates is None else certificates.expect(der.SEQUENCE).children()
    return _Response(signed, responder, singles, extensions, tuple(c.raw for c in carried[:CERTIFICATES_LIMIT]))


def _read_single(element: Element) -> _Single:
    parts = fields(element)
    hash_oid, name_hash, key_hash, serial = _read_cert_id(parts.take(der.SEQUENCE))
    known, revocation = _read_status(parts.any())
    this_update = reading.moment(parts.take(reading.GENERALIZED_TIME))
    until = parts.explicit(0)
    next_update = None if until is None else reading.moment(until.expect(reading.GENERALIZED_TIME))
    extensions = reading.extensions(parts.explicit(1))
    parts.end()
    if reading.unprocessed_critical(extensions, frozenset()) is not None:
        raise malformed("RFC 6960 §4.4")
    if next_update is not None and next_update < this_update:
        raise malformed("RFC 6960 §4.2.2.1")
    return _Single(hash_oid, name_hash, key_hash, serial, revocation, known, this_update, next_update)


def _read_cert_id(element: Element) -> tuple[str, bytes, bytes, int]:
    parts = fields(element)
    algorithm = fields(parts.take(der.SEQUENCE))
    hash_oid = algorithm.take(der.OID).oid()
    algorithm.optional(der.NULL)
    algorithm.end()
    name_hash, key_hash = parts.take(der.OCTET_STRING).value, parts.take(der.OCTET_STRING).value
    serial = parts.take(der.INTEGER).integer()
    parts.end()
    return hash_oid, name_hash, key_hash, serial


def _read_status(element: Element) -> tuple[bool, Revocation | None]:
    """Return whether the certificate is known, and its revocation (CertStatus, RFC 6960 §4.2.1)."""
    if element.tag in (0x80, 0x82) and not element.value:
        return element.tag == 0x80, None
    parts: Fields = fields(element, 0xA1)
    at = reading.moment(parts.take(reading.GENERALIZED_TIME))
    reason = parts.explicit(0)
    parts.end()
    code = 0 if reason is None else reason.expect(reading.ENUMERATED).integer()
    try:
        return True, Revocation(at, crl_reason(code))
    except KeyError as error:
        raise malformed("RFC 5280 §5.3.1") from error


def _single_for(found: _Response, certificate: Certificate, issuer: Certificate) -> _Single:
    """Return the one statement about `certificate`; two about the same would contradict or confuse."""
    about = [single for single in found.singles if _matches(single, certificate, issuer)]
    if len(about) != 1:
        raise invalid("RFC 6960 §3.2 (1)", "certID")
    return about[0]


def _matches(single: _Single, certificate: Certificate, issuer: Certificate) -> bool:
    name = HASHES.get(single.hash_oid)
    return (
        name is not None
        and single.serial == certificate.serial
        and single.name_hash == _digest(name, certificate.issuer)
        and single.key_hash == _digest(name, public_key_bits(issuer.spki))
    )


def _returns_nonce(found: _Response, nonce: bytes | None) -> None:
    if nonce is None:
        return
    extension = found.extensions.get(oids.OCSP_NONCE)
    if extension is None or extension.read().expect(der.OCTET_STRING).value != nonce:
        raise invalid("RFC 9654 §2.1", "nonce")


def _authenticate(found: _Response, issuer: Certificate, terms: Terms) -> None:
    """Find who signed, and check the signature (RFC 6960 §3.2 (2)-(4), §4.2.2.2)."""
    if found.signed.scheme not in terms.policy.schemes:
        raise invalid("RFC 6960 §4.3", "signatureAlgorithm")
    trouble: StatusUnavailable | None = None
    for signer in _named_signers(found, issuer):
        try:
            verify_signature(signer.spki, found.signed.scheme, found.signed.tbs.raw, found.signed.signature)
        except CryptoError:
            continue
        if signer is issuer:
            return
        try:
            _check_responder(signer, issuer, terms)
        except StatusUnavailable as error:
            trouble = error
            continue
        return
    raise trouble or invalid("RFC 6960 §3.2 (2)", "signature")


def _named_signers(found: _Response, issuer: Certificate) -> Iterator[Certificate]:
    """Yield those whom the response names as its signer: the issuer, then certificates that it carries.

    A carried certificate that cannot be read is passed over, as nobody's word rests on it.
    """
    if _is_named(found.responder, issuer):
        yield issuer
    for data in found.certificates:
        try:
            carried = Certificate.parse(data)
        except Rejected:
            continue
        if _is_named(found.responder, carried):
            yield carried


def _is_named(responder: Element, certificate: Certificate) -> bool:
    """Return whether a ResponderID (the name, or the SHA-1 of the key) means `certificate`."""
    if responder.tag == 0xA1:
        return responder.value == certificate.subject
    key_hash = der.read(responder.expect(0xA2).value).expect(der.OCTET_STRING).value
    return key_hash == _digest("sha1", public_key_bits(certificate.spki))


def _check_responder(responder: Certificate, issuer: Certificate, terms: Terms) -> None:
    """Refuse a responder that the issuer itself did not certify for OCSP, for now (RFC 6960 §4.2.2.2)."""
    key = responder.authority_key
    usage = responder.extended_key_usage or ()
    facts = {
        "responder issuer": responder.issuer == issuer.subject,
        "responder authority key": key is None or key.key_id in (None, issuer.subject_key_id),
        "responder extKeyUsage": oids.EKU_OCSP_SIGNING in usage,
        "responder keyUsage": responder.key_usage is None or bool(responder.key_usage & {0, 1}),
        "responder basicConstraints": not responder.is_ca,
        "responder critical extension": not reading.unprocessed_critical(responder.extensions, RESPONDER_PROCESSED),
        "responder nocheck": not terms.policy.responder_needs_no_check or oids.OCSP_NO_CHECK in responder.extensions,
        "responder validity": responder.not_before <= terms.now <= responder.not_after,
        "responder signatureAlgorithm": responder.scheme in terms.policy.schemes,
    }
    for part, fits in facts.items():
        if not fits:
            raise invalid("RFC 6960 §4.2.2.2", part)
    try:
        verify_signature(issuer.spki, responder.scheme, responder.tbs, responder.signature)
    except CryptoError as error:
        raise invalid("RFC 6960 §4.2.2.2", "responder signature") from error
