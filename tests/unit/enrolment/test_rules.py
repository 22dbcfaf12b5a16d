# SPDX-License-Identifier: Apache-2.0
"""The life of an application, the document that the card signs, and which phones are admitted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tegata.enrolment import document, rules
from tegata.enrolment.devices import Catalogue
from tegata.enrolment.errors import OutOfStep, Refused
from tegata.enrolment.model import Application, Device, Event, Pair, State

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
DEVICE = Device("Tegata", "TG-A1", "android", "PHONE0001")


def application(state: State, **members: object) -> Application:
    """Return an application that stands somewhere."""
    made = Application("secret-id", "secret-request", "issue", DEVICE, b"doc", NOW, NOW + timedelta(minutes=15), state)
    return replace(made, **members)  # type: ignore[arg-type]


def reachable(start: State) -> set[State]:
    """Return every state that can be reached from one."""
    found, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        after = {to for (from_, _), to in rules.TRANSITIONS.items() if from_ is state} - found
        found |= after
        waiting += after
    return found


def test_every_state_is_reached_and_every_state_leads_to_the_end() -> None:
    """No state is a dream, none a trap: the owner can stop from everywhere."""
    assert reachable(State.APPLIED) == set(State)
    assert all(State.ENDED in reachable(state) for state in State)


def test_the_end_is_the_end() -> None:
    """Nothing happens to an application that has ended."""
    assert [event for event in Event if rules.may(application(State.ENDED), event)] == []


def test_what_runs_out_of_time_has_an_end_for_it() -> None:
    """Every pending state, and no other, knows what to do at its hour."""
    assert {state for state in State if rules.may(application(state), Event.EXPIRE)} == rules.PENDING


def test_where_a_certificate_may_exist_expiry_discards() -> None:
    """So that the authority revokes it."""
    ends = {state: rules.advance(application(state), Event.EXPIRE).state for state in rules.PENDING}
    certified = {state for state, end in ends.items() if end is State.DISCARDED}
    assert certified == rules.PENDING & rules.CERTIFIED


def test_the_first_reason_stays() -> None:
    """A phone that was superseded and is then stopped was superseded."""
    ended = rules.advance(application(State.INSTALLED), Event.SUPERSEDE, "enrolment.superseded")
    assert rules.advance(ended, Event.STOP, "enrolment.stopped").reason == "enrolment.superseded"


def test_the_element_is_held_from_the_first_command_to_the_erasure() -> None:
    """Whatever lies between."""
    begun = rules.advance(application(State.PROVEN), Event.BEGIN)
    assert begun.holds_element
    stopping = rules.advance(begun, Event.STOP)
    assert stopping.holds_element
    assert not rules.advance(stopping, Event.ERASE).holds_element


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_what_the_table_does_not_name_is_out_of_step(state: State, event: Event) -> None:
    """With the state and the act as facts, and nothing changed."""
    before = application(state)
    if (state, event) in rules.TRANSITIONS:
        assert rules.advance(before, event).state is rules.TRANSITIONS[state, event]
        return
    with pytest.raises(OutOfStep) as refused:
        rules.advance(before, event)
    assert refused.value.facts == {"state": state.value, "act": event.value}


def test_an_application_is_due_at_its_hour_and_not_before() -> None:
    """To the second; one that is not pending never."""
    pending = application(State.APPLIED)
    assert not rules.due(pending, pending.expires_at - timedelta(seconds=1))
    assert rules.due(pending, pending.expires_at)
    assert not rules.due(application(State.INSTALLED), pending.expires_at)


def test_an_application_shows_nothing_that_opens_it() -> None:
    """Nor whose it is."""
    shown = repr(application(State.ISSUED, parent_serial=77123, requests=Pair(b"csr", b"csr")))
    for secret in ("secret-id", "secret-request", "77123", "csr"):
        assert secret not in shown


def test_the_document_is_canonical_json() -> None:
    """Sorted, without white space, times in UTC with Z, the device named."""
    built = document.build("id", b"\0" * 4, DEVICE, NOW, NOW + timedelta(minutes=15))
    assert built == (
        b'{"application_id":"id","applied_at":"2026-11-24T03:00:00Z","challenge":"AAAAAA==","device":'
        b'{"maker":"Tegata","model":"TG-A1","platform":"android","serial":"PHONE0001"},'
        b'"expires_at":"2026-11-24T03:15:00Z","type":"urn:tegata:phone-certificate-application:1"}'
    )
    assert json.loads(built)["type"] == document.TYPE


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("TG-A1", None),
        ("tg-a2", None),
        ("TG-A2-GLOBAL", "enrolment.device_no_felica"),
        ("TG-A3", "enrolment.device_not_verified"),
        ("TG-LITE", "enrolment.device_no_element"),
        ("TG-X9", "enrolment.device_unknown"),
    ],
)
def test_the_list_admits_what_is_on_it_and_verified(model: str, reason: str | None) -> None:
    """A refusal names the condition that failed, and the phone."""
    catalogue, device = Catalogue.load(), replace(DEVICE, model=model)
    if reason is None:
        catalogue.admit(device)
        return
    with pytest.raises(Refused) as refused:
        catalogue.admit(device)
    assert (refused.value.reason, refused.value.facts["model"]) == (reason, model)


@pytest.mark.parametrize(("model", "admitted"), [("TG-A3", True), ("TG-X9", True), ("TG-LITE", False)])
def test_another_policy_admits_by_element(model: str, admitted: bool) -> None:
    """Policies are data, and can be compared."""
    reason = Catalogue.load("any_secure_element").refusal(replace(DEVICE, model=model))
    assert (reason is None) == admitted


def test_an_unknown_policy_is_a_mistake_of_configuration() -> None:
    """It stops the service from starting."""
    with pytest.raises(ValueError, match="unknown admission policy"):
        Catalogue.load("everybody")
