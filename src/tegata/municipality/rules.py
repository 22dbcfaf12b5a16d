# SPDX-License-Identifier: Apache-2.0
"""The municipality's rules: the life of a card's issue, what each event does, who gets which certificate and until
when.

    requested ─► keyed ─► certified ─► written ─► delivered
        │          │ │      │
        ▼          ▼ └──────┴─► discarding ─► discarded
      failed     failed

What a table does not name cannot happen.  `discarding` is a debt to the authority: certificates that may exist and
must be revoked.
"""

import calendar
import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Final

from tegata.jpki import assumptions
from tegata.jpki.attributes import BirthDate
from tegata.municipality.errors import Conflict
from tegata.municipality.model import CardAct, CardIssue, CardState, Happening, Standing

CARD_TRANSITIONS: Final[dict[tuple[CardState, CardAct], CardState]] = {
    (CardState.REQUESTED, CardAct.GENERATE): CardState.KEYED,
    (CardState.KEYED, CardAct.CERTIFY): CardState.CERTIFIED,
    (CardState.CERTIFIED, CardAct.WRITE): CardState.WRITTEN,
    (CardState.WRITTEN, CardAct.DELIVER): CardState.DELIVERED,
    (CardState.REQUESTED, CardAct.FAIL): CardState.FAILED,
    (CardState.KEYED, CardAct.REFUSE): CardState.FAILED,  # the authority said no: it has issued nothing
    (CardState.KEYED, CardAct.FAIL): CardState.DISCARDING,  # its answer may have been lost
    (CardState.CERTIFIED, CardAct.FAIL): CardState.DISCARDING,
    (CardState.DISCARDING, CardAct.DISCARD): CardState.DISCARDED,
}

UNFINISHED: Final = (
    CardState.REQUESTED,
    CardState.KEYED,
    CardState.CERTIFIED,
    CardState.WRITTEN,
    CardState.DISCARDING,
)
"""States that `recover` works on."""

CARD_ON_COUNTER: Final = frozenset({CardState.REQUESTED, CardState.CERTIFIED})
"""States whose next step needs the card in the counter's reader."""


def advance(issue: CardIssue, act: CardAct, reason: str | None = None) -> CardIssue:
    """Return the issue after `act`; raises `Conflict` (`municipality.wrong_state`) where it cannot happen."""
    state = CARD_TRANSITIONS.get((issue.state, act))
    if state is None:
        raise Conflict("municipality.wrong_state", state=issue.state.value, act=act.value)
    return dataclasses.replace(issue, state=state, reason=reason or issue.reason)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a happening means: the authority's word for it, the members it must and may bring, where the person stands
    afterwards.
    """

    kind: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    standing: Standing = Standing.RESIDENT


EFFECTS: Final[dict[Happening, Effect]] = {
    Happening.MOVE: Effect("moved", ("address", "municipality_code"), ("household", "relationship")),
    Happening.NAME_CHANGE: Effect("name_changed", ("name", "kana")),
    Happening.SEX_CORRECTION: Effect("sex_corrected", ("sex",)),
    Happening.BIRTH_CORRECTION: Effect("birth_corrected", ("birth",)),
    Happening.DEATH: Effect("died", standing=Standing.DEAD),
    Happening.LEAVE_REGISTER: Effect("left_register", standing=Standing.LEFT),
    Happening.CARD_LOST: Effect("card_lost"),
    Happening.CARD_RETURNED: Effect("card_returned"),
}


def latest_birthday(birth: BirthDate) -> date:
    """Return the latest day on which a person with a partly unknown birth date can have been born."""
    month = birth.month or 12
    return date(birth.year, month, birth.day or calendar.monthrange(birth.year, month)[1])


def birthday_in(birth: BirthDate, year: int) -> date:
    """Return the birthday in `year` for expiry: 29 February counts as the 28th; unknown parts by
    `municipality.unknown_birthday`.
    """
    last = assumptions.value("municipality.unknown_birthday") == "last"
    month = birth.month or (12 if last else 1)
    end = calendar.monthrange(year, month)[1]
    if (month, birth.day) == (2, 29):
        return date(year, 2, 28)
    return date(year, month, birth.day or (end if last else 1))


def age(birth: BirthDate, today: date) -> int:
    """Return the age in years of the person, taken as young as a partly unknown date allows."""
    born = latest_birthday(birth)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def may_sign(birth: BirthDate, today: date) -> bool:
    """Say whether a signing certificate is issued: not under 15 (issuing rule of municipalities)."""
    return age(birth, today) >= 15


def card_expires(birth: BirthDate, today: date, stay_until: date | None) -> date:
    """Return the card's last day: the 10th birthday from now (5th under 18), or the end of the period of stay if
    earlier.
    """
    years = 10 if age(birth, today) >= 18 else 5
    first = today.year + (birthday_in(birth, today.year) <= today)
    expires = birthday_in(birth, first + years - 1)
    return min(expires, stay_until) if stay_until else expires
