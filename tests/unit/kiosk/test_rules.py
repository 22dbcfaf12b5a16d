# SPDX-License-Identifier: Apache-2.0
"""The two tables: what they name can happen, nothing else, and no way through them prints twice or keeps money."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tegata.kiosk.delivery import model as delivery
from tegata.kiosk.delivery import rules as delivery_rules
from tegata.kiosk.errors import OutOfStep
from tegata.kiosk.terminal import model as terminal
from tegata.kiosk.terminal import rules as terminal_rules

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def session(state: terminal.State, **changes: object) -> terminal.Session:
    """Return a session in a state."""
    choice = terminal.Choice("residence-certificate")
    return terminal.Session("s", "r", choice, 300, NOW, LATER, state, **changes)  # type: ignore[arg-type]


def transaction(state: delivery.State) -> delivery.Transaction:
    """Return a transaction in a state."""
    wish = delivery.Wish("residence-certificate")
    return delivery.Transaction("t", "r", "kiosk-1", wish, b"challenge", NOW, LATER, state)


@pytest.mark.parametrize(("state", "act"), itertools.product(terminal.State, terminal.Act))
def test_a_session_does_what_the_table_says_and_nothing_else(state: terminal.State, act: terminal.Act) -> None:
    """Every pair of state and act is either in the table or refused."""
    after = terminal_rules.TRANSITIONS.get((state, act))
    if after is None:
        with pytest.raises(OutOfStep):
            terminal_rules.advance(session(state), act)
    else:
        assert terminal_rules.advance(session(state), act).state is after


@pytest.mark.parametrize(("state", "act"), itertools.product(delivery.State, delivery.Act))
def test_a_transaction_does_what_the_table_says_and_nothing_else(state: delivery.State, act: delivery.Act) -> None:
    """Every pair of state and act is either in the table or refused."""
    after = delivery_rules.TRANSITIONS.get((state, act))
    if after is None:
        with pytest.raises(OutOfStep, match=r"kiosk\.transaction_over"):
            delivery_rules.advance(transaction(state), act)
    else:
        assert delivery_rules.advance(transaction(state), act).state is after


def paths(state: terminal.State) -> list[list[terminal.Act]]:
    """Return every way from a state to an end; the table has no circle, or this would not return."""
    ways = [(act, after) for (before, act), after in terminal_rules.TRANSITIONS.items() if before is state]
    return [[act, *rest] for act, after in ways for rest in paths(after)] or [[]]


def test_no_way_through_the_table_prints_twice() -> None:
    """The printer gets a sheet at most once, and only after somebody has proved herself and paid."""
    for way in paths(terminal.State.CHOSEN):
        assert way.count(terminal.Act.COMMIT) <= 1, way
        if terminal.Act.COMMIT in way:
            before = way[: way.index(terminal.Act.COMMIT)]
            assert before == [terminal.Act.AUTHENTICATE, terminal.Act.PAY]


def test_money_stays_only_for_a_sheet() -> None:
    """However a paid session ends without paper, the coin box is empty for it."""
    for way in paths(terminal.State.CHOSEN):
        at = session(terminal.State.CHOSEN, paid=0)
        for act in way:
            at = terminal_rules.advance(at, act)
            if act is terminal.Act.PAY:
                at = session(at.state, paid=300)
        assert (at.paid == 300) is (at.state is terminal.State.PRINTED), way


def test_the_centre_is_told_of_paper_and_of_the_end_but_not_of_what_nobody_knows() -> None:
    """A sheet that may be lost is neither printed nor cancelled."""
    printing = session(terminal.State.PRINTING, transaction_id="t", paid=300)
    assert terminal_rules.advance(printing, terminal.Act.EJECT).report is terminal.Report.PRINTED
    assert terminal_rules.advance(printing, terminal.Act.LOSE).report is None
    paid = session(terminal.State.PAID, transaction_id="t", paid=300)
    assert terminal_rules.advance(paid, terminal.Act.CANCEL).report is terminal.Report.CANCEL
    chosen = session(terminal.State.CHOSEN)
    assert terminal_rules.advance(chosen, terminal.Act.CANCEL).report is None


def test_what_is_over_forgets_the_person() -> None:
    """Neither the certificate's hash at the terminal nor whose it was at the centre outlives the visit."""
    known = session(terminal.State.PAID, fingerprint="f", challenge=b"c", transaction_id="t")
    cancelled = terminal_rules.advance(known, terminal.Act.CANCEL)
    assert (cancelled.fingerprint, cancelled.challenge, cancelled.transaction_id) == (None, None, "t")
    printing = terminal_rules.advance(known, terminal.Act.COMMIT)
    assert printing.fingerprint == "f"
    issued = transaction(delivery.State.ISSUED)
    issued = dataclasses.replace(issued, certificate=b"x", resident_code="r", fingerprint="f")
    over = delivery_rules.advance(issued, delivery.Act.PRINT)
    assert (over.certificate, over.resident_code, over.fingerprint) == (None, None, "f")
    assert delivery_rules.advance(issued, delivery.Act.ISSUE) == issued


@pytest.mark.parametrize("state", [terminal.State.PRINTING, terminal.State.PRINTED])
def test_a_second_sheet_has_a_reason_of_its_own(state: terminal.State) -> None:
    """A person who presses twice is told that one sheet is all there is."""
    with pytest.raises(OutOfStep, match=r"kiosk\.already_printed"):
        terminal_rules.advance(session(state), terminal.Act.COMMIT)


def test_only_what_is_alive_runs_out_of_time() -> None:
    """Neither a sheet in the printer nor an end is undone by the clock."""
    for state in terminal.State:
        assert terminal_rules.due(session(state), LATER) is (state in terminal_rules.LIVE)
        assert not terminal_rules.due(session(state), LATER - timedelta(seconds=1))
    for one in delivery.State:
        assert delivery_rules.due(transaction(one), LATER) is (one in delivery_rules.LIVE)
