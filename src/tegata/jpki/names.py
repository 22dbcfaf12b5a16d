# SPDX-License-Identifier: Apache-2.0
"""Distinguished names in JPKI's certificates, as DER.

Sources: the published CA certificates (subject, Japanese subjectAltName) and decoded end-entity certificates
(issuerAltName, distribution points).  Country is a PrintableString, every other value a UTF8String.  Both authorities
keep their name over key generations.
"""

from typing import Final

from tegata.codecs import der
from tegata.jpki import Kind, oids
from tegata.jpki.municipalities import Municipality

_UNIT: Final = {Kind.SIGNING: "JPKI for digital signature", Kind.AUTHENTICATION: "JPKI for user authentication"}
_UNIT_JA: Final = {Kind.SIGNING: "公的個人認証サービス署名用", Kind.AUTHENTICATION: "公的個人認証サービス利用者証明用"}
_OPERATOR: Final = "Japan Agency for Local Authority Information Systems"
_OPERATOR_JA: Final = "地方公共団体情報システム機構"
TEST_MARK: Final = "TEGATA TEST"
"""Stands in every CA name of this country in place of nothing in the genuine one, so that neither is taken for the
other.  With it the English name has 64 characters, the most that X.520 allows a unit.
"""


def rdn(attribute: str, value: str) -> bytes:
    """One relative distinguished name with one attribute."""
    text = der.printable(value) if attribute == oids.COUNTRY else der.utf8(value)
    return der.set_of(der.sequence(der.oid(attribute), text))


def name(*attributes: tuple[str, str]) -> bytes:
    """A Name (RFC 5280 §4.1.2.4) of single-valued RDNs, in order."""
    return der.sequence(*(rdn(attribute, value) for attribute, value in attributes))


def ca_dn(kind: Kind) -> bytes:
    """Subject and issuer name of a certification authority."""
    return name(
        (oids.COUNTRY, "JP"),
        (oids.ORGANIZATION, "JPKI"),
        (oids.ORGANIZATIONAL_UNIT, _UNIT[kind]),
        (oids.ORGANIZATIONAL_UNIT, f"{_OPERATOR} {TEST_MARK}"),
    )


def japanese_ca_dn(kind: Kind) -> bytes:
    """The authority's name in Japanese: subjectAltName of its own certificate, issuerAltName of those it issues."""
    return name(
        (oids.COUNTRY, "JP"),
        (oids.ORGANIZATION, "公的個人認証サービス"),
        (oids.ORGANIZATIONAL_UNIT, _UNIT_JA[kind]),
        (oids.ORGANIZATIONAL_UNIT, f"{_OPERATOR_JA}（{TEST_MARK}）"),
    )


def crldp_dn(kind: Kind, municipality: Municipality) -> bytes:
    """The distribution point of a municipality's revocation list: a directory name, no URI."""
    return name(
        (oids.COUNTRY, "JP"),
        (oids.ORGANIZATION, "JPKI"),
        (oids.ORGANIZATIONAL_UNIT, _UNIT[kind]),
        (oids.ORGANIZATIONAL_UNIT, "CRL Distribution Points"),
        (oids.ORGANIZATIONAL_UNIT, municipality.prefecture_en),
        (oids.CN, f"{municipality.name_en} CRLDP"),
    )


def responder_dn(kind: Kind) -> bytes:
    """Subject of an OCSP responder's certificate: the authority's name and a common name; the true one is unknown."""
    return name(
        (oids.COUNTRY, "JP"),
        (oids.ORGANIZATION, "JPKI"),
        (oids.ORGANIZATIONAL_UNIT, _UNIT[kind]),
        (oids.ORGANIZATIONAL_UNIT, f"{_OPERATOR} {TEST_MARK}"),
        (oids.CN, "OCSP Responder"),
    )


def directory_name(dn: bytes) -> bytes:
    """GeneralName `[4] directoryName` (RFC 5280 §4.2.1.6), an explicit tag because Name is a CHOICE."""
    return der.explicit(4, dn)
