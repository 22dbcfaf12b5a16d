# SPDX-License-Identifier: Apache-2.0
"""A session: one person in front of the copier, from choosing to paper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tegata.jpki import Carrier


class State(StrEnum):
    """How far a session has come."""

    CHOSEN = "chosen"
    AUTHENTICATED = "authenticated"
    PAID = "paid"
    PRINTING = "printing"
    """The sheet is given to the printer: whatever happens now, it is never given a second time."""
    PRINTED = "printed"
    REFUSED = "refused"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Act(StrEnum):
    """What moves a session on."""

    AUTHENTICATE = "authenticate"
    PAY = "pay"
    COMMIT = "commit"
    EJECT = "eject"
    REFUSE = "refuse"
    CANCEL = "cancel"
    EXPIRE = "expire"
    LOSE = "lose"
    """The terminal stopped while the printer had the sheet: nobody knows whether it came out."""


class Report(StrEnum):
    """What the delivery centre has still to be told of a session."""

    PRINTED = "printed"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person touched on the screen."""

    document: str
    individual_number: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One person's way through the terminal.

    `reason` and `facts` say why it ended.  `fingerprint` is the SHA-256 of the certificate that this terminal itself
    read from the carrier and had accepted; it is forgotten when the session is over.  `paid` is what lies in the coin
    box for this session, `tries_left` what the carrier said last.
    """

    session_id: str
    request_id: str
    choice: Choice
    fee: int
    created_at: datetime
    expires_at: datetime
    state: State = State.CHOSEN
    reason: str | None = None
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)
    transaction_id: str | None = None
    challenge: bytes | None = field(default=None, repr=False)
    fingerprint: str | None = None
    carrier: Carrier | None = None
    tries_left: int | None = None
    paid: int = 0
    report: Report | None = None
