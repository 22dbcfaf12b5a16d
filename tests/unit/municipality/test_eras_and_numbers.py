# SPDX-License-Identifier: Apache-2.0
"""Dates in eras, and numbers with check digits."""

from datetime import date

import pytest

from tegata.jpki.attributes import BirthDate
from tegata.municipality import eras, numbers


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(1912, 7, 29), "明治45年7月29日"),
        (date(1912, 7, 30), "大正元年7月30日"),
        (date(1926, 12, 24), "大正15年12月24日"),
        (date(1926, 12, 25), "昭和元年12月25日"),
        (date(1989, 1, 7), "昭和64年1月7日"),
        (date(1989, 1, 8), "平成元年1月8日"),
        (date(2019, 4, 30), "平成31年4月30日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2026, 11, 24), "令和8年11月24日"),
        (date(1867, 1, 1), "西暦1867年1月1日"),
    ],
)
def test_every_era_begins_and_ends_on_its_day(day: date, words: str) -> None:
    """The first year is 元年."""
    assert eras.day(day) == words


@pytest.mark.parametrize(
    ("birth", "words"),
    [
        (BirthDate.of(1938, 4, 0), "昭和13年4月日不詳"),
        (BirthDate.of(1938, 0, 0), "昭和13年月日不詳"),
        (BirthDate(4, 1989, 0, 0), "平成元年月日不詳"),
    ],
)
def test_what_is_unknown_is_said_to_be(birth: BirthDate, words: str) -> None:
    """The era is the one that was recorded, even where the day would decide it."""
    assert eras.birth(birth) == words


def test_foreign_residents_have_gregorian_years() -> None:
    """As their other documents do."""
    assert eras.birth(BirthDate.of(1994, 10, 12), gregorian=True) == "1994年10月12日"


def test_the_check_digit_of_the_ordinance() -> None:
    """Computed here by its formula: 11 minus the remainder of Σ P·Q, zero where the remainder is 0 or 1."""
    for first in ("12345678901", "00000000000", "99999999999", "90000000037", "80000000012"):
        total = sum(int(first[11 - n]) * (n + 1 if n <= 6 else n - 5) for n in range(1, 12))
        expected = 0 if total % 11 <= 1 else 11 - total % 11
        assert numbers.individual_check_digit(first) == expected


def test_an_invented_number_is_never_somebodys() -> None:
    """Its check digit is wrong, whatever the eleven digits before it."""
    for count in range(2000):
        first = f"{count * 48_271_317 % 10**11:011}"
        assert numbers.is_synthetic(numbers.synthetic_individual_number(first))
        assert not numbers.is_synthetic(f"{first}{numbers.individual_check_digit(first)}")


@pytest.mark.parametrize("number", ["", "90000000037", "9000000003711", "90000000037a", "９００００００００３７１"])
def test_what_has_not_twelve_digits_is_no_number(number: str) -> None:
    """ASCII digits only."""
    assert not numbers.is_synthetic(number)


def test_resident_codes_have_a_check_digit_and_are_all_different() -> None:
    """Eleven digits, the last by the same kind of sum: 11 minus the remainder, ten and eleven count as zero."""
    codes = [numbers.resident_code(count) for count in range(1, 500)]
    assert len(set(codes)) == len(codes)
    assert all(numbers.is_resident_code(code) for code in codes)
    for code in codes:
        total = sum(int(code[10 - n]) * (n + 1 if n <= 6 else n - 5) for n in range(1, 11))
        assert int(code[10]) == (11 - total % 11) % 11 % 10
    for code in ("", "1234567890", "123456789012", "9000000001x", "９０００００００００１"):
        assert not numbers.is_resident_code(code)
