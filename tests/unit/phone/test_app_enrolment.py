# SPDX-License-Identifier: Apache-2.0
"""The owner's side of enrolment: what goes wrong in her hands, and how she goes on."""

import asyncio
import dataclasses
from datetime import time
from pathlib import Path

import httpx
import pytest

from tegata.enrolment.model import State
from tegata.jpki import Kind
from tegata.phone.errors import AppError, Locked, ServiceError
from tegata.reader import BadPinFormat, JpkiSession, TransportError, WrongPin
from tegata.reader.memory import insert
from unit.enrolment.kit import AUTH_PIN, CARD_PASSWORD, FINGER, PASSWORD, Pocket, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world of its own."""
    return World(tmp_path)


def states(world: World, serial: str = "PHONE0001") -> list[State]:
    """Return the states of all applications of a phone."""
    return [application.state for application in world.service._store.by_element(serial)]


def test_a_wrong_card_password_costs_one_try_and_no_application(world: World) -> None:
    """The application waits; with the right password the same one goes on."""
    card, pocket = world.card(), world.phone()
    with pytest.raises(WrongPin) as wrong:
        asyncio.run(
            pocket.app.enrol(card.transmit, card_password="WRONG1", auth_pin=AUTH_PIN, signing_password=PASSWORD)
        )
    assert wrong.value.tries_left == 4
    assert pocket.app.enrolment.state == "applied"
    assert asyncio.run(pocket.enrol(card)).ready
    assert states(world) == [State.INSTALLED]


@pytest.mark.parametrize(
    ("card_password", "auth_pin", "password"),
    [("x", AUTH_PIN, PASSWORD), (CARD_PASSWORD, "12345", PASSWORD), (CARD_PASSWORD, AUTH_PIN, "ONLYLETTERS")],
)
def test_what_cannot_be_a_secret_is_refused_before_anything_happens(
    world: World, card_password: str, auth_pin: str, password: str
) -> None:
    """No application, no try of the card."""
    card, pocket = world.card(), world.phone()
    with pytest.raises(BadPinFormat):
        asyncio.run(
            pocket.app.enrol(card.transmit, card_password=card_password, auth_pin=auth_pin, signing_password=password)
        )
    assert world.wire.calls == []
    assert JpkiSession(insert(card)).retries(Kind.SIGNING) == 5


def test_a_phone_that_is_not_admitted_spends_no_try_of_the_card(world: World) -> None:
    """The catalogue speaks first, in words for the owner."""
    card, pocket = world.card(), world.phone(model="TG-A2-GLOBAL")
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.enrol(card))
    assert refused.value.service_reason == "enrolment.device_no_felica"
    assert "TG-A2-GLOBAL" in str(refused.value.facts["service_what"])
    assert JpkiSession(insert(card)).retries(Kind.SIGNING) == 5


def test_a_card_taken_away_too_early_costs_nothing(world: World) -> None:
    """Held to the phone again, it goes on."""
    card, pocket = world.card(), world.phone()
    answered = 0

    def slips(command: bytes) -> bytes:
        nonlocal answered
        answered += 1
        if answered > 4:
            raise TransportError("reader.connection_lost")
        return card.transmit(command)

    with pytest.raises(TransportError):
        asyncio.run(pocket.app.enrol(slips, card_password=CARD_PASSWORD, auth_pin=AUTH_PIN, signing_password=PASSWORD))
    assert asyncio.run(pocket.enrol(card)).ready


def test_the_card_forgets_its_password_before_it_is_taken_away(world: World) -> None:
    """Nobody signs with it afterwards."""
    card, pocket = world.card(), world.phone()
    asyncio.run(pocket.enrol(card))
    assert card._state.session.verified == frozenset()


def test_another_kind_of_finger_does_not_get_the_pin(world: World) -> None:
    """The enrolment stands, the finger does not; the owner may set it up later by enrolling again."""
    card, pocket = world.card(), world.phone()
    with pytest.raises(Locked, match=r"phone\.wrong_finger"):
        asyncio.run(pocket.enrol(card, finger="stranger"))
    assert pocket.app.enrolment.ready
    assert not pocket.phone.describe()["biometrics"]
    assert asyncio.run(pocket.enrol(card, finger=FINGER)).ready
    assert pocket.phone.describe()["biometrics"]
    assert states(world) == [State.INSTALLED]


def test_enrolling_without_a_finger_leaves_biometrics_off(world: World) -> None:
    """It is the owner's choice."""
    pocket = world.phone()
    asyncio.run(pocket.enrol(world.card(), finger=None))
    assert not pocket.phone.describe()["biometrics"]


def test_a_wrong_pin_is_not_kept_for_a_finger(world: World) -> None:
    """Enrolling again with other digits would wrap a PIN that opens nothing."""
    card, pocket = world.card(), world.phone()
    asyncio.run(pocket.enrol(card, finger=None))
    with pytest.raises(WrongPin):
        asyncio.run(
            pocket.app.enrol(
                card.transmit, card_password=CARD_PASSWORD, auth_pin="0000", signing_password=PASSWORD, finger=FINGER
            )
        )
    assert not pocket.phone.describe()["biometrics"]


def test_a_locked_phone_does_not_enrol(world: World) -> None:
    """Its owner is asked to unlock it first."""
    card, pocket = world.card(), world.phone()
    pocket.phone.sleep()
    with pytest.raises(Locked, match=r"phone\.locked"):
        asyncio.run(pocket.enrol(card))


def test_outside_the_hours_the_application_waits(tmp_path: Path) -> None:
    """Applied is not issued: in the morning the phone goes on by itself, and only the PINs are missing."""
    world = World(tmp_path, opens=time(8), closes=time(19, 30))
    world.clock.advance(hours=8)  # 20:00 in Japan
    card, pocket = world.card(), world.phone()
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.enrol(card))
    assert refused.value.service_reason == "enrolment.closed"
    world.clock.advance(hours=13)
    enrolment = asyncio.run(pocket.app.resume())
    assert enrolment.pins_missing
    with pytest.raises(AppError, match=r"phone\.pins_missing"):
        asyncio.run(pocket.app.sign("http://shop.test/1", password=PASSWORD))
    assert asyncio.run(pocket.enrol(card)).ready


def test_an_application_that_ran_out_of_time_is_followed_by_a_new_one(world: World) -> None:
    """The owner just applies again."""
    card, pocket = world.card(), world.phone()
    with pytest.raises(WrongPin):
        asyncio.run(
            pocket.app.enrol(card.transmit, card_password="WRONG1", auth_pin=AUTH_PIN, signing_password=PASSWORD)
        )
    world.clock.advance(hours=1)
    assert asyncio.run(pocket.enrol(card)).ready
    assert states(world) == [State.ENDED, State.INSTALLED]


def test_a_service_that_lost_the_application_is_applied_to_again(world: World) -> None:
    """The phone gives the old one up."""
    card, pocket = world.card(), world.phone()
    asyncio.run(pocket.enrol(card))
    journal = pocket.phone.journal
    assert journal is not None
    pocket.phone.write(journal.now(application_id="0" * 32))
    assert asyncio.run(pocket.app.resume()).state == "ended"
    assert asyncio.run(pocket.enrol(card)).ready


def test_a_reader_in_the_middle_of_loading_only_delays_it(world: World) -> None:
    """A tap resets the element; the service starts its script again."""
    card, pocket = world.card(), world.phone()
    count = 0

    def tap() -> None:
        nonlocal count
        count += 1
        if count == 8:
            pocket.phone.antenna().reset()

    pocket.after_persist = tap
    assert asyncio.run(pocket.enrol(card)).ready
    assert len(world.authority.live()) == 1


def test_an_element_that_never_obeys_ends_the_attempt(world: World) -> None:
    """After three starts the owner is told."""
    card, pocket = world.card(), world.phone()
    transmit = pocket.phone.element.transmit
    pocket.phone.element.transmit = lambda command: b"\x69\x82" if command[1] == 0x46 else transmit(command)  # type: ignore[method-assign]
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.enrol(card))
    assert refused.value.service_reason == "enrolment.element_refused"
    assert world.authority.pairs == {}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/applications", {}),
        ("/applications", {"state": "applied"}),
        ("/applications", {"state": "applied", "application_id": "a", "document": "%"}),
        ("/proof", {"state": 7}),
        ("/step", {"state": "making_keys", "turn": "1"}),
        ("/step", {"state": "making_keys", "turn": {"name": "1"}}),
        ("/step", {"state": "making_keys", "turn": {"name": "1", "commands": ["%"]}}),
        ("/step", {"state": "making_keys", "turn": {"commands": []}}),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_service_error(world: World, path: str, answer: dict[str, object]) -> None:
    """The phone keeps what it knew, and goes on when the service has come to its senses."""
    card, pocket = world.card(), world.phone()
    honest = world.wire.hosts["enrolment.test"]
    garbled = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))

    class Choice(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            chosen = garbled if request.url.path.endswith(path) else honest
            return await chosen.handle_async_request(request)

    world.wire.hosts["enrolment.test"] = Choice()
    with pytest.raises(ServiceError, match=r"phone\.bad_request"):
        asyncio.run(pocket.enrol(card))
    assert card._state.session.verified == frozenset()
    world.wire.hosts["enrolment.test"] = honest
    assert asyncio.run(pocket.enrol(card)).ready


def test_a_refusal_of_the_authority_ends_the_application(world: World) -> None:
    """In the authority's words; the next attempt is a new application."""
    card, pocket = world.card(), world.phone()
    world.authority.refuse = "authority.parent_not_good"
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.enrol(card))
    assert refused.value.service_reason in ("enrolment.authority_refused", "authority.parent_not_good")
    world.authority.refuse = None
    assert asyncio.run(pocket.enrol(card)).ready
    assert states(world) == [State.ENDED, State.INSTALLED]


def test_a_lost_phone_that_comes_back_erases_itself_and_may_apply_anew(world: World) -> None:
    """A hold is never lifted."""
    card, pocket = world.card(), world.phone()
    asyncio.run(pocket.enrol(card))
    assert len(asyncio.run(world.service.hold("call-1", "PHONE0001"))) == 2
    assert world.authority.live() == []
    enrolment = asyncio.run(pocket.app.resume())
    assert (enrolment.state, enrolment.reason) == ("ended", "enrolment.held")
    assert pocket.phone.describe()["certificates"] == []
    assert asyncio.run(pocket.enrol(card)).ready


def test_stopping_without_the_authority_goes_on_later(world: World) -> None:
    """The wish is kept on both sides; the keys are erased only after the authority has revoked."""
    card, pocket = world.card(), world.phone()
    asyncio.run(pocket.enrol(card))
    world.wire.cut.add("authority.test")
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.app.stop())
    assert refused.value.service_reason == "enrolment.authority_unavailable"
    assert pocket.app.enrolment.state == "stopping"
    assert pocket.phone.describe()["certificates"] == ["signing", "authentication"]
    world.wire.cut.clear()
    assert asyncio.run(pocket.app.resume()).state == "ended"
    assert world.authority.live() == []


def test_stopping_what_never_began_is_refused(world: World) -> None:
    """There is nothing to stop."""
    with pytest.raises(AppError, match=r"phone\.not_enrolled"):
        asyncio.run(world.phone().app.stop())


def test_stopping_twice_is_stopping_once(world: World) -> None:
    """The second changes nothing."""
    card, pocket = world.card(), world.phone()
    asyncio.run(pocket.enrol(card))
    first = asyncio.run(pocket.app.stop())
    calls = len(world.wire.calls)
    assert asyncio.run(pocket.app.stop()) == first
    assert len(world.wire.calls) == calls


def test_nothing_to_resume_asks_nobody(world: World) -> None:
    """A new phone stays quiet."""
    assert asyncio.run(world.phone().app.resume()).state == "none"
    assert world.wire.calls == []


def test_the_app_does_one_thing_at_a_time(world: World) -> None:
    """Two taps on the button are one enrolment."""
    card, pocket = world.card(), world.phone()

    async def twice(pocket: Pocket) -> None:
        await asyncio.gather(pocket.enrol(card), pocket.enrol(card))

    asyncio.run(twice(pocket))
    assert states(world) == [State.INSTALLED]
    assert len(world.authority.pairs) == 1


def test_the_journal_at_rest_holds_no_pin(world: World) -> None:
    """A dead phone's app gives nothing away that the element guards."""
    pocket = world.phone()
    asyncio.run(pocket.enrol(world.card()))
    journal = pocket.phone.journal
    assert journal is not None
    written = repr(dataclasses.asdict(journal))
    assert AUTH_PIN not in written
    assert PASSWORD not in written
