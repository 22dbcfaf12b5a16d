# SPDX-License-Identifier: Apache-2.0
"""The errors of the enrolment service.

EnrolmentError
├── NotFound      no such application
├── Refused       the person, card or device may not have phone certificates; the reason says why
├── OutOfStep     the act does not fit the state that the application is in
└── Unavailable   another party did not answer; nothing is lost, the same call may be repeated
"""

from tegata.messages import TegataError
from tegata.verify import Check


class EnrolmentError(TegataError):
    """Root of this package's errors."""


class NotFound(EnrolmentError):
    """There is no application of this identifier."""


class Refused(EnrolmentError):
    """The application is refused; repeating it unchanged does not help.

    `checks` is the verifier's list where the card's proof was bad.
    """

    checks: tuple[Check, ...] = ()


class OutOfStep(EnrolmentError):
    """The act does not fit the application's state; asking for the state tells what does."""


class Unavailable(EnrolmentError):
    """Another party could not be reached; the same call may be repeated later."""
