# SPDX-License-Identifier: Apache-2.0
"""Cards on a PC/SC reader, through pyscard (extra `pcsc`).

The same client code then reads a genuine card at someone's desk.  pyscard is imported when first needed, so that nobody
else has to install it.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tegata.reader.errors import TransportError
from tegata.reader.script import Transmit


def reader_names() -> list[str]:
    """Return the names of the readers that are connected; raises `TransportError`."""
    return [str(reader) for reader in _readers()]


@contextmanager
def connected(name: str | None = None) -> Iterator[Transmit]:
    """Connect to the card on the first reader whose name contains `name` and that has a card on it.

    Raises `TransportError`: `reader.pyscard_missing`, `reader.no_reader`, `reader.connection_lost`.
    """
    connection = _connect(name)
    try:
        yield _transmit(connection)
    finally:
        with suppress(*_failures()):  # a card that was taken away cannot be let go of
            connection.disconnect()


def _connect(name: str | None) -> Any:
    for reader in _readers():
        if name is None or name in str(reader):
            connection = reader.createConnection()
            try:
                connection.connect()
            except _failures():
                continue
            return connection
    raise TransportError("reader.no_reader", wanted=name or "*")


def _readers() -> list[Any]:
    try:
        return list(_module("smartcard.System").readers())
    except _failures() as error:
        raise TransportError("reader.no_reader", wanted="*") from error


def _transmit(connection: Any) -> Transmit:
    def transmit(command: bytes) -> bytes:
        try:
            data, sw1, sw2 = connection.transmit(list(command))
        except _failures() as error:
            raise TransportError("reader.connection_lost") from error
        return bytes(data) + bytes((sw1, sw2))

    return transmit


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
