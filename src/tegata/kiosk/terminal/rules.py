# SPDX-License-Identifier: Apache-2.0
"""The life of a session at the terminal, all of it.

    chosen ─► authenticated ─► paid ─► printing ─► printed
      │             │            │         │
      └─────────────┤            └─────────┴─► refunded
                    └─► refused, cancelled, expired

One sheet at most, and money only for a sheet.  `printing` is recorded before the printer gets the sheet and is left
only forwards, so no crash and no repeat can print twice.  A terminal that died while `printing` cannot know whether
paper came out: the money goes back.  A session that is `paid` has had no sheet: it may print, also after a restart,
until its time is over; then the money goes back too.
"""

import dataclasses
from datetime import datetime
from typing import Final

from tegata.kiosk.errors import OutOfStep
from tegata.kiosk.terminal.model import Act, Report, Session, State

TRANSITIONS: Final[dict[tuple[State, Act], State]] = {
    (State.CHOSEN, Act.AUTHENTICATE): State.AUTHENTICATED,
    (State.AUTHENTICATED, Act.PAY): State.PAID,
    (State.PAID, Act.COMMIT): State.PRINTING,
    (State.PRINTING, Act.EJECT): State.PRINTED,
    (State.CHOSEN, Act.REFUSE): State.REFUSED,
    (State.AUTHENTICATED, Act.REFUSE): State.REFUSED,
    (State.PAID, Act.REFUSE): State.REFUNDED,
    (State.CHOSEN, Act.CANCEL): State.CANCELLED,
    (State.AUTHENTICATED, Act.CANCEL): State.CANCELLED,
    (State.PAID, Act.CANCEL): State.REFUNDED,
    (State.CHOSEN, Act.EXPIRE): State.EXPIRED,
    (State.AUTHENTICATED, Act.EXPIRE): State.EXPIRED,
    (State.PAID, Act.EXPIRE): State.REFUNDED,
    (State.PRINTING, Act.LOSE): State.REFUNDED,
}

LIVE: Final = (State.CHOSEN, State.AUTHENTICATED, State.PAID)
"""States that end by themselves at `expires_at`."""

_REPORTS: Final = {Act.EJECT: Report.PRINTED, Act.REFUSE: Report.CANCEL, Act.CANCEL: Report.CANCEL}
"""What the centre is to be told; of a sheet that was lost it is told nothing, for nothing is known."""


ENDS: Final = frozenset(State) - {before for before, _ in TRANSITIONS}
"""States that nothing leads out of."""


def advance(session: Session, act: Act, reason: str | None = None) -> Session:
    """Return the session after `act`, with the report that this owes the centre; one that is over forgets the person.

    Raises `OutOfStep` where it cannot happen: `kiosk.already_printed` for a second sheet, else `kiosk.wrong_step`.
    """
    state = TRANSITIONS.get((session.state, act))
    if state is None:
        if act is Act.COMMIT and session.state in (State.PRINTING, State.PRINTED):
            raise OutOfStep("kiosk.already_printed")
        raise OutOfStep("kiosk.wrong_step", state=session.state.value, act=act.value)
    report = _REPORTS.get(act) if session.transaction_id else None
    moved = dataclasses.replace(session, state=state, reason=reason or session.reason, report=report or session.report)
    if state is State.REFUNDED:
        moved = dataclasses.replace(moved, paid=0)
    return dataclasses.replace(moved, challenge=None, fingerprint=None) if state in ENDS else moved


def due(session: Session, now: datetime) -> bool:
    """Say whether a live session has run out of time."""
    return session.state in LIVE and now >= session.expires_at
