# SPDX-License-Identifier: Apache-2.0
"""Carries a script's commands to a secure element through the phone's app, over HTTP, one turn at a time.

A script is a generator: it yields one command APDU, is sent the response, and returns its outcome.  Here it is cut into
turns that a phone fetches: each turn has a name, and the phone returns the responses under that name.  A repeated turn
(its answer was lost) gets the same answer again; an unknown turn (this process was restarted, or the phone was) starts
the script from its beginning, which scripts must bear.  Scripts live in memory only; what they achieved is recorded by
the service.
"""

import secrets
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tegata.reader import Script

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Turn:
    """Commands for the element.  `name` is what the phone gives back with the responses; `None` at the end."""

    name: str | None = None
    commands: tuple[bytes, ...] = field(default=(), repr=False)


class Relay(Generic[Outcome]):
    """One script on its way through one element.

    `previous` is the name of the turn whose answer led to `turn`, the one that waits for the phone.
    """

    def __init__(self, script: Script[Outcome], previous: str | None = None) -> None:
        self._script = script
        self._session = secrets.token_hex(8)
        self._count = 0
        self.previous = previous
        self.turn = Turn()
        self._next(next(script))

    def feed(self, responses: list[bytes]) -> Outcome | None:
        """Give the element's answer to the current turn; returns the outcome once the script has come to its end.

        Until then the next command is in `turn`.  Errors of the script pass through; it cannot be fed afterwards.
        """
        try:
            command = self._script.send(responses[0] if responses else b"")
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        self.previous = self.turn.name
        self._next(command)
        return None

    def _next(self, command: bytes) -> None:
        self._count += 1
        self.turn = Turn(f"{self._session}.{self._count}", (command,))
