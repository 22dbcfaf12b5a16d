# SPDX-License-Identifier: Apache-2.0
"""The service on the wire: applying, stepping, stopping, the hotline, and what it owes the authority."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tegata.enrolment.model import Act, Device, State
from tegata.jpki import Kind
from tegata.phone.errors import ServiceError
from tegata.reader import JpkiSession
from tegata.wire import b64, unb64
from unit.enrolment.kit import CARD_PASSWORD, ENROLMENT, World, problem
from unit.verify.kit import SAN

BASE = f"{ENROLMENT}/enrolment/v1"
DEVICE = {"maker": "Tegata", "model": "TG-A1", "platform": "android", "serial": "PHONE0001"}
HOTLINE = {"Authorization": "Bearer call-centre"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world of its own."""
    return World(tmp_path)


def call(world: World, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """Call the service."""
    return asyncio.run(world.http.request(method, f"{BASE}{path}", json=body, headers=headers))


def reason(response: httpx.Response) -> tuple[int, str]:
    """Return status and reason of a problem document, after checking its form."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["next"]
    return response.status_code, problem["reason"]


def applied(world: World, request_id: str = "r1", **device: str) -> dict[str, Any]:
    """Apply; returns the answer."""
    response = call(world, "POST", "/applications", {"request_id": request_id, "device": DEVICE | device})
    assert response.status_code == 201
    answer: dict[str, Any] = response.json()
    return answer


def proven(world: World) -> str:
    """Apply and prove; returns the application's identifier."""
    answer = applied(world)
    session = JpkiSession(world.card().transmit)
    session.verify(Kind.SIGNING, CARD_PASSWORD)
    proof = {
        "certificate": b64(session.certificate(Kind.SIGNING)),
        "signature": b64(session.sign(Kind.SIGNING, unb64(answer["document"]))),
    }
    path = f"/applications/{answer['application_id']}"
    assert call(world, "POST", f"{path}/proof", proof).json()["state"] == "proven"
    return path


def stored(world: World) -> list[tuple[State, str | None]]:
    """Return state and reason of every application of the phone."""
    return [(a.state, a.reason) for a in world.service._store.by_element("PHONE0001")]


# -- applying -------------------------------------------------------------------------------------------------------


def test_the_catalogue_can_be_read_by_anybody(world: World) -> None:
    """With the policy by which it is applied."""
    catalogue = call(world, "GET", "/devices").json()
    assert catalogue["policy"] == "listed"
    assert {model["model"] for model in catalogue["models"]} >= {"TG-A1", "TG-LITE"}


def test_applying_returns_the_document_to_sign(world: World) -> None:
    """Its bytes name this application and this device."""
    answer = applied(world)
    document = json.loads(unb64(answer["document"]))
    assert document["application_id"] == answer["application_id"]
    assert document["device"] == DEVICE
    assert (answer["state"], answer["reason"], answer["expires_at"]) == ("applied", None, "2026-11-24T03:15:00Z")
    assert call(world, "GET", f"/applications/{answer['application_id']}").json() == answer


def test_the_same_request_is_the_same_application(world: World) -> None:
    """Also after a restart; for another device it is a conflict."""
    first = applied(world)
    world.restart()
    assert applied(world) == first
    again = call(world, "POST", "/applications", {"request_id": "r1", "device": DEVICE | {"model": "TG-A2"}})
    assert reason(again) == (409, "enrolment.request_reused")


def test_two_applications_share_nothing(world: World) -> None:
    """Identifier, challenge and the authority's name for it are new each time."""
    one, other = applied(world, "r1"), applied(world, "r2")
    assert one["application_id"] != other["application_id"]
    assert one["document"] != other["document"]
    issue_ids = {a.issue_request_id for a in world.service._store.by_element("PHONE0001")}
    assert len(issue_ids | {one["application_id"], other["application_id"]}) == 4


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"model": "TG-LITE"}, (422, "enrolment.device_no_element")),
        ({"maker": "Nobody"}, (422, "enrolment.device_unknown")),
        ({"serial": "STRANGER"}, (422, "enrolment.element_unknown")),
        ({"serial": ""}, (400, "wire.bad_field")),
        ({"serial": "x" * 65}, (400, "wire.bad_field")),
    ],
)
def test_a_phone_that_is_not_admitted_is_told_why(
    world: World, device: dict[str, str], expected: tuple[int, str]
) -> None:
    """And leaves no application behind."""
    response = call(world, "POST", "/applications", {"request_id": "r1", "device": DEVICE | device})
    assert reason(response) == expected
    assert world.service._store.by_request("r1") is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/applications", []),
        ("/applications", {}),
        ("/applications", {"request_id": "r1"}),
        ("/applications", {"request_id": "r1", "device": "TG-A1"}),
        ("/applications", {"request_id": 7, "device": DEVICE}),
        ("/applications/{id}/proof", {"certificate": "AA=="}),
        ("/applications/{id}/proof", {"certificate": "%", "signature": "AA=="}),
        ("/applications/{id}/step", {"turn": 5}),
        ("/applications/{id}/step", {"responses": "AA=="}),
        ("/applications/{id}/step", {"responses": ["%"]}),
        ("/applications/{id}/step", {"responses": [5]}),
    ],
)
def test_a_malformed_body_is_refused(world: World, path: str, body: Any) -> None:
    """And changes nothing."""
    identifier = applied(world, "r0")["application_id"]
    response = call(world, "POST", path.replace("{id}", identifier), body)
    assert reason(response)[0] == 400
    assert stored(world) == [(State.APPLIED, None)]


@pytest.mark.parametrize("path", ["", "/proof", "/step", "/stop"])
def test_an_unknown_application_is_not_found(world: World, path: str) -> None:
    """Whatever is asked of it."""
    body = {"certificate": "AA==", "signature": "AA=="}
    response = call(world, "POST" if path else "GET", f"/applications/{'0' * 32}{path}", body)
    assert reason(response) == (404, "enrolment.unknown_application")


# -- stepping -------------------------------------------------------------------------------------------------------


def test_nothing_is_sent_to_an_element_before_the_card_has_signed(world: World) -> None:
    """The owner is told what is missing."""
    answer = applied(world)
    response = call(world, "POST", f"/applications/{answer['application_id']}/step", {})
    assert reason(response) == (409, "enrolment.proof_missing")


def test_a_repeated_turn_gets_the_same_commands(world: World) -> None:
    """The answer was lost: the element has answered once, its answer may come twice."""
    path, pocket = proven(world), world.phone()
    first = call(world, "POST", f"{path}/step", {"turn": None}).json()["turn"]
    responses = [b64(pocket.phone.element.transmit(unb64(command))) for command in first["commands"]]
    second = call(world, "POST", f"{path}/step", {"turn": first["name"], "responses": responses}).json()["turn"]
    assert second["name"] != first["name"]
    assert call(world, "POST", f"{path}/step", {"turn": first["name"], "responses": responses}).json()["turn"] == second


@pytest.mark.parametrize("name", [None, "somebody-elses.3"])
def test_an_unknown_turn_starts_the_script_again(world: World, name: str | None) -> None:
    """From its first command, under a new name."""
    path = proven(world)
    first = call(world, "POST", f"{path}/step", {}).json()["turn"]
    again = call(world, "POST", f"{path}/step", {"turn": name, "responses": ["kAA="]}).json()["turn"]
    assert again["commands"] == first["commands"]
    assert again["name"] != first["name"]


@pytest.mark.parametrize("responses", [[], [""], ["AA=="], ["aoI="]])
def test_an_element_that_answers_nonsense_drops_out(world: World, responses: list[str]) -> None:
    """No answer, half an answer, a refusal: the script is over and may be started again."""
    path = proven(world)
    turn = call(world, "POST", f"{path}/step", {}).json()["turn"]
    response = call(world, "POST", f"{path}/step", {"turn": turn["name"], "responses": responses})
    assert reason(response) == (409, "enrolment.element_refused")
    assert call(world, "POST", f"{path}/step", {}).json()["turn"]["commands"] == turn["commands"]


def test_an_application_that_expires_in_the_middle_sends_nothing_more(world: World) -> None:
    """The script that was under way is given up."""
    path = proven(world)
    turn = call(world, "POST", f"{path}/step", {}).json()["turn"]
    world.clock.advance(days=1)
    answer = call(world, "POST", f"{path}/step", {"turn": turn["name"], "responses": ["kAA="]}).json()
    assert (answer["state"], answer["turn"]) == ("expired", None)


def test_the_authority_away_leaves_the_keys_waiting(world: World) -> None:
    """Issued under the same request once it is back."""
    card, pocket = world.card(), world.phone()
    honest = world.authority.handle
    world.wire.hosts["authority.test"] = httpx.MockTransport(
        lambda r: honest(r) if "/ocsp/" in r.url.path else httpx.Response(503, text="busy")
    )
    with pytest.raises(Exception, match=r"phone\.service_refused"):
        asyncio.run(pocket.enrol(card))
    assert stored(world) == [(State.KEYS_GENERATED, None)]
    world.wire.hosts["authority.test"] = httpx.MockTransport(honest)
    asyncio.run(pocket.enrol(card))
    assert len(world.authority.pairs) == 1


# -- one phone per person, one application per element --------------------------------------------------------------


def test_a_new_application_in_the_same_element_ends_the_old_at_its_first_command(world: World) -> None:
    """Its keys are about to go, so its certificates are revoked, whoever owned them."""
    pocket, other = world.phone(), world.card("jiro")
    asyncio.run(pocket.enrol(world.card()))
    pocket.image = world.phone().image  # sold without stopping: another app on the same element
    pocket.start()
    asyncio.run(pocket.enrol(other))
    assert stored(world) == [(State.SUPERSEDED, "enrolment.keys_replaced"), (State.INSTALLED, None)]
    assert [pair.person for pair in world.authority.live()] == ["jiro"]


def test_the_old_application_cannot_erase_the_element_of_the_new(world: World) -> None:
    """It ends without a command."""
    pocket = world.phone()
    asyncio.run(pocket.enrol(world.card()))
    first = world.service._store.by_element("PHONE0001")[0]
    journal = pocket.phone.journal
    assert journal is not None
    pocket.phone.write(journal.now(state="ended"))  # the app forgot it
    asyncio.run(pocket.enrol(world.card()))
    answer = call(world, "POST", f"/applications/{first.application_id}/stop", {}).json()
    assert answer["state"] == "ended"
    assert call(world, "POST", f"/applications/{first.application_id}/step", {}).json()["turn"] is None
    assert pocket.phone.describe()["certificates"] == ["signing", "authentication"]


def test_two_phones_at_once_leave_one(world: World) -> None:
    """Their turns interleave; whoever was certified last stays, and both sides agree on it."""
    card, first, second = world.card(), world.phone(1), world.phone(2)

    async def both() -> None:
        await asyncio.gather(first.enrol(card), second.enrol(card), return_exceptions=True)

    asyncio.run(both())
    (pair,) = world.authority.live()
    installed = world.service._store.in_states(State.INSTALLED)
    assert [world.authority.pairs[a.issue_request_id] for a in installed] == [pair]
    assert len(world.service._store.in_states(State.SUPERSEDED)) == 1


def test_a_phone_superseded_while_it_waits_for_its_certificates_learns_it(world: World) -> None:
    """Its answer was lost, another phone was certified, then it asks again."""
    card, slow, quick = world.card(), world.phone(1), world.phone(2)
    world.wire.lose.append("/phone-certificates")
    with pytest.raises(Exception, match=r"phone\.service"):
        asyncio.run(slow.enrol(card))
    asyncio.run(quick.enrol(card))
    assert stored(world) == [(State.SUPERSEDED, "enrolment.superseded")]
    assert asyncio.run(slow.app.resume()).reason == "enrolment.superseded"
    assert len(world.authority.live()) == 1


# -- the hotline ----------------------------------------------------------------------------------------------------


def test_the_hotline_holds_by_the_elements_number(world: World) -> None:
    """A repeat says the same; nobody else may call."""
    asyncio.run(world.phone().enrol(world.card()))
    body = {"request_id": "call-1", "element": "PHONE0001"}
    assert reason(call(world, "POST", "/holds", body)) == (401, "wire.unauthorized")
    held = call(world, "POST", "/holds", body, **HOTLINE)
    assert held.status_code == 200
    assert len(held.json()["held"]) == 2
    assert call(world, "POST", "/holds", body, **HOTLINE).json() == held.json()
    assert stored(world) == [(State.HELD, "enrolment.held")]
    assert world.authority.live() == []


def test_a_phone_without_certificates_cannot_be_held(world: World) -> None:
    """The caller may have read the wrong number."""
    response = call(world, "POST", "/holds", {"request_id": "call-1", "element": "PHONE0009"}, **HOTLINE)
    assert reason(response) == (404, "enrolment.element_not_enrolled")


def test_a_hold_that_the_authority_missed_is_kept(world: World) -> None:
    """The caller hears that it is not done; it is done as soon as it can be, with nobody calling again."""
    asyncio.run(world.phone().enrol(world.card()))
    world.wire.cut.add("authority.test")
    body = {"request_id": "call-1", "element": "PHONE0001"}
    assert reason(call(world, "POST", "/holds", body, **HOTLINE)) == (503, "enrolment.authority_unavailable")
    assert [(d.act, d.request_id) for d in world.service._store.debts()] == [(Act.HELD, "call-1")]
    world.wire.cut.clear()
    world.restart()
    asyncio.run(world.service.recover())
    assert world.authority.live() == []
    assert world.service._store.debts() == []


def test_a_phone_lost_while_it_applies_gets_nothing(world: World) -> None:
    """Whoever found it cannot go on."""
    path = proven(world)
    assert call(world, "POST", "/holds", {"request_id": "c", "element": "PHONE0001"}, **HOTLINE).json() == {"held": []}
    answer = call(world, "POST", f"{path}/step", {}).json()
    assert (answer["state"], answer["turn"]) == ("held", None)


# -- time and debts -------------------------------------------------------------------------------------------------


def test_certificates_never_installed_are_given_back(world: World) -> None:
    """The phone fell silent; at the application's hour the authority is told, also if nobody asks."""
    card, pocket = world.card(), world.phone()
    count = 0

    def fall_silent() -> None:
        nonlocal count
        count += 1
        if world.authority.pairs:
            world.wire.cut.add("enrolment.test")

    pocket.after_persist = fall_silent
    with pytest.raises(Exception, match=r"phone\.service_unreachable"):
        asyncio.run(pocket.enrol(card))
    assert stored(world) == [(State.ISSUED, None)]
    world.clock.advance(days=1)
    world.restart()
    asyncio.run(world.service.recover())
    assert stored(world) == [(State.DISCARDED, "enrolment.expired")]
    assert world.authority.live() == []


def test_an_authority_that_says_no_to_a_debt_keeps_it(world: World) -> None:
    """Only a pair that it does not know, or has ended already, is an acknowledgement."""
    asyncio.run(world.phone().enrol(world.card()))
    identifier = world.service._store.by_element("PHONE0001")[0].application_id
    world.authority.refuse = "wire.forbidden"
    response = call(world, "POST", f"/applications/{identifier}/stop", {})
    assert reason(response) == (422, "enrolment.authority_refused")
    assert [debt.act for debt in world.service._store.debts()] == [Act.DISCARDED]
    world.authority.refuse = None
    asyncio.run(world.service.settle())
    assert world.authority.live() == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_the_authority_does_not_take_ends_nobodys_application(world: World, status: int) -> None:
    """It is this service's fault; the person goes on once it is mended."""
    card, pocket = world.card(), world.phone()

    def doubtful(request: httpx.Request) -> httpx.Response:
        if "/ocsp/" in request.url.path:
            return world.authority.handle(request)
        return problem(status, "wire.forbidden")

    world.wire.hosts["authority.test"] = httpx.MockTransport(doubtful)
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.enrol(card))
    assert refused.value.service_reason == "enrolment.authority_unavailable"
    world.wire.hosts["authority.test"] = httpx.MockTransport(world.authority.handle)
    asyncio.run(pocket.enrol(card))
    assert [state for state, _ in stored(world)] == [State.INSTALLED]


def test_an_authority_that_knows_no_such_pair_settles_the_debt(world: World) -> None:
    """It has nothing to revoke."""
    asyncio.run(world.phone().enrol(world.card()))
    world.authority.pairs.clear()
    identifier = world.service._store.by_element("PHONE0001")[0].application_id
    assert call(world, "POST", f"/applications/{identifier}/stop", {}).json()["state"] == "stopping"
    assert world.service._store.debts() == []


def test_keys_lost_from_the_element_end_the_application(world: World) -> None:
    """The phone was set back to an older memory between certification and loading."""
    card, pocket = world.card(), world.phone()
    blank = pocket.image
    seen = False

    def set_back() -> None:
        nonlocal seen
        if world.authority.pairs and not seen:
            seen = True
            older = type(pocket.phone).load(blank, on_persist=lambda _: None)
            pocket.phone.element._state = older.element._state

    pocket.before_persist = set_back
    with pytest.raises(Exception, match=r"phone\.enrolment_over"):
        asyncio.run(pocket.enrol(card))
    assert stored(world) == [(State.DISCARDED, "enrolment.keys_lost")]
    assert world.authority.live() == []


def test_a_person_is_nowhere_in_the_services_file(world: World) -> None:
    """Once the phone is loaded its certificates are dropped; what stays is a device and a serial number."""
    asyncio.run(world.phone().enrol(world.card()))
    (row,) = world.service._store._database.query("SELECT * FROM applications")
    kept = b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in tuple(row))
    assert b"PHONE0001" in kept
    assert not any(text.encode() in kept for text in SAN.values() if len(text) > 1)


def test_anchors_that_are_none_stop_the_service_from_starting(world: World, tmp_path: Path) -> None:
    """A verifier without anchors would refuse everybody, one with wrong anchors anybody might pass."""
    with pytest.raises(Exception, match=r"verify\."):
        type(world.service).open(
            type(world.config)("http://a.test", "t", "t", {Kind.SIGNING: (b"junk",)}),
            world.clock,
            world.http,
            tmp_path / "other.sqlite",
            issuer_key=lambda _: bytes(16),
        )


def test_nothing_that_opens_an_application_shows_in_a_repr(world: World) -> None:
    """Tokens neither."""
    application = world.service.apply("r1", Device(**DEVICE))
    shown = repr(world.config) + repr(application) + repr(world.service._authority)
    for secret in (application.application_id, "enrolment-token", "hotline-token", "call-centre"):
        assert secret not in shown
