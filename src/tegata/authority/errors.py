# SPDX-License-Identifier: Apache-2.0
"""The errors of the authority.

AuthorityError
├── NotFound      no such certificate, request or list
├── Refused       the request or the rules say no; repeating it unchanged does not help
├── Conflict      the identifier was used for something else, or the act does not fit the state or the order
└── Broken        our own check failed: a certificate that must not be signed, an audit log that does not close
"""

from tegata.messages import TegataError


class AuthorityError(TegataError):
    """Root of this package's errors."""


class NotFound(AuthorityError):
    """There is no such certificate, request or list."""


class Refused(AuthorityError):
    """The act is refused; the reason says why."""


class Conflict(AuthorityError):
    """The same identifier came with other content, or the act does not fit the state or the order."""


class Broken(AuthorityError):
    """A check on our own work failed; nothing was signed or answered on top of it."""
