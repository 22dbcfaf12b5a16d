# SPDX-License-Identifier: Apache-2.0
"""The certificates are those of JPKI's profile, read back by a library that did not write them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, NameOID

from tegata.authority.model import Issued
from tegata.crypto.keys import Algorithm
from tegata.jpki import Carrier, Kind, municipalities, names, oids
from tegata.jpki.attributes import BasicFour
from unit.authority.kit import NOW, URL, World, four, new_key, opened

SIGNING_ORDER = [
    *(ExtensionOID.KEY_USAGE, ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.CERTIFICATE_POLICIES),
    *(ExtensionOID.ISSUER_ALTERNATIVE_NAME, ExtensionOID.CRL_DISTRIBUTION_POINTS),
    *(ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.SUBJECT_KEY_IDENTIFIER),
]
AUTHENTICATION_ORDER = [
    *(ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE, ExtensionOID.CERTIFICATE_POLICIES),
    *(ExtensionOID.ISSUER_ALTERNATIVE_NAME, ExtensionOID.CRL_DISTRIBUTION_POINTS),
    *(ExtensionOID.AUTHORITY_INFORMATION_ACCESS, ExtensionOID.AUTHORITY_KEY_IDENTIFIER),
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
]


@pytest.fixture(scope="module")
def rsa_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return an authority with today's algorithm."""
    with opened(tmp_path_factory.mktemp("authority"), algorithm=Algorithm.RSA_2048) as one:
        one.make_key = lambda: new_key(Algorithm.RSA_2048)
        yield one


@pytest.fixture(scope="module")
def card(rsa_world: World) -> Issued:
    """Return a card's pair."""
    return rsa_world.card()


@pytest.fixture(scope="module")
def phone(rsa_world: World, card: Issued) -> Issued:
    """Return the pair of a phone under the card."""
    return rsa_world.phone(card)


def read(der: bytes | None) -> x509.Certificate:
    """Parse a certificate."""
    assert der is not None
    return x509.load_der_x509_certificate(der)


def directory(name: x509.GeneralName) -> bytes:
    """Return the DER of a directory name."""
    assert isinstance(name, x509.DirectoryName)
    return name.value.public_bytes()


@pytest.mark.parametrize("kind", list(Kind))
def test_an_authority_is_a_root_of_one_tier(rsa_world: World, kind: Kind) -> None:
    """Self-signed RSA-2048, ten years, no authority key identifier, its name in Japanese beside."""
    ca = read(rsa_world.authority.ca_certificate(kind))
    ca.verify_directly_issued_by(ca)
    assert ca.subject.public_bytes() == ca.issuer.public_bytes() == names.ca_dn(kind)
    assert ca.serial_number == 1
    key = ca.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert (key.key_size, key.public_numbers().e) == (2048, 65537)
    assert isinstance(ca.signature_algorithm_parameters, padding.PKCS1v15)
    assert ca.not_valid_before_utc == NOW
    assert ca.not_valid_after_utc == datetime(2036, 11, 23, 14, 59, 59, tzinfo=UTC)
    assert [(one.oid, one.critical) for one in ca.extensions] == [
        (ExtensionOID.KEY_USAGE, True),
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, False),
        (ExtensionOID.BASIC_CONSTRAINTS, True),
        (ExtensionOID.CRL_DISTRIBUTION_POINTS, False),
        (ExtensionOID.SUBJECT_KEY_IDENTIFIER, False),
    ]
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, None)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert [directory(one) for one in ca.extensions.get_extension_for_class(x509.SubjectAlternativeName).value] == [
        names.japanese_ca_dn(kind)
    ]


def test_the_two_authorities_have_nothing_in_common(rsa_world: World) -> None:
    """Different names, different keys."""
    one, other = (read(rsa_world.authority.ca_certificate(kind)) for kind in Kind)
    assert one.subject != other.subject
    assert one.public_key() != other.public_key()


def test_a_signing_certificate_shows_the_four_attributes(card: Issued) -> None:
    """And its subject is a number in a place, not the holder's name."""
    assert card.signing is not None
    certificate = read(card.signing.der)
    assert [one.oid for one in certificate.extensions] == SIGNING_ORDER
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert BasicFour.from_san_der(san.value.public_bytes()) == four()
    assert not san.critical
    assert [(one.oid, one.value) for one in certificate.subject][:3] == [
        (NameOID.COUNTRY_NAME, "JP"),
        (NameOID.LOCALITY_NAME, "Tokyo-to"),
        (NameOID.LOCALITY_NAME, "Shibuya-ku"),
    ]
    common_name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert re.fullmatch(r"20261124120000" r"13113" r"\d{9}", str(common_name))
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.content_commitment) == (True, True)


def test_an_authentication_certificate_shows_no_attribute(card: Issued) -> None:
    """But it discloses the municipality, as the genuine one does, and names where to ask for its status."""
    certificate = read(card.authentication.der)
    assert [one.oid for one in certificate.extensions] == AUTHENTICATION_ORDER
    assert len(certificate.subject.rdns) == 2
    common_name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert re.fullmatch(r"[0-9A-J]{14}13113[0-9]{3}A", str(common_name))
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.content_commitment) == (True, False)
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert not extended.critical
    assert list(extended.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    (access,) = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert access.access_method == AuthorityInformationAccessOID.OCSP
    assert access.access_location.value == f"{URL}/ocsp/authentication"


@pytest.mark.parametrize("carrier", list(Carrier))
@pytest.mark.parametrize("kind", list(Kind))
def test_what_every_certificate_has(
    rsa_world: World, card: Issued, phone: Issued, kind: Kind, carrier: Carrier
) -> None:
    """Issued by an authority named by key, name and number; policy of the test arm; a list per municipality."""
    pair = card if carrier is Carrier.CARD else phone
    record = pair.signing if kind is Kind.SIGNING else pair.authentication
    assert record is not None
    certificate = read(record.der)
    ca = read(rsa_world.authority.ca_certificate(kind))
    certificate.verify_directly_issued_by(ca)
    assert certificate.serial_number == record.serial
    assert certificate.not_valid_before_utc == NOW
    assert certificate.not_valid_after_utc == datetime(2031, 2, 28, 14, 59, 59, tzinfo=UTC)

    policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies)
    assert policies.critical
    (policy,) = policies.value
    assert policy.policy_identifier.dotted_string == oids.policy(kind, carrier)
    assert policy.policy_qualifiers == [oids.CPS_URI]
    assert ".8.5.1.0." in policy.policy_identifier.dotted_string

    authority_key = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject_key = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert authority_key.key_identifier == subject_key.digest
    assert authority_key.authority_cert_serial_number == 1
    assert authority_key.authority_cert_issuer is not None
    assert [directory(one) for one in authority_key.authority_cert_issuer] == [names.ca_dn(kind)]
    own = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value == own

    (point,) = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name is not None
    assert [directory(one) for one in point.full_name] == [names.crldp_dn(kind, municipalities.by_code("13113"))]
    issuer_names = certificate.extensions.get_extension_for_class(x509.IssuerAlternativeName).value
    assert [directory(one) for one in issuer_names] == [names.japanese_ca_dn(kind)]
    assert 1400 < len(record.der or b"") < 2000


def test_a_phone_has_its_own_keys_and_names_and_the_cards_attributes(card: Issued, phone: Issued) -> None:
    """A sub-certificate of the card's."""
    assert card.signing is not None
    assert phone.signing is not None
    on_card, on_phone = read(card.signing.der), read(phone.signing.der)
    assert on_card.public_key() != on_phone.public_key()
    assert on_card.subject != on_phone.subject
    one, other = (c.extensions.get_extension_for_class(x509.SubjectAlternativeName).value for c in (on_card, on_phone))
    assert one == other
    assert (phone.signing.parent, phone.authentication.parent) == (card.signing.serial, card.authentication.serial)


def test_the_next_card_is_a_line_of_configuration(world: World) -> None:
    """P-256 here, P-384 there: authorities and residents follow the configured algorithm."""
    issued = world.card()
    read(issued.authentication.der).verify_directly_issued_by(read(world.authority.ca_certificate(Kind.AUTHENTICATION)))
