# SPDX-License-Identifier: Apache-2.0
"""The errors of the relying services.

RelyingError
├── NotFound      no such contract, attempt or session
├── Refused       the evidence, token or request is refused; repeating it unchanged does not help
├── OutOfStep     the act does not fit the state
└── Unavailable   another party is not there; nothing is lost, the same call may be repeated
"""

from collections.abc import Sequence
from typing import Any, Self

from tegata.messages import TegataError


class RelyingError(TegataError):
    """Root of this package's errors.  `checks` are those of a verdict, when one was reached."""

    checks: tuple[Any, ...] = ()

    def showing(self, checks: Sequence[Any]) -> Self:
        """Return this error with the ordered checks of a verdict, which its problem document lists."""
        self.checks = tuple(checks)
        return self


class NotFound(RelyingError):
    """There is no such contract, login attempt or session."""


class Refused(RelyingError):
    """What was presented is refused; the reason says why."""


class OutOfStep(RelyingError):
    """The act does not fit the state; asking for the state tells what does."""


class Unavailable(RelyingError):
    """Another party did not answer; the same call may be repeated later."""
