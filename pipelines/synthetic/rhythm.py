"""How busy a kind of machine is at each five minutes of a local week: day and night, weekdays and weekend.

Here belongs the shape that repeats. What differs from machine to machine and from sample to sample is noise, and
belongs to `samples.py`.
"""

import math
from datetime import datetime
from functools import cache

import polars as pl

from pipelines.synthetic.cloud import SAMPLE_INTERVAL
from pipelines.synthetic.fleet import ROLES

SLOTS_PER_HOUR = 12
SLOTS_PER_DAY = 24 * SLOTS_PER_HOUR
SLOTS_PER_WEEK = 7 * SLOTS_PER_DAY
FRIDAY = 4


def _bell(hour: float, peak: float, width: float) -> float:
    """Return a smooth hill over the hours of a day, 1 at its peak."""
    distance = min(abs(hour - peak), 24 - abs(hour - peak))
    return 0.5 + 0.5 * math.cos(math.pi * distance / width) if distance < width else 0.0


def _load(role: str, weekday: int, hour: float) -> float:
    """Return the share of its full load that a kind of machine carries. A development machine at 0 is off."""
    at_weekend = weekday > FRIDAY
    if role == "web":
        return (
            0.22
            + (0.55 if at_weekend else 0.5) * _bell(hour, 20, 9)
            + (0.1 if at_weekend else 0.25) * _bell(hour, 12, 5)
        )
    if role == "db":
        return 0.3 + (0.2 if at_weekend else 0.45) * _bell(hour, 14, 9) + 0.25 * _bell(hour, 3, 1.5)
    if role == "batch":
        return 0.08 + 0.9 * _bell(hour, 2.5, 4) + (0.5 * _bell(hour, 11, 3) if weekday == FRIDAY + 2 else 0.0)
    is_working_time = not at_weekend and 7 <= hour < 20  # noqa: PLR2004 - seven in the morning to eight at night
    if role == "dev":
        return 0.15 + 0.7 * _bell(hour, 14, 8) if is_working_time else 0.0
    return 0.12 + (0.75 * _bell(hour, 11, 6) if not at_weekend else 0.04)


@cache
def rhythms() -> pl.Series:
    """Return the loads of all kinds of machines, week after week, in the order of `ROLES`."""
    return pl.Series(
        "load",
        # Four places hide what the last bit of a cosine may be on another machine.
        [
            round(_load(role, slot // SLOTS_PER_DAY, slot % SLOTS_PER_DAY / SLOTS_PER_HOUR), 4)
            for role in ROLES
            for slot in range(SLOTS_PER_WEEK)
        ],
        dtype=pl.Float64,
    )


def local_slots(time_zone: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the five-minute instants of [start, end), each with its place in the local week."""
    instants = pl.datetime_range(
        start, end, SAMPLE_INTERVAL, closed="left", time_unit="us", time_zone="UTC", eager=True
    )
    local = pl.col("slot").dt.convert_time_zone(time_zone).dt
    minute_of_week = ((local.weekday().cast(pl.Int32) - 1) * 24 + local.hour()) * 60 + local.minute()
    return pl.DataFrame({"slot": instants}).with_columns(
        time_zone=pl.lit(time_zone), slot_of_week=minute_of_week // (60 // SLOTS_PER_HOUR)
    )
