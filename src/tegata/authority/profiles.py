# SPDX-License-Identifier: Apache-2.0
"""What is signed: the to-be-signed bytes of the authority's own, of residents' and of OCSP responders' certificates.

The profiles are those of the published CA certificates and of decoded end-entity certificates, extensions in the order
found there; policies are of the test arm.  Nothing here signs.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tegata.clock import JST
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind, names, oids
from tegata.jpki.municipalities import Municipality

# Bits of KeyUsage (RFC 5280 §4.2.1.3).
DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN, CRL_SIGN = 0, 1, 5, 6
KEY_USAGE: Final = {Kind.SIGNING: (DIGITAL_SIGNATURE, NON_REPUDIATION), Kind.AUTHENTICATION: (DIGITAL_SIGNATURE,)}


@dataclass(frozen=True, slots=True)
class Issuer:
    """What of a certification authority enters the certificates and lists that it signs."""

    kind: Kind
    serial: int
    key_id: bytes
    scheme: Scheme
    not_after: datetime

    @property
    def dn(self) -> bytes:
        """Its name."""
        return names.ca_dn(self.kind)


@dataclass(frozen=True, slots=True)
class EndEntity:
    """Everything that decides a resident's certificate.  `basic_four` is the DER of its GeneralNames, signing only."""

    kind: Kind
    carrier: Carrier
    serial: int
    subject: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    spki: bytes = field(repr=False)
    municipality: Municipality
    ocsp_url: str
    basic_four: bytes | None = field(default=None, repr=False)


def key_id(spki: bytes) -> bytes:
    """Return the key identifier: SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 method 1)."""
    bits = der.read(spki).children()[1].expect(der.BIT_STRING).value[1:]
    return hashlib.sha1(bits, usedforsecurity=False).digest()


def ca_certificate(kind: Kind, serial: int, scheme: Scheme, spki: bytes, start: datetime, end: datetime) -> bytes:
    """Return the TBSCertificate of a certification authority: self-signed, one tier, no authority key identifier."""
    dn = names.ca_dn(kind)
    extensions = (
        _key_usage(KEY_CERT_SIGN, CRL_SIGN),
        extension(oids.SUBJECT_ALT_NAME, der.sequence(names.directory_name(names.japanese_ca_dn(kind)))),
        extension(oids.BASIC_CONSTRAINTS, der.sequence(der.boolean(True)), critical=True),
        extension(oids.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(distribution_point(dn)))),
        extension(oids.SUBJECT_KEY_IDENTIFIER, der.octet_string(key_id(spki))),
    )
    return _tbs(serial, scheme, dn, (start, end), dn, spki, extensions)


def end_entity(one: EndEntity, issuer: Issuer) -> bytes:
    """Return the TBSCertificate of a resident's certificate."""
    extensions = [_key_usage(*KEY_USAGE[one.kind])]
    if one.kind is Kind.AUTHENTICATION:
        extensions.append(extension(oids.EXTENDED_KEY_USAGE, der.sequence(der.oid(oids.EKU_CLIENT_AUTH))))
    if one.basic_four is not None:
        extensions.append(extension(oids.SUBJECT_ALT_NAME, one.basic_four))
    point = names.crldp_dn(one.kind, one.municipality)
    extensions += [
        extension(oids.CERTIFICATE_POLICIES, _policies(one.kind, one.carrier), critical=True),
        extension(oids.ISSUER_ALT_NAME, der.sequence(names.directory_name(names.japanese_ca_dn(one.kind)))),
        extension(oids.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(distribution_point(point)))),
    ]
    if one.kind is Kind.AUTHENTICATION:
        extensions.append(extension(oids.AUTHORITY_INFO_ACCESS, _ocsp_access(one.ocsp_url)))
    extensions += [_authority_key(issuer), extension(oids.SUBJECT_KEY_IDENTIFIER, der.octet_string(key_id(one.spki)))]
    validity = (one.not_before, one.not_after)
    return _tbs(one.serial, issuer.scheme, issuer.dn, validity, one.subject, one.spki, tuple(extensions))


def responder(issuer: Issuer, serial: int, spki: bytes, start: datetime, end: datetime) -> bytes:
    """Return the TBSCertificate of a delegated OCSP responder (RFC 6960 §4.2.2.2), which is not itself checked."""
    subject = names.responder_dn(issuer.kind)
    extensions = (
        _key_usage(DIGITAL_SIGNATURE),
        extension(oids.EXTENDED_KEY_USAGE, der.sequence(der.oid(oids.EKU_OCSP_SIGNING))),
        extension(oids.OCSP_NO_CHECK, der.null()),
        _authority_key(issuer),
        extension(oids.SUBJECT_KEY_IDENTIFIER, der.octet_string(key_id(spki))),
    )
    return _tbs(serial, issuer.scheme, issuer.dn, (start, end), subject, spki, extensions)


# -- subjects ----------------------------------------------------------------------------------------------------------

CN_ALPHABET: Final = "0123456789ABCDEFGHIJ"


def signing_subject(municipality: Municipality, moment: datetime, serial: int) -> bytes:
    """Return the subject of a signing certificate: prefecture, municipality, and 28 digits; not the holder's name.

    The digits are the moment of issue in Japan, the municipality's code and nine more (assumption
    `authority.subject_tail`: the serial number).
    """
    identifier = f"{moment.astimezone(JST):%Y%m%d%H%M%S}{municipality.code}{serial % 10**9:09}"
    return names.name(
        (oids.COUNTRY, "JP"),
        (oids.LOCALITY, municipality.prefecture_en),
        (oids.LOCALITY, municipality.name_en),
        (oids.CN, identifier),
    )


def authentication_subject(municipality: Municipality, random: Callable[[int], bytes]) -> bytes:
    """Return the subject of an authentication certificate: a 14-character token, the municipality's code, 3 digits and
    `A`.
    """
    number = int.from_bytes(random(16), "big")
    number, tail = divmod(number, 1000)
    token = ""
    for _ in range(14):
        number, digit = divmod(number, len(CN_ALPHABET))
        token += CN_ALPHABET[digit]
    return names.name((oids.COUNTRY, "JP"), (oids.CN, f"{token}{municipality.code}{tail:03}A"))


# -- parts -------------------------------------------------------------------------------------------------------------


def extension(identifier: str, value: bytes, *, critical: bool = False) -> bytes:
    """One Extension (RFC 5280 §4.1); `critical` is left out when false, as DER demands of a default."""
    mark = der.boolean(True) if critical else b""
    return der.sequence(der.oid(identifier), mark, der.octet_string(value))


def distribution_point(dn: bytes) -> bytes:
    """`distributionPoint [0]` with one directory name as its full name (RFC 5280 §4.2.1.13)."""
    return der.explicit(0, der.context(0, names.directory_name(dn)))


def authority_key_identifier(issuer: Issuer) -> bytes:
    """AuthorityKeyIdentifier with key identifier, issuer and serial number (RFC 5280 §4.2.1.1)."""
    return der.sequence(
        der.context(0, issuer.key_id, constructed=False),
        der.context(1, names.directory_name(issuer.dn)),
        der.context(2, der.integer(issuer.serial)[2:], constructed=False),
    )


def _authority_key(issuer: Issuer) -> bytes:
    return extension(oids.AUTHORITY_KEY_IDENTIFIER, authority_key_identifier(issuer))


def _key_usage(*bits: int) -> bytes:
    return extension(oids.KEY_USAGE, der.named_bits(*bits), critical=True)


def _policies(kind: Kind, carrier: Carrier) -> bytes:
    qualifier = der.sequence(der.oid(oids.CPS_QUALIFIER), der.ia5(oids.CPS_URI))
    return der.sequence(der.sequence(der.oid(oids.policy(kind, carrier)), der.sequence(qualifier)))


def _ocsp_access(url: str) -> bytes:
    uri = der.context(6, url.encode("ascii"), constructed=False)
    return der.sequence(der.sequence(der.oid(oids.OCSP_ACCESS), uri))


def _tbs(
    serial: int,
    scheme: Scheme,
    issuer: bytes,
    validity: tuple[datetime, datetime],
    subject: bytes,
    spki: bytes,
    extensions: tuple[bytes, ...],
) -> bytes:
    return der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(serial),
        signatures.algorithm_identifier(scheme),
        issuer,
        der.sequence(der.x509_time(validity[0]), der.x509_time(validity[1])),
        subject,
        spki,
        der.explicit(3, der.sequence(*extensions)),
    )
