# SPDX-License-Identifier: Apache-2.0
"""The screen lock: who is in front of the phone.

A finger is an opaque identifier: the matcher compares identifiers where a real one compares templates, everything after
the match is as on a real phone.  One table holds every change of state.  After `phone.biometric_tries` mismatches in a
row biometrics are locked out until the passcode is given.  A match yields a `Match`, which the keystore accepts.
"""

import dataclasses
import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tegata.jpki import assumptions
from tegata.phone.errors import Locked


class Screen(StrEnum):
    """Whether the screen is locked, and whether biometrics still open it."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    LOCKED_OUT = "locked_out"
    UNLOCKED_BY_PASSCODE_ONLY = "unlocked_by_passcode_only"


class Gesture(StrEnum):
    """What somebody does at the lock."""

    MATCH = "match"
    MISMATCH = "mismatch"
    LAST_MISMATCH = "last_mismatch"
    PASSCODE = "passcode"
    SLEEP = "sleep"


TRANSITIONS: Final[dict[tuple[Screen, Gesture], Screen]] = {
    (Screen.LOCKED, Gesture.MATCH): Screen.UNLOCKED,
    (Screen.LOCKED, Gesture.MISMATCH): Screen.LOCKED,
    (Screen.LOCKED, Gesture.LAST_MISMATCH): Screen.LOCKED_OUT,
    (Screen.LOCKED, Gesture.PASSCODE): Screen.UNLOCKED,
    (Screen.LOCKED, Gesture.SLEEP): Screen.LOCKED,
    (Screen.UNLOCKED, Gesture.MATCH): Screen.UNLOCKED,  # an app asks again
    (Screen.UNLOCKED, Gesture.MISMATCH): Screen.UNLOCKED,
    (Screen.UNLOCKED, Gesture.LAST_MISMATCH): Screen.UNLOCKED_BY_PASSCODE_ONLY,
    (Screen.UNLOCKED, Gesture.PASSCODE): Screen.UNLOCKED,
    (Screen.UNLOCKED, Gesture.SLEEP): Screen.LOCKED,
    (Screen.LOCKED_OUT, Gesture.PASSCODE): Screen.UNLOCKED,
    (Screen.LOCKED_OUT, Gesture.SLEEP): Screen.LOCKED_OUT,
    (Screen.UNLOCKED_BY_PASSCODE_ONLY, Gesture.PASSCODE): Screen.UNLOCKED,
    (Screen.UNLOCKED_BY_PASSCODE_ONLY, Gesture.SLEEP): Screen.LOCKED_OUT,
}
"""A finger at a locked-out sensor has no entry: the sensor is off."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock's state.  `generation` counts the times a finger was added: keys bound to an older one are dead."""

    salt: bytes = field(repr=False)
    passcode: bytes = field(repr=False)
    fingers: frozenset[str] = field(default=frozenset(), repr=False)
    generation: int = 0
    failures: int = 0
    screen: Screen = Screen.LOCKED

    @property
    def unlocked(self) -> bool:
        """Whether the screen is open."""
        return self.screen in (Screen.UNLOCKED, Screen.UNLOCKED_BY_PASSCODE_ONLY)


@dataclass(frozen=True, slots=True)
class Match:
    """Proof for the keystore that an enrolled finger was on the sensor just now, under this set of fingers."""

    generation: int


def new(passcode: str, salt: bytes, fingers: frozenset[str] = frozenset()) -> Lock:
    """Return the lock of a phone that was just set up: passcode chosen, fingers enrolled, screen open."""
    return Lock(salt, _digest(passcode, salt), fingers, generation=len(fingers), screen=Screen.UNLOCKED)


def touch(lock: Lock, finger: str) -> tuple[Lock, Match | None]:
    """Put a finger on the sensor; returns the new state and, when it matched, the proof.

    Raises `Locked`: `phone.no_fingers` when none is enrolled, `phone.biometrics_locked_out` when the sensor is off.
    """
    if not lock.fingers:
        raise Locked("phone.no_fingers")
    if (lock.screen, Gesture.MATCH) not in TRANSITIONS:
        raise Locked("phone.biometrics_locked_out")
    if finger in lock.fingers:
        return _after(lock, Gesture.MATCH, 0), Match(lock.generation)
    failures = lock.failures + 1
    gesture = Gesture.LAST_MISMATCH if failures >= tries() else Gesture.MISMATCH
    return _after(lock, gesture, failures), None


def tries() -> int:
    """Return how many mismatches in a row lock the biometrics out."""
    return int(assumptions.value("phone.biometric_tries"))


def enter(lock: Lock, passcode: str) -> Lock:
    """Open the screen with the passcode; raises `Locked` (`phone.wrong_passcode`) when it is wrong."""
    if not hmac.compare_digest(_digest(passcode, lock.salt), lock.passcode):
        raise Locked("phone.wrong_passcode")
    return _after(lock, Gesture.PASSCODE, 0)


def sleep(lock: Lock) -> Lock:
    """Turn the screen off."""
    return _after(lock, Gesture.SLEEP, lock.failures)


def add_finger(lock: Lock, finger: str) -> Lock:
    """Enrol another finger on an open phone; every key bound to the fingers before becomes unusable."""
    if not lock.unlocked:
        raise Locked("phone.locked")
    return dataclasses.replace(lock, fingers=lock.fingers | {finger}, generation=lock.generation + 1)


def _after(lock: Lock, gesture: Gesture, failures: int) -> Lock:
    return dataclasses.replace(lock, screen=TRANSITIONS[lock.screen, gesture], failures=failures)


def _digest(passcode: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passcode.encode(), salt=salt, n=1 << 10, r=8, p=1, dklen=32)
