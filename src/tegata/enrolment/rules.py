# SPDX-License-Identifier: Apache-2.0
"""The life of an application, all of it, in one table.

    applied ─► proven ─► making_keys ─► keys_generated ─► issued ─► installed ─► stopping ─► ended

What the table does not name cannot happen: `advance` raises.  From `making_keys` on the element is this application's,
and whatever lived in it before is superseded.  Before a certificate can exist an application may be refused or may
expire; from the moment one may exist the way out is discarding, which the authority turns into a revocation.  Every
end but `ended` still lets the phone stop, which erases what its element holds.
"""

import dataclasses
from datetime import datetime
from typing import Final

from tegata.enrolment.errors import OutOfStep
from tegata.enrolment.model import Application, Event, State

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.APPLIED, Event.PROVE): State.PROVEN,
    (State.PROVEN, Event.BEGIN): State.MAKING_KEYS,
    (State.MAKING_KEYS, Event.GENERATE): State.KEYS_GENERATED,
    (State.KEYS_GENERATED, Event.ISSUE): State.ISSUED,
    (State.ISSUED, Event.INSTALL): State.INSTALLED,
    (State.APPLIED, Event.REFUSE): State.REFUSED,
    (State.KEYS_GENERATED, Event.REFUSE): State.REFUSED,
    (State.APPLIED, Event.EXPIRE): State.EXPIRED,
    (State.PROVEN, Event.EXPIRE): State.EXPIRED,
    (State.MAKING_KEYS, Event.EXPIRE): State.EXPIRED,
    (State.KEYS_GENERATED, Event.EXPIRE): State.DISCARDED,  # the authority may have issued without our knowing
    (State.ISSUED, Event.EXPIRE): State.DISCARDED,
    (State.ISSUED, Event.DISCARD): State.DISCARDED,  # the element no longer has the keys that were certified
    (State.MAKING_KEYS, Event.SUPERSEDE): State.SUPERSEDED,
    (State.KEYS_GENERATED, Event.SUPERSEDE): State.SUPERSEDED,
    (State.ISSUED, Event.SUPERSEDE): State.SUPERSEDED,
    (State.INSTALLED, Event.SUPERSEDE): State.SUPERSEDED,
    (State.APPLIED, Event.HOLD): State.HELD,
    (State.PROVEN, Event.HOLD): State.HELD,
    (State.MAKING_KEYS, Event.HOLD): State.HELD,
    (State.KEYS_GENERATED, Event.HOLD): State.HELD,
    (State.ISSUED, Event.HOLD): State.HELD,
    (State.INSTALLED, Event.HOLD): State.HELD,
    (State.STOPPING, Event.ERASE): State.ENDED,
    **{(state, Event.STOP): State.STOPPING for state in State if state not in (State.STOPPING, State.ENDED)},
}

PENDING: Final = frozenset({State.APPLIED, State.PROVEN, State.MAKING_KEYS, State.KEYS_GENERATED, State.ISSUED})
"""States that end by themselves at the application's `expires_at`."""

CERTIFIED: Final = frozenset({State.KEYS_GENERATED, State.ISSUED, State.INSTALLED})
"""States in which the authority holds, or may hold, a pair of certificates that is meant to be good."""


def advance(application: Application, event: Event, reason: str | None = None) -> Application:
    """Return the application after `event`; raises `OutOfStep` (`enrolment.wrong_state`) where it cannot happen.

    `reason` is kept unless an earlier end gave one.  Requests and certificates, which tell of a person, are dropped
    where no later step needs them.
    """
    state = TRANSITIONS.get((application.state, event))
    if state is None:
        raise OutOfStep("enrolment.wrong_state", state=application.state.value, act=event.value)
    holds = application.holds_element and state is not State.ENDED
    return dataclasses.replace(
        application,
        state=state,
        reason=application.reason or reason,
        holds_element=holds or state is State.MAKING_KEYS,
        requests=application.requests if state is State.KEYS_GENERATED else None,
        certificates=application.certificates if state is State.ISSUED else None,
    )


def may(application: Application, event: Event) -> bool:
    """Say whether `event` can happen to the application now."""
    return (application.state, event) in TRANSITIONS


def due(application: Application, now: datetime) -> bool:
    """Say whether a pending application has run out of time."""
    return application.state in PENDING and now >= application.expires_at
