# SPDX-License-Identifier: Apache-2.0
"""When kiosks serve: 06:30 to 23:00 (JST), not from 29 December to 3 January, as the cities' pages say."""

from dataclasses import dataclass
from datetime import datetime, time

from tegata.clock import JST
from tegata.kiosk.errors import Refused


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours in JST; `closed_days` are (month, day)."""

    opens: time = time(6, 30)
    closes: time = time(23, 0)
    closed_days: tuple[tuple[int, int], ...] = ((12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3))


def check_open(hours: Hours | None, now: datetime) -> None:
    """Pass when the service is open; `None` means always.  Raises `Refused` (`kiosk.closed`)."""
    if hours is None:
        return
    moment = now.astimezone(JST)
    if (moment.month, moment.day) in hours.closed_days or not hours.opens <= moment.time() < hours.closes:
        raise Refused("kiosk.closed", opens=f"{hours.opens:%H:%M}", closes=f"{hours.closes:%H:%M}")
