# SPDX-License-Identifier: Apache-2.0
"""The errors of the sign-in service.

    SignInError
    ├── NotFound       no such sign-in request or client
    ├── Refused        the act is refused; the reason says why
    ├── Conflict       the act does not fit the state, or somebody else was first
    ├── Gone           the sign-in request has expired
    ├── Unavailable    authority or status is not there; nothing is lost, the same call may be repeated
    ├── PageFault      an authorization request that must not be redirected: the person sees a page
    ├── CallbackFault  an authorization request that is answered at its redirect URI
    └── WireFault      a token or userinfo request that is refused, in the words of `faults`

What a phone presents may also raise the errors of `tegata.verify`, which pass through with their checks.
"""

from tegata.messages import TegataError


class SignInError(TegataError):
    """Root of this package's errors."""


class NotFound(SignInError):
    """There is no such sign-in request or client."""


class Refused(SignInError):
    """The act is refused; repeating it unchanged does not help."""


class Conflict(SignInError):
    """The act does not fit the state of the sign-in request, or the identifier is taken."""


class Gone(SignInError):
    """The sign-in request has expired; the person starts again at the service."""


class Unavailable(SignInError):
    """Another party did not answer; the same call may be repeated later."""


class PageFault(SignInError):
    """Client or redirect URI cannot be trusted, so nobody is redirected (RFC 6749 §4.1.2.1)."""


class CallbackFault(SignInError):
    """The authorization request is wrong in a way that its client is told (RFC 6749 §4.1.2.1)."""


class WireFault(SignInError):
    """A request to the token or userinfo endpoint is refused; `faults.TABLE` has status and words."""
