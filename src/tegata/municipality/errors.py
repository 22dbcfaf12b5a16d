# SPDX-License-Identifier: Apache-2.0
"""The errors of the municipality.

MunicipalityError
├── NotFound      no such resident or card issue
├── Refused       the register or the law says no; repeating it unchanged does not help
├── Conflict      the request identifier was used for something else, or the act does not fit the state
└── Unavailable   another party, the card or the font is not there; nothing is lost, the same call may be repeated
"""

from tegata.messages import TegataError


class MunicipalityError(TegataError):
    """Root of this package's errors."""


class NotFound(MunicipalityError):
    """There is no such resident or card issue."""


class Refused(MunicipalityError):
    """The act is refused; the reason says why."""


class Conflict(MunicipalityError):
    """The same request identifier came with other content, or the act does not fit the state."""


class Unavailable(MunicipalityError):
    """Something that is needed is not there now; the same call may be repeated."""
