"""The partitions of the assets, and the hour that a run closes (design 6).

What belongs here: days, months and windows of UTC. What does not: billing periods, which are in the zone of each
account (`rating/periods.py`).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import dagster as dg

from resources.clock import Clock

# For assets that nobody has told when the project begins; `build_defs` moves them to the settings' first day.
FIRST_DAY: Final = date(2026, 1, 1)


def days_from(first_day: date) -> dg.DailyPartitionsDefinition:
    """The days of UTC, with today's: it is run every hour."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)


def months_from(first_day: date) -> dg.MonthlyPartitionsDefinition:
    """The months, with this one: what it holds so far can be drafted."""
    return dg.MonthlyPartitionsDefinition(start_date=first_day.replace(day=1).isoformat(), timezone="UTC", end_offset=1)


DAYS: Final = days_from(FIRST_DAY)
MONTHS: Final = months_from(FIRST_DAY)


class UntilHour(dg.Config):
    """What a person may set when starting a run by hand."""

    until: str = ""
    """Close the hours that end at or before this instant (2026-10-05T13:00:00Z), not those of the whole partition."""


def hour_to_close(window: dg.TimeWindow, config: UntilHour, clock: Clock) -> datetime:
    """The end of the last hour to close: the partition's end or the last full hour, whichever is earlier."""
    full_hour = clock.now().replace(minute=0, second=0, microsecond=0)
    chosen = datetime.fromisoformat(config.until) if config.until else window.end
    return min(chosen.astimezone(UTC), full_hour)


def months_of(window: dg.TimeWindow) -> list[str]:
    """The billing periods of the partitions (`2026-10`)."""
    month, months = window.start, []
    while month < window.end:
        months.append(f"{month:%Y-%m}")
        month = (month + timedelta(days=32)).replace(day=1)
    return months
