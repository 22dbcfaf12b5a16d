# SPDX-License-Identifier: Apache-2.0
"""What ends certificates: each cause, on card and phone, with its reason; in order, once, the same at every repeat."""

import dataclasses

import pytest

from tegata.authority import rules
from tegata.authority.errors import Conflict, NotFound
from tegata.authority.model import Cause, Issued, Reason, Status, Superseded
from tegata.jpki import Carrier, Kind, assumptions
from unit.authority.kit import HANAKO, TARO, World

CS, CA, PS, PA = (
    (Carrier.CARD, Kind.SIGNING),
    (Carrier.CARD, Kind.AUTHENTICATION),
    (Carrier.PHONE, Kind.SIGNING),
    (Carrier.PHONE, Kind.AUTHENTICATION),
)
GONE = Reason.CESSATION_OF_OPERATION
CHANGED = Reason.AFFILIATION_CHANGED
HOLD = Reason.CERTIFICATE_HOLD

Ended = dict[tuple[Carrier, Kind], Reason]


def ended(world: World, resident: str = HANAKO) -> Ended:
    """Return which certificates of a person (who has one card and one phone) ended, and why."""
    found = world.authority.certificates(resident)
    return {(one.carrier, one.kind): one.revocation.reason for one in found if one.revocation}


def serials(world: World, *which: tuple[Carrier, Kind]) -> list[str]:
    """Return the serial numbers of certificates as answers show them."""
    found = {(one.carrier, one.kind): str(one.serial) for one in world.authority.certificates(HANAKO)}
    return sorted(found[one] for one in which)


EVENTS: list[tuple[Cause, Ended]] = [
    (Cause.MOVED, {CS: CHANGED, PS: CHANGED}),
    (Cause.NAME_CHANGED, {CS: CHANGED, PS: CHANGED}),
    (Cause.SEX_CORRECTED, {CS: CHANGED, PS: CHANGED}),
    (Cause.BIRTH_CORRECTED, {CS: CHANGED, PS: CHANGED}),
    (Cause.DIED, {CS: GONE, CA: GONE, PS: GONE, PA: GONE}),
    (Cause.LEFT_REGISTER, {CS: GONE, CA: GONE, PS: GONE, PA: GONE}),
    (Cause.CARD_RETURNED, {CS: GONE, CA: GONE, PS: GONE, PA: GONE}),
    (Cause.CARD_LOST, {CS: HOLD, CA: HOLD, PS: GONE, PA: GONE}),
]


@pytest.mark.parametrize(("cause", "expected"), EVENTS)
def test_an_event_ends_what_it_should(world: World, cause: Cause, expected: Ended) -> None:
    """On the card and on the phone, and nobody else's."""
    world.phone(world.card())
    world.phone(world.card(TARO))
    answer = world.authority.happen(world.event(cause))
    assert ended(world) == expected
    assert ended(world, TARO) == {}
    assert sorted(answer["revoked"]) == serials(world, *expected)


def test_all_events_of_municipalities_are_tried_here() -> None:
    """A new kind of event needs a new line above."""
    assert {cause for cause, _ in EVENTS} == rules.TOLD_BY_MUNICIPALITY


def test_an_event_of_somebody_without_certificates_ends_nothing(world: World) -> None:
    """And is taken all the same, so that the order goes on."""
    assert world.authority.happen(world.event(Cause.MOVED)) == {"revoked": [], "certificates": []}
    assert world.authority.happen(world.event(Cause.MOVED))["revoked"] == []


def test_a_repeated_event_is_answered_the_same(world: World) -> None:
    """Also when more has happened since."""
    world.phone(world.card())
    event = world.event(Cause.MOVED)
    first = world.authority.happen(event)
    world.authority.happen(world.event(Cause.DIED))
    before = world.authority.entries()
    assert world.authority.happen(event) == first
    assert world.authority.entries() == before


def test_a_gap_or_a_step_back_is_refused(world: World) -> None:
    """Events of a person are carried out in order; those of others do not matter."""
    world.card()
    one, two, three = (world.event(cause) for cause in (Cause.MOVED, Cause.NAME_CHANGED, Cause.CARD_LOST))
    for early in (two, three):
        with pytest.raises(Conflict) as caught:
            world.authority.happen(early)
        assert (caught.value.reason, caught.value.facts["expected"]) == ("authority.event_out_of_order", 1)
    assert ended(world) == {}
    world.authority.happen(world.event(Cause.MOVED, TARO))
    for event in (one, two, three):
        world.authority.happen(event)
    with pytest.raises(Conflict, match=r"authority\.event_out_of_order"):
        world.authority.happen(dataclasses.replace(two, event_id="another"))


def test_an_event_identifier_is_used_once(world: World) -> None:
    """Another kind, number or person under the same identifier is a mistake."""
    event = world.event(Cause.MOVED)
    world.authority.happen(event)
    for other in (
        dataclasses.replace(event, cause=Cause.DIED),
        dataclasses.replace(event, sequence=2),
        dataclasses.replace(event, resident_code=TARO),
    ):
        with pytest.raises(Conflict, match=r"authority\.request_reused"):
            world.authority.happen(other)


def test_what_ended_keeps_its_first_reason(world: World) -> None:
    """Moved, then died: the signing certificate was affiliationChanged and stays so; a hold is never turned."""
    world.phone(world.card())
    world.authority.happen(world.event(Cause.MOVED))
    world.authority.happen(world.event(Cause.CARD_LOST))
    world.authority.happen(world.event(Cause.DIED))
    assert ended(world) == {CS: CHANGED, PS: CHANGED, CA: HOLD, PA: GONE}


def test_an_expired_certificate_is_not_revoked_any_more(world: World) -> None:
    """It is over by itself."""
    card = world.card()
    world.clock.set(card.authentication.not_after)
    world.clock.advance(seconds=1)
    assert world.authority.happen(world.event(Cause.DIED))["revoked"] == []
    assert world.authority.certificates(HANAKO)[0].status(world.clock.now()) is Status.EXPIRED


def test_a_new_card_ends_the_old_one_when_it_is_delivered(world: World) -> None:
    """Until then the old one works; with it goes the phone that hung on it."""
    old = world.card()
    world.phone(old)
    new = world.card(deliver=False)
    assert ended(world) == {}
    done = world.authority.delivered(Carrier.CARD, new.request.request_id)
    reasons = {(one.certificate.carrier, one.certificate.kind): one.reason for one in done}
    assert reasons == {CS: Reason.SUPERSEDED, CA: Reason.SUPERSEDED, PS: GONE, PA: GONE}
    now = world.clock.now()
    assert world.authority.holder(Kind.AUTHENTICATION, new.authentication.serial).status(now) is Status.GOOD
    assert world.authority.delivered(Carrier.CARD, new.request.request_id) == []


def test_delivering_an_older_card_does_not_end_a_newer_one(world: World) -> None:
    """Two cards on their way: the newer stays, whichever is reported first."""
    older, newer = world.card(deliver=False), world.card(deliver=False)
    world.authority.delivered(Carrier.CARD, newer.request.request_id)
    world.authority.delivered(Carrier.CARD, older.request.request_id)
    now = world.clock.now()
    assert world.authority.holder(Kind.AUTHENTICATION, newer.authentication.serial).status(now) is Status.GOOD
    assert world.authority.holder(Kind.AUTHENTICATION, older.authentication.serial).status(now) is Status.REVOKED


def test_a_phone_survives_the_renewal_of_its_card_if_the_country_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not publicly known is a switch; events still reach a phone whose card is gone."""
    known = assumptions.value
    monkeypatch.setattr(
        assumptions, "value", lambda name: "kept" if name == "authority.phone_after_card_renewal" else known(name)
    )
    phone = world.phone(world.card())
    world.card()
    now = world.clock.now()
    assert world.authority.holder(Kind.AUTHENTICATION, phone.authentication.serial).status(now) is Status.GOOD
    world.authority.happen(world.event(Cause.DIED))
    assert world.authority.holder(Kind.AUTHENTICATION, phone.authentication.serial).status(now) is Status.REVOKED


@pytest.mark.parametrize(("delivered", "reason"), [(False, Reason.UNSPECIFIED), (True, Reason.CESSATION_OF_OPERATION)])
def test_a_discarded_phone_says_whether_it_was_ever_used(world: World, delivered: bool, reason: Reason) -> None:
    """`unspecified` is discarded before delivery; after it, the holder stopped using it.  The card stays."""
    card = world.card()
    phone = world.authority.certify_phone(world.phone_order(card))
    if delivered:
        world.authority.delivered(Carrier.PHONE, phone.request.request_id)
    world.authority.discarded(Carrier.PHONE, phone.request.request_id)
    assert ended(world) == {PS: reason, PA: reason}


def test_a_discarded_card_takes_its_phone_along(world: World) -> None:
    """A phone without its card has no basis."""
    card = world.card()
    world.phone(card)
    world.authority.discarded(Carrier.CARD, card.request.request_id)
    assert ended(world) == {CS: GONE, CA: GONE, PS: GONE, PA: GONE}


# -- the hotline -------------------------------------------------------------------------------------------------------


def test_a_lost_phone_is_put_on_hold_and_the_card_is_not(world: World) -> None:
    """Everything on the phone, from now on."""
    phone = world.phone(world.card())
    answer = world.authority.hold("call-1", phone.request.request_id)
    assert ended(world) == {PS: HOLD, PA: HOLD}
    assert sorted(answer["held"]) == serials(world, PS, PA)
    found = world.authority.holder(Kind.SIGNING, int(answer["certificates"][0]["serial"]))
    assert found.status(world.clock.now()) is Status.HELD


def test_a_hold_is_never_lifted(world: World) -> None:
    """Neither by discarding, nor by a new phone, nor by an event: it stays as it was."""
    card = world.card()
    phone = world.phone(card)
    world.authority.hold("call-1", phone.request.request_id)
    world.authority.discarded(Carrier.PHONE, phone.request.request_id)
    second = world.phone(card)
    world.authority.happen(world.event(Cause.DIED))
    held = world.authority.holder(Kind.AUTHENTICATION, phone.authentication.serial)
    assert held.revocation is not None
    assert held.revocation.reason is HOLD
    assert second.request.superseded == Superseded()


def test_a_repeated_hold_is_answered_the_same(world: World) -> None:
    """And its identifier is for one phone."""
    card = world.card()
    one = world.phone(card)
    two = world.phone(card)
    first = world.authority.hold("call-1", two.request.request_id)
    assert world.authority.hold("call-1", two.request.request_id) == first
    assert world.authority.hold("call-2", two.request.request_id)["held"] == []
    with pytest.raises(Conflict, match=r"authority\.request_reused"):
        world.authority.hold("call-1", one.request.request_id)


@pytest.mark.parametrize("request_id", ["nothing", "card-1"])
def test_only_a_phone_can_be_put_on_hold(world: World, request_id: str) -> None:
    """An unknown request, or that of a card."""
    world.card()
    with pytest.raises(NotFound, match=r"authority\.unknown_request"):
        world.authority.hold("call-1", request_id)


def test_an_unknown_request_is_not_delivered(world: World) -> None:
    """There is nothing to deliver."""
    with pytest.raises(NotFound, match=r"authority\.unknown_request"):
        world.authority.delivered(Carrier.CARD, "nothing")


# -- who ---------------------------------------------------------------------------------------------------------------


def test_a_person_has_one_identifier_for_all_her_certificates(world: World) -> None:
    """Equal for both kinds and stable over renewal; different for another role and another person."""

    def everything(issued: Issued) -> list[tuple[Kind, int]]:
        return [(one.kind, one.serial) for one in (issued.signing, issued.authentication) if one]

    card = world.card()
    phone = world.phone(card)
    renewed = world.card()
    known = [
        world.authority.person(world.authority.holder(kind, serial).resident_code, "signin")
        for kind, serial in (*everything(card), *everything(phone), *everything(renewed))
    ]
    assert len(set(known)) == 1
    assert world.authority.person(HANAKO, "relying") not in known
    assert world.authority.person(TARO, "signin") not in known
    assert HANAKO not in known[0]


def test_nobody_holds_a_certificate_that_was_not_issued(world: World) -> None:
    """The CA's own number, one that is too high, none at all."""
    for serial in (0, 1, 2, 1 << 70):
        with pytest.raises(NotFound, match=r"authority\.unknown_certificate"):
            world.authority.holder(Kind.SIGNING, serial)
