# SPDX-License-Identifier: Apache-2.0
"""The tables of states: every PIN, key and card goes only where an arrow is drawn."""

import itertools

import pytest

from tegata.card import rules
from tegata.card.rules import (
    LIFE_TRANSITIONS,
    PIN_TRANSITIONS,
    Act,
    Life,
    PinEvent,
    PinState,
    PinStatus,
    Refusal,
)
from tegata.codecs.apdu import SW
from tegata.jpki import card_map

RULE = card_map.pin_rules()["authentication"]
READY = PinState(b"1234", 3)
BLOCKED = PinState(b"1234", 0)
UNSET = PinState()


@pytest.mark.parametrize(("life", "act"), itertools.product(Life, Act))
def test_the_card_goes_where_the_table_says(life: Life, act: Act) -> None:
    """And answers 6985 everywhere else."""
    if (life, act) in LIFE_TRANSITIONS:
        assert rules.live(life, act) is LIFE_TRANSITIONS[life, act]
        return
    with pytest.raises(Refusal) as refused:
        rules.live(life, act)
    assert refused.value.sw == SW.CONDITIONS


def test_a_blank_card_is_not_finished() -> None:
    """The table leaves out this, and unblocking where no PIN is."""
    missing = [pair for pair in itertools.product(Life, Act) if pair not in LIFE_TRANSITIONS]
    assert missing == [(Life.BLANK, Act.UNBLOCK), (Life.BLANK, Act.FINISH)]


def test_only_an_issuer_takes_a_pin_out_of_blocked() -> None:
    """No try, right or wrong, and no change leads out."""
    leaving = {event for (status, event), _ in PIN_TRANSITIONS.items() if status is PinStatus.BLOCKED}
    assert leaving == {PinEvent.ISSUED, PinEvent.UNBLOCKED, PinEvent.CLEARED}


def test_a_right_pin_gives_all_tries_back() -> None:
    """However few were left."""
    assert rules.present(PinState(b"1234", 1), RULE, b"1234") == (READY, PinEvent.RIGHT)


def test_a_wrong_pin_takes_one_try_and_the_last_one_blocks() -> None:
    """3, 2, 1, blocked."""
    pin, events = READY, []
    for _ in range(3):
        pin, event = rules.present(pin, RULE, b"0000")
        events.append((event, pin.tries_left, pin.status))
    assert events == [
        (PinEvent.WRONG, 2, PinStatus.READY),
        (PinEvent.WRONG, 1, PinStatus.READY),
        (PinEvent.LAST_WRONG, 0, PinStatus.BLOCKED),
    ]


@pytest.mark.parametrize("pin", [BLOCKED, UNSET])
@pytest.mark.parametrize("candidate", [b"1234", b"0000", b""])
def test_a_blocked_or_unset_pin_is_not_compared(pin: PinState, candidate: bytes) -> None:
    """6984, for the right one too."""
    with pytest.raises(Refusal) as refused:
        rules.present(pin, RULE, candidate)
    assert refused.value.sw == SW.DATA_INVALIDATED


@pytest.mark.parametrize(
    ("pin", "event", "allowed"),
    [
        (UNSET, PinEvent.ISSUED, True),
        (READY, PinEvent.ISSUED, True),
        (BLOCKED, PinEvent.ISSUED, True),
        (READY, PinEvent.CHANGED, True),
        (UNSET, PinEvent.CHANGED, True),
        (BLOCKED, PinEvent.CHANGED, False),
    ],
)
def test_who_may_give_a_pin_a_value(pin: PinState, event: PinEvent, allowed: bool) -> None:
    """The issuer always, the holder unless it is blocked."""
    if allowed:
        assert rules.put(pin, RULE, b"9999", event) == PinState(b"9999", 3)
        return
    with pytest.raises(Refusal) as refused:
        rules.put(pin, RULE, b"9999", event)
    assert refused.value.sw == SW.DATA_INVALIDATED


@pytest.mark.parametrize("value", [b"", b"123", b"12345", b"12A4"])
def test_a_value_that_breaks_the_rule_is_refused(value: bytes) -> None:
    """6A80, and the old PIN stays."""
    with pytest.raises(Refusal) as refused:
        rules.put(READY, RULE, value, PinEvent.CHANGED)
    assert refused.value.sw == SW.WRONG_DATA


@pytest.mark.parametrize("pin", [READY, BLOCKED, UNSET])
def test_a_cleared_pin_was_never_set(pin: PinState) -> None:
    """From anywhere."""
    assert rules.clear(pin) == UNSET
    assert rules.clear(pin).status is PinStatus.UNSET
