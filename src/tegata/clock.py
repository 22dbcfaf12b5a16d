# SPDX-License-Identifier: Apache-2.0
"""The one clock of the country.

Engines take `now` as an argument; services take a `Clock`.  A country has exactly one, so that setting it moves every
certificate, status answer and token together.  All times are aware and in UTC; Japanese civil time is `JST`.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

JST = timezone(timedelta(hours=9), "JST")
"""Japan Standard Time (no daylight saving): the zone in which certificates end at 23:59:59."""


class Clock(Protocol):
    """Tells the time.  Implementations return aware UTC datetimes."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class SetClock:
    """A clock that stands still until it is told otherwise: for tests and for a country whose time is set."""

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)

    def now(self) -> datetime:
        """Return the set time."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Set the time to `moment` (aware)."""
        self._now = _utc(moment)

    def advance(self, **delta: float) -> None:
        """Move the time by `timedelta(**delta)`, for instance `advance(days=1)`."""
        self._now += timedelta(**delta)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a clock needs an aware datetime")
    return moment.astimezone(UTC)
