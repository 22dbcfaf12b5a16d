# SPDX-License-Identifier: Apache-2.0
"""What a terminal is told when it starts."""

from dataclasses import dataclass, field
from datetime import timedelta

from tegata.kiosk.hours import Hours


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one terminal.

    `delivery_url` is the base of the delivery centre's routes, `delivery_token` opens its role `terminal`.  A person
    who has chosen has `lifetime` to put a card on the reader; from then on the centre's transaction sets the time.
    `hours` is `None` for a terminal that always serves.
    """

    delivery_url: str
    delivery_token: str = field(repr=False)
    terminal_id: str = "kiosk-1"
    lifetime: timedelta = timedelta(minutes=5)
    hours: Hours | None = None
