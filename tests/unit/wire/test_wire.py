# SPDX-License-Identifier: Apache-2.0
"""Manners on HTTP: bounded bodies, one kind of refusal, tokens that open what they should and nothing else."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.messages import TegataError
from tegata.wire import (
    Guard,
    WireError,
    b64,
    body_bytes,
    bytes_field,
    handlers,
    id_field,
    json_body,
    text_field,
    unb64,
)
from unit.refusal import refused

TOKENS = {"operator": "secret-operator", "delivery": "secret-delivery"}


class Closed(TegataError):
    """The shop is closed."""


class ClosedToday(Closed):
    """It is Monday."""


async def echo(request: Request) -> Response:
    """Return the body's members."""
    return JSONResponse(await json_body(request, limit=1000))


async def count(request: Request) -> Response:
    """Return the body's size."""
    return JSONResponse(len(await body_bytes(request, limit=10)))


async def guarded(request: Request) -> Response:
    """Return the caller's role."""
    return JSONResponse(GUARD.require(request, "operator"))


async def closed(request: Request) -> Response:
    """Refuse, with what a message may mention and what it may not."""
    raise ClosedToday("wire.bad_field", clause="house rule 1", field="day", hidden=object(), also=b"bytes")


async def checked(request: Request) -> Response:
    """Refuse with a list of checks, as a verdict does."""
    error = Closed("wire.bad_json")
    error.checks = (Check(),)  # type: ignore[attr-defined]
    raise error


class Check:
    """One line of a verdict."""

    def to_json(self, lang: str) -> dict[str, str]:
        """Return it in a language."""
        return {"name": "certificate.form", "lang": lang}


GUARD = Guard(TOKENS)
APP = Starlette(
    routes=[
        Route("/echo", echo, methods=["POST"]),
        Route("/count", count, methods=["POST"]),
        Route("/guarded", guarded),
        Route("/closed", closed),
        Route("/checked", checked),
    ],
    exception_handlers=handlers({Closed: 503}, {"wire.bad_json": 418}),
)


def call(method: str, path: str, **arguments: Any) -> httpx.Response:
    """Make one request."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://country.test") as http:
            return await http.request(method, path, **arguments)

    return asyncio.run(go())


def test_a_json_object_is_read() -> None:
    """Members of any language come through."""
    assert call("POST", "/echo", json={"name": "山田"}).json() == {"name": "山田"}
    assert call("POST", "/echo", content='{"a": "\\ud83d\\ude00"}').json() == {"a": "😀"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',  # half a surrogate pair
        b'{"\\uDFFF": 1}',
        b'{"a": "\xed\xa0\x80"}',  # the same, raw
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"[" * 990 + b"]",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    """RFC 8259 §8.1 wants UTF-8; what no text can hold, no store could keep."""
    answer = call("POST", "/echo", content=body)
    assert answer.status_code == 418
    assert answer.json()["reason"] == "wire.bad_json"


def test_nesting_and_numbers_without_end_are_refused() -> None:
    """Neither exhausts the interpreter."""

    async def read(raw: bytes) -> object:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        return await json_body(Request({"type": "http", "method": "POST", "headers": []}, receive))

    for raw in (b'{"a":' + b"[" * 500_000, b'{"a":' + b"9" * 500_000 + b"}"):
        with refused("wire.bad_json", WireError):
            asyncio.run(read(raw))


def test_a_body_is_not_read_beyond_its_limit() -> None:
    """The stream is given up as soon as it is too long, whatever Content-Length said."""
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"12345"

    async def read() -> None:
        stream = endless()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": await anext(stream), "more_body": True}

        await body_bytes(Request({"type": "http", "method": "POST", "headers": []}, receive), limit=10)

    with refused("wire.too_large", WireError):
        asyncio.run(read())
    assert taken == 3
    assert call("POST", "/count", content=b"x" * 10).json() == 10
    assert call("POST", "/count", content=b"x" * 11).status_code == 413


def test_text_members() -> None:
    """Required, a string, not empty, not too long; the refusal names the member and never shows its value."""
    assert text_field({"a": "x"}, "a") == "x"
    for body in ({}, {"a": ""}, {"a": 1}, {"a": None}, {"a": ["x"]}, {"a": "secret" * 200}):
        with refused("wire.bad_field", WireError) as caught:
            text_field(body, "a")
        assert caught.value.facts == {"field": "a"}
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["card.tegata-0001:2_~", "A", "9" * 100])
def test_identifiers(value: str) -> None:
    """What may stand in a path, a header and a log as it is."""
    assert id_field({"id": value}, "id") == value


@pytest.mark.parametrize(
    "value", ["", "..", ".", "a/b", "a?b", "a#b", "a b", "a\r\nX: y", "日本", "a%2Fb", "a\n", "9" * 101]
)
def test_what_is_no_identifier(value: str) -> None:
    """What would change a path or split a header is refused."""
    with refused("wire.bad_field", WireError):
        id_field({"id": value}, "id")


def test_base64_is_strict() -> None:
    """Standard alphabet, padding, nothing around it (RFC 4648 §4)."""
    assert unb64(b64(b"\xfb\xff\x00")) == b"\xfb\xff\x00"
    assert b64(b"\xfb\xff") == "+/8="
    assert bytes_field({"a": "AAE="}, "a") == b"\x00\x01"
    for wrong in ("-_8=", "AAE", "AA E=", "AAE=\n", "AAE=AAE=", "あ", "="):
        with pytest.raises(ValueError, match="base64"):
            unb64(wrong)
        with refused("wire.bad_field", WireError):
            bytes_field({"a": wrong}, "a")


def test_a_problem_says_what_why_and_what_next() -> None:
    """RFC 9457 with our reason, clause and next step; the nearest class decides the status; odd facts stay inside."""
    answer = call("GET", "/closed")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["type"] == "urn:tegata:problem:wire.bad_field"
    assert (body["reason"], body["clause"], body["facts"]) == ("wire.bad_field", "house rule 1", {"field": "day"})
    assert body["next"]
    assert "day" in body["title"]


def test_a_verdict_shows_its_checks() -> None:
    """In the caller's language."""
    answer = call("GET", "/checked", headers={"accept-language": "en-GB,en;q=0.8"})
    assert answer.json()["checks"] == [{"name": "certificate.form", "lang": "en"}]


@pytest.mark.parametrize(
    ("header", "query", "japanese"),
    [
        (None, "", True),
        ("ja", "", True),
        ("ja,en;q=0.5", "", True),
        ("fr", "", True),
        ("en", "", False),
        ("EN-us", "", False),
        ("ja", "?lang=en", False),
        ("en", "?lang=ja", True),
    ],
)
def test_language(header: str | None, query: str, japanese: bool) -> None:
    """Japanese unless English comes first; `?lang=` decides for people with a browser."""
    headers = {} if header is None else {"accept-language": header}
    title = call("GET", f"/closed{query}", headers=headers).json()["title"]
    assert title.isascii() is not japanese


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer secret-operator", 200),
        ("bearer secret-operator", 200),
        ("Bearer secret-delivery", 403),
        ("Bearer secret-operato", 401),
        ("Bearer ", 401),
        ("Bearer", 401),
        ("Basic secret-operator", 401),
        ("Bearer ümlaut", 401),
        (None, 401),
    ],
)
def test_tokens_open_their_role_only(header: str | None, status: int) -> None:
    """A wrong token is not let in, a right one only where its role may."""
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    answer = call("GET", "/guarded", headers=headers)
    assert answer.status_code == status
    assert "secret" not in answer.text


def test_no_token_is_no_key() -> None:
    """A role whose token was left empty is closed, not open."""
    request = Request({"type": "http", "headers": [(b"authorization", b"Bearer ")]})
    with refused("wire.unauthorized", WireError):
        Guard({"operator": ""}).require(request, "operator")


def test_the_guard_does_not_show_its_tokens() -> None:
    """Its repr names the roles."""
    assert repr(GUARD) == "Guard(roles=['delivery', 'operator'])"
    assert "secret" not in json.dumps(repr(GUARD))
