# SPDX-License-Identifier: Apache-2.0
"""The ordered list of checks that every verdict carries, good or bad.

A check has a stable name (`certificate.path`), the clause that demands it, and an outcome.  Checks after the one that
failed were not reached, and say so: a list never looks longer or shorter than the work that was to be done.
"""

from dataclasses import dataclass
from typing import Any, Literal

from tegata.messages import Lang, message

Outcome = Literal["passed", "failed", "not_reached"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the verifier: its name and the clause that demands it."""

    name: str
    clause: str


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one step.

    `detail` is the reason of a failed check, and a public fact (or nothing) of a passed one.
    """

    name: str
    clause: str
    outcome: Outcome
    detail: str | None = None

    def to_json(self, lang: Lang = "en") -> dict[str, Any]:
        """Return the check with its title in `lang`; a failed one also says why."""
        shown: dict[str, Any] = {
            "name": self.name,
            "title": message(f"verify.check.{self.name.replace('.', '_')}", lang).what,
            "clause": self.clause,
            "outcome": self.outcome,
        }
        if self.detail is not None:
            shown["detail"] = self.detail
        return shown
