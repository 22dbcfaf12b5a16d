# SPDX-License-Identifier: Apache-2.0
"""A mobile contract by signature: what is signed, what is believed, what is kept, and what a refusal says."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind, assumptions
from tegata.relying.errors import OutOfStep
from tegata.relying.shop import paper, rules
from tegata.relying.shop.model import Act, Contract, State
from tegata.verify import Evidence, Status, TrustStore, verify
from tegata.wire import b64, unb64
from unit.kiosk import kit
from unit.kiosk.kit import Country

ENGLISH = {"Accept-Language": "en"}


def visit(folder: Path, what: Callable[[Country], Awaitable[None]]) -> None:
    """Run something in a fresh country."""

    async def inside() -> None:
        async with kit.country(folder) as country:
            await what(country)

    asyncio.run(inside())


async def offered(country: Country, request_id: str = "r1", plan: str = "standard") -> dict[str, Any]:
    """Choose a plan; return the contract as it is shown."""
    answer = await country.post("/shop/v1/contracts", plan=plan, request_id=request_id)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def signed(
    country: Country, contract: dict[str, Any], number: int = 0, carrier: Carrier = Carrier.CARD, **changes: str
) -> httpx.Response:
    """Do what a phone does: fetch the document, sign it, send it back."""
    request = (await country.http.get(contract["signing_url"])).json()
    signature = kit.key(2 + 2 * number).sign(Scheme.RSA_PKCS1_SHA256, unb64(request["document"]))
    body = {"certificate": b64(kit.certificate(number, Kind.SIGNING, carrier)), "signature": b64(signature), **changes}
    return await country.http.post(contract["signing_url"], json=body, headers=ENGLISH)


async def look(country: Country, contract: dict[str, Any], rest: str = "") -> Any:
    """Return a contract, or what lies below it."""
    return (await country.http.get(f"/shop/v1/contracts/{contract['contract_id']}{rest}", headers=ENGLISH)).json()


def refused(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    """Check that an answer is this problem; return it."""
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["reason"]) == (status, reason), answer.text
    assert "<" not in problem["title"] + problem["next"], "a fact is missing from the message"
    return problem


@pytest.mark.parametrize("carrier", Carrier)
def test_a_contract_is_concluded_by_signature_alone(tmp_path: Path, carrier: Carrier) -> None:
    """Card or phone: the shop learns the four attributes from the certificate, and there is no photograph anywhere."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        assert contract["state"] == "offered"
        assert contract["attributes"] is None
        answer = await signed(country, contract, carrier=carrier)
        assert answer.status_code == 200, answer.text
        shown = await look(country, contract)
        assert shown == answer.json()
        assert shown["state"] == "signed"
        assert shown["attributes"]["name"] == kit.NAMES[0]
        assert sorted(shown["attributes"]) == ["address", "address_flags", "birth", "name", "name_flags", "sex"]
        assert (shown["verdict"]["kind"], shown["verdict"]["carrier"]) == ("signing", carrier.value)
        assert {check["outcome"] for check in shown["verdict"]["checks"]} == {"passed"}
        assert "photo" not in str(await look(country, contract, "/evidence")).lower()

    visit(tmp_path, story)


def test_what_is_signed_is_what_was_read(tmp_path: Path) -> None:
    """One document, byte for byte, in both languages, with plan, number and time; and it says that it is a test."""

    async def story(country: Country) -> None:
        contract = await offered(country, plan="family")
        request = await look(country, contract, "/signing-request")
        text = unb64(request["document"]).decode()
        assert text == contract["document"]
        for words in (
            "Mobile contract",
            "携帯電話契約申込書",
            contract["contract_id"],
            "ファミリー",
            "Family",
            "4,480",
        ):
            assert words in text
        for words in ("2026年11月24日 12:00:00", "2026-11-24 12:00:00 JST", "TEST", "見本"):
            assert words in text
        assert request["media_type"] == "text/plain; charset=utf-8"
        assert request["expires_at"] == "2026-11-24T03:30:00Z"
        assert (request["title"], request["service"]) == (paper.TITLE, paper.SERVICE)

    visit(tmp_path, story)


def test_evidence_is_verified_again_offline(tmp_path: Path) -> None:
    """Years later, with the authority's certificate alone: the same verdict, and a changed byte breaks it."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        await signed(country, contract)
        kept = await look(country, contract, "/evidence")
        country.authority.revoked[kit.serial(0, Kind.SIGNING)] = x509.ReasonFlags.affiliation_changed
        verdict = verified(kept)
        assert verdict.basic_four is not None
        assert verdict.basic_four.to_json() == kept["attributes"]
        assert verdict.anchor_fingerprint == kept["anchor_fingerprint"]
        assert (verdict.status_source, kept["status_source"]) == ("ocsp", "ocsp")
        changed = b64(unb64(kept["document"]).replace("スタンダード".encode(), "ライトライト".encode()))
        with pytest.raises(Exception, match=r"verify\.bad_signature"):
            verified(kept | {"document": changed})

    visit(tmp_path, story)


def verified(kept: dict[str, Any]) -> Any:
    """Verify a record with nothing but itself, the anchors, and the time that it notes."""
    data = {
        name: kept[name] and unb64(kept[name])
        for name in ("certificate", "document", "signature", "ocsp", "crl", "nonce")
    }
    status = Status(ocsp=data["ocsp"], crl=data["crl"], nonce=data["nonce"])
    evidence = Evidence(data["certificate"], data["document"], data["signature"], Kind.SIGNING, status)
    return verify(evidence, TrustStore.of(kit.anchors()), datetime.fromisoformat(kept["verified_at"]))


def test_the_record_names_method_and_law(tmp_path: Path) -> None:
    """The law's letters move, so the record has an identifier of our own beside law, revision and letter."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        await signed(country, contract)
        method = (await look(country, contract, "/evidence"))["method"]
        assert method["id"] == "tegata.mobile.signing-certificate"
        for member in ("law", "revision", "letter"):
            name = "relying.mobile_law" + ("" if member == "law" else f"_{member}")
            assert method[member] == assumptions.value(name)
        assert method["retention"] == assumptions.value("relying.mobile_retention")
        assert (await look(country, contract))["evidence"]["method"] == method

    visit(tmp_path, story)


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (x509.ReasonFlags.affiliation_changed, "verify.revoked.affiliation_changed"),
        (x509.ReasonFlags.superseded, "verify.revoked.superseded"),
        (x509.ReasonFlags.cessation_of_operation, "verify.revoked.cessation_of_operation"),
        (x509.ReasonFlags.certificate_hold, "verify.held"),
        (None, "verify.revoked.unspecified"),
    ],
)
@pytest.mark.parametrize("silent", [False, True], ids=["ocsp", "list"])
def test_a_refusal_says_why(tmp_path: Path, flag: x509.ReasonFlags | None, reason: str, silent: bool) -> None:
    """A person who moved house hears that, not "revoked"; the screen shows it too, and the offer still stands."""

    async def story(country: Country) -> None:
        country.authority.revoked[kit.serial(0, Kind.SIGNING)] = flag
        if silent:
            country.authority.silent.add("ocsp")
        contract = await offered(country)
        problem = refused(await signed(country, contract), 422, reason)
        assert {check["name"]: check["outcome"] for check in problem["checks"]}["certificate.status"] == "failed"
        shown = await look(country, contract)
        assert (shown["state"], shown["refusal"]["reason"]) == ("offered", reason)
        assert (shown["refusal"]["what"], shown["refusal"]["next"]) == (problem["title"], problem["next"])
        assert shown["refusal"]["checks"] == problem["checks"]
        assert shown["attributes"] is None
        assert kit.NAMES[0] not in str(shown)
        assert (await signed(country, contract, number=1)).status_code == 200
        shown = await look(country, contract)
        assert (shown["state"], shown["refusal"]) == ("signed", None)
        assert shown["attributes"]["name"] == kit.NAMES[1]

    visit(tmp_path, story)


def test_without_ocsp_the_municipalitys_list_decides(tmp_path: Path) -> None:
    """The record says which it was, and holds the list."""

    async def story(country: Country) -> None:
        country.authority.silent.add("ocsp")
        contract = await offered(country)
        assert (await signed(country, contract)).status_code == 200
        kept = await look(country, contract, "/evidence")
        assert (kept["status_source"], kept["ocsp"]) == ("crl", None)
        assert verified(kept).status_source == "crl"
        assert country.authority.asked == ["ocsp", "crl"]

    visit(tmp_path, story)


def test_without_either_there_is_no_judgement(tmp_path: Path) -> None:
    """Neither accepted nor refused: she may send the same signature again."""

    async def story(country: Country) -> None:
        country.authority.silent |= {"ocsp", "crl"}
        contract = await offered(country)
        refused(await signed(country, contract), 503, "shop.status_unavailable")
        assert (await look(country, contract))["refusal"] is None
        country.authority.silent.clear()
        assert (await signed(country, contract)).status_code == 200

    visit(tmp_path, story)


Twist = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    "twist",
    [
        lambda plan: plan | {"nonce": bytes(32)},
        lambda plan: plan | {"this_update": kit.at(days=-2), "next_update": kit.at(days=-1)},
        lambda plan: plan | {"status": ocsp.OCSPCertStatus.UNKNOWN},
    ],
    ids=["nonce of another question", "stale", "unknown"],
)
def test_a_bad_answer_is_not_passed_over_for_the_list(tmp_path: Path, twist: Twist) -> None:
    """Only silence leads to the list; an answer that is there but no good leads nowhere."""

    async def story(country: Country) -> None:
        country.authority.twist = twist
        contract = await offered(country)
        answer = await signed(country, contract)
        assert answer.status_code == 503
        assert answer.json()["reason"].startswith("verify.status_")
        assert "crl" not in country.authority.asked
        assert (await look(country, contract))["state"] == "offered"

    visit(tmp_path, story)


def test_false_signatures_are_refused(tmp_path: Path) -> None:
    """Somebody else's certificate, the login certificate, another contract's signature, junk."""

    async def story(country: Country) -> None:
        contract, other = await offered(country), await offered(country, "r2")
        stolen = b64(kit.certificate(1, Kind.SIGNING))
        refused(await signed(country, contract, certificate=stolen), 422, "verify.bad_signature")
        login = b64(kit.certificate(0, Kind.AUTHENTICATION))
        refused(await signed(country, contract, certificate=login), 422, "verify.wrong_kind")
        text = unb64((await look(country, other, "/signing-request"))["document"])
        moved = b64(kit.key(2).sign(Scheme.RSA_PKCS1_SHA256, text))
        refused(await signed(country, contract, signature=moved), 422, "verify.bad_signature")
        problem = refused(await signed(country, contract, certificate=b64(b"junk")), 422, "verify.malformed")
        assert problem["checks"][0]["outcome"] == "failed"
        refused(await signed(country, contract, certificate="!"), 400, "wire.bad_field")
        assert (await look(country, contract))["state"] == "offered"

    visit(tmp_path, story)


def test_a_contract_is_signed_once(tmp_path: Path) -> None:
    """The same signature may come again, as after a lost answer; another person's may not."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        first, again = await signed(country, contract), await signed(country, contract)
        assert (first.status_code, again.json()) == (200, first.json())
        refused(await signed(country, contract, number=1), 409, "shop.already_signed")
        assert (await look(country, contract))["attributes"]["name"] == kit.NAMES[0]

    visit(tmp_path, story)


def test_two_who_sign_at_once_do_not_both_win(tmp_path: Path) -> None:
    """One contract, one signer, however close they come."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        answers = await asyncio.gather(*(signed(country, contract, number) for number in range(3)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]

    visit(tmp_path, story)


def test_an_offer_ends_by_its_time(tmp_path: Path) -> None:
    """Also while the status answer is under way."""

    async def story(country: Country) -> None:
        contract, late = await offered(country), await offered(country, "r2")
        gate = country.wires.gates["/ocsp/signing"] = asyncio.Event()
        signing = asyncio.ensure_future(signed(country, late))
        await kit.until(lambda: country.wires.waiting("/ocsp/signing"))
        country.clock.advance(minutes=30)
        gate.set()
        assert (await signing).status_code in (409, 503)
        assert (await look(country, late))["state"] == "expired"
        refused(await signed(country, contract), 409, "shop.expired")
        assert (await look(country, contract))["state"] == "expired"

    visit(tmp_path, story)


def test_requests_are_checked(tmp_path: Path) -> None:
    """Unknown plans and contracts, a request identifier used twice, evidence that is not there yet."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        assert (await offered(country))["contract_id"] == contract["contract_id"]
        body = {"plan": "light", "request_id": "r1"}
        refused(await country.post("/shop/v1/contracts", **body), 409, "shop.request_reused")
        body = {"plan": "gold", "request_id": "r3"}
        refused(await country.post("/shop/v1/contracts", **body), 422, "shop.unknown_plan")
        assert (await look(country, {"contract_id": "none"}))["reason"] == "shop.unknown_contract"
        assert (await look(country, contract, "/evidence"))["reason"] == "shop.not_signed"
        plans = (await country.http.get("/shop/v1/plans", headers=ENGLISH)).json()["plans"]
        assert [one["plan"] for one in plans] == ["light", "standard", "family"]

    visit(tmp_path, story)


def test_contract_numbers_cannot_be_guessed(tmp_path: Path) -> None:
    """They open the contract, so they carry 128 random bits."""

    async def story(country: Country) -> None:
        numbers = {(await offered(country, f"r{n}"))["contract_id"] for n in range(20)}
        assert len(numbers) == 20
        assert all(len(bytes.fromhex(number)) == 16 for number in numbers)

    visit(tmp_path, story)


def test_evidence_is_sealed_on_disk_and_survives_a_restart(tmp_path: Path) -> None:
    """Name, address and certificate are not in the file; after a restart the same record opens again."""

    async def story(country: Country) -> None:
        contract = await offered(country)
        await signed(country, contract)
        kept = await look(country, contract, "/evidence")
        country.shop.close()
        country.open_shop()
        await country.shop.recover()
        assert await look(country, contract, "/evidence") == kept
        assert kit.NAMES[0] not in repr(country.shop.get(contract["contract_id"]))

    visit(tmp_path, story)
    connection = sqlite3.connect(tmp_path / "shop.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert kit.NAMES[0] not in dump
    assert kit.NAMES[0].encode().hex() not in dump.lower()
    assert kit.certificate(0, Kind.SIGNING)[:40].hex() not in dump.lower()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", Act)
def test_a_contract_does_what_the_table_says_and_nothing_else(state: State, act: Act) -> None:
    """Every pair of state and act is either in the table or refused with a reason of its own."""
    contract = Contract("c", "r", paper.plan("light"), b"", kit.NOW, kit.NOW, state)
    after = rules.TRANSITIONS.get((state, act))
    if after is None:
        with pytest.raises(OutOfStep, match=r"shop\.(expired|already_signed)"):
            rules.advance(contract, act)
    else:
        assert rules.advance(contract, act).state is after
