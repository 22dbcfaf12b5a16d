# SPDX-License-Identifier: Apache-2.0
"""The life of a transaction at the delivery centre, all of it.

    open ─► authenticated ─► issued ─► printed
      │          │             │
      ├──────────┴─────────────┴─► refused, cancelled
      └─► expired                  unreported ─► printed, cancelled

Whatever ends a transaction ends all of it: there is no lock to release and no queue to leave.  A document that
arrives for a transaction that is over is dropped.  While issued, the same document may be handed out again, to a
terminal that lost the answer; how often it is printed is the terminal's to decide, once.
"""

import dataclasses
from datetime import datetime
from typing import Final

from tegata.kiosk.delivery.model import Act, State, Transaction
from tegata.kiosk.errors import OutOfStep

TRANSITIONS: Final[dict[tuple[State, Act], State]] = {
    (State.OPEN, Act.AUTHENTICATE): State.AUTHENTICATED,
    (State.AUTHENTICATED, Act.ISSUE): State.ISSUED,
    (State.ISSUED, Act.ISSUE): State.ISSUED,
    (State.ISSUED, Act.PRINT): State.PRINTED,
    (State.UNREPORTED, Act.PRINT): State.PRINTED,
    (State.OPEN, Act.REFUSE): State.REFUSED,
    (State.AUTHENTICATED, Act.REFUSE): State.REFUSED,
    (State.ISSUED, Act.REFUSE): State.REFUSED,
    (State.OPEN, Act.CANCEL): State.CANCELLED,
    (State.AUTHENTICATED, Act.CANCEL): State.CANCELLED,
    (State.ISSUED, Act.CANCEL): State.CANCELLED,
    (State.UNREPORTED, Act.CANCEL): State.CANCELLED,
    (State.OPEN, Act.EXPIRE): State.EXPIRED,
    (State.AUTHENTICATED, Act.EXPIRE): State.EXPIRED,
    (State.ISSUED, Act.EXPIRE): State.UNREPORTED,
}

LIVE: Final = (State.OPEN, State.AUTHENTICATED, State.ISSUED)
"""States that end by themselves at `expires_at`."""


def advance(transaction: Transaction, act: Act, reason: str | None = None) -> Transaction:
    """Return the transaction after `act`; one that is over forgets whose it was, and keeps the certificate's hash.

    Raises `OutOfStep` (`kiosk.transaction_over`) where it cannot happen.
    """
    state = TRANSITIONS.get((transaction.state, act))
    if state is None:
        raise OutOfStep("kiosk.transaction_over", state=transaction.state.value, act=act.value)
    moved = dataclasses.replace(transaction, state=state, reason=reason or transaction.reason)
    return moved if state in LIVE else dataclasses.replace(moved, certificate=None, resident_code=None)


def due(transaction: Transaction, now: datetime) -> bool:
    """Say whether a live transaction has run out of time."""
    return transaction.state in LIVE and now >= transaction.expires_at
