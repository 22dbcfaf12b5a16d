# SPDX-License-Identifier: Apache-2.0
"""The country's own calls to its parties: tokens, languages, and answers that cannot be used."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tegata.sandbox.errors import PartyProblem, SandboxError, Unavailable
from tegata.sandbox.gateway import ASKED_IN, Gateway
from unit.refusal import refused

TOKENS = {"operator": "token-o", "hotline": "token-h"}
Answer = Callable[[httpx.Request], httpx.Response]


def gateway(answer: Answer) -> Gateway:
    """Return a gateway to a party that answers like this."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://country.test")
    return Gateway(http, TOKENS)


def test_each_call_carries_the_token_of_its_role_and_the_callers_language() -> None:
    """Nobody calls with another's token; words are asked for in the language of whoever asked the country."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.headers["authorization"], request.headers["accept-language"]))
        return httpx.Response(200, json={"path": request.url.raw_path.decode()})

    async def call() -> list[Any]:
        way = gateway(answer)
        first = await way.get("/a", params={"q": "1"})
        ASKED_IN.set("en")
        return [first, await way.post("/b", {"x": 1}, role="hotline")]

    assert asyncio.run(call()) == [{"path": "/a?q=1"}, {"path": "/b"}]
    assert seen == [("GET", "Bearer token-o", "ja"), ("POST", "Bearer token-h", "en")]


def test_a_refusal_keeps_status_reason_facts_and_document() -> None:
    """The party's own words are not lost, whatever facts it gives."""
    document = {"reason": "authority.odd", "facts": {"tries_left": 2, "clause": "§1"}, "detail": "だめ"}
    with refused("authority.odd", PartyProblem) as caught:
        asyncio.run(gateway(lambda _: httpx.Response(409, json=document)).get("/x"))
    assert isinstance(caught.value, PartyProblem)
    assert (caught.value.status, caught.value.document) == (409, document)
    assert caught.value.facts["tries_left"] == 2


@pytest.mark.parametrize("document", [{}, {"reason": None}, {"facts": [1]}, {"reason": "x", "facts": "odd"}])
def test_a_refusal_without_a_usable_reason_is_still_one(document: dict[str, Any]) -> None:
    """A document that is not ours passes on with its status."""
    with pytest.raises(PartyProblem) as caught:
        asyncio.run(gateway(lambda _: httpx.Response(418, json=document)).get("/x"))
    assert caught.value.status == 418
    assert caught.value.reason


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'"x"', b"null", b"\xff"])
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_what_is_no_json_object_is_unavailable(content: bytes, status: int) -> None:
    """A page, a list or nothing at all is no answer, whatever its status; the error names the path alone."""
    with refused("sandbox.party_unavailable", Unavailable) as caught:
        asyncio.run(gateway(lambda _: httpx.Response(status, content=content)).get("/x", params={"secret": "1"}))
    assert caught.value.facts == {"path": "/x"}


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.RemoteProtocolError("no")])
def test_a_party_that_does_not_answer_is_unavailable(error: Exception) -> None:
    """Whatever goes wrong on the way is one reason."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with refused("sandbox.party_unavailable", SandboxError):
        asyncio.run(gateway(fail).post("/x", {}))


def test_no_token_shows_in_a_repr() -> None:
    """Tokens stay inside."""
    assert "token" not in repr(gateway(lambda _: httpx.Response(200)))
