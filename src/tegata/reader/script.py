# SPDX-License-Identifier: Apache-2.0
"""Scripts: a conversation with a card as a generator that yields commands and is sent the responses.

Because a script does no I/O, the same one runs against a card in memory, through PC/SC, or cut into turns over HTTP.
Scripts call one another with `yield from`.
"""

from collections.abc import Callable, Generator
from typing import Protocol, TypeAlias, TypeVar

from tegata.codecs.apdu import ApduError, Command, Response
from tegata.reader.errors import TransportError

T = TypeVar("T")

Transmit: TypeAlias = Callable[[bytes], bytes]
"""One command APDU in, one response APDU out.  Raises `TransportError` when the card cannot be reached."""

Script: TypeAlias = Generator[bytes, bytes, T]
"""Yields command APDUs, is sent response APDUs, returns `T`."""


class Element(Protocol):
    """What a card is to the reader it lies on."""

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        ...

    def reset(self) -> None:
        """Forget everything volatile, as after power off."""
        ...


def run(script: Script[T], transmit: Transmit) -> T:
    """Run `script` against a card to its end; errors of the script and of `transmit` pass through."""
    answer: bytes | None = None
    while True:
        try:
            command = next(script) if answer is None else script.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        answer = transmit(command)  # outside: a StopIteration from there is an error, not the script's end


def send(command: Command) -> Script[Response]:
    """Send one command.  Raises `TransportError` (`reader.bad_answer`) when the answer is no response APDU."""
    raw = yield command.to_bytes()
    try:
        return Response.parse(raw)
    except ApduError as error:
        raise TransportError("reader.bad_answer") from error
