# SPDX-License-Identifier: Apache-2.0
"""住民票コード and 個人番号: their check digits.

Both are computed modulo 11.  A 個人番号 of this country must be *wrong* in its check digit, so that it can never be
somebody's (assumption `jpki.individual_number_check_digit`); the register refuses a right one.
"""

from typing import Final

_WEIGHTS: Final = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def individual_check_digit(first_eleven: str) -> int:
    """Return the check digit of a 個人番号 (ministerial ordinance of 2014 on the numbers, art. 5) for its first
    eleven digits.
    """
    total = sum(int(digit) * weight for digit, weight in zip(first_eleven, _WEIGHTS, strict=True))
    return 0 if total % 11 <= 1 else 11 - total % 11


def synthetic_individual_number(first_eleven: str) -> str:
    """Return a number of twelve digits whose check digit is one off, so that it belongs to nobody."""
    return f"{first_eleven}{(individual_check_digit(first_eleven) + 1) % 10}"


def is_synthetic(number: str) -> bool:
    """Say whether a number has twelve digits and a check digit that no genuine number has."""
    shaped = len(number) == 12 and number.isascii() and number.isdigit()
    return shaped and int(number[11]) != individual_check_digit(number[:11])


def resident_code(count: int) -> str:
    """Return the `count`-th 住民票コード of this country: eleven digits, the last a check digit (mod 11, ten counts
    as zero).
    """
    first_ten = f"{9_000_000_000 + count:010}"
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(first_ten)))
    return f"{first_ten}{(11 - total % 11) % 11 % 10}"


def is_resident_code(text: str) -> bool:
    """Say whether a text has the form of a 住民票コード."""
    return len(text) == 11 and text.isascii() and text.isdigit()
