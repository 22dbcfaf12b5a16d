# SPDX-License-Identifier: Apache-2.0
"""A figure beside its reference, and a timer that takes both in turns.

Rounds alternate between what is measured and its reference, so that a slow moment of the machine meets both; the
ratio is the median of the rounds' ratios.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

ROUNDS: Final = 9


@dataclass(frozen=True, slots=True)
class Result:
    """One measured figure: `ratio` is value to reference, `aim` the most that the ratio should be."""

    name: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None
    ratio: float | None = None
    aim: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the aim was met; `None` when there is none."""
        return None if self.aim is None or self.ratio is None else self.ratio <= self.aim

    def to_json(self) -> dict[str, Any]:
        """Return the members that scripts read."""
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "reference": self.reference,
            "reference_value": _rounded(self.reference_value),
            "ratio": _rounded(self.ratio),
            "aim": self.aim,
            "met": self.met,
        }

    def line(self) -> str:
        """Return one line for a terminal."""
        mark = {True: "✓", False: "✗", None: " "}[self.met]
        against = f"  {self.ratio:8.2f} x {self.reference}" if self.ratio is not None else ""
        aim = f" (aim {self.aim:g})" if self.aim is not None else ""
        return f"{mark} {self.name:32} {self.value:12.2f} {self.unit:6}{against}{aim}"

    def row(self) -> str:
        """Return one row of a Markdown table."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        aim = "" if self.aim is None else f"≤ {self.aim:g}"
        met = {True: "met", False: "**missed**", None: ""}[self.met]
        value = "" if self.reference_value is None else f" ({self.reference_value:.2f} {self.unit})"
        return f"| {self.name} | {self.value:.2f} {self.unit} | {self.reference}{value} | {ratio} | {aim} | {met} |"


def compared(
    name: str,
    ours: Callable[[], object],
    reference: str,
    theirs: Callable[[], object],
    *,
    times: int,
    per: int = 1,
    aim: float | None = None,
) -> Result:
    """Time `ours` against `per` calls of `theirs`, in turns; the value is microseconds for one call of `ours`."""
    ours()
    theirs()
    values, references, ratios = [], [], []
    for _ in range(ROUNDS):
        values.append(timed(ours, times))
        references.append(timed(theirs, times * per) * per)
        ratios.append(values[-1] / references[-1])
    middle = statistics.median
    return Result(name, middle(values), "us", reference, middle(references), middle(ratios), aim)


def timed(call: Callable[[], object], times: int) -> float:
    """Return the mean time of one call, in microseconds."""
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times * 1e6


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
