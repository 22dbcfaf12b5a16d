# SPDX-License-Identifier: Apache-2.0
"""The authority's values: requests, certificates and their states, what is told and what is answered."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from tegata.jpki import Carrier, Kind
from tegata.jpki.attributes import BasicFour, BirthDate


class Reason(StrEnum):
    """Why a certificate is no longer good: CRLReason (RFC 5280 §5.3.1) as far as JPKI uses it."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"

    @property
    def code(self) -> int:
        """Number of the reason in lists and answers."""
        return list(Reason).index(self)


class Status(StrEnum):
    """What a certificate is worth.  `held` never becomes `good` again."""

    GOOD = "good"
    REVOKED = "revoked"
    HELD = "held"
    EXPIRED = "expired"


class Stage(StrEnum):
    """How far a request has come, in the eyes of who made it."""

    ISSUED = "issued"
    DELIVERED = "delivered"
    DISCARDED = "discarded"


class Act(StrEnum):
    """What moves a request on."""

    DELIVER = "deliver"
    DISCARD = "discard"


class Cause(StrEnum):
    """What makes certificates end: events of a resident, acts on a request, and the loss hotline."""

    MOVED = "moved"
    NAME_CHANGED = "name_changed"
    SEX_CORRECTED = "sex_corrected"
    BIRTH_CORRECTED = "birth_corrected"
    DIED = "died"
    LEFT_REGISTER = "left_register"
    CARD_RETURNED = "card_returned"
    CARD_LOST = "card_lost"
    NEW_CARD_DELIVERED = "new_card_delivered"
    NEW_PHONE = "new_phone"
    DISCARDED_UNDELIVERED = "discarded_undelivered"
    DISCARDED_BY_HOLDER = "discarded_by_holder"
    REPORTED_LOST = "reported_lost"


@dataclass(frozen=True, slots=True)
class Revocation:
    """Since when a certificate is no longer good, and why."""

    reason: Reason
    at: datetime

    @property
    def status(self) -> Status:
        """`held` for a hold, else `revoked`."""
        return Status.HELD if self.reason is Reason.CERTIFICATE_HOLD else Status.REVOKED


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a person.  `der` is `None` between the moment it was recorded and the moment it was signed."""

    kind: Kind
    serial: int
    carrier: Carrier
    request_id: str
    resident_code: str = field(repr=False)
    municipality_code: str
    not_before: datetime
    not_after: datetime
    tbs: bytes = field(repr=False)
    der: bytes | None = field(default=None, repr=False)
    revocation: Revocation | None = None
    parent: int | None = None
    """Serial of the card's certificate of the same kind, for one on a phone."""
    renews: int | None = None
    """Serial of the earlier certificate of the same kind and carrier that this one follows."""

    def status(self, now: datetime) -> Status:
        """Return what it is worth at `now`."""
        if self.revocation is not None:
            return self.revocation.status
        return Status.EXPIRED if now > self.not_after else Status.GOOD


@dataclass(frozen=True, slots=True)
class Superseded:
    """What a request for a phone ended: serial numbers, and the requests that had brought them."""

    serials: tuple[int, ...] = ()
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was carried out: one pair of certificates, or none when it was discarded before it arrived."""

    carrier: Carrier
    request_id: str
    digest: str
    stage: Stage
    superseded: Superseded = Superseded()


@dataclass(frozen=True, slots=True)
class CardOrder:
    """A municipality's wish for the certificates of one card; no signing request under 15."""

    request_id: str
    resident_code: str = field(repr=False)
    municipality_code: str
    basic_four: BasicFour = field(repr=False)
    birth: BirthDate = field(repr=False)
    card_expires: date
    signing: bytes | None = field(repr=False)
    authentication: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhoneOrder:
    """The enrolment service's wish for the certificates of one phone, under the card's signing certificate."""

    request_id: str
    parent_serial: int
    signing: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a resident; numbered per resident from 1 without gaps."""

    event_id: str
    sequence: int
    resident_code: str = field(repr=False)
    cause: Cause
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """The answer to an order: the pair, and what ended with it."""

    request: Request
    signing: Certificate | None
    authentication: Certificate
