# SPDX-License-Identifier: Apache-2.0
"""The PINs of a card by name, and the guard in front of them.

A card counts every mistake, so the host must not make any of its own: a PIN is presented once per call, never again by
itself; one that the card has called wrong is not sent a second time; and the last try is not risked unless somebody
says so.
"""

import functools
import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tegata.jpki import card_map
from tegata.jpki.card_map import EfKind, PinRule
from tegata.reader.errors import Blocked, LastTry, ReaderError, SamePin

LEAST_TRIES: Final = 1
"""With so many tries left, or fewer, a PIN is not presented without an explicit wish."""


@dataclass(frozen=True, slots=True)
class PinPlace:
    """One PIN of a card: its name, the application and file that hold it, and how it looks."""

    name: str
    application: str
    ef: int
    rule: PinRule


@functools.cache
def places() -> Mapping[str, PinPlace]:
    """Return every PIN of the My Number Card: `signing`, `authentication`, `text`, ...

    One that several applications have is named with its application: `common.card`.  References that ship blocked are
    nobody's, and left out.
    """
    found = list(_all())
    names = [place.name for place in found]
    named = (
        PinPlace(f"{one.application}.{one.name}", one.application, one.ef, one.rule)
        if names.count(one.name) > 1
        else one
        for one in found
    )
    return {place.name: place for place in named}


def _all() -> Iterator[PinPlace]:
    for application in card_map.profile("card").applications.values():
        for ef in application.efs.values():
            if ef.kind is EfKind.PIN and ef.pin is not None and ef.pin.name != "blocked":
                yield PinPlace(ef.role.removeprefix("pin."), application.name, ef.id, ef.pin)


def place(name: str) -> PinPlace:
    """Return the PIN called `name`; raises `ReaderError` (`reader.unknown_pin`)."""
    if name not in places():
        raise ReaderError("reader.unknown_pin", pin=name)
    return places()[name]


class Guard:
    """Stands between a host and the PINs of one card, for as long as the host talks to it."""

    def __init__(self) -> None:
        self._salt = os.urandom(16)
        self._wrong: set[bytes] = set()

    def admit(self, pin: PinPlace, value: bytes, tries_left: int, *, allow_last_try: bool) -> None:
        """Raise unless `value` may be presented: `Blocked`, `SamePin`, `LastTry`."""
        if tries_left == 0:
            raise Blocked
        if self._mark(pin, value) in self._wrong:
            raise SamePin
        if tries_left <= LEAST_TRIES and not allow_last_try:
            raise LastTry(tries_left)

    def wrong(self, pin: PinPlace, value: bytes) -> None:
        """Remember that the card called `value` wrong; only a keyed digest of it is kept."""
        self._wrong.add(self._mark(pin, value))

    def changed(self) -> None:
        """A PIN was changed: what was wrong may be right now."""
        self._wrong.clear()

    def _mark(self, pin: PinPlace, value: bytes) -> bytes:
        return hmac.digest(self._salt, pin.name.encode() + b"\0" + value, hashlib.sha256)
