# SPDX-License-Identifier: Apache-2.0
"""Puts an ASGI application on a loopback port.

The port is taken before anything else is opened, so that a taken one is an error with a next step and not a half-
started country. Signals are the caller's business; stopping lets running requests finish.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import uvicorn
from starlette.types import ASGIApp

from tegata.sandbox.errors import SandboxError

T = TypeVar("T")
HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8440


class PortError(SandboxError):
    """The port cannot be used: `sandbox.port_taken`, `sandbox.port_forbidden`, `sandbox.port_unusable`."""


_REASONS: Final = {errno.EADDRINUSE: "sandbox.port_taken", errno.EACCES: "sandbox.port_forbidden"}


def listen(port: int) -> socket.socket:
    """Take a port on this machine's loopback address; 0 takes any free one.  Raises `PortError`."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
        taken.listen(128)
    except (OSError, OverflowError) as error:
        taken.close()
        reason = _REASONS.get(getattr(error, "errno", None) or 0, "sandbox.port_unusable")
        raise PortError(reason, port=port) from error
    return taken


def url_of(listening: socket.socket) -> str:
    """Return the address under which a listening socket is reached."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller."""
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on a listening socket for as long as the context lasts.  Raises `PortError`."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", server_header=False, timeout_graceful_shutdown=3
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    answering = asyncio.create_task(server.answering.wait())
    await asyncio.wait({task, answering}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        answering.cancel()
        await task
        raise PortError("sandbox.port_unusable", port=listening.getsockname()[1])
    try:
        yield
    finally:
        server.should_exit = True
        await task


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a fast event loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
