# SPDX-License-Identifier: Apache-2.0
"""The ordered list of checks that every verdict carries, good or bad.

A check has a stable name (`certificate.path`), the clause that demands it, and an outcome.  Checks after the one that
failed were not reached, and say so: a list never looks longer or shorter than the work that was to be done.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from tegata.messages import Lang, message

Outcome = Literal["passed", "failed", "not_reached"]


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


class Step:
    """One step of the verifier: its name and the clause that demands it; `passed` is the check of one that went well
    with nothing to tell.
    """

    __slots__ = ("clause", "name", "passed")

    def __init__(self, name: str, clause: str) -> None:
        self.name = name
        self.clause = clause
        self.passed = self.check("passed")

    def check(self, outcome: Outcome, detail: str | None = None) -> Check:
        """Return what became of this step."""
        return Check(self.name, self.clause, outcome, detail)


CERTIFICATE_STEPS: Final = (
    Step("certificate.form", "RFC 5280 §4.1"),
    Step("certificate.path", "RFC 5280 §6.1.3 (a)(1), (a)(4)"),
    Step("certificate.validity", "RFC 5280 §6.1.3 (a)(2)"),
    Step("certificate.profile", "RFC 5280 §6.1.4, §6.1.5; JPKI certificate profile"),
    Step("certificate.status", "RFC 5280 §6.1.3 (a)(3); RFC 6960 §3.2"),
)
"""The steps of a certificate judged alone; what each means stands at the top of `verifier.py`."""

EVIDENCE_STEPS: Final = (*CERTIFICATE_STEPS, Step("signature.value", "RFC 8017 §8; FIPS 186-5 §6.4"))
