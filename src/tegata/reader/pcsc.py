# SPDX-License-Identifier: Apache-2.0
"""Cards on a PC/SC reader, through pyscard (extra `pcsc`).

The same client code then reads a genuine card at someone's desk.  pyscard is imported when first needed, so that nobody
else has to install it.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from tegata.reader.errors import TransportError
from tegata.reader.script import Transmit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """One reader: its name, and the answer to reset of the card on it, `None` without one."""

    name: str
    atr: bytes | None


class PcscCard:
    """A card on a PC/SC reader, connected.  Raises `TransportError` (`reader.connection_lost`)."""

    def __init__(self, connection: Any, reader: str) -> None:
        self._connection = connection
        self.reader = reader

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return bytes(_lost(self._connection.getATR))

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        data, sw1, sw2 = _lost(lambda: self._connection.transmit(list(command)))
        return bytes(data) + bytes((sw1, sw2))

    def reset(self) -> None:
        """Reset the card; what other programs verified is forgotten too."""
        _lost(self._connection.reconnect)


def reader_names() -> list[str]:
    """Return the names of the readers that are connected; raises `TransportError`."""
    return [str(reader) for reader in _readers()]


def listed() -> list[Listed]:
    """Return the readers, and what lies on them; raises `TransportError`."""
    return [Listed(str(reader), _atr_on(reader)) for reader in _readers()]


@contextmanager
def opened(name: str | None = None) -> Iterator[PcscCard]:
    """Connect to the card on the first reader whose name contains `name` and that has a card on it.

    Raises `TransportError`: `reader.pyscard_missing`, `reader.no_reader`.  At the end the card is powered off, so that
    no verified PIN outlives us.
    """
    connection, reader = _connect(name)
    try:
        yield PcscCard(connection, reader)
    finally:
        with suppress(*_failures()):  # a card that was taken away cannot be let go of
            connection.disconnect()


@contextmanager
def connected(name: str | None = None) -> Iterator[Transmit]:
    """The same, for those who only want to talk: yields `transmit`."""
    with opened(name) as card:
        yield card.transmit


def _connect(name: str | None) -> tuple[Any, str]:
    for reader in _readers():
        if name is None or name in str(reader):
            connection = reader.createConnection()
            try:
                connection.connect()
            except _failures():
                continue
            return connection, str(reader)
    raise TransportError("reader.no_reader", wanted=name or "*")


def _atr_on(reader: Any) -> bytes | None:
    connection = reader.createConnection()
    try:
        connection.connect()
        return bytes(connection.getATR())
    except _failures():
        return None
    finally:
        with suppress(*_failures()):
            connection.disconnect()


def _readers() -> list[Any]:
    try:
        return list(_module("smartcard.System").readers())
    except _failures() as error:
        raise TransportError("reader.no_reader", wanted="*") from error


def _lost(call: Callable[[], T]) -> T:
    try:
        return call()
    except _failures() as error:
        raise TransportError("reader.connection_lost") from error


def _failures() -> tuple[type[Exception], ...]:
    return (
        _module("smartcard.Exceptions").SmartcardException,
        _module("smartcard.pcsc.PCSCExceptions").BaseSCardException,
    )


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TransportError("reader.pyscard_missing") from error
