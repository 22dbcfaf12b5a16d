# SPDX-License-Identifier: Apache-2.0
"""The errors of terminal and delivery centre.

KioskError
├── NotFound          no such session or transaction
├── Refused           the person, certificate or document is refused; what was under way is over
│   └── ForeignDocument   a document that does not belong to the transaction: destroyed, never printed
├── Declined          what was put in does not do (PIN, carrier, coins); the session goes on
├── OutOfStep         the act does not fit the state
└── Unavailable       centre, authority or municipality is not there; the same call may be repeated
"""

from typing import Any

import httpx

from tegata.messages import Lang, TegataError


class KioskError(TegataError):
    """Root of this package's errors."""


class NotFound(KioskError):
    """There is no such session or transaction."""


class Refused(KioskError):
    """The act is refused; the reason says why.  `checks` are those of a verdict, if there was one."""

    def __init__(
        self, reason: str, *, clause: str | None = None, checks: tuple[Any, ...] = (), **facts: object
    ) -> None:
        super().__init__(reason, clause=clause, **facts)
        self.checks = checks


class ForeignDocument(Refused):
    """A document came that does not belong to this transaction: it is destroyed, never printed."""


class Declined(KioskError):
    """The person may put it right and go on; `tries_left` is among the facts when it concerns a PIN and is known."""


class OutOfStep(KioskError):
    """The act does not fit the state; asking for the state tells what does."""


class Unavailable(KioskError):
    """Something needed is not there now; the same call may be repeated."""


class RelayedCheck:
    """One check of a verdict that another party gave, shown as it was received."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self._shown = shown

    def to_json(self, _: Lang) -> dict[str, Any]:
        """Return the check as the other party showed it."""
        return self._shown


def relayed(response: httpx.Response, otherwise: str) -> KioskError:
    """Return the error that another party's problem document (RFC 9457) stands for, with its reason, facts and checks.

    An answer of 500 and above, and one that is no problem document, is `Unavailable` for the reason `otherwise`.
    """
    problem = _problem(response)
    if response.status_code >= 500 or "reason" not in problem:
        return Unavailable(otherwise)
    reason, facts = str(problem["reason"]), _facts(problem)
    if response.status_code == 404:
        return NotFound(reason, **facts)
    if response.status_code == 409:
        return OutOfStep(reason, **facts)
    if response.status_code in (401, 403):
        return Unavailable(otherwise)
    shown = problem.get("checks")
    checks = tuple(RelayedCheck(one) for one in shown if isinstance(one, dict)) if isinstance(shown, list) else ()
    clause = problem.get("clause")
    return Refused(reason, clause=clause if isinstance(clause, str) else None, checks=checks, **facts)


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _facts(problem: dict[str, Any]) -> dict[str, Any]:
    facts = problem.get("facts")
    if not isinstance(facts, dict):
        return {}
    return {str(name): value for name, value in facts.items() if name not in ("reason", "clause", "checks", "self")}
