# SPDX-License-Identifier: Apache-2.0
"""A certificate as a frozen value: parsed once, strictly, with the bytes that were signed kept beside.

Parsing settles form only (RFC 5280 §4.1): version 3, one algorithm inside and outside, positive serial, no extension
twice, a key that Tegata has a profile for.  Whether anybody vouches for the certificate, and for which purpose it may
be used, is for the verifier's later steps.  `kind` and `carrier` are what the certificate *claims* by its policy.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tegata.codecs import der
from tegata.codecs.der import DerError, Element
from tegata.crypto.keys import Algorithm, CryptoError, Scheme
from tegata.crypto.signatures import algorithm_of
from tegata.jpki import Carrier, Kind, oids
from tegata.jpki.attributes import BadAttributes, BasicFour
from tegata.verify import reading
from tegata.verify.errors import Rejected
from tegata.verify.policy import CERTIFICATE_LIMIT, KNOWN_POLICIES
from tegata.verify.reading import AuthorityKey, Extensions, fields, malformed

VERSION_3: Final = 2
OTHER_NAME: Final = 0xA0
ATTRIBUTES: Final = f"{oids.JPKI}.5."


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate.

    `issuer`, `subject` and the entries of `distribution_points` are DER (Name, GeneralName); `fingerprint` is the
    SHA-256 of the whole in lower-case hex.  Its repr shows nothing that the certificate tells of a person.
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
    outer = fields(der.read(data))
    signed = reading.Signed.take(outer)
    outer.end()
    tbs = fields(signed.tbs)
    version = tbs.explicit(0)
    if version is None or version.expect(der.INTEGER).integer() != VERSION_3:
        raise malformed("RFC 5280 §4.1.2.1")
    serial = reading.serial_number(tbs.take(der.INTEGER))
    if tbs.take(der.SEQUENCE).raw != signed.identifier:
        raise malformed("RFC 5280 §4.1.1.2")
    issuer = tbs.take(der.SEQUENCE)
    not_before, not_after = _validity(tbs.take(der.SEQUENCE))
    subject, spki = tbs.take(der.SEQUENCE).raw, tbs.take(der.SEQUENCE).raw
    tbs.optional(0x81), tbs.optional(0x82)  # unique identifiers (RFC 5280 §4.1.2.8): nobody uses them any more
    extensions = reading.extensions(tbs.explicit(3))
    tbs.end()
    if not issuer.value:
        raise malformed("RFC 5280 §4.1.2.4")
    policies = _policies(extensions)
    kind, carrier = _claims(policies)
    return Certificate(
        der=data,
        tbs=signed.tbs.raw,
        scheme=signed.scheme,
        signature=signed.signature,
        serial=serial,
        issuer=issuer.raw,
        subject=subject,
        not_before=not_before,
        not_after=not_after,
        spki=spki,
        algorithm=algorithm_of(spki),
        extensions=extensions,
        subject_key_id=_subject_key_id(extensions),
        authority_key=reading.authority_key(extensions, oids.AUTHORITY_KEY_IDENTIFIER),
        key_usage=_key_usage(extensions),
        extended_key_usage=_extended_key_usage(extensions),
        is_ca=_is_ca(extensions),
        policies=policies,
        distribution_points=_distribution_points(extensions),
        kind=kind,
        carrier=carrier,
        basic_four=_basic_four(extensions),
        fingerprint=hashlib.sha256(data).hexdigest(),
    )


def _validity(element: Element) -> tuple[datetime, datetime]:
    parts = fields(element)
    period = reading.moment(parts.any()), reading.moment(parts.any())
    parts.end()
    return period


def _policies(extensions: Extensions) -> tuple[str, ...]:
    """Return the policy OIDs (RFC 5280 §4.2.1.4); none may appear twice.  Qualifiers are for people and passed over."""
    extension = extensions.get(oids.CERTIFICATE_POLICIES)
    if extension is None:
        return ()
    found = []
    for information in extension.read().expect(der.SEQUENCE).children():
        parts = fields(information)
        found.append(parts.take(der.OID).oid())
        parts.optional(der.SEQUENCE)
        parts.end()
    if not found or len(set(found)) != len(found):
        raise malformed("RFC 5280 §4.2.1.4")
    return tuple(found)


def _claims(policies: tuple[str, ...]) -> tuple[Kind | None, Carrier | None]:
    """Return what the policies claim to certify; nothing when none or several are known."""
    known = [KNOWN_POLICIES[policy] for policy in policies if policy in KNOWN_POLICIES]
    return known[0] if len(known) == 1 else (None, None)


def _subject_key_id(extensions: Extensions) -> bytes | None:
    extension = extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
    return None if extension is None else extension.read().expect(der.OCTET_STRING).value


def _key_usage(extensions: Extensions) -> frozenset[int] | None:
    extension = extensions.get(oids.KEY_USAGE)
    return None if extension is None else reading.named_bits(extension.read())


def _extended_key_usage(extensions: Extensions) -> tuple[str, ...] | None:
    extension = extensions.get(oids.EXTENDED_KEY_USAGE)
    if extension is None:
        return None
    usages = tuple(usage.oid() for usage in extension.read().expect(der.SEQUENCE).children())
    if not usages:
        raise malformed("RFC 5280 §4.2.1.12")
    return usages


def _is_ca(extensions: Extensions) -> bool:
    extension = extensions.get(oids.BASIC_CONSTRAINTS)
    if extension is None:
        return False
    parts = fields(extension.read())
    is_ca, length = reading.flag(parts.optional(0x01)), parts.optional(der.INTEGER)
    parts.end()
    if length is not None and (not is_ca or length.integer() < 0):
        raise malformed("RFC 5280 §4.2.1.9")
    return is_ca


def _distribution_points(extensions: Extensions) -> tuple[bytes, ...]:
    """Return the full names under which the CA publishes the complete list for this certificate (RFC 5280 §4.2.1.13).

    A point limited to some reasons, or published by somebody else, tells too little and is left out.
    """
    extension = extensions.get(oids.CRL_DISTRIBUTION_POINTS)
    if extension is None:
        return ()
    found: list[bytes] = []
    points = extension.read().expect(der.SEQUENCE).children()
    for point in points:
        parts = fields(point)
        names = reading.full_names(parts.optional(0xA0))
        reasons, publisher = parts.optional(0x81), parts.optional(0xA2)
        parts.end()
        if names is not None and reasons is None and publisher is None:
            found.extend(names)
    if not points:
        raise malformed("RFC 5280 §4.2.1.13")
    return tuple(found)


def _basic_four(extensions: Extensions) -> BasicFour | None:
    """Return the four attributes of a subjectAltName that carries any of JPKI's own names."""
    extension = extensions.get(oids.SUBJECT_ALT_NAME)
    if extension is None:
        return None
    names = extension.read().expect(der.SEQUENCE).children()
    types = [fields(name, OTHER_NAME).take(der.OID).oid() for name in names if name.tag == OTHER_NAME]
    return BasicFour.from_san_der(extension.value) if any(oid.startswith(ATTRIBUTES) for oid in types) else None
