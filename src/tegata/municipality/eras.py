# SPDX-License-Identifier: Apache-2.0
"""Dates as Japanese documents write them: 元号 and year, unknown parts said to be unknown."""

from datetime import date
from typing import Final

from tegata.jpki.attributes import BirthDate

_ERAS: Final = {1: ("明治", 1868), 2: ("大正", 1912), 3: ("昭和", 1926), 4: ("平成", 1989), 5: ("令和", 2019)}
"""Name and first Gregorian year of each era by its digit."""


def birth(born: BirthDate, *, gregorian: bool = False) -> str:
    """Return a birth date; `gregorian` for foreign residents, whose documents use the Gregorian year."""
    year = f"{born.year}年" if gregorian else _year(born)
    if not born.month:
        return f"{year}月日不詳"
    return f"{year}{born.month}月{f'{born.day}日' if born.day else '日不詳'}"


def day(moment: date) -> str:
    """Return a known date."""
    return birth(BirthDate.of(moment.year, moment.month, moment.day))


def _year(born: BirthDate) -> str:
    if born.era not in _ERAS:
        return f"西暦{born.year}年"
    name, first = _ERAS[born.era]
    count = born.year - first + 1
    return f"{name}{'元' if count == 1 else count}年"
