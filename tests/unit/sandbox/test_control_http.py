# SPDX-License-Identifier: Apache-2.0
"""The control API on the wire: every operation is answered, and checked, by the table that documents it."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tegata.clock import SetClock, SystemClock
from tegata.crypto.vault import VaultError
from tegata.sandbox import control_http
from tegata.sandbox.errors import PartyProblem, StoryFailed, Unavailable
from tegata.sandbox.openapi import BASE, OPERATIONS, Member, Operation
from tegata.storage import StorageError
from unit.sandbox import kit
from unit.sandbox.kit import Town

WITH_BODY = [operation for operation in OPERATIONS if operation.has_body]
SAMPLES: dict[str, Any] = {"string": "x", "array": ["x"], "object": {"x": 1}}
NAMES = {"{slug}": "nobody", "{card_id}": "none", "{phone_id}": "none"}


class Echo:
    """Stands for the hands: says which operation was called, with what."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda **members: {"called": name, **members}


class Refusing:
    """Stands for hands that always fail in the same way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            raise self._error

        return refuse


def desk(hands: Any = None, url: str = kit.URL) -> Starlette:
    """Return the control API over fakes."""
    return control_http.create_app(hands or Echo(), SetClock(kit.NOW), url, lambda: {"status": "ready"})


def ask(app: Starlette, method: str, path: str, base: str = kit.URL, **content: Any) -> httpx.Response:
    """Send one request to an application."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base) as http:
            return await http.request(method, path, **content)

    return asyncio.run(send())


def path_of(operation: Operation) -> str:
    """Return a path of this operation, about somebody who is not there."""
    path = BASE + operation.path
    for name, value in NAMES.items():
        path = path.replace(name, value)
    return path


def sample(operation: Operation) -> dict[str, Any]:
    """Return a body that the table accepts, with every member."""
    return {member.name: SAMPLES[member.kind] for member in operation.body}


def reason(answer: httpx.Response) -> str:
    """Return the reason of a refusal, which is a problem document in any case."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["next"]
    return str(told["reason"])


def named(operation: Operation) -> str:
    """Return the name of a case."""
    return operation.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_operation_reaches_the_hand_of_its_name(operation: Operation) -> None:
    """Path, method, status and members are those of the table."""
    content = {"json": sample(operation)} if operation.has_body else {}
    answer = ask(desk(), operation.method, path_of(operation), **content)
    assert answer.status_code == operation.status
    assert answer.headers["cache-control"] == "no-store"
    if operation.name not in ("openapi", "clock"):
        told = answer.json()
        assert told["called"] == operation.name
        members = told["body"] if operation.open_body else told
        assert sample(operation).items() <= members.items()


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_each_body_is_checked_by_the_table(operation: Operation) -> None:
    """A missing, null, mistyped, empty, overlong or unknown member is refused by its name."""
    good = sample(operation)
    for member in operation.body:
        spoilt = [{**good, member.name: value} for value in wrong_values(member)]
        if member.required:
            spoilt += [{**good, member.name: None}, {name: v for name, v in good.items() if name != member.name}]
        for body in spoilt:
            answer = ask(desk(), operation.method, path_of(operation), json=body)
            assert (answer.status_code, reason(answer)) == (400, "wire.bad_field")
            assert answer.json()["facts"] == {"field": member.name}
    answer = ask(desk(), operation.method, path_of(operation), json={**good, "surprise": 1})
    assert answer.status_code == (operation.status if operation.open_body else 400)


def wrong_values(member: Member) -> list[Any]:
    """Return values that are none of this member's."""
    wrong: list[Any] = [1, True, 1.5, *(value for kind, value in SAMPLES.items() if kind != member.kind)]
    return [*wrong, "", "x" * (member.limit + 1)] if member.kind == "string" else wrong


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_each_body_must_be_a_json_object_of_bounded_size(operation: Operation) -> None:
    """Forms, which a foreign page could send unasked, and anything that is no JSON object are refused."""
    path = path_of(operation)
    form = ask(desk(), operation.method, path, data={"persona": "hanako"})
    assert (form.status_code, reason(form)) == (400, "wire.bad_json")
    for content in (b"", b"[]", b'"x"', b"{", b'{"a": NaN}', b"\xff", b"[" * 20_000):
        answer = ask(desk(), operation.method, path, content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, reason(answer)) == (400, "wire.bad_json")
    huge = ask(desk(), operation.method, path, json={"persona": "x" * 300_000})
    assert (huge.status_code, reason(huge)) == (413, "wire.too_large")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_may_be_named_as_http_allows(kind: str) -> None:
    """Parameters and capital letters in a media type mean nothing (RFC 9110 §8.3.1)."""
    answer = ask(desk(), "PUT", f"{BASE}/reader", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 200


def test_optional_members_may_be_null() -> None:
    """A member that may be left out may be null, and counts as left out."""
    answer = ask(desk(), "POST", f"{BASE}/people", json={"persona": "hanako", "slug": None})
    assert answer.json() == {"called": "admit", "persona": "hanako"}


@pytest.mark.parametrize(
    ("query", "members"),
    [
        ("", {}),
        ("?limit=1", {"limit": 1}),
        ("?limit=1000&after=taro", {"limit": 1000, "after": "taro"}),
        ("?lang=en", {}),
    ],
)
def test_a_query_becomes_members(query: str, members: dict[str, Any]) -> None:
    """Numbers arrive as numbers; `lang` is about words only."""
    assert ask(desk(), "GET", f"{BASE}/people{query}").json() == {"called": "people", **members}


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=%EF%BC%91", "limit=01"),
        *("limit=1&limit=2", "after=", "after=" + "x" * 501, "limt=5", "limit=000000001" + "9" * 5000),
    ],
)
def test_a_bad_query_is_refused(query: str) -> None:
    """Unknown, doubled, empty or endless members of a query are refused."""
    answer = ask(desk(), "GET", f"{BASE}/people?{query}")
    assert (answer.status_code, reason(answer)) == (400, "wire.bad_field")


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_no_operation_answers_a_foreign_page(operation: Operation) -> None:
    """Another name for this machine (DNS rebinding), another origin, and none at all are refused before anything."""
    content = {"json": sample(operation)} if operation.has_body else {}
    foreign = [
        {"Host": "evil.test"},
        {"Host": "127.0.0.1.evil.test:8440"},
        {"Host": "["},
        {"Host": ""},
        {"Origin": "http://evil.test"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": ""},
    ]
    for headers in foreign:
        answer = ask(
            desk(Refusing(AssertionError("was called"))),
            operation.method,
            path_of(operation),
            headers=headers,
            **content,
        )
        assert (answer.status_code, reason(answer)) == (403, "wire.foreign_origin"), headers


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8440", "http://127.0.0.1:8440"),
        ("localhost:8440", None),
        ("LOCALHOST:8440", "http://localhost:8440"),
        ("[::1]:8440", "http://[::1]:8440"),
        ("country.test", "https://country.test"),
    ],
)
def test_this_machine_and_the_countrys_own_name_are_welcome(host: str, origin: str | None) -> None:
    """Whoever calls the country by a name of this machine, or by its own, from its own pages, is answered."""
    headers = {"Host": host, **({"Origin": origin} if origin else {})}
    answer = ask(desk(url="https://country.test"), "GET", f"{BASE}/cards", headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoryFailed("sandbox.story_unexpected"), 500),
        (Unavailable("sandbox.party_unavailable", path="/x"), 503),
        (StorageError("storage.full", file="x"), 503),
        (VaultError("crypto.vault_cannot_open"), 500),
    ],
)
def test_whatever_fails_inside_is_told_with_its_reason(error: Any, status: int) -> None:
    """A failure of ours is a problem document too, never a bare 500."""
    answer = ask(desk(Refusing(error)), "GET", f"{BASE}/cards")
    assert (answer.status_code, reason(answer)) == (status, error.reason)


def test_a_party_that_says_no_is_passed_on_unchanged() -> None:
    """Status, reason, words and everything else in the party's document reach whoever asked the country."""
    document = {"type": "urn:x", "status": 409, "reason": "authority.odd", "detail": "だめ", "next": "…", "checks": [1]}
    answer = ask(desk(Refusing(PartyProblem(409, document))), "GET", f"{BASE}/clients")
    assert answer.status_code == 409
    assert answer.json() == document
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"{BASE}/nothing", 404), ("PATCH", f"{BASE}/people", 405), ("GET", f"{BASE}/hotline", 405)],
)
def test_what_is_no_operation_is_a_problem_document(method: str, path: str, status: int) -> None:
    """An unknown path or method is refused in the form of all other refusals, and says which methods there are."""
    answer = ask(desk(), method, path)
    assert (answer.status_code, reason(answer)) == (status, "sandbox.no_operation")
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(("clock", "mode"), [(SetClock(kit.NOW), "set"), (SystemClock(), "system")])
def test_the_clock_says_whose_it_is(clock: Any, mode: str) -> None:
    """The time ends in Z; whether it is the machine's is said."""
    app = control_http.create_app(Echo(), clock, kit.URL, dict)  # type: ignore[arg-type]  # the hands are not used
    told = ask(app, "GET", f"{BASE}/clock").json()
    assert told["mode"] == mode
    assert told["now"].endswith("Z")


@pytest.mark.parametrize("lang", ["en", "ja", None])
def test_words_come_in_the_callers_language(town: Town, lang: str | None) -> None:
    """The country's own refusals, and those of its parties, speak the language that was asked for."""
    headers = {"Accept-Language": lang} if lang else {}
    ours = town.send("GET", f"{BASE}/people/nobody", headers=headers)
    theirs = town.send("POST", f"{BASE}/people/hanako/events", json={"kind": "fly"}, headers=headers)
    for answer in (ours, theirs):
        assert answer.is_client_error
        assert answer.json()["detail"].isascii() == (lang == "en")
