# SPDX-License-Identifier: Apache-2.0
"""The provider's rules: the life of a sign-in request, and of the session that its code opens.

    waiting ─► approved ─► finished             code ─► open ─► revoked
       │          │                               │       (the code came again)
       ├──────────┴─► cancelled                   └─► spent
       └──────────┴─► expired                         (the code was presented wrongly)

What a table does not name cannot happen.
"""

import dataclasses
from datetime import datetime
from typing import Final

from tegata.signin.errors import Conflict
from tegata.signin.model import RequestAct, RequestState, Session, SessionAct, SessionState, SignInRequest

REQUESTS: Final[dict[tuple[RequestState, RequestAct], RequestState]] = {
    (RequestState.WAITING, RequestAct.APPROVE): RequestState.APPROVED,
    (RequestState.WAITING, RequestAct.CANCEL): RequestState.CANCELLED,
    (RequestState.WAITING, RequestAct.EXPIRE): RequestState.EXPIRED,
    (RequestState.APPROVED, RequestAct.FINISH): RequestState.FINISHED,
    (RequestState.APPROVED, RequestAct.CANCEL): RequestState.CANCELLED,
    (RequestState.APPROVED, RequestAct.EXPIRE): RequestState.EXPIRED,
}

SESSIONS: Final[dict[tuple[SessionState, SessionAct], SessionState]] = {
    (SessionState.CODE, SessionAct.REDEEM): SessionState.OPEN,
    (SessionState.CODE, SessionAct.FAIL): SessionState.SPENT,
    (SessionState.OPEN, SessionAct.PRESENT_AGAIN): SessionState.REVOKED,  # RFC 6749 §4.1.2: revoke what it gave
    (SessionState.SPENT, SessionAct.PRESENT_AGAIN): SessionState.SPENT,
    (SessionState.REVOKED, SessionAct.PRESENT_AGAIN): SessionState.REVOKED,
}

OVER: Final = frozenset({RequestState.FINISHED, RequestState.CANCELLED, RequestState.EXPIRED})
"""States of a request in which nothing more is awaited."""


def advance(request: SignInRequest, act: RequestAct) -> SignInRequest:
    """Return the request after `act`; raises `Conflict` (`signin.wrong_state`) where it cannot happen."""
    state = REQUESTS.get((request.state, act))
    if state is None:
        raise Conflict("signin.wrong_state", state=request.state.value, act=act.value)
    return dataclasses.replace(request, state=state)


def is_due(request: SignInRequest, now: datetime) -> bool:
    """Say whether a request that is still open has run out of time."""
    return request.state not in OVER and now >= request.expires_at


def after(session: Session, act: SessionAct) -> Session:
    """Return the session after `act`; raises `Conflict` where it cannot happen."""
    state = SESSIONS.get((session.state, act))
    if state is None:
        raise Conflict("signin.wrong_state", state=session.state.value, act=act.value)
    return dataclasses.replace(session, state=state)


def is_live(session: Session, now: datetime) -> bool:
    """Say whether the tokens of a session may still be used."""
    return session.state is SessionState.OPEN and now < session.ends_at
