# SPDX-License-Identifier: Apache-2.0
"""The last look at what will be signed: the to-be-signed bytes are read back and compared with the profile, not with
the code that wrote them.

Each check has a name; the first that fails raises `Broken` (`authority.lint_failed`), and nothing is signed.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509

from tegata.authority.errors import Broken
from tegata.authority.profiles import EndEntity, Issuer, key_id
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.jpki import Kind, assumptions, names, oids
from tegata.jpki.attributes import BadAttributes, BasicFour

_COMMON_TAIL: Final = (oids.AUTHORITY_KEY_IDENTIFIER, oids.SUBJECT_KEY_IDENTIFIER)
ORDER: Final = {
    Kind.SIGNING: (
        *(oids.KEY_USAGE, oids.SUBJECT_ALT_NAME, oids.CERTIFICATE_POLICIES, oids.ISSUER_ALT_NAME),
        *(oids.CRL_DISTRIBUTION_POINTS, *_COMMON_TAIL),
    ),
    Kind.AUTHENTICATION: (
        *(oids.KEY_USAGE, oids.EXTENDED_KEY_USAGE, oids.CERTIFICATE_POLICIES, oids.ISSUER_ALT_NAME),
        *(oids.CRL_DISTRIBUTION_POINTS, oids.AUTHORITY_INFO_ACCESS, *_COMMON_TAIL),
    ),
}
"""Which extensions a certificate has, and in which order; none more, none less."""
CRITICAL: Final = frozenset({oids.KEY_USAGE, oids.CERTIFICATE_POLICIES})
KEY_USAGE: Final = {Kind.SIGNING: bytes.fromhex("030206c0"), Kind.AUTHENTICATION: bytes.fromhex("03020780")}
COMMON_NAME: Final = {
    Kind.SIGNING: r"[0-9]{{14}}{code}[0-9]{{9}}",
    Kind.AUTHENTICATION: r"[0-9A-J]{{14}}{code}[0-9]{{3}}A",
}
CLIENT_AUTH: Final = bytes.fromhex("300a06082b06010505070302")


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension as it was read."""

    oid: str
    critical: bool
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a TBSCertificate as they were read; names, times and keys as raw DER."""

    version: bytes
    serial: int
    algorithm: bytes
    issuer: bytes
    validity: tuple[bytes, bytes]
    subject: bytes = field(repr=False)
    spki: bytes = field(repr=False)
    extensions: tuple[Extension, ...] = field(repr=False)

    def value(self, oid: str) -> bytes | None:
        """Return the value of an extension, or `None`."""
        return next((one.value for one in self.extensions if one.oid == oid), None)


def read_tbs(tbs: bytes) -> Fields:
    """Read a TBSCertificate; raises `DerError` or `ValueError`."""
    version, serial, algorithm, issuer, validity, subject, spki, wrapped = der.read(tbs).expect(der.SEQUENCE).children()
    start, end = validity.children()
    extensions = tuple(_extension(one) for one in der.read(wrapped.expect(0xA3).value).children())
    return Fields(
        version=version.raw,
        serial=serial.expect(der.INTEGER).integer(),
        algorithm=algorithm.raw,
        issuer=issuer.raw,
        validity=(start.raw, end.raw),
        subject=subject.raw,
        spki=spki.raw,
        extensions=extensions,
    )


def _extension(element: der.Element) -> Extension:
    oid, *critical, value = element.children()
    if critical and critical != [der.read(der.boolean(True))]:
        raise ValueError("a default is not encoded")
    return Extension(oid.oid(), bool(critical), value.expect(der.OCTET_STRING).value)


def subject_alt_name(tbs: bytes) -> bytes | None:
    """Return the GeneralNames with a holder's attributes out of a TBSCertificate of ours."""
    return read_tbs(tbs).value(oids.SUBJECT_ALT_NAME)


def check(tbs: bytes, wanted: EndEntity, issuer: Issuer) -> None:
    """Check a resident's TBSCertificate against profile, order and issuer; raises `Broken`."""
    try:
        fields = read_tbs(tbs)
    except (der.DerError, ValueError) as error:
        raise Broken("authority.lint_failed", check="der") from error
    for name, passed in (*_field_checks(fields, wanted, issuer), *_extension_checks(fields, wanted, issuer)):
        if not passed:
            raise Broken("authority.lint_failed", check=name)
    _check_attributes(fields, wanted)
    _read_by_another_library(tbs, fields.algorithm)


def _field_checks(fields: Fields, wanted: EndEntity, issuer: Issuer) -> tuple[tuple[str, bool], ...]:
    times = (der.x509_time(wanted.not_before), der.x509_time(wanted.not_after))
    return (
        ("version", fields.version == bytes.fromhex("a003020102")),
        ("serial", fields.serial == wanted.serial and 0 < fields.serial < 1 << 63),
        ("algorithm", fields.algorithm == signatures.algorithm_identifier(issuer.scheme)),
        ("issuer", fields.issuer == issuer.dn),
        ("kind", wanted.kind is issuer.kind),
        ("validity", fields.validity == times and wanted.not_before < wanted.not_after),
        (
            "validity.end_of_day",
            (wanted.not_after.hour, wanted.not_after.minute, wanted.not_after.second) == (14, 59, 59),
        ),
        ("validity.within_issuer", wanted.not_after <= issuer.not_after),
        ("subject", fields.subject == wanted.subject and _subject_fits(fields.subject, wanted)),
        ("key", fields.spki == wanted.spki),
    )


def _extension_checks(fields: Fields, wanted: EndEntity, issuer: Issuer) -> tuple[tuple[str, bool], ...]:
    found = tuple(one.oid for one in fields.extensions)
    policies = _policies(fields.value(oids.CERTIFICATE_POLICIES) or b"")
    arm = assumptions.value("jpki.policy_arm") + "."
    return (
        ("extensions", found == ORDER[wanted.kind]),
        ("extensions.critical", {one.oid for one in fields.extensions if one.critical} == CRITICAL),
        ("policy", policies == [oids.policy(wanted.kind, wanted.carrier)]),
        ("policy.test_arm", all(policy.startswith(arm) for policy in policies)),
        *((name, fields.value(oid) in (None, value)) for name, oid, value in _values(wanted, issuer)),
    )


def _values(wanted: EndEntity, issuer: Issuer) -> tuple[tuple[str, str, bytes], ...]:
    """Return the one value that each extension may have, written out without the builder's help."""
    point = names.directory_name(names.crldp_dn(wanted.kind, wanted.municipality))
    qualifier = der.sequence(der.oid(oids.CPS_QUALIFIER), der.ia5(oids.CPS_URI))
    policy = der.sequence(der.oid(oids.policy(wanted.kind, wanted.carrier)), der.sequence(qualifier))
    uri = der.tlv(0x86, wanted.ocsp_url.encode("ascii"))
    serial = der.read(der.integer(issuer.serial)).value
    issued_by = (der.tlv(0x80, issuer.key_id), der.tlv(0xA1, names.directory_name(issuer.dn)), der.tlv(0x82, serial))
    japanese = names.directory_name(names.japanese_ca_dn(wanted.kind))
    return (
        ("key_usage", oids.KEY_USAGE, KEY_USAGE[wanted.kind]),
        ("extended_key_usage", oids.EXTENDED_KEY_USAGE, CLIENT_AUTH),
        ("policy.qualifier", oids.CERTIFICATE_POLICIES, der.sequence(policy)),
        ("issuer_alt_name", oids.ISSUER_ALT_NAME, der.sequence(japanese)),
        (
            "distribution_point",
            oids.CRL_DISTRIBUTION_POINTS,
            der.sequence(der.sequence(der.tlv(0xA0, der.tlv(0xA0, point)))),
        ),
        (
            "ocsp_access",
            oids.AUTHORITY_INFO_ACCESS,
            der.sequence(der.sequence(der.oid(oids.OCSP_ACCESS), uri)),
        ),
        ("authority_key_identifier", oids.AUTHORITY_KEY_IDENTIFIER, der.sequence(*issued_by)),
        ("subject_key_identifier", oids.SUBJECT_KEY_IDENTIFIER, b"\x04\x14" + key_id(wanted.spki)),
    )


def _subject_fits(subject: bytes, wanted: EndEntity) -> bool:
    """Country, places on a signing certificate, and a common name of the known form: never the holder's name."""
    place = wanted.municipality
    try:
        rdns = [rdn.children()[0].children() for rdn in der.read(subject).children()]
        values = [(oid.oid(), value.value.decode()) for oid, value in rdns]
    except (der.DerError, ValueError):
        return False
    fixed = [(oids.COUNTRY, "JP")]
    if wanted.kind is Kind.SIGNING:
        fixed += [(oids.LOCALITY, place.prefecture_en), (oids.LOCALITY, place.name_en)]
    form = COMMON_NAME[wanted.kind].format(code=place.code)
    last, common_name = values[-1] if values else ("", "")
    return values[:-1] == fixed and last == oids.CN and re.fullmatch(form, common_name) is not None


def _policies(value: bytes) -> list[str]:
    try:
        return [policy.children()[0].oid() for policy in der.read(value).children()]
    except der.DerError:
        return []


def _check_attributes(fields: Fields, wanted: EndEntity) -> None:
    """A signing certificate shows the four attributes as ordered; an authentication certificate shows none."""
    shown = fields.value(oids.SUBJECT_ALT_NAME)
    if (shown is None) is not (wanted.kind is Kind.AUTHENTICATION) or shown != wanted.basic_four:
        raise Broken("authority.lint_failed", check="attributes")
    try:
        readable = shown is None or BasicFour.from_san_der(shown).to_san_der() == shown
    except BadAttributes as error:
        raise Broken("authority.lint_failed", check="attributes") from error
    if not readable:
        raise Broken("authority.lint_failed", check="attributes")


def _read_by_another_library(tbs: bytes, algorithm: bytes) -> None:
    """Have the whole certificate, with a signature of zeros, read by a parser that we did not write."""
    try:
        parsed = x509.load_der_x509_certificate(der.sequence(tbs, algorithm, der.bit_string(bytes(256))))
        for extension in parsed.extensions:
            extension.value.public_bytes()
        parsed.subject.rfc4514_string()
        parsed.public_key()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, NotImplementedError) as error:
        raise Broken("authority.lint_failed", check="other_parser") from error
