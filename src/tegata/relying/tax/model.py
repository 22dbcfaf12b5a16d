# SPDX-License-Identifier: Apache-2.0
"""What the tax office knows, as frozen values: a login on its way, and who is logged in."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class LoginState(StrEnum):
    """How far a login has come; `rules.LOGINS` has the ways between."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


class LoginAct(StrEnum):
    """What moves a login on."""

    SUCCEED = "succeed"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Login:
    """One login on its way.  `browser` is the digest of the cookie of the browser that began it."""

    state: str = field(repr=False)
    browser: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    expires_at: datetime
    progress: LoginState = LoginState.STARTED
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a checked ID token says."""

    subject: str = field(repr=False)
    authenticated_at: datetime
    acr: str | None


@dataclass(frozen=True, slots=True)
class TaxSession:
    """Somebody who is logged in until `expires_at`."""

    identity: Identity
    expires_at: datetime
