# SPDX-License-Identifier: Apache-2.0
"""What a command works on: the card's memory, what it knows until power off, and the tools it was given.

Handlers are functions from a `State` and a typed command to a new `State` and a response.  They change nothing in
place, so a command that is refused half-way leaves nothing behind.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tegata.card.image import CardImage, Place
from tegata.card.rules import PinState, Refusal
from tegata.card.typed import OWN_KEY, Ref
from tegata.codecs.apdu import SW, Response
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki.card_map import Application, Ef, EfKind, PinRule

ISD: Final = "isd"
"""The issuer security domain: what is selected after reset."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A secure messaging session: AES key, and the number of the next command."""

    key: bytes = field(repr=False)
    counter: int = 1


@dataclass(frozen=True, slots=True)
class Session:
    """Volatile state.  `verified` holds the PIN files verified since the application was selected, `channel` a secure
    messaging session; `issuer` lasts until reset.
    """

    application: str = ISD
    ef: int | None = None
    verified: frozenset[int] = frozenset()
    issuer: bool = False
    challenge: bytes | None = field(default=None, repr=False)
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Memory and session together."""

    image: CardImage
    session: Session

    @property
    def application(self) -> Application:
        """Return the selected application."""
        return self.image.profile.applications[self.session.application]

    def place(self, ef: Ef) -> Place:
        """Return where the image keeps a file of the selected application."""
        return ef.kept_at or (self.session.application, ef.id)

    def pin(self, ef: Ef) -> PinState:
        """Return the state of a PIN; one without an entry was never set."""
        return self.image.pins.get(self.place(ef), PinState())

    def now(self, **changes: object) -> "State":
        """Return the state with session members replaced."""
        return State(self.image, dataclasses.replace(self.session, **changes))  # type: ignore[arg-type]

    def having(self, image: CardImage) -> "State":
        """Return the state with another image."""
        return State(image, self.session)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the engine was given: random bytes, new keys, and keys loaded from their stored form."""

    random: Callable[[int], bytes]
    new_key: Callable[[Algorithm], SoftwareKey]
    load_key: Callable[[bytes], SoftwareKey]


Outcome: TypeAlias = tuple[State, Response]
DONE: Final = Response()


def resolve(state: State, ref: Ref) -> tuple[State, Ef]:
    """Return the file that a command means; naming one makes it current.  Raises `Refusal` 6A82, or 6986 when there is
    no current one.
    """
    number = _own_key(state) if ref == OWN_KEY else state.session.ef if ref is None else ref
    if number is None:
        raise Refusal(SW.NO_CURRENT_EF)
    ef = state.application.efs.get(number)
    if ef is None or ef.kind is EfKind.OBJECT:
        raise Refusal(SW.FILE_NOT_FOUND)
    return (state if state.session.ef == number else state.now(ef=number)), ef


def _own_key(state: State) -> int:
    ef = state.application.own_key()
    if ef is None:
        raise Refusal(SW.WRONG_P1P2)
    return ef.id


def resolve_kind(state: State, ref: Ref, *kinds: EfKind) -> tuple[State, Ef]:
    """As `resolve`; raises `Refusal` 6981 when the file is of another kind."""
    state, ef = resolve(state, ref)
    if ef.kind not in kinds:
        raise Refusal(SW.INCOMPATIBLE_FILE)
    return state, ef


def resolve_pin(state: State, ref: Ref) -> tuple[State, Ef, PinRule]:
    """As `resolve_kind` for a PIN, with its rule."""
    state, ef = resolve_kind(state, ref, EfKind.PIN)
    if ef.pin is None:
        raise Refusal(SW.INCOMPATIBLE_FILE)
    return state, ef, ef.pin


def demand_open(state: State, ef: Ef) -> None:
    """Raise `Refusal` 6982 unless the file is open to whoever holds the card."""
    if ef.opened_by and not state.session.verified.intersection(ef.opened_by):
        raise Refusal(SW.SECURITY_STATUS)
