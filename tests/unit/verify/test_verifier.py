# SPDX-License-Identifier: Apache-2.0
"""The verifier as a whole: what passes, which step stops what does not, and what a verdict tells."""

import json
from datetime import datetime, timedelta

import pytest

from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind
from tegata.verify import (
    Check,
    Evidence,
    Policy,
    Rejected,
    Status,
    StatusUnavailable,
    TrustStore,
    VerifyError,
    verify,
)
from unit.verify.kit import DAY, NOW, SAN, Authority, Scene

DATA = b"a mobile contract"
ALL = (
    "certificate.form",
    "certificate.path",
    "certificate.validity",
    "certificate.profile",
    "certificate.status",
    "signature.value",
)


def outcomes(checks: tuple[Check, ...]) -> list[str]:
    """Return the outcomes in order."""
    return [check.outcome for check in checks]


@pytest.mark.parametrize("name", ["signing", "next_card"])
def test_a_signature_that_deserves_it_gets_a_full_verdict(name: str, request: pytest.FixtureRequest) -> None:
    """Today's algorithm and the next card's give the same verdict, with every check passed."""
    scene: Scene = request.getfixturevalue(name)
    scheme = Scheme.default(scene.key.algorithm)
    verdict = scene.judge_data(DATA, scene.key.sign(scheme, DATA))
    assert (verdict.kind, verdict.carrier, verdict.serial) == (Kind.SIGNING, Carrier.CARD, 4711)
    assert verdict.scheme is scheme
    assert verdict.at == NOW
    assert verdict.status_source == "ocsp"
    assert tuple(check.name for check in verdict.checks) == ALL
    assert outcomes(verdict.checks) == ["passed"] * 6
    assert verdict.certificate.der == scene.certificate
    assert verdict.anchor_fingerprint == scene.trust.issuer_of(verdict.certificate).fingerprint
    assert verdict.basic_four is not None
    assert verdict.basic_four.name == "手形　花子"


def test_a_login_certificate_of_a_phone_is_judged_without_data(authentication: Scene) -> None:
    """A certificate alone has five checks, names its carrier, and carries no attributes."""
    verdict = authentication.judge()
    assert (verdict.kind, verdict.carrier, verdict.scheme) == (Kind.AUTHENTICATION, Carrier.PHONE, None)
    assert verdict.basic_four is None
    assert tuple(check.name for check in verdict.checks) == ALL[:5]


def test_a_revocation_list_serves_as_well_as_ocsp(signing: Scene) -> None:
    """A fresh list without the certificate is as good, and the verdict says which source spoke."""
    verdict = signing.judge(status=Status(crl=signing.authority.revocation_list({4710: None, 4712: None})))
    assert verdict.status_source == "crl"
    assert verdict.next_update == NOW + DAY


def test_data_that_was_changed_is_refused_at_the_last_step(signing: Scene) -> None:
    """A failure lists what had passed, and its own reason."""
    signature = signing.key.sign(Scheme.RSA_PKCS1_SHA256, DATA)
    with pytest.raises(Rejected) as caught:
        signing.judge_data(DATA + b"!", signature)
    assert caught.value.reason == "verify.bad_signature"
    assert outcomes(caught.value.checks) == ["passed"] * 5 + ["failed"]
    assert caught.value.checks[-1].detail == "verify.bad_signature"


def test_a_signature_of_another_key_is_refused(signing: Scene, authentication: Scene) -> None:
    """The certificate's own key must have signed."""
    with pytest.raises(Rejected, match=r"verify\.bad_signature"):
        signing.judge_data(DATA, authentication.key.sign(Scheme.RSA_PKCS1_SHA256, DATA))


@pytest.mark.parametrize("signature", [b"", b"\x00" * 256, b"\xff" * 256, b"\x01" * 255, b"0" * 4096])
def test_nonsense_for_a_signature_is_refused(signature: bytes, signing: Scene, next_card: Scene) -> None:
    """Length and content of a signature are the signer's to choose, and never more than refused."""
    for scene in (signing, next_card):
        with pytest.raises(Rejected, match=r"verify\.bad_signature"):
            scene.judge_data(DATA, signature)


def test_pss_is_accepted_when_it_is_named(signing: Scene) -> None:
    """Evidence may name another scheme of the card, and the verdict repeats it."""
    signature = signing.key.sign(Scheme.RSA_PSS_SHA256, DATA)
    assert signing.judge_data(DATA, signature, Scheme.RSA_PSS_SHA256).scheme is Scheme.RSA_PSS_SHA256
    with pytest.raises(Rejected, match=r"verify\.bad_signature"):
        signing.judge_data(DATA, signature)


def test_a_bare_signature_proves_nothing_about_a_document(signing: Scene) -> None:
    """Padding around chosen bytes is refused by default, even when it verifies."""
    signature = signing.key.sign(Scheme.RSA_PKCS1_BARE, DATA)
    with pytest.raises(Rejected) as caught:
        signing.judge_data(DATA, signature, Scheme.RSA_PKCS1_BARE)
    assert caught.value.reason == "verify.scheme_refused"


def test_a_scheme_that_does_not_fit_the_key_is_refused(signing: Scene, next_card: Scene) -> None:
    """RSA evidence with an elliptic-curve scheme, and the other way round, is a refusal and not a crash."""
    for scene, scheme in ((signing, Scheme.ECDSA_SHA384), (next_card, Scheme.RSA_PKCS1_SHA256)):
        with pytest.raises(Rejected, match=r"verify\.scheme_refused"):
            scene.judge_data(DATA, b"\x01" * 256, scheme)


def test_a_verifier_may_restrict_the_schemes(signing: Scene) -> None:
    """A policy without PKCS#1 with SHA-256 accepts neither the authority's signature nor the holder's."""
    with pytest.raises(Rejected) as caught:
        signing.judge(policy=Policy(schemes=frozenset({Scheme.ECDSA_SHA384})))
    assert (caught.value.reason, caught.value.clause) == ("verify.untrusted", "RFC 5280 §4.1.1.2")


def test_login_certificate_never_signs_and_signing_certificate_never_logs_in(
    signing: Scene, authentication: Scene
) -> None:
    """The wrong kind is named as such, whether or not the other authority is known to the verifier."""
    both = TrustStore.of({Kind.SIGNING: [signing.authority.der], Kind.AUTHENTICATION: [authentication.authority.der]})
    for scene, wanted in ((signing, Kind.AUTHENTICATION), (authentication, Kind.SIGNING)):
        for trust in (both, scene.trust, TrustStore.of({})):
            stage = Scene(scene.authority, scene.key, scene.certificate, trust)
            with pytest.raises(Rejected) as caught:
                stage.judge(kind=wanted)
            assert caught.value.reason == "verify.wrong_kind"
            assert caught.value.facts == {"wanted": wanted.value}
            assert outcomes(caught.value.checks) == ["passed", "failed", *["not_reached"] * 3]


def test_a_certificate_of_an_unknown_authority_is_untrusted(signing: Scene) -> None:
    """No anchor, no trust."""
    stage = Scene(signing.authority, signing.key, signing.certificate, TrustStore.of({}))
    with pytest.raises(Rejected, match=r"verify\.untrusted"):
        stage.judge()


def test_a_certificate_that_the_anchor_did_not_sign_is_untrusted(signing: Scene, authentication: Scene) -> None:
    """An impostor with the authority's name and key identifier, but another key, fools nobody."""
    impostor = Authority(Kind.SIGNING, authentication.authority.key)
    impostor.key_id = signing.authority.key_id
    forged = impostor.issue(signing.key)
    with pytest.raises(Rejected) as caught:
        signing.judge(forged)
    assert (caught.value.reason, caught.value.clause) == ("verify.untrusted", "RFC 5280 §6.1.3 (a)(1)")


@pytest.mark.parametrize(
    ("now", "reason", "fact"),
    [
        (NOW - 31 * DAY, "verify.not_yet_valid", {"not_before": "2026-10-25T03:00:00Z"}),
        (NOW + 5 * 365 * DAY, "verify.expired", {"not_after": "2030-11-23T03:00:00Z"}),
        (NOW + 10 * 365 * DAY, "verify.anchor_expired", {}),
        (NOW - 2 * 365 * DAY, "verify.anchor_expired", {}),
    ],
)
def test_time_is_a_judge(now: datetime, reason: str, fact: dict[str, str], signing: Scene) -> None:
    """Outside its own validity or its authority's, a certificate proves nothing; the words say until when it did."""
    with pytest.raises(Rejected) as caught:
        signing.judge(now=now)
    assert (caught.value.reason, caught.value.facts) == (reason, fact)


def test_both_ends_of_validity_belong_to_it(signing: Scene) -> None:
    """notBefore and notAfter are themselves inside (RFC 5280 §4.1.2.5)."""
    edge = signing.authority.issue(signing.key, not_before=NOW, not_after=NOW)
    assert signing.judge(edge).at == NOW
    with pytest.raises(Rejected, match=r"verify\.expired"):
        signing.judge(edge, now=NOW + timedelta(microseconds=1))


def test_no_status_no_verdict(signing: Scene) -> None:
    """Without any status the verifier fails closed and says what is missing."""
    with pytest.raises(StatusUnavailable) as caught:
        signing.judge(status=Status())
    assert caught.value.reason == "verify.status_missing"
    assert outcomes(caught.value.checks) == ["passed"] * 4 + ["failed"]


def test_a_verifier_needs_to_know_which_time_zone_it_is_in(signing: Scene) -> None:
    """A naive time is the caller's bug, not bad evidence."""
    with pytest.raises(ValueError, match="aware"):
        signing.judge(now=NOW.replace(tzinfo=None))


def test_no_repr_or_json_tells_of_the_person(signing: Scene) -> None:
    """Verdict, certificate, evidence and errors can be logged: no attribute, no subject, no document in them."""
    signature = signing.key.sign(Scheme.RSA_PKCS1_SHA256, DATA)
    status = Status(ocsp=signing.authority.respond(signing.certificate), nonce=None)
    evidence = Evidence(signing.certificate, DATA, signature, Kind.SIGNING, status)
    verdict = verify(evidence, signing.trust, NOW)
    with pytest.raises(VerifyError) as caught:
        signing.judge_data(b"other", signature)
    shown = "".join(
        [repr(verdict), repr(evidence), repr(caught.value), str(caught.value), json.dumps(verdict.to_json("ja"))]
    )
    for personal in (*(value for value in SAN.values() if len(value) > 1), "mobile contract", "2026112412000013113"):
        assert personal not in shown


def test_a_verdict_becomes_json_in_both_languages(signing: Scene) -> None:
    """Serials are decimal strings, times end in Z, titles follow the language."""
    shown = signing.judge().to_json("ja")
    assert (shown["serial"], shown["at"], shown["scheme"]) == ("4711", "2026-11-24T03:00:00Z", None)
    assert shown["status"] == {
        "source": "ocsp",
        "this_update": "2026-11-24T02:59:00Z",
        "next_update": "2026-11-24T03:15:00Z",
    }
    assert shown["checks"][0]["title"] == "電子証明書の形式"
    assert signing.judge().to_json("en")["checks"][0]["title"] == "Form of the certificate"
    assert json.loads(json.dumps(shown)) == shown


def test_a_verdict_without_next_update_says_null(signing: Scene) -> None:
    """A responder need not promise when it will know more."""
    response = signing.authority.respond(signing.certificate, next_update=None)
    assert signing.judge(status=Status(ocsp=response)).to_json()["status"]["next_update"] is None
