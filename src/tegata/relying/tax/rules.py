# SPDX-License-Identifier: Apache-2.0
"""The life of a login: started ─► done, or started ─► failed.  What the table does not name cannot happen."""

import dataclasses
from typing import Final

from tegata.relying.errors import OutOfStep
from tegata.relying.tax.model import Login, LoginAct, LoginState

LOGINS: Final[dict[tuple[LoginState, LoginAct], LoginState]] = {
    (LoginState.STARTED, LoginAct.SUCCEED): LoginState.DONE,
    (LoginState.STARTED, LoginAct.FAIL): LoginState.FAILED,
}


def advance(login: Login, act: LoginAct, reason: str | None = None) -> Login:
    """Return the login after `act`; raises `OutOfStep` where it cannot happen."""
    progress = LOGINS.get((login.progress, act))
    if progress is None:
        raise OutOfStep("tax.login_over", state=login.progress.value)
    return dataclasses.replace(login, progress=progress, reason=reason)
