# SPDX-License-Identifier: Apache-2.0
"""What is remembered changes the speed of a verdict, and nothing else."""

import gc
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki import Kind
from tegata.verify import (
    Policy,
    Rejected,
    Status,
    StatusUnavailable,
    TrustStore,
    Verdict,
    VerifyError,
    policies,
    verify_certificate,
)
from tegata.verify.memory import Bounded
from unit.verify.kit import DAY, MINUTE, NOW, Scene, scene

STRICTER = Policy(ocsp_max_age=5 * MINUTE)


def told(
    certificate: bytes, status: Status, trust: TrustStore, now: datetime, policy: Policy
) -> Verdict | tuple[str, ...]:
    """Return the verdict, or the reason and outcomes of a refusal."""
    try:
        return verify_certificate(certificate, Kind.SIGNING, status, trust, now, policy)
    except VerifyError as error:
        return (error.reason, *(f"{check.name} {check.outcome} {check.detail}" for check in error.checks))


@pytest.fixture(scope="module")
def quick() -> Scene:
    """Return a scene on a curve that is quick."""
    return scene(Kind.SIGNING, SoftwareKey.generate(Algorithm.EC_P256), SoftwareKey.generate(Algorithm.EC_P256))


@pytest.fixture(scope="module")
def statuses(quick: Scene) -> list[Status]:
    """Return status of every kind: of the authority, of a responder who ends soon, lists, both, revoked."""
    key = SoftwareKey.generate(Algorithm.EC_P256)
    responder = quick.authority.responder(key, not_before=NOW - 30 * MINUTE, not_after=NOW + 5 * MINUTE)
    listed = quick.authority.revocation_list(this_update=NOW - 20 * MINUTE, next_update=NOW + 40 * MINUTE)
    delegated = quick.authority.respond(quick.certificate, by=(responder, key))
    later = quick.authority.revocation_list({4711: None}, this_update=NOW + 3 * MINUTE, next_update=NOW + DAY)
    return [
        Status(ocsp=quick.authority.respond(quick.certificate)),
        Status(ocsp=quick.authority.respond(quick.certificate, next_update=None)),
        Status(ocsp=delegated),
        Status(crl=listed),
        Status(ocsp=delegated, crl=listed),
        Status(ocsp=quick.authority.respond(quick.certificate), crl=later),
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(-90, 90), st.sampled_from([Policy(), STRICTER, policies.named("strict")])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_verdict_from_memory_is_the_verdict_anew(
    quick: Scene, statuses: list[Status], asked: list[tuple[int, int, Policy]]
) -> None:
    """At any time, in any order, under any policy, with a responder whose time ends and a list that begins later."""
    for which, minutes, policy in asked:
        now = NOW + timedelta(minutes=minutes)
        forgetful = TrustStore.of({Kind.SIGNING: [quick.authority.der]}, remember=0)
        remembered = told(quick.certificate, statuses[which], quick.trust, now, policy)
        assert remembered == told(quick.certificate, statuses[which], forgetful, now, policy)


def test_the_edges_of_the_window_belong_to_it(quick: Scene, statuses: list[Status]) -> None:
    """To the microsecond, on both sides, after it was remembered."""
    trust = TrustStore.of({Kind.SIGNING: [quick.authority.der]})
    first, last = NOW - 2 * MINUTE, NOW + 15 * MINUTE  # skew before thisUpdate, nextUpdate
    tick = timedelta(microseconds=1)
    for now, good in ((NOW, True), (first, True), (last, True), (first - tick, False), (last + tick, False)):
        assert isinstance(told(quick.certificate, statuses[0], trust, now, Policy()), Verdict) is good, now


def test_another_nonce_purpose_or_policy_is_another_question(quick: Scene) -> None:
    """Nothing proved for one question answers another."""
    trust = TrustStore.of({Kind.SIGNING: [quick.authority.der]})
    status = Status(ocsp=quick.authority.respond(quick.certificate, nonce=b"n" * 16), nonce=b"n" * 16)
    verify_certificate(quick.certificate, Kind.SIGNING, status, trust, NOW)
    with pytest.raises(StatusUnavailable, match=r"verify\.status_invalid"):
        verify_certificate(quick.certificate, Kind.SIGNING, Status(status.ocsp, nonce=b"m" * 16), trust, NOW)
    with pytest.raises(Rejected, match=r"verify\.wrong_kind"):
        verify_certificate(quick.certificate, Kind.AUTHENTICATION, status, trust, NOW)
    with pytest.raises(Rejected, match=r"verify\.wrong_carrier"):
        verify_certificate(quick.certificate, Kind.SIGNING, status, trust, NOW, Policy(carriers=frozenset()))


def test_a_refusal_is_not_remembered_and_memory_ends_with_its_store(quick: Scene) -> None:
    """What was refused is judged again; a store that remembers nothing keeps nothing of anybody."""
    trust = TrustStore.of({Kind.SIGNING: [quick.authority.der]})
    told(quick.certificate, Status(), trust, NOW, Policy())
    assert len(trust.memory.proofs) == 0
    good = Status(ocsp=quick.authority.respond(quick.certificate))
    forgetful = TrustStore.of({Kind.SIGNING: [quick.authority.der]}, remember=0)
    for store, kept in ((trust, 1), (forgetful, 0)):
        verify_certificate(quick.certificate, Kind.SIGNING, good, store, NOW)
        assert (len(store.memory.proofs), len(store.memory.chains)) == (kept, kept)
    del trust
    gc.collect()


def test_the_oldest_goes_first() -> None:
    """At most so many, whatever comes."""
    kept = Bounded(2)
    for number in range(5):
        kept.keep(number, str(number))
    assert (len(kept), kept.get(2), kept.get(3), kept.get(4)) == (2, None, "3", "4")
    kept.keep(3, "again")
    assert (len(kept), kept.get(3), kept.get(4)) == (2, "again", "4")
