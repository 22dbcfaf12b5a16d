# SPDX-License-Identifier: Apache-2.0
"""The municipality's rules: where a card's issue may go, what happens to whom, and until when."""

import itertools
from datetime import date

import pytest

from tegata.jpki.attributes import BirthDate
from tegata.municipality import rules
from tegata.municipality.errors import Conflict
from tegata.municipality.model import CardAct, CardIssue, CardState, Happening, Standing
from unit.refusal import refused

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(("state", "act"), itertools.product(CardState, CardAct))
def test_an_issue_goes_where_the_table_says(state: CardState, act: CardAct) -> None:
    """And nowhere else."""
    issue = CardIssue("card.1", "TEGATA1", "90000000013", TODAY, state)
    if (state, act) in rules.CARD_TRANSITIONS:
        moved = rules.advance(issue, act, "because")
        assert (moved.state, moved.reason) == (rules.CARD_TRANSITIONS[state, act], "because")
        return
    with refused("municipality.wrong_state", Conflict) as caught:
        rules.advance(issue, act)
    assert caught.value.facts == {"state": state.value, "act": act.value}


def test_every_unfinished_state_leads_to_an_end() -> None:
    """What recovery works on can be worked off; what it leaves alone stays as it is."""
    ends = {state for state in CardState if not any(pair[0] is state for pair in rules.CARD_TRANSITIONS)}
    assert ends == set(CardState) - set(rules.UNFINISHED)
    assert ends == {CardState.DELIVERED, CardState.DISCARDED, CardState.FAILED}


def test_no_certificate_is_forgotten() -> None:
    """Once the authority may have issued, a failed issue passes through the debt to it."""
    failing = {state for state, act in rules.CARD_TRANSITIONS if act is CardAct.FAIL}
    for state in failing - {CardState.REQUESTED}:
        assert rules.CARD_TRANSITIONS[state, CardAct.FAIL] is CardState.DISCARDING


def test_every_happening_has_its_effect() -> None:
    """Only death and leaving end a person's standing."""
    assert set(rules.EFFECTS) == set(Happening)
    ending = {happening for happening, effect in rules.EFFECTS.items() if effect.standing is not Standing.RESIDENT}
    assert ending == {Happening.DEATH, Happening.LEAVE_REGISTER}
    assert len({effect.kind for effect in rules.EFFECTS.values()}) == len(Happening)


@pytest.mark.parametrize(
    ("birth", "today", "years"),
    [
        ((2011, 11, 24), TODAY, 15),
        ((2011, 11, 25), TODAY, 14),
        ((1996, 2, 29), date(2026, 2, 28), 29),
        ((1996, 2, 29), date(2026, 3, 1), 30),
        ((1938, 4, 0), date(2026, 4, 29), 87),
        ((1938, 4, 0), date(2026, 4, 30), 88),
        ((1938, 0, 0), date(2026, 12, 30), 87),
        ((2026, 11, 24), TODAY, 0),
    ],
)
def test_age_is_as_low_as_the_date_allows(birth: tuple[int, int, int], today: date, years: int) -> None:
    """An unknown day is taken to be the last one."""
    assert rules.age(BirthDate.of(*birth), today) == years
    assert rules.may_sign(BirthDate.of(*birth), today) is (years >= 15)


@pytest.mark.parametrize(
    ("birth", "today", "stay", "expires"),
    [
        ((1990, 5, 5), TODAY, None, date(2036, 5, 5)),  # tenth birthday from now
        ((1990, 11, 25), TODAY, None, date(2035, 11, 25)),
        ((1990, 11, 24), TODAY, None, date(2036, 11, 24)),  # today's birthday does not count
        ((2012, 4, 18), TODAY, None, date(2031, 4, 18)),  # fifth, under eighteen
        ((2008, 11, 24), TODAY, None, date(2036, 11, 24)),  # eighteen today
        ((2008, 11, 25), TODAY, None, date(2030, 11, 25)),
        ((1996, 2, 29), TODAY, None, date(2036, 2, 28)),  # counts as the 28th, in leap years too
        ((1938, 4, 0), TODAY, None, date(2036, 4, 30)),
        ((1938, 0, 0), TODAY, None, date(2035, 12, 31)),
        ((1994, 10, 12), TODAY, date(2028, 3, 31), date(2028, 3, 31)),
        ((1994, 10, 12), TODAY, date(2048, 3, 31), date(2036, 10, 12)),
    ],
)
def test_a_card_ends_on_a_birthday(birth: tuple[int, int, int], today: date, stay: date | None, expires: date) -> None:
    """Or with the period of stay, if that ends earlier."""
    assert rules.card_expires(BirthDate.of(*birth), today, stay) == expires
