# SPDX-License-Identifier: Apache-2.0
"""Every change of state of a PIN, of a key, and of the card, in tables.

    PIN    unset ─set─► ready ◄─right, wrong─┐      ready ─last wrong─► blocked ─set or unblocked by issuer─► ready
                          └──────────────────┘
    channel  closed ─session key, after the PIN─► open ─another session key─► open;  open ─any error, SELECT─► closed
    card   blank ─generate─► personalising ─finish─► issued ─generate─► personalising;  any ─erase─► blank
    key    fresh (the issuer may have it sign a certification request) ─finish─► in use (obeys its PIN, and only that)

What a table does not name cannot happen: the functions here raise `Refusal`, which is a status word.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tegata.codecs.apdu import SW
from tegata.crypto.mac import equal
from tegata.jpki.card_map import PinRule


class Refusal(Exception):
    """The command is answered with the status word `sw`, and nothing changes."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class PinStatus(StrEnum):
    """Where a PIN stands."""

    UNSET = "unset"
    READY = "ready"
    BLOCKED = "blocked"


class PinEvent(StrEnum):
    """What happens to a PIN."""

    RIGHT = "right"
    WRONG = "wrong"
    LAST_WRONG = "last_wrong"
    CHANGED = "changed"
    ISSUED = "issued"
    UNBLOCKED = "unblocked"
    CLEARED = "cleared"


PIN_TRANSITIONS: Final[dict[tuple[PinStatus, PinEvent], PinStatus]] = {
    (PinStatus.READY, PinEvent.RIGHT): PinStatus.READY,
    (PinStatus.READY, PinEvent.WRONG): PinStatus.READY,
    (PinStatus.READY, PinEvent.LAST_WRONG): PinStatus.BLOCKED,
    (PinStatus.READY, PinEvent.CHANGED): PinStatus.READY,
    (
        PinStatus.UNSET,
        PinEvent.CHANGED,
    ): PinStatus.READY,  # the holder's first PIN, where the profile leaves it to the holder
    (PinStatus.UNSET, PinEvent.ISSUED): PinStatus.READY,
    (PinStatus.READY, PinEvent.ISSUED): PinStatus.READY,
    (PinStatus.BLOCKED, PinEvent.ISSUED): PinStatus.READY,
    (PinStatus.READY, PinEvent.UNBLOCKED): PinStatus.READY,
    (PinStatus.BLOCKED, PinEvent.UNBLOCKED): PinStatus.READY,
    (PinStatus.UNSET, PinEvent.CLEARED): PinStatus.UNSET,
    (PinStatus.READY, PinEvent.CLEARED): PinStatus.UNSET,
    (PinStatus.BLOCKED, PinEvent.CLEARED): PinStatus.UNSET,
}


class Life(StrEnum):
    """Where the card stands."""

    BLANK = "blank"
    PERSONALISING = "personalising"
    ISSUED = "issued"


class Act(StrEnum):
    """What an issuer does to the card."""

    GENERATE = "generate"
    WRITE = "write"
    SET_PIN = "set_pin"
    UNBLOCK = "unblock"
    FINISH = "finish"
    ERASE = "erase"


LIFE_TRANSITIONS: Final[dict[tuple[Life, Act], Life]] = {
    (Life.BLANK, Act.GENERATE): Life.PERSONALISING,
    (Life.BLANK, Act.WRITE): Life.PERSONALISING,
    (Life.BLANK, Act.SET_PIN): Life.PERSONALISING,
    (Life.BLANK, Act.ERASE): Life.BLANK,
    (Life.PERSONALISING, Act.GENERATE): Life.PERSONALISING,
    (Life.PERSONALISING, Act.WRITE): Life.PERSONALISING,
    (Life.PERSONALISING, Act.SET_PIN): Life.PERSONALISING,
    (Life.PERSONALISING, Act.FINISH): Life.ISSUED,
    (Life.PERSONALISING, Act.ERASE): Life.BLANK,
    (Life.ISSUED, Act.GENERATE): Life.PERSONALISING,
    (Life.ISSUED, Act.WRITE): Life.ISSUED,  # an address rewritten at the counter
    (Life.ISSUED, Act.SET_PIN): Life.ISSUED,  # a blocked PIN reset at the counter
    (Life.PERSONALISING, Act.UNBLOCK): Life.PERSONALISING,
    (Life.ISSUED, Act.UNBLOCK): Life.ISSUED,
    (Life.ISSUED, Act.FINISH): Life.ISSUED,  # an issuer that did not get the answer repeats the step
    (Life.ISSUED, Act.ERASE): Life.BLANK,
}


class KeyUse(StrEnum):
    """Whom a key obeys."""

    FRESH = "fresh"
    IN_USE = "in_use"


@dataclass(frozen=True, slots=True)
class PinState:
    """A PIN's memory: its bytes (`None` when never set) and the tries left."""

    value: bytes | None = field(default=None, repr=False)
    tries_left: int = 0

    @property
    def status(self) -> PinStatus:
        """Return where the PIN stands."""
        if self.value is None:
            return PinStatus.UNSET
        return PinStatus.READY if self.tries_left else PinStatus.BLOCKED


def present(pin: PinState, rule: PinRule, candidate: bytes) -> tuple[PinState, PinEvent]:
    """Compare a presented PIN; returns the state afterwards and what happened.

    Raises `Refusal` 6984 (JICSAP: referenced IEF locked) when the PIN is blocked or was never set.
    """
    if pin.status is not PinStatus.READY:
        raise Refusal(SW.DATA_INVALIDATED)
    if equal(candidate, pin.value or b""):
        return _after(pin, PinEvent.RIGHT, PinState(pin.value, rule.tries)), PinEvent.RIGHT
    event = PinEvent.WRONG if pin.tries_left > 1 else PinEvent.LAST_WRONG
    return _after(pin, event, PinState(pin.value, pin.tries_left - 1)), event


def put(pin: PinState, rule: PinRule, value: bytes, event: PinEvent) -> PinState:
    """Give a PIN a new value and all its tries.  Raises `Refusal`: 6A80 for a value that breaks `rule`, 6984 where
    `event` cannot happen.
    """
    if not rule.fits(value):
        raise Refusal(SW.WRONG_DATA)
    return _after(pin, event, PinState(value, rule.tries))


def unblock(pin: PinState, rule: PinRule) -> PinState:
    """Give a PIN all its tries back, its value unchanged; raises `Refusal` 6984 for one that was never set."""
    if pin.value is None:
        raise Refusal(SW.DATA_INVALIDATED)
    return _after(pin, PinEvent.UNBLOCKED, PinState(pin.value, rule.tries))


def clear(pin: PinState) -> PinState:
    """Make a PIN as if it had never been set."""
    return _after(pin, PinEvent.CLEARED, PinState())


def _after(pin: PinState, event: PinEvent, state: PinState) -> PinState:
    if PIN_TRANSITIONS.get((pin.status, event)) is not state.status:
        raise Refusal(SW.DATA_INVALIDATED)
    return state


def live(life: Life, act: Act) -> Life:
    """Return where the card stands after `act`; raises `Refusal` 6985 where that cannot happen."""
    try:
        return LIFE_TRANSITIONS[life, act]
    except KeyError:
        raise Refusal(SW.CONDITIONS) from None
