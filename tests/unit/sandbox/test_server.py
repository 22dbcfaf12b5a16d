# SPDX-License-Identifier: Apache-2.0
"""The loopback port: taken first, told when it cannot be, and given back."""

import asyncio
import errno
import socket
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from tegata.sandbox import server
from tegata.sandbox.server import PortError
from unit.refusal import refused


def test_zero_takes_a_free_port_of_this_machine_only() -> None:
    """The address that is told is the one that is listened on, and no other machine can reach it."""
    with server.listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        assert server.url_of(listening) == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_said_to_be_taken() -> None:
    """The number is among the facts."""
    with server.listen(0) as listening:
        port = listening.getsockname()[1]
        with refused("sandbox.port_taken", PortError) as caught:
            server.listen(port)
    assert caught.value.facts == {"port": port}


@pytest.mark.parametrize("port", [-1, 65536, 10**12])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    """Numbers outside 0 to 65535 are no ports."""
    with refused("sandbox.port_unusable", PortError):
        server.listen(port)


@pytest.mark.parametrize(
    ("code", "reason"), [(errno.EACCES, "sandbox.port_forbidden"), (errno.EADDRNOTAVAIL, "sandbox.port_unusable")]
)
def test_what_the_system_says_becomes_a_reason(monkeypatch: pytest.MonkeyPatch, code: int, reason: str) -> None:
    """A privileged port, and whatever else the system refuses."""

    class Refusing(socket.socket):
        def bind(self, _: Any, /) -> None:
            raise OSError(code, "no")

    monkeypatch.setattr(server.socket, "socket", Refusing)
    with refused(reason, PortError):
        server.listen(80)


def test_serving_answers_until_the_context_ends() -> None:
    """Inside the context a request is answered; afterwards nobody listens."""

    async def lived() -> tuple[str, bool]:
        with server.listen(0) as listening:
            url = server.url_of(listening)
            async with httpx.AsyncClient() as http:
                async with server.serving(PlainTextResponse("here"), listening):
                    told = (await http.get(url)).text
                try:
                    await http.get(url)
                except httpx.TransportError:
                    return told, True
                return told, False

    assert server.run(lived) == ("here", True)


def test_a_server_that_ends_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for a server that gave up before it began."""

    async def give_up(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(uvicorn.Server, "serve", give_up)

    async def live() -> None:
        with server.listen(0) as listening:
            async with server.serving(PlainTextResponse("here"), listening):
                raise AssertionError("served")

    with refused("sandbox.port_unusable", PortError):
        asyncio.run(live())
