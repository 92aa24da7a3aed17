"""What comes late: which samples and records the day's files lack, and when they land after all.

Here belongs the plan only, so that the landing of a day (which leaves these out) and the landing of a late file
(which holds just these) can never disagree.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import polars as pl

from pipelines.synthetic.cloud import DAY, HOUR, Cloud
from pipelines.synthetic.records import CROSSES_TIER, NIGHTLY, TimedRecord
from pipelines.synthetic.reference import HAS_PROMOTION_LEFT, member, promotion_ends_at

SAMPLES = "vm_samples"

AFTER_ISSUE = 16
MONTH_END_IN_BERLIN = 3
MONTH_END_IN_KOLKATA = 10


@dataclass(frozen=True)
class Withheld:
    """One account's part of one source, in the half-open time [start, end)."""

    source: str
    account_id: str
    start: datetime
    end: datetime

    def holds(self, timed: TimedRecord) -> bool:
        """Say whether a record is part of it."""
        is_its_own = timed.record.source == self.source and timed.record.account_id == self.account_id
        return is_its_own and self.start <= timed.instant < self.end


@dataclass(frozen=True)
class LateBatch:
    """Data that arrives together, after its hours were billed."""

    name: str
    shows: str
    lands_at: datetime
    withheld: tuple[Withheld, ...]


@cache
def late_batches(cloud: Cloud) -> tuple[LateBatch, ...]:
    """Return the late batches whose hours lie inside the cloud's days, in the order in which they land."""
    batches = (_tier(cloud), _promotion(cloud), _month_end(cloud), _issued(cloud))
    inside = [
        batch
        for batch in batches
        if all(cloud.start <= part.start and part.end <= cloud.end for part in batch.withheld)
    ]
    return tuple(sorted(inside, key=lambda batch: batch.lands_at))


def withheld_samples(cloud: Cloud) -> pl.Expr:
    """Return the condition under which a sample is missing from its day's file."""
    timestamp = pl.col("timestamp")
    parts = [part for batch in late_batches(cloud) for part in batch.withheld if part.source == SAMPLES]
    conditions = [
        (pl.col("account_id") == part.account_id) & (timestamp >= part.start) & (timestamp < part.end) for part in parts
    ]
    return pl.any_horizontal(pl.lit(value=False), *conditions)


def is_withheld(cloud: Cloud, timed: TimedRecord) -> bool:
    """Say whether a record is missing from its day's file."""
    return any(part.holds(timed) for batch in late_batches(cloud) for part in batch.withheld)


def _tier(cloud: Cloud) -> LateBatch:
    # Two nights of backups, and the month's first hours of many machines: both reach a tier sooner than was billed.
    account_id = member(cloud, CROSSES_TIER).account_id
    night_12 = cloud.month_start + 11 * DAY
    return LateBatch(
        name="tier",
        shows="late use reaches the next tier",
        lands_at=cloud.month_start + 14 * DAY,
        withheld=(
            Withheld(NIGHTLY, account_id, night_12 - DAY, night_12 + DAY),
            Withheld(SAMPLES, account_id, cloud.month_start, cloud.month_start + 6 * HOUR),
        ),
    )


def _promotion(cloud: Cloud) -> LateBatch:
    end = promotion_ends_at(cloud) - 6 * HOUR
    return LateBatch(
        name="promotion",
        shows="late use of hours in which a promotion still ran draws on it, though its rest has expired",
        lands_at=promotion_ends_at(cloud).replace(hour=0) + 2 * DAY,
        withheld=(Withheld(SAMPLES, member(cloud, HAS_PROMOTION_LEFT).account_id, end - 2 * HOUR, end),),
    )


def _month_end(cloud: Cloud) -> LateBatch:
    # From before the month's end in Kolkata (18:30 UTC) to after the one in UTC.
    start, end = cloud.month_end - 7 * HOUR, cloud.month_end + HOUR
    return LateBatch(
        name="month_end",
        shows="one late file holds use of the old month and of the new one",
        lands_at=cloud.month_end + 6 * HOUR,
        withheld=tuple(
            Withheld(SAMPLES, member(cloud, number).account_id, start, end)
            for number in (MONTH_END_IN_BERLIN, MONTH_END_IN_KOLKATA)
        ),
    )


def _issued(cloud: Cloud) -> LateBatch:
    start = cloud.month_start + 19 * DAY + 8 * HOUR
    return LateBatch(
        name="issued",
        shows="late use of a month that is already invoiced becomes an adjustment on the next invoice",
        lands_at=cloud.end,
        withheld=(Withheld(SAMPLES, member(cloud, AFTER_ISSUE).account_id, start, start + 6 * HOUR),),
    )
