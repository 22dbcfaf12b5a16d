# SPDX-License-Identifier: Apache-2.0
"""Keeps the list of checks while the verifier works: `with ledger.step("certificate.path"): ...`.

Steps must be entered in the order they were planned; an error that leaves a step takes the whole list with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tegata.verify.checks import Check, Step
from tegata.verify.errors import VerifyError


class Note:
    """What a step wants to leave beside its outcome."""

    __slots__ = ("detail",)

    def __init__(self) -> None:
        self.detail: str | None = None


class Ledger:
    """The planned steps, and what became of those already taken."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = steps
        self._done: list[Check] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Note]:
        """Enter the next step; a `VerifyError` from inside marks it failed and leaves with `checks` filled."""
        planned = self._steps[len(self._done)]
        if planned.name != name:
            raise ValueError(f"step {name} entered where {planned.name} was planned")
        note = Note()
        try:
            yield note
        except VerifyError as error:
            self._done.append(Check(name, error.clause or planned.clause, "failed", error.reason))
            error.checks = self.checks()
            raise
        self._done.append(Check(name, planned.clause, "passed", note.detail))

    def checks(self) -> tuple[Check, ...]:
        """Return every planned check: those taken with their outcome, the rest as not reached."""
        rest = self._steps[len(self._done) :]
        return (*self._done, *(Check(step.name, step.clause, "not_reached") for step in rest))
