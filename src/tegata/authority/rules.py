# SPDX-License-Identifier: Apache-2.0
"""The authority's rules, as tables: how long a certificate lives, what ends it, and what falls with it.

    certificate   good ─► revoked        request   issued ─► delivered ─► discarded
                   └────► held                        └──────────────────────▲

`revoked` and `held` are final: a hold is never lifted, and nothing revokes twice.  Sources: J-LIS's questions and
answers and the CPS clause on online status (4.9.9) for reasons and events; what is not public is an assumption
`authority.*`.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from tegata.authority.errors import Conflict, Refused
from tegata.authority.model import Act, Cause, Reason, Stage
from tegata.clock import JST
from tegata.jpki import Carrier, Kind, assumptions
from tegata.jpki.attributes import BirthDate

CARD, PHONE = Carrier.CARD, Carrier.PHONE
SIGNING, AUTHENTICATION = Kind.SIGNING, Kind.AUTHENTICATION

# -- requests ----------------------------------------------------------------------------------------------------------

STAGES: Final[dict[tuple[Stage, Act], Stage]] = {
    (Stage.ISSUED, Act.DELIVER): Stage.DELIVERED,
    (Stage.DELIVERED, Act.DELIVER): Stage.DELIVERED,
    (Stage.ISSUED, Act.DISCARD): Stage.DISCARDED,
    (Stage.DELIVERED, Act.DISCARD): Stage.DISCARDED,
    (Stage.DISCARDED, Act.DISCARD): Stage.DISCARDED,
}

CAUSE_OF_DISCARD: Final = {
    Stage.ISSUED: Cause.DISCARDED_UNDELIVERED,
    Stage.DELIVERED: Cause.DISCARDED_BY_HOLDER,
}


def advance(stage: Stage, act: Act) -> Stage:
    """Return the stage after `act`; raises `Conflict` (`authority.wrong_state`) where it cannot happen."""
    after = STAGES.get((stage, act))
    if after is None:
        raise Conflict("authority.wrong_state", state=stage.value, act=act.value)
    return after


# -- what ends a certificate -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """Which good certificates end, and with which reason."""

    carrier: Carrier
    kind: Kind
    reason: Reason


def _both(carrier: Carrier, reason: Reason) -> tuple[Effect, ...]:
    return Effect(carrier, SIGNING, reason), Effect(carrier, AUTHENTICATION, reason)


_ATTRIBUTE_CHANGED: Final = tuple(Effect(carrier, SIGNING, Reason.AFFILIATION_CHANGED) for carrier in Carrier)
_PERSON_GONE: Final = tuple(e for carrier in Carrier for e in _both(carrier, Reason.CESSATION_OF_OPERATION))

EFFECTS: Final[dict[Cause, tuple[Effect, ...]]] = {
    # Change of one of the four attributes: only the certificates that show them (J-LIS: what revokes which).
    Cause.MOVED: _ATTRIBUTE_CHANGED,
    Cause.NAME_CHANGED: _ATTRIBUTE_CHANGED,
    Cause.SEX_CORRECTED: _ATTRIBUTE_CHANGED,
    Cause.BIRTH_CORRECTED: _ATTRIBUTE_CHANGED,
    # Death, leaving the register, card returned: all (CPS 4.9.9: no longer needed).
    Cause.DIED: _PERSON_GONE,
    Cause.LEFT_REGISTER: _PERSON_GONE,
    Cause.CARD_RETURNED: _PERSON_GONE,
    # A lost card is put on hold; phones that hang on it follow by FALLS_WITH.  The event does not say which card: all
    # of the person's are meant, also one not yet reported as delivered, because it may be the one that was lost.
    Cause.CARD_LOST: _both(CARD, Reason.CERTIFICATE_HOLD),
    # A renewed card replaces the earlier one once it is in its holder's hand; a new phone at once (one phone per
    # person).
    Cause.NEW_CARD_DELIVERED: _both(CARD, Reason.SUPERSEDED),
    Cause.NEW_PHONE: _both(PHONE, Reason.SUPERSEDED),
    # Discarded before delivery is `unspecified` (CPS 4.9.9), after it the holder's own wish.
    Cause.DISCARDED_UNDELIVERED: (*_both(CARD, Reason.UNSPECIFIED), *_both(PHONE, Reason.UNSPECIFIED)),
    Cause.DISCARDED_BY_HOLDER: _PERSON_GONE,
    # The hotline's temporary suspension, which is never lifted.
    Cause.REPORTED_LOST: _both(PHONE, Reason.CERTIFICATE_HOLD),
}

TOLD_BY_MUNICIPALITY: Final = frozenset(
    {
        *(Cause.MOVED, Cause.NAME_CHANGED, Cause.SEX_CORRECTED, Cause.BIRTH_CORRECTED),
        *(Cause.DIED, Cause.LEFT_REGISTER, Cause.CARD_RETURNED, Cause.CARD_LOST),
    }
)
ENDS_RESIDENCE: Final = frozenset({Cause.DIED, Cause.LEFT_REGISTER})
"""After these nothing more is issued to the person."""


@dataclass(frozen=True, slots=True)
class Fall:
    """What falls with a card's certificate: the phone's certificates of these kinds, and why."""

    kinds: tuple[Kind, ...]
    reason: Reason


_GONE: Final = Fall((SIGNING, AUTHENTICATION), Reason.CESSATION_OF_OPERATION)

FALLS_WITH: Final[dict[tuple[Kind, Reason], Fall]] = {
    # Phone certificates are subordinate to the card's (reports at the start of the service); articles 16-2 and 35-2 ff.
    # were not read, so losing the basis ends them.  Only a change of attributes spares the authentication certificate.
    (SIGNING, Reason.AFFILIATION_CHANGED): Fall((SIGNING,), Reason.AFFILIATION_CHANGED),
    (SIGNING, Reason.UNSPECIFIED): Fall((SIGNING,), Reason.CESSATION_OF_OPERATION),
    (SIGNING, Reason.KEY_COMPROMISE): Fall((SIGNING,), Reason.CESSATION_OF_OPERATION),
    (SIGNING, Reason.CA_COMPROMISE): Fall((SIGNING,), Reason.CA_COMPROMISE),
    (SIGNING, Reason.SUPERSEDED): Fall((SIGNING,), Reason.CESSATION_OF_OPERATION),
    (SIGNING, Reason.CESSATION_OF_OPERATION): Fall((SIGNING,), Reason.CESSATION_OF_OPERATION),
    (SIGNING, Reason.CERTIFICATE_HOLD): Fall((SIGNING,), Reason.CESSATION_OF_OPERATION),
    **{(AUTHENTICATION, reason): _GONE for reason in Reason},
}
_SWITCH: Final = {
    Reason.SUPERSEDED: "authority.phone_after_card_renewal",
    Reason.CERTIFICATE_HOLD: "authority.phone_after_card_hold",
}


def falls_with(kind: Kind, reason: Reason) -> Fall | None:
    """Return what falls with a card's certificate that ends for `reason`; `None` where an assumption keeps the
    phone.
    """
    switch = _SWITCH.get(reason)
    if switch is not None and assumptions.value(switch) == "kept":
        return None
    return FALLS_WITH[kind, reason]


# -- how long a certificate lives --------------------------------------------------------------------------------------

RENEWAL_WINDOW_MONTHS: Final = 3
CA_YEARS: Final = 10


def birthday_in(birth: BirthDate, year: int) -> date:
    """Return the birthday in `year` for expiry: 29 February counts as the 28th; unknown parts by
    `municipality.unknown_birthday`.
    """
    last = assumptions.value("municipality.unknown_birthday") == "last"
    month = birth.month or (12 if last else 1)
    if (month, birth.day) == (2, 29):
        return date(year, 2, 28)
    return date(year, month, birth.day or (calendar.monthrange(year, month)[1] if last else 1))


def last_day(birth: BirthDate, today: date, card_expires: date, renewed: date | None = None) -> date:
    """Return a certificate's last day: the 5th birthday after issue, or the card's last day if that is earlier.

    `renewed` is the last day of the certificate that this one renews: within three months of it, the 6th birthday
    counts.  Raises `Refused` (`authority.card_expired`) when no day would be left.
    """
    ordinal = 6 if renewed is not None and today <= renewed and today >= _months_before(renewed) else 5
    first = today.year + (birthday_in(birth, today.year) <= today)
    last = min(birthday_in(birth, first + ordinal - 1), card_expires)
    if last <= today:
        raise Refused("authority.card_expired")
    return last


def _months_before(day: date) -> date:
    month = day.month - RENEWAL_WINDOW_MONTHS
    year, month = (day.year, month) if month > 0 else (day.year - 1, month + 12)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def end_of(day: date) -> datetime:
    """Return the last second of a day in Japan: 14:59:59Z."""
    return datetime.combine(day, time(23, 59, 59), JST).astimezone(UTC)


def may_sign(birth: BirthDate, today: date) -> bool:
    """Say whether the person gets a signing certificate: not under 15, as young as a partly unknown date allows."""
    month = birth.month or 12
    day = birth.day or 31
    return today.year - birth.year - ((today.month, today.day) < (month, day)) >= 15


def ca_end(start: datetime) -> datetime:
    """Return the end of a certification authority's certificate: ten years, to the end of the day before in Japan."""
    day = start.astimezone(JST).date()
    length = calendar.monthrange(day.year + CA_YEARS, day.month)[1]
    return end_of(date(day.year + CA_YEARS, day.month, min(day.day, length)) - timedelta(days=1))
