# SPDX-License-Identifier: Apache-2.0
"""A person at the copier: what she touches, what she is told, and the one sheet that comes out."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tegata.jpki import Carrier, Kind
from tegata.kiosk import binding
from tegata.kiosk.hours import Hours
from unit.kiosk import kit
from unit.kiosk.kit import Country

Visit = Callable[[Country], Awaitable[None]]


def visit(folder: Path, what: Visit) -> None:
    """Run a visit in a fresh country."""

    async def inside() -> None:
        async with kit.country(folder) as country:
            await what(country)

    asyncio.run(inside())


async def choose(country: Country, request_id: str = "r1", **wish: Any) -> str:
    """Choose a certificate of residence; return the session's address."""
    body = {"document": "residence-certificate", "individual_number": False, "request_id": request_id, **wish}
    answer = await country.post("/kiosk/v1/sessions", **body)
    assert answer.status_code == 201, answer.text
    return f"/kiosk/v1/sessions/{answer.json()['session_id']}"


async def authenticated(country: Country, number: int = 0, request_id: str = "r1") -> str:
    """Choose and authenticate with the n-th person's card."""
    session = await choose(country, request_id)
    country.on_reader = kit.card(number)
    answer = await country.post(f"{session}/authenticate", pin=kit.PIN)
    assert answer.status_code == 200, answer.text
    return session


async def paid(country: Country, number: int = 0, request_id: str = "r1") -> str:
    """Choose, authenticate and pay."""
    session = await authenticated(country, number, request_id)
    answer = await country.post(f"{session}/pay", amount=300)
    assert answer.status_code == 200, answer.text
    return session


async def state(country: Country, session: str) -> dict[str, Any]:
    """Return the session as the screen shows it."""
    shown: dict[str, Any] = (await country.http.get(session)).json()
    return shown


def transaction(country: Country, session: str) -> str:
    """Return the identifier of the session's transaction at the centre."""
    return country.terminal.get(session.rsplit("/", 1)[1]).transaction_id or ""


def refused(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    """Check that an answer is this problem; return its facts."""
    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (status, reason), answer.text
    assert problem["title"]
    assert "<" not in problem["title"] + problem["next"], "a fact is missing from the message"
    facts: dict[str, Any] = problem.get("facts", {})
    return facts


def test_from_choice_to_paper(tmp_path: Path) -> None:
    """She chooses, puts her card down, enters four digits, pays 300 yen and takes one sheet with her own name."""

    async def story(country: Country) -> None:
        session = await choose(country)
        country.on_reader = kit.card(0)
        shown = (await country.post(f"{session}/authenticate", pin=kit.PIN)).json()
        assert (shown["state"], shown["carrier"], shown["fee"], shown["paid"]) == ("authenticated", "card", 300, 0)
        assert (await country.post(f"{session}/pay", amount=300)).json()["paid"] == 300
        sheet = await country.post(f"{session}/print")
        assert sheet.headers["content-type"] == "application/pdf"
        assert sheet.headers["cache-control"] == "no-store"
        kept = country.terminal.get(session.rsplit("/", 1)[1])
        assert kept.transaction_id
        fingerprint = binding.certificate_sha256(kit.certificate(0, Kind.AUTHENTICATION))
        binding.check_document(sheet.content, kept.transaction_id, fingerprint)
        assert (await state(country, session))["state"] == "printed"
        assert country.centre.get(kept.transaction_id).state == "printed"

    visit(tmp_path, story)


def test_a_second_press_prints_nothing(tmp_path: Path) -> None:
    """One sheet is all there is, however often she presses."""

    async def story(country: Country) -> None:
        session = await paid(country)
        both = await asyncio.gather(*(country.post(f"{session}/print") for _ in range(3)))
        assert sorted(answer.status_code for answer in both) == [200, 409, 409]
        refused(await country.post(f"{session}/print"), 409, "kiosk.already_printed")
        refused(await country.post(f"{session}/cancel"), 409, "kiosk.wrong_step")

    visit(tmp_path, story)


def test_a_phone_unlocked_by_finger_needs_no_pin(tmp_path: Path) -> None:
    """The phone has verified the PIN itself, once; the kiosk only asks for a signature."""

    async def story(country: Country) -> None:
        country.on_reader = kit.UnlockedPhone(kit.card(0, Carrier.PHONE))
        session = await choose(country)
        shown = (await country.post(f"{session}/authenticate")).json()
        assert (shown["state"], shown["carrier"]) == ("authenticated", "phone")
        later = await choose(country, "r2")
        refused(await country.post(f"{later}/authenticate"), 422, "kiosk.pin_required")

    visit(tmp_path, story)


def test_a_pin_is_asked_for_where_it_is_needed(tmp_path: Path) -> None:
    """A card never signs without its PIN; asking costs no try."""

    async def story(country: Country) -> None:
        session, country.on_reader = await choose(country), kit.card(0)
        assert refused(await country.post(f"{session}/authenticate"), 422, "kiosk.pin_required") == {"tries_left": 3}
        assert (await state(country, session))["state"] == "chosen"

    visit(tmp_path, story)


def test_wrong_pins_keep_the_session_and_count_down(tmp_path: Path) -> None:
    """Each wrong PIN says how many tries are left; the third blocks; a malformed one costs nothing."""

    async def story(country: Country) -> None:
        session, country.on_reader = await choose(country), kit.card(0)
        address = f"{session}/authenticate"
        assert refused(await country.post(address, pin="0000"), 422, "reader.wrong_pin") == {"tries_left": 2}
        assert (await state(country, session))["tries_left"] == 2
        malformed = await country.post(address, pin="12a4")
        assert refused(malformed, 422, "reader.pin_format.digits") == {"digits": 4, "tries_left": 2}
        assert refused(await country.post(address, pin="0001"), 422, "reader.wrong_pin") == {"tries_left": 1}
        assert refused(await country.post(address, pin="0002"), 422, "reader.pin_blocked") == {"tries_left": 0}
        assert refused(await country.post(address, pin=kit.PIN), 422, "reader.pin_blocked") == {"tries_left": 0}
        assert (await state(country, session))["state"] == "chosen"
        country.on_reader = kit.card(0)
        assert (await country.post(address, pin=kit.PIN)).json()["tries_left"] is None

    visit(tmp_path, story)


def test_an_empty_reader_is_said_so(tmp_path: Path) -> None:
    """Nothing on the reader ends nothing."""

    async def story(country: Country) -> None:
        session = await choose(country)
        refused(await country.post(f"{session}/authenticate", pin=kit.PIN), 422, "kiosk.no_carrier")
        country.on_reader = kit.card(0)
        assert (await country.post(f"{session}/authenticate", pin=kit.PIN)).status_code == 200

    visit(tmp_path, story)


def test_only_the_exact_fee_is_taken(tmp_path: Path) -> None:
    """Wrong coins come back, the session goes on; paying twice takes the fee once."""

    async def story(country: Country) -> None:
        session = await authenticated(country)
        for amount in (299, 301, 0, -300):
            assert refused(await country.post(f"{session}/pay", amount=amount), 422, "kiosk.wrong_amount")["fee"] == 300
        for wrong in ("300", True, None, 300.0):
            refused(await country.post(f"{session}/pay", amount=wrong), 400, "wire.bad_field")
        for _ in range(2):
            assert (await country.post(f"{session}/pay", amount=300)).json()["paid"] == 300

    visit(tmp_path, story)


@pytest.mark.parametrize("act", ["pay", "print"])
def test_no_step_can_be_left_out(tmp_path: Path, act: str) -> None:
    """Nobody pays or prints before she has proved who she is."""

    async def story(country: Country) -> None:
        session = await choose(country)
        refused(await country.post(f"{session}/{act}", amount=300), 409, "kiosk.wrong_step")
        session = await authenticated(country, request_id="r2")
        refused(await country.post(f"{session}/print"), 409, "kiosk.wrong_step")

    visit(tmp_path, story)


def test_choosing_may_be_repeated_but_not_changed(tmp_path: Path) -> None:
    """A request identifier stands for one choice."""

    async def story(country: Country) -> None:
        assert await choose(country) == await choose(country)
        body = {"document": "residence-certificate", "individual_number": True, "request_id": "r1"}
        refused(await country.post("/kiosk/v1/sessions", **body), 409, "kiosk.request_reused")
        body = {"document": "passport", "request_id": "r2"}
        refused(await country.post("/kiosk/v1/sessions", **body), 422, "kiosk.unknown_document")
        refused(await country.http.get("/kiosk/v1/sessions/none", params={"lang": "en"}), 404, "kiosk.unknown_session")

    visit(tmp_path, story)


def test_cancelling_gives_the_money_back(tmp_path: Path) -> None:
    """At any time before the printer; the centre's transaction ends with it."""

    async def story(country: Country) -> None:
        session = await paid(country)
        shown = (await country.post(f"{session}/cancel")).json()
        assert (shown["state"], shown["paid"], shown["reason"]) == ("refunded", 0, "kiosk.cancelled")
        assert shown["message"]["what"].startswith("The session was cancelled")
        assert (await country.post(f"{session}/cancel")).json()["state"] == "refunded"
        assert country.terminal.get(session.rsplit("/", 1)[1]).report is None
        assert country.centre.get(transaction(country, session)).state == "cancelled"
        refused(await country.post(f"{session}/print"), 409, "kiosk.wrong_step")

    visit(tmp_path, story)


def test_nobody_waits_for_a_slow_centre_to_get_her_coins(tmp_path: Path) -> None:
    """Cancelling answers at once; the centre hears of it when it can."""

    async def story(country: Country) -> None:
        session = await paid(country)
        gate = country.wires.gates["/cancel"] = asyncio.Event()
        session_id = session.rsplit("/", 1)[1]
        assert country.terminal.cancel(session_id).state == "refunded"
        telling = asyncio.ensure_future(country.terminal.settle())
        await kit.until(lambda: country.wires.waiting("/cancel"))
        assert country.terminal.get(session_id).report == "cancel"
        gate.set()
        await telling
        assert country.terminal.get(session_id).report is None

    visit(tmp_path, story)


def test_a_session_that_is_over_says_why_with_all_its_facts(tmp_path: Path) -> None:
    """Hours later the screen still has the whole sentence, in both languages, and no longer knows whose it was."""

    async def story(country: Country) -> None:
        country.clock.set(kit.at(days=4 * 365 + 10))
        session, country.on_reader = await choose(country), kit.card(0)
        facts = refused(await country.post(f"{session}/authenticate", pin=kit.PIN), 422, "verify.expired")
        assert facts["not_after"]
        for lang in ("ja", "en"):
            shown = (await country.http.get(session, params={"lang": lang})).json()
            assert facts["not_after"] in "".join(shown["message"].values())
        kept = country.terminal.get(session.rsplit("/", 1)[1])
        assert (kept.fingerprint, kept.challenge) == (None, None)
        ended = country.centre.get(transaction(country, session))
        assert (ended.certificate, ended.resident_code) == (None, None)

    visit(tmp_path, story)


def test_time_ends_the_whole_session(tmp_path: Path) -> None:
    """Whoever walks away leaves nothing behind: no session, no transaction, no money, no sheet for the next person."""

    async def story(country: Country) -> None:
        chosen, proved = await choose(country, "r0"), await authenticated(country, request_id="r1")
        with_money = await paid(country, request_id="r2")
        country.clock.advance(minutes=5)
        assert [(await state(country, one))["state"] for one in (chosen, proved, with_money)] == [
            "expired",
            "expired",
            "refunded",
        ]
        assert (await state(country, with_money))["paid"] == 0
        refused(await country.post(f"{with_money}/print"), 409, "kiosk.wrong_step")
        kept = country.terminal.get(with_money.rsplit("/", 1)[1])
        assert country.centre.get(kept.transaction_id or "").state == "expired"

    visit(tmp_path, story)


@pytest.mark.parametrize("slow", ["/document", "/documents/residence-certificate"])
def test_a_document_that_comes_too_late_is_dropped(tmp_path: Path, slow: str) -> None:
    """The incident of Yokohama: the wait timed out, only the lock was released, and the file came out for the next.

    Here the whole session is over, and what arrives for it is thrown away.
    """

    async def story(country: Country) -> None:
        session = await paid(country)
        gate = country.wires.gates[slow] = asyncio.Event()
        printing = asyncio.ensure_future(country.post(f"{session}/print"))
        await kit.until(lambda: country.wires.waiting(slow))
        country.clock.advance(minutes=5)
        gate.set()
        late = await printing
        assert late.status_code == 409
        assert b"%PDF" not in late.content
        assert (await state(country, session))["state"] == "refunded"
        country.wires.gates.clear()
        other = await paid(country, 1, "r2")
        sheet = await country.post(f"{other}/print")
        kept = country.terminal.get(other.rsplit("/", 1)[1])
        fingerprint = binding.certificate_sha256(kit.certificate(1, Kind.AUTHENTICATION))
        binding.check_document(sheet.content, kept.transaction_id or "", fingerprint)

    visit(tmp_path, story)


def test_cancelling_while_the_document_is_under_way_wins(tmp_path: Path) -> None:
    """She presses cancel while the machine waits: no sheet, money back."""

    async def story(country: Country) -> None:
        session = await paid(country)
        gate = country.wires.gates["/document"] = asyncio.Event()
        printing = asyncio.ensure_future(country.post(f"{session}/print"))
        await kit.until(lambda: country.centre.get(transaction(country, session)).state == "issued")
        assert (await country.post(f"{session}/cancel")).json()["state"] == "refunded"
        gate.set()
        refused(await printing, 409, "kiosk.wrong_step")

    visit(tmp_path, story)


def mixed_up(honest: Starlette, sheet: bytes) -> ASGIApp:
    """Return a centre that hands out the same sheet to everybody, and is honest otherwise."""

    async def centre(scope: Scope, receive: Receive, send: Send) -> None:
        answer = Response(sheet, media_type="application/pdf")
        await (answer if scope["path"].endswith("/document") else honest)(scope, receive, send)

    return centre


def test_a_sheet_of_somebody_else_is_destroyed(tmp_path: Path) -> None:
    """The terminal trusts nobody's word: what the centre hands over is checked once more, last, before paper."""

    async def story(country: Country) -> None:
        mine, hers = await paid(country, 0, "r1"), await paid(country, 1, "r2")
        transactions = [country.terminal.get(one.rsplit("/", 1)[1]).transaction_id for one in (mine, hers)]
        wrong = await country.centre.document(transactions[1] or "")

        honest = country.wires.apps["delivery"]
        country.wires.apps["delivery"] = mixed_up(honest, wrong)
        answer = await country.post(f"{mine}/print")
        refused(answer, 422, "kiosk.foreign_document")
        assert b"%PDF" not in answer.content
        shown = await state(country, mine)
        assert (shown["state"], shown["paid"]) == ("refunded", 0)
        country.wires.apps["delivery"] = honest
        assert (await country.post(f"{hers}/print")).content == wrong

    visit(tmp_path, story)


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (x509.ReasonFlags.cessation_of_operation, "verify.revoked.cessation_of_operation"),
        (x509.ReasonFlags.certificate_hold, "verify.held"),
    ],
)
def test_a_revoked_certificate_ends_the_session_and_says_why(
    tmp_path: Path, flag: x509.ReasonFlags, reason: str
) -> None:
    """The verifier's reason and its list of checks pass through centre and terminal to the person."""

    async def story(country: Country) -> None:
        country.authority.revoked[kit.serial(0, Kind.AUTHENTICATION)] = flag
        session, country.on_reader = await choose(country), kit.card(0)
        answer = await country.post(f"{session}/authenticate", pin=kit.PIN)
        refused(answer, 422, reason)
        outcomes = {check["name"]: check["outcome"] for check in answer.json()["checks"]}
        assert outcomes["certificate.status"] == "failed"
        shown = await state(country, session)
        assert (shown["state"], shown["reason"]) == ("refused", reason)
        assert shown["message"]["what"]

    visit(tmp_path, story)


def test_a_certificate_revoked_after_the_proof_prints_nothing(tmp_path: Path) -> None:
    """Status is asked again right before the document is handed over, not only when she came in."""

    async def story(country: Country) -> None:
        session = await paid(country)
        country.authority.revoked[kit.serial(0, Kind.AUTHENTICATION)] = x509.ReasonFlags.certificate_hold
        refused(await country.post(f"{session}/print"), 422, "verify.held")
        shown = await state(country, session)
        assert (shown["state"], shown["paid"]) == ("refunded", 0)

    visit(tmp_path, story)


@pytest.mark.parametrize("cut", ["delivery", "ocsp", "authority"])
def test_whoever_is_away_the_session_waits(tmp_path: Path, cut: str) -> None:
    """A partner that does not answer costs nothing but time: the same press works when it is back."""

    async def story(country: Country) -> None:
        session, country.on_reader = await choose(country), kit.card(0)
        country.wires.cut.add(cut)
        assert (await country.post(f"{session}/authenticate", pin=kit.PIN)).status_code == 503
        assert (await state(country, session))["state"] == "chosen"
        country.wires.cut.clear()
        assert (await country.post(f"{session}/authenticate", pin=kit.PIN)).status_code == 200

    visit(tmp_path, story)


@pytest.mark.parametrize("cut", ["delivery", "ocsp", "municipality"])
def test_whoever_is_away_the_paid_session_waits(tmp_path: Path, cut: str) -> None:
    """The money is safe: print again when all are back, or get it back."""

    async def story(country: Country) -> None:
        session = await paid(country)
        country.wires.cut.add(cut)
        assert (await country.post(f"{session}/print")).status_code == 503
        assert (await state(country, session))["state"] == "paid"
        country.wires.cut.clear()
        assert (await country.post(f"{session}/print")).status_code == 200

    visit(tmp_path, story)


def test_another_card_cannot_take_over_a_proven_transaction(tmp_path: Path) -> None:
    """The terminal lost the centre's answer; whoever comes next with another card is not taken for the first."""

    async def story(country: Country) -> None:
        session, country.on_reader = await choose(country), kit.card(0)
        gate = country.wires.gates["/proof"] = asyncio.Event()
        proving = asyncio.ensure_future(country.terminal.authenticate(session.rsplit("/", 1)[1], kit.PIN))
        await kit.until(lambda: transaction(country, session) != "")
        transaction_id = transaction(country, session)
        await kit.until(lambda: country.centre.get(transaction_id).state == "authenticated")
        proving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await proving
        gate.set()
        country.on_reader = kit.card(1)
        refused(await country.post(f"{session}/authenticate", pin=kit.PIN), 409, "kiosk.other_certificate")
        assert (await state(country, session))["state"] == "refused"
        await choose(country, "r2")
        assert country.centre.get(transaction_id).state == "cancelled"

    visit(tmp_path, story)


def test_outside_the_hours_nobody_is_served(tmp_path: Path) -> None:
    """A terminal with hours says when to come back."""

    async def story(country: Country) -> None:
        country.terminal.close()
        country.open_terminal(hours=Hours())
        country.clock.set(kit.at(hours=12))
        body = {"document": "residence-certificate", "request_id": "r1"}
        assert refused(await country.post("/kiosk/v1/sessions", **body), 422, "kiosk.closed")["opens"] == "06:30"

    visit(tmp_path, story)


def test_nothing_of_the_person_stays_in_the_machine(tmp_path: Path) -> None:
    """Neither name nor PIN nor resident code nor document lies in a file of terminal or centre."""

    async def story(country: Country) -> None:
        session = await paid(country)
        assert (await country.post(f"{session}/print")).status_code == 200

    visit(tmp_path, story)
    for file in ("terminal.db", "delivery.db"):
        connection = sqlite3.connect(tmp_path / file)
        dump = "\n".join(connection.iterdump())
        connection.close()
        assert "255044462d" not in dump.lower(), "a PDF is stored"
        assert not any(resident.code in dump for resident in kit.municipality().residents())
        assert kit.certificate(0, Kind.AUTHENTICATION)[:40].hex() not in dump.lower()
        assert kit.NAMES[0] not in dump
        assert f"'{kit.PIN}'" not in dump
