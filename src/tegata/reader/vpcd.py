# SPDX-License-Identifier: Apache-2.0
"""Puts a card into vsmartcard's virtual reader, so that pcscd, OpenSC and everything above them see it.

The driver listens on TCP; we connect, which inserts the card, and answer its messages: two bytes length, then a control
byte (power off, power on, reset, get ATR) or a command APDU.  Closing the socket removes the card.  Protocol:
vsmartcard, virtualsmartcard/src/vpcd.
"""

import contextlib
import socket
import threading
from enum import IntEnum
from typing import Final

from tegata.reader.errors import TransportError
from tegata.reader.script import Element

DEFAULT_PORT: Final = 35963


class Control(IntEnum):
    """One-byte messages of the driver (vpcd.h)."""

    POWER_OFF = 0
    POWER_ON = 1
    RESET = 2
    GET_ATR = 4


class VirtualReader:
    """One card in one slot.  `run` serves until the reader or `close` ends it; `start` does so in a thread."""

    def __init__(self, element: Element, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
        """Connect, which inserts the card.  Raises `TransportError` (`reader.vpcd_unreachable`)."""
        self._element = element
        self._thread: threading.Thread | None = None
        try:
            self._socket = socket.create_connection((host, port), timeout=5)
        except (OSError, OverflowError) as error:
            raise TransportError("reader.vpcd_unreachable", host=host, port=port) from error
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        """Serve until the connection ends.  Errors of the card pass through, and take it out of the reader."""
        try:
            serve(self._socket, self._element)
        finally:
            self.take_out()

    def start(self) -> "VirtualReader":
        """Serve in a thread of its own; returns self."""
        self._thread = threading.Thread(target=self.run, name="vpcd", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Take the card out.  May be called from another thread, and twice."""
        self.take_out()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
        self._socket.close()

    def take_out(self) -> None:
        """End the connection, which the driver sees as the card leaving; `run` returns.  Waits for nobody."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "VirtualReader":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(connection: socket.socket, element: Element) -> None:
    """Answer the driver's messages on a connected socket until it is closed.  Errors of the element pass through."""
    while (message := receive(connection)) is not None:
        answer = answer_to(message, element)
        if answer is not None:
            try:
                send(connection, answer)
            except OSError:
                return


def answer_to(message: bytes, element: Element) -> bytes | None:
    """Return what the driver expects for one message; `None` where it expects nothing.  Asking for the ATR changes no
    state.
    """
    if len(message) > 1:
        return element.transmit(message)
    if message == bytes((Control.GET_ATR,)):
        return element.atr
    if message in (bytes((Control.POWER_OFF,)), bytes((Control.POWER_ON,)), bytes((Control.RESET,))):
        element.reset()
    return None


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message: length and body in one piece, so that nobody waits for an acknowledgement between."""
    connection.sendall(len(message).to_bytes(2, "big") + message)


def receive(connection: socket.socket) -> bytes | None:
    """Return the next message, `None` when the other side is gone."""
    head = _exactly(connection, 2)
    return None if head is None else _exactly(connection, int.from_bytes(head, "big"))


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    received = b""
    while len(received) < size:
        try:
            _acknowledge_at_once(connection)
            part = connection.recv(size - len(received))
        except OSError:
            return None
        if not part:
            return None
        received += part
    return received


def _acknowledge_at_once(connection: socket.socket) -> None:
    """Save 40 ms per command: Debian's driver sends length and body apart and waits for an acknowledgement between."""
    option = getattr(socket, "TCP_QUICKACK", None)
    if option is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, option, 1)
