# SPDX-License-Identifier: Apache-2.0
"""The screen lock as a state machine, and the keystore behind it."""

import dataclasses

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tegata.crypto.vault import VaultError
from tegata.jpki import assumptions
from tegata.phone import keystore, lock
from tegata.phone.errors import Locked
from tegata.phone.lock import Gesture, Lock, Match, Screen

PASSCODE = "4711"
THUMB, INDEX = "right thumb", "left index"


def new(*fingers: str) -> Lock:
    """Return the lock of a new phone."""
    return lock.new(PASSCODE, b"salt", frozenset(fingers))


class LockMachine(RuleBasedStateMachine):
    """Whatever anybody does at the lock, in whatever order, a model of three facts tells what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = new(THUMB)
        self.open = True
        self.wrong_in_a_row = 0
        self.wrapped = keystore.wrap(self.lock, Match(1), "2468", bytes(32))
        self.fingers_at_wrap = True

    @initialize()
    def starts_open(self) -> None:
        assert self.lock.unlocked

    @property
    def sensor_on(self) -> bool:
        return self.wrong_in_a_row < lock.tries()

    @rule()
    def right_finger(self) -> None:
        if not self.sensor_on:
            with pytest.raises(Locked, match=r"phone\.biometrics_locked_out"):
                lock.touch(self.lock, THUMB)
            return
        self.lock, match = lock.touch(self.lock, THUMB)
        assert match is not None
        self.open, self.wrong_in_a_row = True, 0
        if self.fingers_at_wrap:
            assert keystore.release(self.wrapped, match) == "2468"
        else:
            with pytest.raises(Locked, match=r"phone\.fingers_changed"):
                keystore.release(self.wrapped, match)

    @precondition(lambda self: self.sensor_on)
    @rule(finger=st.sampled_from(["stranger", "", "RIGHT THUMB"]))
    def wrong_finger(self, finger: str) -> None:
        was_open = self.open
        self.lock, match = lock.touch(self.lock, finger)
        assert match is None
        self.wrong_in_a_row += 1
        assert self.lock.unlocked == was_open  # a stranger neither opens nor closes it

    @rule(passcode=st.sampled_from([PASSCODE, "0000", "", "47111"]))
    def passcode(self, passcode: str) -> None:
        if passcode == PASSCODE:
            self.lock = lock.enter(self.lock, passcode)
            self.open, self.wrong_in_a_row = True, 0
        else:
            with pytest.raises(Locked, match=r"phone\.wrong_passcode"):
                lock.enter(self.lock, passcode)

    @rule()
    def sleep(self) -> None:
        self.lock = lock.sleep(self.lock)
        self.open = False

    @rule()
    def add_finger(self) -> None:
        if not self.open:
            with pytest.raises(Locked, match=r"phone\.locked"):
                lock.add_finger(self.lock, INDEX)
            return
        self.lock = lock.add_finger(self.lock, INDEX)
        self.fingers_at_wrap = False

    @invariant()
    def screen_tells_the_truth(self) -> None:
        assert self.lock.unlocked == self.open
        assert ((self.lock.screen, Gesture.MATCH) in lock.TRANSITIONS) == self.sensor_on


LockMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestLock = LockMachine.TestCase


def test_every_state_can_be_left_and_only_the_dark_sensor_has_no_entry() -> None:
    """The table names every gesture in every state, but for fingers on a sensor that is off."""
    missing = {(s, g) for s in Screen for g in Gesture} - set(lock.TRANSITIONS)
    fingers = (Gesture.MATCH, Gesture.MISMATCH, Gesture.LAST_MISMATCH)
    assert missing == {(s, g) for s in (Screen.LOCKED_OUT, Screen.UNLOCKED_BY_PASSCODE_ONLY) for g in fingers}


def test_a_phone_without_fingers_has_no_sensor() -> None:
    """Nothing to match with."""
    with pytest.raises(Locked, match=r"phone\.no_fingers"):
        lock.touch(new(), THUMB)


def test_a_lock_shows_no_secret() -> None:
    """Neither passcode, salt nor fingers stand in its repr."""
    assert repr(new(THUMB)) == f"Lock(generation=1, failures=0, screen={Screen.UNLOCKED!r})"


def test_a_key_cannot_be_bound_by_a_match_of_earlier_fingers() -> None:
    """Between match and wrapping a finger was added: somebody else may be there."""
    with pytest.raises(Locked, match=r"phone\.fingers_changed"):
        keystore.wrap(lock.add_finger(new(THUMB), INDEX), Match(1), "2468", bytes(32))


def test_nothing_kept_is_nothing_released() -> None:
    """Biometrics that were never set up say so."""
    with pytest.raises(Locked, match=r"phone\.biometrics_not_set_up"):
        keystore.release(None, Match(1))


def test_a_wrapped_pin_opens_under_its_own_key_only() -> None:
    """The bytes at rest are sealed, and show in no repr."""
    wrapped = keystore.wrap(new(THUMB), Match(1), "2468", bytes(32))
    assert b"2468" not in wrapped.sealed
    assert repr(wrapped) == "WrappedPin(generation=1)"
    with pytest.raises(VaultError):
        keystore.release(dataclasses.replace(wrapped, key=bytes(31) + b"\1"), Match(1))


def test_five_strangers_lock_the_sensor() -> None:
    """The number of tries is a named assumption."""
    assert lock.tries() == assumptions.value("phone.biometric_tries") == 5
