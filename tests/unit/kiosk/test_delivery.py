# SPDX-License-Identifier: Apache-2.0
"""The delivery centre believes nobody: not the terminal, not the municipality, and not yesterday's status."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.x509 import ocsp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind
from tegata.kiosk import binding
from tegata.kiosk.hours import Hours
from tegata.wire import b64, unb64
from unit.kiosk import kit
from unit.kiosk.kit import Country

TERMINAL = {"Authorization": "Bearer terminal-token", "Accept-Language": "en"}


def visit(folder: Path, what: Callable[[Country], Awaitable[None]]) -> None:
    """Run something in a fresh country."""

    async def inside() -> None:
        async with kit.country(folder) as country:
            await what(country)

    asyncio.run(inside())


async def post(country: Country, path: str, **body: Any) -> httpx.Response:
    """Call the centre as a terminal does."""
    return await country.http.post(f"/delivery/v1/transactions{path}", json=body, headers=TERMINAL)


async def begun(country: Country, request_id: str = "q1") -> tuple[str, bytes]:
    """Open a transaction; return its identifier and challenge."""
    body = {"request_id": request_id, "terminal_id": "kiosk-1", "document": "residence-certificate"}
    answer = await post(country, "", **body)
    assert answer.status_code == 201, answer.text
    return answer.json()["transaction_id"], unb64(answer.json()["challenge"])


def proof(transaction: str, challenge: bytes, number: int = 0, kind: Kind = Kind.AUTHENTICATION) -> dict[str, str]:
    """Return what a card of the n-th person signs for a transaction."""
    key = kit.key(2 + 2 * number + (kind is Kind.AUTHENTICATION))
    signature = key.sign(Scheme.RSA_PKCS1_SHA256, binding.signed_bytes(transaction, challenge))
    return {"certificate": b64(kit.certificate(number, kind)), "signature": b64(signature)}


async def proven(country: Country, number: int = 0, request_id: str = "q1") -> str:
    """Open a transaction and prove."""
    transaction, challenge = await begun(country, request_id)
    answer = await post(country, f"/{transaction}/proof", **proof(transaction, challenge, number))
    assert answer.status_code == 200, answer.text
    return transaction


def refused(answer: httpx.Response, status: int, reason: str) -> None:
    """Check that an answer is this problem."""
    assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
    assert "<" not in answer.json()["title"] + answer.json()["next"]


def test_every_step_may_be_repeated(tmp_path: Path) -> None:
    """A terminal that lost an answer asks again and gets the same."""

    async def story(country: Country) -> None:
        assert await begun(country) == await begun(country)
        transaction, challenge = await begun(country)
        for _ in range(2):
            answer = await post(country, f"/{transaction}/proof", **proof(transaction, challenge))
            assert answer.json()["state"] == "authenticated"
        first, second = [await post(country, f"/{transaction}/document") for _ in range(2)]
        assert first.content == second.content
        for _ in range(2):
            assert (await post(country, f"/{transaction}/printed")).json()["state"] == "printed"
        refused(await post(country, f"/{transaction}/document"), 409, "kiosk.transaction_over")
        refused(await post(country, f"/{transaction}/cancel"), 409, "kiosk.transaction_over")

    visit(tmp_path, story)


def test_a_request_stands_for_one_wish(tmp_path: Path) -> None:
    """Another terminal, or another document, is another request."""

    async def story(country: Country) -> None:
        await begun(country)
        body = {"request_id": "q1", "terminal_id": "kiosk-2", "document": "residence-certificate"}
        refused(await post(country, "", **body), 409, "kiosk.request_reused")
        refused(
            await post(country, "", **body | {"request_id": "q2", "document": "../residents"}),
            422,
            "kiosk.unknown_document",
        )
        refused(await post(country, "/none/document"), 404, "kiosk.unknown_transaction")

    visit(tmp_path, story)


@pytest.mark.parametrize("path", ["", "/x/proof", "/x/document", "/x/printed", "/x/cancel"])
@pytest.mark.parametrize(("token", "status"), [(None, 401), ("Bearer wrong", 401), ("Bearer operator-token", 403)])
def test_only_terminals_are_served(tmp_path: Path, path: str, token: str | None, status: int) -> None:
    """Without the token of the role nothing is answered, not even whether a transaction exists."""

    async def story(country: Country) -> None:
        country.centre.close()
        country.open_centre(tokens={"terminal": "terminal-token", "operator": "operator-token"})
        headers = {"Authorization": token} if token else {}
        answer = await country.http.post(f"/delivery/v1/transactions{path}", json={}, headers=headers)
        assert answer.status_code == status

    visit(tmp_path, story)


def test_nothing_personal_is_shown_to_the_terminal(tmp_path: Path) -> None:
    """The terminal learns how far it has come; who the person is, is none of its business."""

    async def story(country: Country) -> None:
        transaction = await proven(country)
        answer = await country.http.get(f"/delivery/v1/transactions/{transaction}", headers=TERMINAL)
        assert answer.json()["state"] == "authenticated"
        assert country.codes[0] not in answer.text
        assert country.codes[0] not in repr(country.centre.get(transaction))

    visit(tmp_path, story)


Forge = Callable[[str, bytes], dict[str, str]]


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda t, c: proof("f" * 32, c), "verify.bad_signature"),
        (lambda t, c: proof(t, bytes(32)), "verify.bad_signature"),
        (lambda t, c: proof(t, c) | {"signature": proof(t, c, 1)["signature"]}, "verify.bad_signature"),
        (lambda t, c: proof(t, c) | {"certificate": proof(t, c, 1)["certificate"]}, "verify.bad_signature"),
        (lambda t, c: proof(t, c, kind=Kind.SIGNING), "verify.wrong_kind"),
        (lambda t, c: proof(t, c) | {"certificate": b64(b"junk")}, "verify.malformed"),
        (lambda t, c: proof(t, c) | {"certificate": b64(kit.authority(Kind.AUTHENTICATION).der)}, None),
    ],
)
def test_a_false_proof_ends_the_transaction(tmp_path: Path, forge: Forge, reason: str | None) -> None:
    """Another transaction's signature, another's certificate, the wrong kind of certificate, or none at all."""

    async def story(country: Country) -> None:
        transaction, challenge = await begun(country)
        answer = await post(country, f"/{transaction}/proof", **forge(transaction, challenge))
        assert answer.status_code == 422
        assert reason in (None, answer.json()["reason"])
        assert "failed" in {check["outcome"] for check in answer.json()["checks"]}
        again = await post(country, f"/{transaction}/proof", **proof(transaction, challenge))
        refused(again, 409, "kiosk.transaction_over")
        refused(await post(country, f"/{transaction}/document"), 409, "kiosk.transaction_over")
        assert country.centre.get(transaction).reason == answer.json()["reason"]

    visit(tmp_path, story)


def test_a_signature_serves_one_transaction(tmp_path: Path) -> None:
    """What a card signed for one visit opens no other."""

    async def story(country: Country) -> None:
        transaction, challenge = await begun(country)
        kept = proof(transaction, challenge)
        assert (await post(country, f"/{transaction}/proof", **kept)).status_code == 200
        other, _ = await begun(country, "q2")
        refused(await post(country, f"/{other}/proof", **kept), 422, "verify.bad_signature")

    visit(tmp_path, story)


def test_a_certificate_that_the_authority_does_not_know_is_refused(tmp_path: Path) -> None:
    """Good by itself, but nobody's: there is no one to print for."""

    async def story(country: Country) -> None:
        del country.authority.holders[kit.serial(0, Kind.AUTHENTICATION)]
        transaction, challenge = await begun(country)
        answer = await post(country, f"/{transaction}/proof", **proof(transaction, challenge))
        refused(answer, 422, "authority.unknown_certificate")
        assert country.centre.get(transaction).state == "refused"

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
def test_a_status_that_tells_nothing_lets_nobody_in(tmp_path: Path, twist: Twist) -> None:
    """Replayed, old or empty answers are no answers: the transaction waits for a good one."""

    async def story(country: Country) -> None:
        country.authority.twist = twist
        transaction, challenge = await begun(country)
        answer = await post(country, f"/{transaction}/proof", **proof(transaction, challenge))
        assert answer.status_code == 503
        assert answer.json()["reason"].startswith("verify.status_")
        country.authority.twist = lambda plan: plan
        again = await post(country, f"/{transaction}/proof", **proof(transaction, challenge))
        assert again.status_code == 200

    visit(tmp_path, story)


def test_status_is_asked_at_the_proof_and_again_at_the_document(tmp_path: Path) -> None:
    """Once to come in, once right before the document leaves."""

    async def story(country: Country) -> None:
        transaction = await proven(country)
        assert country.authority.asked == ["ocsp", "holders"]
        await post(country, f"/{transaction}/document")
        assert country.authority.asked == ["ocsp", "holders", "ocsp"]

    visit(tmp_path, story)


def lying_municipality(country: Country, change: Callable[[Response], None], body: dict[str, Any]) -> Starlette:
    """Return a municipality that answers with what was asked by `body` in place of what it was really asked."""

    async def issue(request: Request) -> Response:
        asked = await request.json()
        document = country.municipality.residence_certificate(
            *(body.get(name, asked[name]) for name in ("transaction_id", "resident_code", "certificate_sha256"))
        )
        headers = {
            "X-Transaction-Id": asked["transaction_id"],
            "X-Document-Subject": binding.subject_of(asked["transaction_id"], asked["certificate_sha256"]),
            "X-Document-Holder": binding.holder_of(asked["transaction_id"], document.resident_code),
        }
        answer = Response(document.pdf, headers=headers)
        change(answer)
        return answer

    return Starlette(
        routes=[Route("/municipality/v1/documents/residence-certificate", issue, methods=["POST"])],
    )


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (lambda answer: None, {"resident_code": 1}),
        (lambda answer: None, {"transaction_id": "e5" * 16}),
        (lambda answer: None, {"certificate_sha256": "e5" * 32}),
        (lambda answer: answer.headers.update({"x-transaction-id": "e5" * 16}), {}),
        (lambda answer: answer.headers.update({"x-document-subject": "e5" * 32}), {}),
        (lambda answer: answer.headers.__delitem__("x-document-holder"), {}),
    ],
    ids=["person", "transaction on paper", "certificate on paper", "transaction", "subject", "no holder"],
)
def test_a_document_of_another_never_leaves_the_centre(
    tmp_path: Path, change: Callable[[Response], None], body: dict[str, Any]
) -> None:
    """Person, transaction and certificate: each is compared with what the centre itself knows."""

    async def story(country: Country) -> None:
        asked = {name: country.codes[value] if isinstance(value, int) else value for name, value in body.items()}
        country.wires.apps["municipality"] = lying_municipality(country, change, asked)
        transaction = await proven(country)
        answer = await post(country, f"/{transaction}/document")
        refused(answer, 422, "kiosk.foreign_document")
        assert b"%PDF" not in answer.content
        assert (country.centre.get(transaction).state, country.centre.get(transaction).reason) == (
            "refused",
            "kiosk.foreign_document",
        )

    visit(tmp_path, story)


def test_the_lying_municipality_of_these_tests_can_also_tell_the_truth(tmp_path: Path) -> None:
    """Otherwise the test above could not fail."""

    async def story(country: Country) -> None:
        country.wires.apps["municipality"] = lying_municipality(country, lambda _: None, {})
        transaction = await proven(country)
        assert (await post(country, f"/{transaction}/document")).status_code == 200

    visit(tmp_path, story)


def test_what_the_municipality_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    """The register's own reason reaches the person, and the transaction is over."""

    async def story(country: Country) -> None:
        country.authority.holders[kit.serial(0, Kind.AUTHENTICATION)] = ("99999999999", "13113")
        transaction = await proven(country)
        refused(await post(country, f"/{transaction}/document"), 422, "municipality.unknown_resident")
        assert country.centre.get(transaction).state == "refused"

    visit(tmp_path, story)


def test_phone_and_card_prove_the_same_person(tmp_path: Path) -> None:
    """The authority names the same resident for both."""

    async def story(country: Country) -> None:
        transaction, challenge = await begun(country)
        key = kit.key(3)
        signed = {
            "certificate": b64(kit.certificate(0, Kind.AUTHENTICATION, Carrier.PHONE)),
            "signature": b64(key.sign(Scheme.RSA_PKCS1_SHA256, binding.signed_bytes(transaction, challenge))),
        }
        assert (await post(country, f"/{transaction}/proof", **signed)).status_code == 200
        assert country.centre.get(transaction).resident_code == country.codes[0]

    visit(tmp_path, story)


def test_a_closed_centre_opens_no_transaction(tmp_path: Path) -> None:
    """What was opened before closing time may finish; nothing new begins."""

    async def story(country: Country) -> None:
        country.centre.close()
        country.open_centre(hours=Hours())
        country.clock.set(kit.at(hours=10, minutes=59))
        transaction = await proven(country)
        country.clock.advance(minutes=2)
        body = {"request_id": "q2", "terminal_id": "kiosk-1", "document": "residence-certificate"}
        refused(await post(country, "", **body), 422, "kiosk.closed")
        assert (await post(country, f"/{transaction}/document")).status_code == 200

    visit(tmp_path, story)


def test_one_second_apart_in_two_shops(tmp_path: Path) -> None:
    """The incident of Kawasaki: two requests within a second; each shop gets its own person's document."""

    async def story(country: Country) -> None:
        transactions = [await proven(country, number, f"q{number}") for number in range(3)]
        answers = await asyncio.gather(*(post(country, f"/{one}/document") for one in transactions))
        for number, (one, answer) in enumerate(zip(transactions, answers, strict=True)):
            fingerprint = binding.certificate_sha256(kit.certificate(number, Kind.AUTHENTICATION))
            binding.check_document(answer.content, one, fingerprint)

    visit(tmp_path, story)
