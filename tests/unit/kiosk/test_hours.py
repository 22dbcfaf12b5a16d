# SPDX-License-Identifier: Apache-2.0
"""Kiosks serve from 06:30 to 23:00 Japan time, not around New Year."""

from datetime import datetime

import pytest

from tegata.clock import JST
from tegata.kiosk.errors import Refused
from tegata.kiosk.hours import Hours, check_open


@pytest.mark.parametrize(
    "moment", ["2026-11-24T06:30:00", "2026-11-24T22:59:59", "2026-12-28T12:00", "2027-01-04T06:30"]
)
def test_open(moment: str) -> None:
    """Within the hours the check passes."""
    check_open(Hours(), datetime.fromisoformat(moment).replace(tzinfo=JST))


@pytest.mark.parametrize(
    "moment", ["2026-11-24T06:29:59", "2026-11-24T23:00:00", "2026-12-29T12:00", "2027-01-03T12:00"]
)
def test_closed(moment: str) -> None:
    """Outside it is refused, with the hours among the facts."""
    with pytest.raises(Refused) as caught:
        check_open(Hours(), datetime.fromisoformat(moment).replace(tzinfo=JST))
    assert caught.value.reason == "kiosk.closed"
    assert caught.value.facts == {"opens": "06:30", "closes": "23:00"}


def test_a_kiosk_without_hours_never_closes() -> None:
    """A country on a laptop serves at night too."""
    check_open(None, datetime(2027, 1, 1, 3, tzinfo=JST))
