# SPDX-License-Identifier: Apache-2.0
"""Anchors: which certificates may be one, and how the right one among generations of the same name is found."""

from collections.abc import Sequence

import pytest
from cryptography import x509

from tegata.crypto.keys import SoftwareKey
from tegata.jpki import Kind
from tegata.verify import Certificate, Rejected, Status, TrustStore
from unit.verify.kit import Authority, Scene, to_der, usage


def test_generations_of_one_name_are_told_apart_by_key(signing: Scene, rsa_keys: Sequence[SoftwareKey]) -> None:
    """All generations share a name; the key identifier finds the one that signed."""
    later = Authority(Kind.SIGNING, rsa_keys[4], serial=20_000_001)
    assert later.name == signing.authority.name
    trust = TrustStore.of({Kind.SIGNING: [later.der, signing.authority.der]})
    for authority in (later, signing.authority):
        certificate = authority.issue(signing.key)
        assert trust.issuer_of(Certificate.parse(certificate)).der == authority.der
        stage = Scene(authority, signing.key, certificate, trust)
        assert stage.judge().certificate.der == certificate


def test_one_key_with_two_certificates_is_found_by_serial(signing: Scene) -> None:
    """An authority's certificate may be issued anew for the same key; the issuer's serial tells which was meant."""
    renewed = Authority(Kind.SIGNING, signing.authority.key, serial=2)
    trust = TrustStore.of({Kind.SIGNING: [signing.authority.der, renewed.der]})
    assert trust.issuer_of(Certificate.parse(renewed.issue(signing.key))).der == renewed.der
    assert trust.issuer_of(Certificate.parse(signing.certificate)).der == signing.authority.der


def test_a_key_identifier_alone_is_enough(signing: Scene) -> None:
    """Issuer and serial are checked only where the certificate gives them."""
    key_id = x509.AuthorityKeyIdentifier(signing.authority.key_id.digest, None, None)
    certificate = signing.authority.issue(signing.key, extra=[(key_id, False)])
    assert signing.judge(certificate).serial == 4711


@pytest.mark.parametrize("flaw", ["no identifier", "no key", "other key", "other serial", "other issuer", "other name"])
def test_an_anchor_must_agree_in_everything_that_the_certificate_says(flaw: str, signing: Scene) -> None:
    """A key identifier that fits does not outweigh a name or serial that does not."""
    authority = Authority(Kind.SIGNING, signing.authority.key)
    name, key_id = [x509.DirectoryName(authority.name)], authority.key_id.digest
    identifiers = {
        "no key": x509.AuthorityKeyIdentifier(None, name, 1),
        "other key": x509.AuthorityKeyIdentifier(b"\x01" * 20, name, 1),
        "other serial": x509.AuthorityKeyIdentifier(key_id, name, 2),
        "other issuer": x509.AuthorityKeyIdentifier(key_id, [x509.DNSName("ca.test")], 1),
    }
    without = [x509.AuthorityKeyIdentifier] if flaw == "no identifier" else []
    extra = [(identifiers[flaw], False)] if flaw in identifiers else []
    if flaw == "other name":
        authority.name = x509.Name([x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "JP")])
    with pytest.raises(Rejected, match=r"verify\.untrusted"):
        signing.judge(authority.issue(signing.key, without=without, extra=extra), Status())


def test_only_an_authority_can_be_an_anchor(signing: Scene) -> None:
    """A store is checked when it is made, so that a wrong file shows at start and not at the first customer."""
    authority = signing.authority
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    flawed = [
        signing.certificate,
        to_der(authority.self_signed(without=[x509.BasicConstraints])),
        to_der(authority.self_signed(extra=[(x509.BasicConstraints(False, None), True)])),
        to_der(authority.self_signed(without=[x509.KeyUsage])),
        to_der(authority.self_signed(extra=[(usage("key_cert_sign"), True)])),
        to_der(authority.self_signed(extra=[(usage("crl_sign"), True)])),
        to_der(authority.self_signed(without=[x509.SubjectKeyIdentifier])),
        to_der(authority.self_signed(extra=[(unknown, True)])),
    ]
    for data in flawed:
        with pytest.raises(Rejected, match=r"verify\.bad_anchor"):
            TrustStore.of({Kind.SIGNING: [data]})


def test_one_key_never_issues_both_kinds(signing: Scene) -> None:
    """An anchor listed under both kinds would let one authority speak for the other."""
    with pytest.raises(Rejected, match=r"verify\.bad_anchor"):
        TrustStore.of({Kind.SIGNING: [signing.authority.der], Kind.AUTHENTICATION: [signing.authority.der]})


def test_an_anchor_that_cannot_be_read_is_refused() -> None:
    """A damaged file is named as such."""
    with pytest.raises(Rejected, match=r"verify\.malformed"):
        TrustStore.of({Kind.SIGNING: [b"-----BEGIN CERTIFICATE-----"]})
