# SPDX-License-Identifier: Apache-2.0
"""What an authentic status source says of one certificate, and what follows from it, whichever source it was.

Order matters: a revocation is final in JPKI (a hold is never lifted), so an authentic answer that tells of one settles
the matter however old it is; only then does age decide whether "good" may still be believed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NoReturn

from tegata.verify.errors import Rejected, StatusUnavailable
from tegata.verify.policy import Terms

Source = Literal["ocsp", "crl"]

UNKNOWN: Final = "verify.status_unknown"
HOLD: Final = 6
REVOKED: Final = {
    0: "verify.revoked.unspecified",
    1: "verify.revoked.key_compromise",
    2: "verify.revoked.ca_compromise",
    3: "verify.revoked.affiliation_changed",
    4: "verify.revoked.superseded",
    5: "verify.revoked.cessation_of_operation",
    HOLD: "verify.held",
    8: "verify.revoked.unspecified",
    9: "verify.revoked.unspecified",
    10: "verify.revoked.unspecified",
}
"""CRLReason (RFC 5280 §5.3.1) -> our reason.  JPKI uses 0 to 6; 8 would lift a hold, which JPKI never does, so an
entry that carries it is still an entry.
"""


@dataclass(frozen=True, slots=True)
class Revocation:
    """When a certificate was revoked or held, and why (CRLReason)."""

    at: datetime
    reason: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One authentic statement about one certificate; without `revocation` it says "good"."""

    source: Source
    this_update: datetime
    next_update: datetime | None
    revocation: Revocation | None = None
    known: bool = True
    """False when the responder says that it does not know the certificate."""
    word: tuple[datetime, datetime] | None = None
    """When a delegated responder may speak for its authority."""

    def window(self, max_age: timedelta, skew: timedelta) -> tuple[datetime, datetime]:
        """Return from when until when `judge` lets this answer, if it says "good", pass."""
        until = self.this_update + max_age
        if self.next_update is not None and self.next_update < until:
            until = self.next_update
        first, last = self.word or (self.this_update - skew, until)
        return max(first, self.this_update - skew), min(last, until)


def judge(answer: Answer, max_age: timedelta, terms: Terms) -> Answer:
    """Return `answer` if it says "good", is not older than `max_age`, and may be believed now.

    Raises `Rejected` (`verify.revoked.*`, `verify.held`) or `StatusUnavailable` (`verify.status_stale`, `..._unknown`).
    """
    if answer.this_update > terms.now + terms.policy.skew:
        refuse_stale(answer)
    if answer.revocation is not None:
        refuse_revoked(answer.revocation)
    if terms.now - answer.this_update > max_age:
        refuse_stale(answer)
    if answer.next_update is not None and terms.now > answer.next_update:
        refuse_stale(answer)
    if not answer.known:
        raise StatusUnavailable(UNKNOWN, clause="RFC 6960 §2.2")
    return answer


def refuse_revoked(revocation: Revocation) -> NoReturn:
    """Raise the `Rejected` that fits the reason of a revocation."""
    raise Rejected(REVOKED[revocation.reason], clause="RFC 5280 §5.3.1", revoked_at=stamp(revocation.at))


def refuse_stale(answer: Answer) -> NoReturn:
    """Raise `verify.status_stale` with the source and the time it speaks of."""
    raise StatusUnavailable(
        "verify.status_stale",
        clause="RFC 6960 §3.2" if answer.source == "ocsp" else "RFC 5280 §6.3.3",
        source=answer.source,
        this_update=stamp(answer.this_update),
    )


def stamp(moment: datetime) -> str:
    """Return a time as the wire writes it: ISO 8601 in UTC with `Z`."""
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat().replace("+00:00", "Z")


def crl_reason(code: int) -> int:
    """Return a CRLReason that exists; raises `KeyError` for one that RFC 5280 does not define."""
    if code not in REVOKED:
        raise KeyError(code)
    return code
