# SPDX-License-Identifier: Apache-2.0
"""A certificate as a frozen value: parsed once, strictly, with the bytes that were signed kept beside.

Parsing settles form only (RFC 5280 §4.1): version 3, one algorithm inside and outside, positive serial, no extension
twice, a key that Tegata has a profile for.  Whether anybody vouches for the certificate, and for which purpose it may
be used, is for the verifier's later steps.  `kind` and `carrier` are what the certificate *claims* by its policy.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from tegata.codecs import der
from tegata.codecs.der import Cursor, DerError
from tegata.crypto.keys import Algorithm, CryptoError, Scheme
from tegata.crypto.signatures import PublicKey, load_key
from tegata.jpki import Carrier, Kind, oids
from tegata.jpki.attributes import BadAttributes, BasicFour
from tegata.verify import reading
from tegata.verify.errors import Rejected
from tegata.verify.policy import CERTIFICATE_LIMIT, KNOWN_POLICIES
from tegata.verify.reading import AuthorityKey, ExtensionReader, Extensions, malformed

VERSION_3: Final = der.explicit(0, der.integer(2))
EMPTY_NAME: Final = der.sequence()
EXTENSIONS: Final = 0xA3
SHAPES: Final = frozenset(
    b"\xa0\x02\x30\x30\x30\x30\x30" + unique_ids + extensions
    for unique_ids in (b"", b"\x81", b"\x82", b"\x81\x82")
    for extensions in (b"", bytes((EXTENSIONS,)))
)
"""Tags of TBSCertificate v3 (RFC 5280 §4.1): version, serial, signature, issuer, validity, subject, key, the unique
identifiers that nobody uses any more, extensions.
"""
TIMES: Final = frozenset({b"\x17\x17", b"\x17\x18", b"\x18\x17", b"\x18\x18"})


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate.

    `issuer`, `subject` and the entries of `distribution_points` are DER (Name, GeneralName); `fingerprint` is the
    SHA-256 of the whole in lower-case hex; `key` is the public key of `spki`, loaded.  Its repr shows nothing that the
    certificate tells of a person.
    """

    der: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    scheme: Scheme
    signature: bytes = field(repr=False)
    serial: int
    issuer: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    spki: bytes = field(repr=False)
    key: PublicKey = field(repr=False, compare=False)
    algorithm: Algorithm
    extensions: Extensions = field(repr=False)
    subject_key_id: bytes | None = field(repr=False)
    authority_key: AuthorityKey | None = field(repr=False)
    key_usage: frozenset[int] | None
    extended_key_usage: tuple[str, ...] | None
    is_ca: bool
    policies: tuple[str, ...]
    distribution_points: tuple[bytes, ...] = field(repr=False)
    kind: Kind | None
    carrier: Carrier | None
    basic_four: BasicFour | None = field(repr=False)
    fingerprint: str

    @classmethod
    def parse(cls, data: bytes) -> "Certificate":
        """Read a DER certificate; raises `Rejected` (`verify.malformed`) for anything that is not exactly one."""
        if len(data) > CERTIFICATE_LIMIT:
            raise Rejected("verify.malformed", clause="RFC 5280 §4.1", part="certificate")
        try:
            return _read(bytes(data))
        except (DerError, CryptoError, BadAttributes) as error:
            raise Rejected("verify.malformed", clause=error.clause or "RFC 5280 §4.1", part="certificate") from error


def _read(data: bytes) -> Certificate:
    signed = reading.signed(data)
    tbs = signed.tbs
    start, end = der.span(tbs, 0, len(tbs))
    tags, at = der.shape(tbs, start, end)
    if tags[:1] != b"\xa0" or tbs[at[0] : at[2]] != VERSION_3:
        raise malformed("RFC 5280 §4.1.2.1")
    if tags not in SHAPES:
        raise malformed("RFC 5280 §4.1")
    if tbs[at[6] : at[8]] != signed.identifier:
        raise malformed("RFC 5280 §4.1.1.2")
    not_before, not_after = _validity(tbs, at[13], at[14])
    extensions = reading.extensions(tbs, at[-2], at[-1], _reader()) if tags[-1] == EXTENSIONS else {}
    issuer, spki = tbs[at[9] : at[11]], tbs[at[18] : at[20]]
    if issuer == EMPTY_NAME:
        raise malformed("RFC 5280 §4.1.2.4")
    policies = _content(extensions, oids.CERTIFICATE_POLICIES) or ()
    kind, carrier = _claims(policies)
    key, algorithm = load_key(spki)
    return Certificate(
        der=data,
        tbs=tbs,
        scheme=signed.scheme,
        signature=signed.signature,
        serial=reading.serial_number(tbs[at[4] : at[5]]),
        issuer=issuer,
        subject=tbs[at[15] : at[17]],
        not_before=not_before,
        not_after=not_after,
        spki=spki,
        key=key,
        algorithm=algorithm,
        extensions=extensions,
        subject_key_id=_content(extensions, oids.SUBJECT_KEY_IDENTIFIER),
        authority_key=_content(extensions, oids.AUTHORITY_KEY_IDENTIFIER),
        key_usage=_content(extensions, oids.KEY_USAGE),
        extended_key_usage=_content(extensions, oids.EXTENDED_KEY_USAGE),
        is_ca=_content(extensions, oids.BASIC_CONSTRAINTS) or False,
        policies=policies,
        distribution_points=_content(extensions, oids.CRL_DISTRIBUTION_POINTS) or (),
        kind=kind,
        carrier=carrier,
        basic_four=_content(extensions, oids.SUBJECT_ALT_NAME),
        fingerprint=hashlib.sha256(data).hexdigest(),
    )


def _validity(tbs: bytes, start: int, end: int) -> tuple[datetime, datetime]:
    tags, at = der.shape(tbs, start, end)
    if tags not in TIMES:
        raise malformed("RFC 5280 §4.1.2.5")
    return reading.moment(tags[0], tbs[at[1] : at[2]]), reading.moment(tags[1], tbs[at[4] : at[5]])


def _content(extensions: Extensions, oid: str) -> Any:
    """Return what the value of an extension was read as, None where it is absent."""
    extension = extensions.get(oid)
    return None if extension is None else extension.content


def _octets(value: bytes) -> bytes:
    if len(value) == 22 and value[:2] == b"\x04\x14":  # nearly always a SHA-1
        return value[2:]
    return reading.only(value, der.OCTET_STRING)


def _policies(value: bytes) -> tuple[str, ...]:
    """Return the policy OIDs (RFC 5280 §4.2.1.4); none may appear twice.  Qualifiers are for people and passed over."""
    policies = Cursor.over(value)
    found = []
    while policies.more():
        information = policies.inside()
        found.append(der.dotted(information.take(der.OID)))
        information.optional(der.SEQUENCE)
        information.end()
    if not found or len(set(found)) != len(found):
        raise malformed("RFC 5280 §4.2.1.4")
    return tuple(found)


@cache
def _claims_known() -> dict[str, tuple[Kind, Carrier]]:
    return dict(KNOWN_POLICIES)


def _claims(policies: tuple[str, ...]) -> tuple[Kind | None, Carrier | None]:
    """Return what the policies claim to certify; nothing when none or several are known."""
    table = _claims_known()
    known = [table[policy] for policy in policies if policy in table]
    return known[0] if len(known) == 1 else (None, None)


def _key_usage(value: bytes) -> frozenset[int]:
    return reading.named_bits(reading.only(value, der.BIT_STRING))


def _extended_key_usage(value: bytes) -> tuple[str, ...]:
    usages = Cursor.over(value)
    found = []
    while usages.more():
        found.append(der.dotted(usages.take(der.OID)))
    if not found:
        raise malformed("RFC 5280 §4.2.1.12")
    return tuple(found)


def _is_ca(value: bytes) -> bool:
    parts = Cursor.over(value)
    is_ca, length = reading.flag(parts.optional(0x01)), parts.optional(der.INTEGER)
    parts.end()
    if length is not None and (not is_ca or der.whole_number(length) < 0):
        raise malformed("RFC 5280 §4.2.1.9")
    return is_ca


def _distribution_points(value: bytes) -> tuple[bytes, ...]:
    """Return the full names under which the CA publishes the complete list for this certificate (RFC 5280 §4.2.1.13).

    A point limited to some reasons, or published by somebody else, tells too little and is left out.
    """
    points = Cursor.over(value)
    if not points.more():
        raise malformed("RFC 5280 §4.2.1.13")
    found: list[bytes] = []
    while points.more():
        parts = points.inside()
        names = reading.full_names(parts)
        reasons, publisher = parts.optional(0x81), parts.optional(0xA2)
        parts.end()
        if names is not None and reasons is None and publisher is None:
            found.extend(names)
    return tuple(found)


@cache
def _reader() -> ExtensionReader:
    """Return the reader of a certificate's extensions, and of what the values of those that are applied mean."""
    return ExtensionReader(
        {
            oids.CERTIFICATE_POLICIES: _policies,
            oids.SUBJECT_KEY_IDENTIFIER: _octets,
            oids.AUTHORITY_KEY_IDENTIFIER: reading.authority_key,
            oids.KEY_USAGE: _key_usage,
            oids.EXTENDED_KEY_USAGE: _extended_key_usage,
            oids.BASIC_CONSTRAINTS: _is_ca,
            oids.CRL_DISTRIBUTION_POINTS: _distribution_points,
            oids.SUBJECT_ALT_NAME: BasicFour.carried_by,
        }
    )
