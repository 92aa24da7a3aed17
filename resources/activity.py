"""Where resources were active: what pooled allowances are made of (semantics 3).

What belongs here: finding the few slices that count in the lake. What does not: what they count for (`rating/pools.py`).
"""

from datetime import datetime, timedelta

import polars as pl

from rating.periods import INSTANT, instant, periods
from rating.pools import Activity, has_pools, pooling_accounts
from rating.schemas import ACTIVITY, no_rows
from resources.facts import Facts
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
    spans = _spans(facts, zones, first, until).join(
        pooling.select("account_id", meter="pooled_meter").unique(), on="account_id"
    )
    with lake.registered(pooling=spans):
        slices = lake.frame("steps/charges/activity", {"run": run, "first": first, "until": until})
    return Activity(slices.cast({"slice_start": INSTANT}).select(ACTIVITY.keys()), touched)


def _spans(facts: Facts, zones: pl.DataFrame, first: datetime, until: datetime) -> pl.DataFrame:
    """account_id, span_start, span_end in [first, until): in one a resource can join a pool only by its first slice there."""
    months = periods(zones["time_zone"].unique(), first, until).select("time_zone", at="period_start")
    times = pl.concat([facts.prices["effective_from"], facts.prices["effective_to"].drop_nulls()]).unique()
    accounts = zones.select("account_id")
    every = [
        accounts.with_columns(at=pl.lit(first, INSTANT)),
        zones.join(months, on="time_zone").select("account_id", "at"),
        facts.subscriptions.join(accounts, on="account_id", how="semi").select("account_id", at="effective_from"),
        accounts.join(times.alias("at").to_frame(), how="cross"),
    ]
    starts = pl.concat([frame.cast({"at": INSTANT}) for frame in every]).unique().sort("account_id", "at")
    inside = starts.filter((pl.col("at") >= first) & (pl.col("at") < until))
    following = pl.col("at").shift(-1).over("account_id").fill_null(pl.lit(until, INSTANT))
    return inside.select("account_id", span_start="at", span_end=following)
