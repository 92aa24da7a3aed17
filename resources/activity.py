"""Where resources were active: what pooled allowances are made of (semantics 3).

What belongs here: finding the few slices that count in the lake. What does not: what they count for (`rating/pools.py`).
"""

from datetime import datetime, timedelta

import polars as pl

from rating.periods import INSTANT, instant, periods
from rating.pools import Activity, has_pools, pooling_accounts
from rating.schemas import ACTIVITY, no_rows
from resources.facts import EPOCH, Facts
from resources.lake import Lake


def activity_since(lake: Lake, facts: Facts, run: int, touched: pl.DataFrame, until: datetime) -> Activity | None:
    """The activity up to a run of the accounts whose prices with pools are touched (account_id, meter, first_slice).

    It reaches back to the start of the period of the first touched slice. None where no price has a pool.
    """
    if not has_pools(facts.prices):
        return None
    accounts = pooling_accounts(facts.prices, facts.subscriptions)
    pooling = accounts.join(touched, on=["account_id", "meter"])
    if pooling.is_empty():
        return Activity(no_rows(ACTIVITY), touched)
    earliest = instant(pooling["first_slice"], "min")
    zones = facts.zones.join(pooling, on="account_id", how="semi")
    held = periods(zones["time_zone"].unique(), earliest, earliest + timedelta(microseconds=1))
    first = min(earliest, instant(held["period_start"], "min"))
    boundaries = _boundaries(facts, zones, first, until)
    with lake.registered(pooling=pooling.select("account_id", "pooled_meter").unique(), boundaries=boundaries):
        slices = lake.frame("steps/charges/activity", {"run": run, "first": first, "until": until})
    return Activity(slices.cast({"slice_start": INSTANT}).select(ACTIVITY.keys()), touched)


def _boundaries(facts: Facts, zones: pl.DataFrame, first: datetime, until: datetime) -> pl.DataFrame:
    """Between two of these an account's resource can join a pool once: only its first slice there counts."""
    months = periods(zones["time_zone"].unique(), first, until).select("time_zone", boundary="period_start")
    times = pl.concat([facts.prices["effective_from"], facts.prices["effective_to"].drop_nulls()]).unique()
    accounts = zones.select("account_id")
    every = [
        accounts.with_columns(boundary=pl.lit(EPOCH, INSTANT)),
        zones.join(months, on="time_zone").select("account_id", "boundary"),
        facts.subscriptions.join(accounts, on="account_id", how="semi").select("account_id", boundary="effective_from"),
        accounts.join(times.alias("boundary").to_frame(), how="cross"),
    ]
    return pl.concat([frame.cast({"boundary": INSTANT}) for frame in every]).unique().sort("account_id", "boundary")
