# SPDX-License-Identifier: Apache-2.0
"""Policies by name: what each lets pass, and that what is printed is what is meant."""

import json
from typing import Any

import pytest

from tegata.jpki import Carrier
from tegata.messages import LANGUAGES
from tegata.verify import Rejected, Status, StatusUnavailable, policies
from tegata.verify.policies import UnknownPolicy
from tegata.verify.policy import PRODUCTION_POLICIES, Policy
from unit.verify.kit import MINUTE, NOW, Scene

NONCE = b"n" * 16


@pytest.mark.parametrize("name", policies.names())
def test_each_is_printable_and_read_back(name: str) -> None:
    """Through JSON nothing is lost, and both languages say what it is for."""
    policy = policies.named(name)
    assert policy.name == name
    assert policies.read(json.loads(json.dumps(policies.written(policy)))) == policy
    assert all(policies.summary(name, language) for language in LANGUAGES)


def test_standard_is_the_default_under_its_name() -> None:
    """Only the name differs from what a program gets that says nothing."""
    written = policies.written(policies.named("standard"))
    assert {**written, "name": "custom"} == policies.written(Policy())


def test_genuine_accepts_genuine_certificates_only() -> None:
    """And not those of this country."""
    assert policies.named("genuine").certificate_policies == PRODUCTION_POLICIES


def test_a_name_that_is_none_lists_those_that_are() -> None:
    """The next step is in the message."""
    with pytest.raises(UnknownPolicy, match="offline-crl"):
        policies.named("lenient")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("skew", -1),
        ("skew", True),
        ("ocsp_max_age", 1e300),
        ("needs_nonce", "no"),
        ("no_check", 0),
        ("sources", ["telephone"]),
        ("carriers", ["watch"]),
        ("schemes", ["md5"]),
        ("certificate_policies", {"1.2": ["signing"]}),
        ("certificate_policies", []),
        ("version", None),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(member: str, value: Any) -> None:
    """Every member is checked when it is read, and none may be missing."""
    written = policies.written(policies.named("standard"))
    with pytest.raises(UnknownPolicy):
        policies.read({**written, member: value})
    with pytest.raises(UnknownPolicy):
        policies.read({name: kept for name, kept in written.items() if name != member})


def test_bare_padding_cannot_be_written_into_a_policy() -> None:
    """It proves nothing about a document, so no file can ask for it."""
    written = policies.written(policies.named("standard"))
    assert policies.read({**written, "schemes": ["rsa-pkcs1-bare"]}).schemes == frozenset()


@pytest.mark.parametrize(
    ("name", "ocsp", "nonce", "crl", "reason"),
    [
        ("standard", True, False, False, None),
        ("standard", False, False, True, None),
        ("strict", True, True, False, None),
        ("strict", True, False, False, "verify.status_invalid"),
        ("strict", False, False, True, "verify.status_source"),
        ("ocsp-nonce", True, True, True, None),
        ("ocsp-nonce", True, False, True, "verify.status_invalid"),
        ("offline-crl", False, False, True, None),
        ("offline-crl", True, False, False, "verify.status_source"),
        ("offline-crl", True, True, True, None),
    ],
)
def test_which_status_says_good(
    signing: Scene, name: str, ocsp: bool, nonce: bool, crl: bool, reason: str | None
) -> None:
    """A source that the policy does not name cannot vouch for anybody."""
    sent = NONCE if nonce else None
    status = Status(
        signing.authority.respond(signing.certificate, nonce=sent) if ocsp else None,
        signing.authority.revocation_list() if crl else None,
        sent,
    )
    if reason is None:
        verdict = signing.judge(status=status, policy=policies.named(name))
        assert verdict.status_source in policies.named(name).sources
        return
    with pytest.raises(StatusUnavailable) as caught:
        signing.judge(status=status, policy=policies.named(name))
    assert caught.value.reason == reason


def test_a_source_that_may_not_vouch_may_still_revoke(signing: Scene) -> None:
    """A list that tells of a revocation is believed under every policy."""
    status = Status(
        signing.authority.respond(signing.certificate, nonce=NONCE),
        signing.authority.revocation_list({4711: None}),
        NONCE,
    )
    with pytest.raises(Rejected, match=r"verify\.revoked"):
        signing.judge(status=status, policy=policies.named("strict"))


def test_strict_wants_it_fresh_and_card_only_a_card(signing: Scene, authentication: Scene) -> None:
    """A quarter of an hour, and no phone."""
    old = signing.authority.respond(signing.certificate, nonce=NONCE, this_update=NOW - 16 * MINUTE)
    with pytest.raises(StatusUnavailable, match=r"verify\.status_stale"):
        signing.judge(status=Status(old, nonce=NONCE), policy=policies.named("strict"))
    assert policies.named("card-only").carriers == {Carrier.CARD}
    with pytest.raises(Rejected, match=r"verify\.wrong_carrier"):
        authentication.judge(policy=policies.named("card-only"))
