# SPDX-License-Identifier: Apache-2.0
"""The JPKI profile of each purpose: every part that is off is refused and named."""

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from tegata.jpki import Carrier, Kind, oids
from tegata.verify import PRODUCTION_POLICIES, Policy, Rejected, Status
from unit.verify.kit import Extra, Scene, other_names, point, policies, usage

SIGNING_CARD = oids.policy(Kind.SIGNING, Carrier.CARD)
CLIENT = x509.ExtendedKeyUsage([ObjectIdentifier(oids.EKU_CLIENT_AUTH)])


def refused(stage: Scene, *extra: Extra, without: tuple[type[x509.ExtensionType], ...] = ()) -> str:
    """Return the part for which a certificate with these extensions is refused."""
    certificate = stage.authority.issue(stage.key, extra=extra, without=without)
    with pytest.raises(Rejected) as caught:
        stage.judge(certificate)
    assert caught.value.reason == "verify.profile"
    assert caught.value.checks[3].outcome == "failed"
    return str(caught.value.facts["part"])


@pytest.mark.parametrize(
    ("extension", "critical"),
    [
        (policies(SIGNING_CARD), False),
        (policies(SIGNING_CARD, oids.policy(Kind.SIGNING, Carrier.PHONE)), True),
        (policies("1.2.3.4"), True),
        (policies("2.5.29.32.0"), True),
        (policies("1.2.392.200149.8.5.1.1.20"), True),
    ],
    ids=["not critical", "two", "foreign", "anyPolicy", "production arm"],
)
def test_policy_must_be_the_one_and_critical(
    extension: x509.CertificatePolicies, critical: bool, signing: Scene
) -> None:
    """certificatePolicies is what makes a certificate JPKI's; genuine ones are refused by a test verifier too."""
    assert refused(signing, (extension, critical)) == "certificatePolicies"


def test_a_certificate_without_policies_is_refused(signing: Scene) -> None:
    """No policy, no kind."""
    assert refused(signing, without=(x509.CertificatePolicies,)) == "certificatePolicies"


def test_policy_of_the_other_kind_under_this_authority_is_refused(signing: Scene) -> None:
    """A signing authority that issued a login policy made a certificate of no kind."""
    certificate = signing.authority.issue(
        signing.key, extra=[(policies(oids.policy(Kind.AUTHENTICATION, Carrier.CARD)), True)]
    )
    with pytest.raises(Rejected) as caught:
        signing.judge(certificate)
    assert (caught.value.reason, caught.value.facts["part"]) == ("verify.profile", "certificatePolicies")


def test_an_operator_can_accept_the_genuine_policies(signing: Scene) -> None:
    """Production policies pass when the policy says so, and the test arm then does not."""
    genuine = signing.authority.issue(signing.key, extra=[(policies("1.2.392.200149.8.5.1.1.20"), True)])
    policy = Policy(certificate_policies=PRODUCTION_POLICIES)
    verdict = signing.judge(genuine, policy=policy)
    assert (verdict.kind, verdict.carrier) == (Kind.SIGNING, Carrier.CARD)
    with pytest.raises(Rejected, match=r"verify\.profile"):
        signing.judge(policy=policy)


def test_an_operator_can_name_a_policy_that_nobody_knows_yet(signing: Scene) -> None:
    """The attributes are read whatever the policy is called."""
    strange = signing.authority.issue(signing.key, extra=[(policies("1.2.3.4"), True)])
    verdict = signing.judge(strange, policy=Policy(certificate_policies={"1.2.3.4": (Kind.SIGNING, Carrier.PHONE)}))
    assert verdict.carrier is Carrier.PHONE
    assert verdict.basic_four is not None


@pytest.mark.parametrize(
    ("bits", "critical"),
    [
        (("digital_signature",), True),
        (("content_commitment",), True),
        (("digital_signature", "content_commitment", "key_encipherment"), True),
        (("digital_signature", "content_commitment"), False),
        (("digital_signature", "content_commitment", "key_cert_sign"), True),
    ],
)
def test_signing_needs_exactly_its_key_usage(bits: tuple[str, ...], critical: bool, signing: Scene) -> None:
    """digitalSignature and nonRepudiation, critical, and nothing else."""
    assert refused(signing, (usage(*bits), critical)) == "keyUsage"


def test_key_usage_may_not_be_left_out(signing: Scene, authentication: Scene) -> None:
    """Absence is not permission."""
    for stage in (signing, authentication):
        assert refused(stage, without=(x509.KeyUsage,)) == "keyUsage"


def test_login_needs_exactly_its_usages(authentication: Scene) -> None:
    """digitalSignature only, clientAuth only: a key that also commits to content is no login key."""
    both = (usage("digital_signature", "content_commitment"), True)
    assert refused(authentication, both) == "keyUsage"
    assert refused(authentication, without=(x509.ExtendedKeyUsage,)) == "extKeyUsage"
    ocsp_signing = ObjectIdentifier(oids.EKU_OCSP_SIGNING)
    assert refused(authentication, (x509.ExtendedKeyUsage([ocsp_signing]), False)) == "extKeyUsage"
    two = x509.ExtendedKeyUsage([ObjectIdentifier(oids.EKU_CLIENT_AUTH), ocsp_signing])
    assert refused(authentication, (two, False)) == "extKeyUsage"


def test_signing_has_no_extended_usage(signing: Scene) -> None:
    """A signing certificate that could log in would mix the two."""
    assert refused(signing, (CLIENT, False)) == "extKeyUsage"


def test_signing_carries_the_attributes_and_login_does_not(signing: Scene, authentication: Scene) -> None:
    """Who signs is told; who logs in is not."""
    assert refused(signing, without=(x509.SubjectAlternativeName,)) == "subjectAltName"
    mail = x509.SubjectAlternativeName([x509.RFC822Name("hanako@example.test")])
    assert refused(signing, (mail, False)) == "subjectAltName"
    foreign = other_names({"1.2.3.4": "x"})
    assert refused(signing, (foreign, False)) == "subjectAltName"
    assert refused(authentication, (mail, False)) == "subjectAltName"


def test_attributes_that_contradict_each_other_are_malformed(signing: Scene) -> None:
    """Flags that do not fit the name, or a missing attribute, make the certificate unreadable."""
    from unit.verify.kit import SAN

    for change in ({oids.COMMON_NAME_FLAGS: "0"}, {oids.GENDER: "7"}, {oids.DATE_OF_BIRTH: "19900401"}):
        certificate = signing.authority.issue(signing.key, san=SAN | change)
        with pytest.raises(Rejected, match=r"verify\.malformed"):
            signing.judge(certificate, Status())


def test_an_authority_is_no_person(signing: Scene) -> None:
    """A CA certificate below the anchor is not an end entity."""
    assert refused(signing, (x509.BasicConstraints(True, None), True)) == "basicConstraints"


def test_a_spelt_out_end_entity_is_fine(signing: Scene) -> None:
    """basicConstraints that says "no CA" says the truth."""
    certificate = signing.authority.issue(signing.key, extra=[(x509.BasicConstraints(False, None), True)])
    assert signing.judge(certificate).serial == 4711


@pytest.mark.parametrize("oid", ["1.2.3.4", "2.5.29.30", "2.5.29.54"])
def test_a_critical_extension_that_is_not_understood_is_refused(oid: str, signing: Scene) -> None:
    """Name constraints, inhibitAnyPolicy or anything new: critical means "understand me or stop"."""
    extension = x509.UnrecognizedExtension(ObjectIdentifier(oid), b"\x30\x00")
    assert refused(signing, (extension, True)) == f"critical extension {oid}"
    certificate = signing.authority.issue(signing.key, extra=[(extension, False)])
    assert signing.judge(certificate).serial == 4711


def test_pointers_may_not_be_critical(signing: Scene) -> None:
    """Key identifiers and access locations only help to find things (RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1)."""
    where = x509.UniformResourceIdentifier("http://ocsp.test")
    access = x509.AuthorityInformationAccess([x509.AccessDescription(ObjectIdentifier("1.3.6.1.5.5.7.48.1"), where)])
    assert "critical extension" in refused(signing, (access, True))
    issuer = x509.IssuerAlternativeName([point(Kind.SIGNING)])
    assert "critical extension" in refused(signing, (issuer, True))
    assert "critical extension" in refused(signing, (signing.authority.key_id, True))


def test_a_service_may_accept_one_carrier_only(signing: Scene, authentication: Scene) -> None:
    """A verifier that wants the card says so, and the refusal names what was shown."""
    assert signing.judge(policy=Policy(carriers=frozenset({Carrier.CARD}))).carrier is Carrier.CARD
    with pytest.raises(Rejected) as caught:
        authentication.judge(policy=Policy(carriers=frozenset({Carrier.CARD})))
    assert (caught.value.reason, caught.value.facts) == ("verify.wrong_carrier", {"carrier": "phone"})
