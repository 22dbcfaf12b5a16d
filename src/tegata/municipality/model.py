# SPDX-License-Identifier: Apache-2.0
"""What the municipality knows, as frozen values: a resident, something that happened to one, a card on its way, a
document.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.municipality.characters import for_certificate


class Standing(StrEnum):
    """Where a person stands in the register."""

    RESIDENT = "resident"
    LEFT = "left"
    DEAD = "dead"


class Happening(StrEnum):
    """What can happen to a resident; the values are those of this service's wire."""

    MOVE = "move"
    NAME_CHANGE = "name_change"
    SEX_CORRECTION = "sex_correction"
    BIRTH_CORRECTION = "birth_correction"
    DEATH = "death"
    LEAVE_REGISTER = "leave_register"
    CARD_LOST = "card_lost"
    CARD_RETURNED = "card_returned"


class CardState(StrEnum):
    """How far a card's issue has come; `rules.CARD_TRANSITIONS` has the ways between."""

    REQUESTED = "requested"
    KEYED = "keyed"
    CERTIFIED = "certified"
    WRITTEN = "written"
    DELIVERED = "delivered"
    DISCARDING = "discarding"
    DISCARDED = "discarded"
    FAILED = "failed"


class CardAct(StrEnum):
    """What moves a card's issue on."""

    GENERATE = "generate"
    CERTIFY = "certify"
    WRITE = "write"
    DELIVER = "deliver"
    REFUSE = "refuse"
    FAIL = "fail"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Resident:
    """One entry of the register.  Names and addresses are in the register's characters; the repr shows nothing
    personal.

    `household` is the resident code of the head (世帯主); `stay_until` the end of a foreign resident's period of stay.
    """

    code: str = field(repr=False)
    municipality_code: str
    name: str = field(repr=False)
    kana: str = field(repr=False)
    address: str = field(repr=False)
    birth: BirthDate = field(repr=False)
    sex: Sex = field(repr=False)
    individual_number: str = field(repr=False)
    household: str = field(repr=False)
    relationship: str = field(repr=False)
    since: date = field(repr=False)
    nationality: str | None = field(default=None, repr=False)
    stay_until: date | None = field(default=None, repr=False)
    previous_address: str | None = field(default=None, repr=False)
    standing: Standing = Standing.RESIDENT

    def basic_four(self) -> BasicFour:
        """Return the four attributes as a certificate writes them, substituted characters flagged."""
        name, name_flags = for_certificate(self.name)
        address, address_flags = for_certificate(self.address)
        return BasicFour(name, name_flags, address, address_flags, self.birth, self.sex)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as the authority is told: numbered per resident from 1, without gaps."""

    event_id: str
    resident_code: str = field(repr=False)
    sequence: int
    kind: str
    occurred_at: datetime
    answer: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def delivered(self) -> bool:
        """Whether the authority has acknowledged it."""
        return self.answer is not None


@dataclass(frozen=True, slots=True)
class Pins:
    """The PINs that the person chose at the counter."""

    authentication: str = field(repr=False)
    signing: str | None = field(repr=False)
    card: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Requests:
    """Two certification requests (PKCS#10, DER); no signing one under 15."""

    signing: bytes | None = field(repr=False)
    authentication: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificates:
    """What the authority issued: DER certificates and their serial numbers in decimal."""

    signing: bytes | None = field(repr=False)
    signing_serial: str | None
    authentication: bytes = field(repr=False)
    authentication_serial: str = ""


@dataclass(frozen=True, slots=True)
class CardIssue:
    """One card on its way to one resident."""

    request_id: str
    card_id: str
    resident_code: str = field(repr=False)
    card_expires: date
    state: CardState = CardState.REQUESTED
    reason: str | None = None
    pins: Pins | None = field(default=None, repr=False)
    requests: Requests | None = field(default=None, repr=False)
    certificates: Certificates | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """One issued document: its PDF, and whose it is for which transaction."""

    transaction_id: str
    resident_code: str = field(repr=False)
    certificate_sha256: str
    options: str
    issued_at: datetime
    pdf: bytes = field(repr=False)
