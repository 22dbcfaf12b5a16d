# SPDX-License-Identifier: Apache-2.0
"""A transaction: one person, one proof, one document."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How far a transaction has come."""

    OPEN = "open"
    AUTHENTICATED = "authenticated"
    ISSUED = "issued"
    PRINTED = "printed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNREPORTED = "unreported"
    """The document was handed to the terminal, which has not said in time what became of it."""


class Act(StrEnum):
    """What moves a transaction on."""

    AUTHENTICATE = "authenticate"
    ISSUE = "issue"
    PRINT = "print"
    REFUSE = "refuse"
    CANCEL = "cancel"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the document and what is to stand on it."""

    document: str
    individual_number: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """One request of one terminal.

    `fingerprint` is the SHA-256 of the authenticated `certificate`, `resident_code` the person it belongs to: once
    set they never change, and what names the person is forgotten when the transaction is over.
    """

    transaction_id: str
    request_id: str
    terminal_id: str
    wish: Wish
    challenge: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime
    state: State = State.OPEN
    reason: str | None = None
    certificate: bytes | None = field(default=None, repr=False)
    fingerprint: str | None = None
    resident_code: str | None = field(default=None, repr=False)
    municipality_code: str | None = None
