# SPDX-License-Identifier: Apache-2.0
"""Fetching certificate status: the right requests, and one error for everything that is no answer."""

import asyncio

import httpx
import pytest

from tegata.wire import WireError
from tegata.wire.status import OCSP_LIMIT, StatusClient


def client(handler: httpx.MockTransport) -> StatusClient:
    """Return a client whose network is `handler`."""
    return StatusClient(httpx.AsyncClient(transport=handler), "http://country.test/")


def answering(status: int, content: bytes, seen: list[httpx.Request] | None = None) -> httpx.MockTransport:
    """Return a network that always gives the same answer and remembers what was asked."""

    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=content)

    return httpx.MockTransport(handle)


def test_ocsp_is_asked_by_post() -> None:
    """The request is the body, with its media type (RFC 6960 appendix A.1)."""
    seen: list[httpx.Request] = []
    answer = asyncio.run(client(answering(200, b"response", seen)).ocsp("signing", b"request"))
    assert answer == b"response"
    assert (seen[0].method, str(seen[0].url)) == ("POST", "http://country.test/ocsp/signing")
    assert seen[0].content == b"request"
    assert seen[0].headers["content-type"] == "application/ocsp-request"


def test_a_list_is_fetched_by_municipality() -> None:
    """One list per municipality and kind."""
    seen: list[httpx.Request] = []
    answer = asyncio.run(client(answering(200, b"list", seen)).crl("authentication", "13113"))
    assert answer == b"list"
    assert (seen[0].method, seen[0].url.path) == ("GET", "/crl/authentication/13113.crl")


@pytest.mark.parametrize("status", [204, 302, 404, 500, 503])
def test_anything_but_ok_is_unavailable(status: int) -> None:
    """The status code is told, the body is not looked at."""
    with pytest.raises(WireError) as caught:
        asyncio.run(client(answering(status, b"x")).ocsp("signing", b"request"))
    assert (caught.value.reason, caught.value.facts) == ("wire.status_unavailable", {"status": status})


def test_a_network_that_fails_is_unavailable() -> None:
    """No connection, and an address that is none."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    with pytest.raises(WireError, match=r"wire\.status_unavailable"):
        asyncio.run(client(httpx.MockTransport(fail)).crl("signing", "13113"))
    broken = StatusClient(httpx.AsyncClient(transport=answering(200, b"")), "http://country.test:port")
    with pytest.raises(WireError, match=r"wire\.status_unavailable"):
        asyncio.run(broken.crl("signing", "13113"))


def test_an_answer_without_end_is_cut_off() -> None:
    """A responder cannot fill our memory."""
    with pytest.raises(WireError, match=r"wire\.status_unavailable"):
        asyncio.run(client(answering(200, bytes(OCSP_LIMIT + 1))).ocsp("signing", b"request"))


def test_its_repr_names_the_service() -> None:
    """For the log."""
    assert repr(client(answering(200, b""))) == "StatusClient('http://country.test')"
