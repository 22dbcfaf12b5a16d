# SPDX-License-Identifier: Apache-2.0
"""The country's clock: aware, in UTC, and standing still when it is set."""

from datetime import UTC, datetime, timedelta

import pytest

from tegata.clock import JST, SetClock, SystemClock

NOON = datetime(2026, 11, 24, 12, tzinfo=JST)


def test_a_set_clock_stands_still_until_it_is_moved() -> None:
    """Set, advance, set back."""
    clock = SetClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(days=1, hours=-1)
    assert clock.now() == NOON + timedelta(hours=23)
    clock.set(NOON)
    assert clock.now() == NOON


def test_all_times_are_in_utc() -> None:
    """Whatever zone a time came in."""
    assert SetClock(NOON).now().isoformat() == "2026-11-24T03:00:00+00:00"
    assert SystemClock().now().tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody knows which moment it is."""
    naive = NOON.replace(tzinfo=None)
    clock = SetClock(NOON)
    with pytest.raises(ValueError, match="aware"):
        SetClock(naive)
    with pytest.raises(ValueError, match="aware"):
        clock.set(naive)
