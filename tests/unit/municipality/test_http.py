# SPDX-License-Identifier: Apache-2.0
"""The municipality on the wire: who may ask what, what comes back, and what hostile bodies get."""

import json
from typing import Any

import pytest

from unit.municipality.kit import HANAKO, NUMBER, Town

CARD = {
    "request_id": "card.1",
    "card_id": "TEGATA1",
    "auth_pin": "1234",
    "signing_password": "ABC123",
    "card_pin": "4321",
}
DOCUMENT = {"transaction_id": "t-1", "certificate_sha256": "ab" * 32}


def entered(town: Town) -> str:
    """Enter Hanako over HTTP; returns her code."""
    answer = town.call("POST", "residents", {"request_id": "register.1", **HANAKO})
    assert answer.status_code == 201
    return str(answer.json()["resident_code"])


def test_the_counter_enters_looks_up_and_lists(town: Town) -> None:
    """With what the certificate will write, and without 個人番号."""
    code = entered(town)
    one = town.call("GET", f"residents/{code}").json()
    assert one["basic_four"]["name"] == one["name"] == "山田　花子"
    assert (one["municipality"], one["standing"], one["events"], one["cards"]) == ("東京都渋谷区", "resident", [], [])
    assert NUMBER not in json.dumps(one)
    (listed,) = town.call("GET", "residents").json()["residents"]
    assert listed["resident_code"] == code
    assert town.call("GET", "residents").headers["cache-control"] == "no-store"


def test_something_happens(town: Town) -> None:
    """200 when the authority knows it, 202 while it does not."""
    code = entered(town)
    town.authority.mood = "down"
    lost = {"request_id": "event.1", "kind": "card_lost"}
    waiting = town.call("POST", f"residents/{code}/events", lost)
    assert (waiting.status_code, waiting.json()["delivered"]) == (202, False)
    town.authority.mood = ""
    told = town.call("POST", f"residents/{code}/events", lost)
    assert (told.status_code, told.json()["revoked"], told.json()["kind"]) == (200, ["77"], "card_lost")
    assert told.json()["occurred_at"] == "2026-11-24T03:00:00Z"
    assert len(town.call("GET", f"residents/{code}").json()["events"]) == 1


def test_a_card_is_issued(town: Town) -> None:
    """201, and the same again."""
    code = entered(town)
    town.blank()
    for _ in range(2):
        answer = town.call("POST", f"residents/{code}/card", CARD)
        assert answer.status_code == 201
        assert (answer.json()["state"], answer.json()["signing_serial"]) == ("delivered", "1")
    assert town.call("GET", f"residents/{code}").json()["cards"] == [answer.json()]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"auth_pin": "12"}, 422, "reader.pin_format.digits"),
        ({"auth_pin": None}, 400, "wire.bad_field"),
        ({"signing_password": None}, 422, "municipality.pin_missing"),
        ({"signing_password": 5}, 400, "wire.bad_field"),
        ({"signing_password": "short"}, 422, "reader.pin_format.signing"),
        ({"card_id": "TEGATA9"}, 503, "municipality.card_not_on_counter"),
        ({"card_id": "../x"}, 400, "wire.bad_field"),
        ({"request_id": "a/../../events"}, 400, "wire.bad_field"),
        ({"request_id": "a?b#c"}, 400, "wire.bad_field"),
    ],
)
def test_a_card_is_refused(town: Town, change: dict[str, Any], status: int, reason: str) -> None:
    """With a problem document that shows neither PIN nor path."""
    code = entered(town)
    town.blank()
    answer = town.call("POST", f"residents/{code}/card", CARD | change)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.json()["next"]
    assert not any(secret in answer.text for secret in ("ABC123", '"12"', "short", "../"))


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("GET", "residents", {"operator"}),
        ("POST", "residents", {"operator"}),
        ("GET", "residents/1", {"operator"}),
        ("POST", "residents/1/events", {"operator"}),
        ("POST", "residents/1/card", {"operator"}),
        ("POST", "documents/residence-certificate", {"delivery"}),
    ],
)
def test_who_may_call(town: Town, method: str, path: str, roles: set[str]) -> None:
    """Everybody else is told so before anything is read."""
    assert town.call(method, path, b"{", role=None).status_code == 401
    for role in ("operator", "delivery"):
        status = town.call(method, path, b"{", role=role).status_code
        assert (status != 403) is (role in roles)


HOSTILE: list[bytes] = [
    b"",
    b"[]",
    b"{",
    b'{"request_id": "\\ud800"}',
    b'{"request_id": "r", "name": "\\udfff"}',
    b'{"request_id": "r", "name": NaN}',
    b"\xff\xfe{}",
    b'{"a":' + b"[" * 100_000,
    b'{"request_id": "r", "name": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", ["residents", "residents/90000000018/events", "residents/90000000018/card"])
def test_hostile_bodies_are_refused(town: Town, path: str, body: bytes) -> None:
    """Never a crash: half characters, endless nesting and numbers, other encodings."""
    answer = town.call("POST", path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_body_without_end_is_refused(town: Town) -> None:
    """One megabyte is enough for any form."""
    answer = town.call("POST", "residents", b'{"a": "' + b"x" * (1 << 20) + b'"}')
    assert (answer.status_code, answer.json()["reason"]) == (413, "wire.too_large")


@pytest.mark.parametrize("member", [*HANAKO, "household", "relationship", "since", "nationality", "stay_until"])
@pytest.mark.parametrize("value", [5, 1e400, True, [], {}, "", "x" * 100_000, "\x00", "a\nb"])
def test_no_member_crashes_the_counter(town: Town, member: str, value: object) -> None:
    """Each member with each thing that it is not."""
    body = json.dumps({"request_id": "r", **HANAKO, member: value}).replace("Infinity", "1e400")
    answer = town.call("POST", "residents", body.encode())
    assert answer.status_code == 422
    assert town.service.residents() == []


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"kind": "card_lost"}, 400, "wire.bad_field"),
        ({"request_id": "e", "kind": "resurrection"}, 400, "wire.bad_field"),
        ({"request_id": "e", "kind": ["move"]}, 400, "wire.bad_field"),
        ({"request_id": "e", "kind": "move"}, 422, "municipality.bad_entry"),
        (
            {"request_id": "e", "kind": "move", "municipality_code": "13113", "address": {}},
            422,
            "municipality.bad_entry",
        ),
        (
            {"request_id": "e", "kind": "move", "address": "x", "municipality_code": "0"},
            422,
            "jpki.unknown_municipality",
        ),
        ({"request_id": "register.1", "kind": "card_lost"}, 409, "municipality.request_reused"),
    ],
)
def test_events_that_are_refused(town: Town, body: dict[str, Any], status: int, reason: str) -> None:
    """With the member or the rule that is wrong."""
    code = entered(town)
    answer = town.call("POST", f"residents/{code}/events", body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_nobody_is_not_found(town: Town) -> None:
    """Whatever the code looks like."""
    for code in ("90000000000", "x", "%00", "%F0%9F%98%80", "a%20b"):
        assert town.call("GET", f"residents/{code}").status_code == 404
        body = {"request_id": "e", "kind": "death"}
        assert town.call("POST", f"residents/{code}/events", body).status_code == 404


def test_problems_come_in_both_languages(town: Town) -> None:
    """Japanese unless asked otherwise."""
    japanese = town.call("GET", "residents/1").json()
    english = town.call("GET", "residents/1?lang=en").json()
    assert japanese["title"] != english["title"]
    assert english["title"].isascii()


def test_a_document_comes_bound_to_its_transaction(town: Town) -> None:
    """As PDF, with the headers by which the delivery centre checks it; the same again on a repeat."""
    code = entered(town)
    body = DOCUMENT | {"resident_code": code}
    first = town.call("POST", "documents/residence-certificate", body, role="delivery")
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/pdf"
    assert first.content.startswith(b"%PDF-")
    assert first.headers["x-transaction-id"] == "t-1"
    assert len(first.headers["x-document-subject"]) == len(first.headers["x-document-holder"]) == 64
    assert code not in str(first.headers)
    again = town.call("POST", "documents/residence-certificate", body, role="delivery")
    assert again.content == first.content


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"transaction_id": "t\r\nSet-Cookie: x"}, 400, "wire.bad_field"),
        ({"transaction_id": "処理"}, 400, "wire.bad_field"),
        ({"certificate_sha256": "AB" * 32}, 400, "wire.bad_field"),
        ({"certificate_sha256": "ab"}, 400, "wire.bad_field"),
        ({"certificate_sha256": "zz" * 32}, 400, "wire.bad_field"),
        ({"resident_code": "90000000000"}, 404, "municipality.unknown_resident"),
        ({"resident_code": "9" * 12}, 400, "wire.bad_field"),
        ({"resident_code": 5}, 400, "wire.bad_field"),
    ],
)
def test_documents_that_are_refused(town: Town, change: dict[str, Any], status: int, reason: str) -> None:
    """Nothing that could split a header or be somebody else's reaches the press."""
    body = DOCUMENT | {"resident_code": entered(town)} | change
    answer = town.call("POST", "documents/residence-certificate", body, role="delivery")
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
