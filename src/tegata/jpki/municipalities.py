# SPDX-License-Identifier: Apache-2.0
"""Municipalities as certificates and kiosks name them: five-digit code, Japanese name, Hepburn with type suffix.

Codes are those of JIS X 0401 and JIS X 0402 (全国地方公共団体コード without its check digit); a designated city
appears by its wards.
"""

import functools
from dataclasses import dataclass

from tegata.messages import TegataError


class UnknownMunicipality(TegataError):
    """No municipality has this code (`jpki.unknown_municipality`)."""


@dataclass(frozen=True, slots=True)
class Municipality:
    """One municipality or ward.

    `code` has five digits; the English names carry the type suffix (`Tokyo-to`, `Shibuya-ku`).
    """

    code: str
    prefecture_ja: str
    name_ja: str
    prefecture_en: str
    name_en: str


@functools.cache
def table() -> dict[str, Municipality]:
    """Return every municipality of the country by its code."""
    import tomllib
    from importlib import resources  # both take long, and not every process asks

    raw = tomllib.loads((resources.files(__package__) / "municipalities.toml").read_text("utf-8"))
    return {code: Municipality(code, **names) for code, names in raw.items()}


def by_code(code: str) -> Municipality:
    """Return the municipality with `code`; raises `UnknownMunicipality`."""
    try:
        return table()[code]
    except KeyError:
        raise UnknownMunicipality("jpki.unknown_municipality", code=code[:8]) from None
