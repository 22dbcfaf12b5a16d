# SPDX-License-Identifier: Apache-2.0
"""The tables are complete, and birthdays are counted as the law counts them."""

from datetime import UTC, date, datetime

import pytest

from tegata.authority import rules
from tegata.authority.errors import Conflict, Refused
from tegata.authority.model import Act, Cause, Reason, Stage
from tegata.jpki import Carrier, Kind
from tegata.jpki.attributes import BirthDate

FAR = date(2100, 1, 1)
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("birth", "today", "card_expires", "last"),
    [
        (BirthDate.of(1990, 2, 28), TODAY, FAR, date(2031, 2, 28)),
        (BirthDate.of(1990, 12, 24), TODAY, FAR, date(2030, 12, 24)),
        (BirthDate.of(1990, 11, 25), TODAY, FAR, date(2030, 11, 25)),
        (BirthDate.of(1990, 11, 24), TODAY, FAR, date(2031, 11, 24)),  # a birthday today is not one after issue
        (BirthDate.of(1990, 11, 23), TODAY, FAR, date(2031, 11, 23)),
        (BirthDate.of(2000, 2, 29), TODAY, FAR, date(2031, 2, 28)),
        (BirthDate.of(2000, 2, 29), date(2027, 2, 28), FAR, date(2032, 2, 28)),  # a leap year, and still the 28th
        (BirthDate.of(1950, 0, 0), TODAY, FAR, date(2030, 12, 31)),
        (BirthDate.of(1950, 2, 0), TODAY, FAR, date(2031, 2, 28)),
        (BirthDate.of(1990, 2, 28), TODAY, date(2028, 6, 30), date(2028, 6, 30)),  # the end of a period of stay
    ],
)
def test_a_certificate_ends_on_the_fifth_birthday_or_with_the_card(
    birth: BirthDate, today: date, card_expires: date, last: date
) -> None:
    """29 February counts as the 28th, an unknown day as the last possible one."""
    assert rules.last_day(birth, today, card_expires) == last


@pytest.mark.parametrize(
    ("today", "renewed", "last"),
    [
        (date(2030, 11, 28), date(2031, 2, 28), date(2036, 2, 28)),  # three months before to the day: the 6th birthday
        (date(2030, 11, 27), date(2031, 2, 28), date(2035, 2, 28)),  # a day too early
        (date(2031, 2, 27), date(2031, 2, 28), date(2036, 2, 28)),
        (
            date(2031, 3, 1),
            date(2031, 2, 28),
            date(2036, 2, 28),
        ),  # after its end: a new one, whose 5th birthday this is
        (date(2030, 11, 28), None, date(2035, 2, 28)),
    ],
)
def test_renewal_within_three_months_runs_to_the_sixth_birthday(today: date, renewed: date | None, last: date) -> None:
    """Whoever renews early loses nothing."""
    assert rules.last_day(BirthDate.of(1990, 2, 28), today, FAR, renewed) == last


def test_no_certificate_for_a_card_that_ends_today() -> None:
    """A certificate without a day to live is not issued."""
    with pytest.raises(Refused, match=r"authority\.card_expired"):
        rules.last_day(BirthDate.of(1990, 2, 28), TODAY, TODAY)


@pytest.mark.parametrize(
    ("birth", "may"),
    [
        (BirthDate.of(2011, 11, 24), True),
        (BirthDate.of(2011, 11, 25), False),
        (BirthDate.of(2011, 0, 0), False),
        (BirthDate.of(2011, 11, 0), False),
        (BirthDate.of(2010, 0, 0), True),
    ],
)
def test_signing_begins_on_the_fifteenth_birthday(birth: BirthDate, may: bool) -> None:
    """A partly unknown birth date counts as late as it can be."""
    assert rules.may_sign(birth, TODAY) is may


def test_an_authority_lives_ten_years_to_the_end_of_a_japanese_day() -> None:
    """As the genuine ones: 2015-10-20 02:40:28Z ended 2025-10-19 14:59:59Z, 2019-09-14 23:41:56Z ended 2029-09-14."""
    assert rules.ca_end(datetime(2015, 10, 20, 2, 40, 28, tzinfo=UTC)) == datetime(2025, 10, 19, 14, 59, 59, tzinfo=UTC)
    assert rules.ca_end(datetime(2019, 9, 14, 23, 41, 56, tzinfo=UTC)) == datetime(2029, 9, 14, 14, 59, 59, tzinfo=UTC)
    assert rules.ca_end(datetime(2024, 2, 29, 3, tzinfo=UTC)) == datetime(2034, 2, 27, 14, 59, 59, tzinfo=UTC)


def test_every_cause_has_its_effects() -> None:
    """A cause without an entry would end nothing, silently; one with two for a certificate would be ambiguous."""
    assert set(rules.EFFECTS) == set(Cause)
    for cause, effects in rules.EFFECTS.items():
        assert effects, cause
        assert len({(one.carrier, one.kind) for one in effects}) == len(effects), cause


def test_whatever_ends_on_a_card_decides_what_falls_on_the_phone() -> None:
    """The table of falls is total."""
    assert set(rules.FALLS_WITH) == {(kind, reason) for kind in Kind for reason in Reason}


def test_a_change_of_attributes_never_ends_an_authentication_certificate() -> None:
    """Login goes on after a move, a marriage or a correction."""
    for cause in (Cause.MOVED, Cause.NAME_CHANGED, Cause.SEX_CORRECTED, Cause.BIRTH_CORRECTED):
        assert {one.kind for one in rules.EFFECTS[cause]} == {Kind.SIGNING}
        assert {one.carrier for one in rules.EFFECTS[cause]} == set(Carrier)
    assert rules.FALLS_WITH[Kind.SIGNING, Reason.AFFILIATION_CHANGED].kinds == (Kind.SIGNING,)


def test_a_discarded_request_is_over() -> None:
    """What the table does not name raises."""
    assert rules.advance(Stage.ISSUED, Act.DELIVER) is Stage.DELIVERED
    with pytest.raises(Conflict, match=r"authority\.wrong_state"):
        rules.advance(Stage.DISCARDED, Act.DELIVER)


@pytest.mark.parametrize(("reason", "code"), [("unspecified", 0), ("affiliationChanged", 3), ("certificateHold", 6)])
def test_reasons_have_the_numbers_of_the_standard(reason: str, code: int) -> None:
    """CRLReason of RFC 5280 §5.3.1."""
    assert Reason(reason).code == code
