# SPDX-License-Identifier: Apache-2.0
"""The reader's side of the vpcd protocol: what vsmartcard's driver does, without pcscd.

`listening` waits for a card to come, as the driver does: any program that can put a card on the virtual reader can be
read so, on machines without PC/SC.  `paired` joins both sides by a socket pair, for tests and measurements.  What is
yielded is an `Element`, so everything that reads cards reads these.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Final

from tegata.reader import vpcd
from tegata.reader.errors import TransportError
from tegata.reader.script import Element
from tegata.reader.vpcd import Control

_PATIENCE: Final = 30.0


class DriverEnd:
    """A card at the other end of `connection`.  Raises `TransportError` (`reader.connection_lost`)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(_PATIENCE)

    @property
    def atr(self) -> bytes:
        """Answer to reset; asking for it changes nothing on the card."""
        return self._asked(bytes((Control.GET_ATR,)))

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        return self._asked(command)

    def reset(self) -> None:
        """Reset the card."""
        self._tell(Control.RESET)

    def close(self) -> None:
        """Hang up, as a reader does that is switched off."""
        self._connection.close()

    def power_on(self) -> None:
        """Power the card."""
        self._tell(Control.POWER_ON)

    def power_off(self) -> None:
        """Take its power away."""
        self._tell(Control.POWER_OFF)

    def _tell(self, control: Control) -> None:
        try:
            vpcd.send(self._connection, bytes((control,)))
        except OSError as error:
            raise TransportError("reader.connection_lost") from error

    def _asked(self, message: bytes) -> bytes:
        try:
            vpcd.send(self._connection, message)
            answer = vpcd.receive(self._connection)
        except OSError as error:
            raise TransportError("reader.connection_lost") from error
        if answer is None:
            raise TransportError("reader.connection_lost")
        return answer


@contextlib.contextmanager
def listening(
    port: int = vpcd.DEFAULT_PORT, host: str = "127.0.0.1", patience: float = _PATIENCE
) -> Iterator[DriverEnd]:
    """Listen as the driver does, on this machine only, and yield the first card that comes.

    Raises `TransportError`: `reader.port_in_use`, or `reader.no_card_came` after `patience` seconds.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise TransportError("reader.port_in_use", port=port) from error
    with listener:
        listener.settimeout(patience)
        try:
            connection, _ = listener.accept()
        except TimeoutError as error:
            raise TransportError("reader.no_card_came", port=port) from error
    with contextlib.closing(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = DriverEnd(connection)
        end.power_on()
        yield end


@contextlib.contextmanager
def paired(element: Element) -> Iterator[DriverEnd]:
    """Serve `element` in a thread, and yield the reader's end of the socket pair between."""
    ours, cards = socket.socketpair()
    thread = threading.Thread(target=vpcd.serve, args=(cards, element), name="vpcd-pair", daemon=True)
    thread.start()
    try:
        yield DriverEnd(ours)
    finally:
        ours.close()
        thread.join(5)
        cards.close()
