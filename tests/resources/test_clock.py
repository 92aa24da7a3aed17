"""Goal: every clock tells UTC, and a fixed one cannot be set to a time that could mean several."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from resources.clock import Clock, FixedClock, SystemClock

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("clock", [SystemClock(), FixedClock(NOON)])
def test_tells_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC


def test_system_clock_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_fixed_clock_turns_other_zones_to_utc() -> None:
    assert FixedClock(NOON.astimezone(timezone(timedelta(hours=2)))).now().isoformat() == NOON.isoformat()


def test_later_leaves_the_first_clock() -> None:
    clock = FixedClock(NOON)
    assert clock.later(timedelta(hours=1)).now() == datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert clock.now() == NOON


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        FixedClock(NOON.replace(tzinfo=None))
