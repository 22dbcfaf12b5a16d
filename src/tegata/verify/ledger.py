# SPDX-License-Identifier: Apache-2.0
"""Keeps the list of checks while the verifier works: `with ledger.step("certificate.path"): ...`.

Steps must be entered in the order they were planned; an error that leaves a step takes the whole list with it.
"""

from types import TracebackType

from tegata.verify.checks import Check, Step
from tegata.verify.errors import VerifyError


class Ledger:
    """The planned steps, what became of those already taken, and (`detail`) what the one under way wants to leave."""

    __slots__ = ("_done", "_steps", "detail")

    def __init__(self, steps: tuple[Step, ...], done: tuple[Check, ...] = ()) -> None:
        self._steps = steps
        self._done = list(done)
        self.detail: str | None = None

    def step(self, name: str) -> "Ledger":
        """Enter the next step; a `VerifyError` from inside marks it failed and leaves with `checks` filled."""
        planned = self._steps[len(self._done)]
        if planned.name != name:
            raise ValueError(f"step {name} entered where {planned.name} was planned")
        self.detail = None
        return self

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        planned = self._steps[len(self._done)]
        if error is None:
            self._done.append(planned.passed if self.detail is None else planned.check("passed", self.detail))
        elif isinstance(error, VerifyError):
            self._done.append(Check(planned.name, error.clause or planned.clause, "failed", error.reason))
            error.checks = self.checks()

    def done(self) -> tuple[Check, ...]:
        """Return the checks of the steps already taken."""
        return tuple(self._done)

    def checks(self) -> tuple[Check, ...]:
        """Return every planned check: those taken with their outcome, the rest as not reached."""
        done = self._done
        return (*done, *(step.check("not_reached") for step in self._steps[len(done) :]))
