"""Hours of the day and days of the week: when prices with `when` hold (semantics 3).

What belongs here: the quarter hour of the week of an instant in a zone, and the instants at which a price begins or ends
to hold. What does not: which of several prices holds then (`choosing.py`), and what a price book says (`pricebook/`).

What holds is what the clock of the zone shows, so an hour that is skipped is missing, and one that comes twice counts
twice. It is judged at the start of a slice: slices are cut where it changes (`periods.py`).
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.agreed import by_agreement
from rating.periods import INSTANT
from rating.proration import subscription_spans

CHANGES: Final = {"account_id": pl.String(), "cut_at": INSTANT}
_WINDOW: Final = ("zone", "price_key")
_QUARTER: Final = timedelta(minutes=15)


def is_timed(prices: pl.DataFrame) -> bool:
    """Whether any price holds at some hours or days only."""
    return prices["when_quarters"].null_count() < prices.height


def quarter_of_week(times: pl.Expr, zone: str) -> pl.Expr:
    """The quarter hour of the week that the clock of a zone shows, counted from Monday 00:00."""
    local = times.dt.convert_time_zone(zone)
    of_day = local.dt.hour().cast(pl.UInt16) * 4 + local.dt.minute() // 15
    return (local.dt.weekday().cast(pl.UInt16) - 1) * 96 + of_day


def holding(offered: pl.DataFrame) -> pl.DataFrame:
    """Those of the offered prices that hold at the start of their slice.

    The frame has slice_start, time_zone (the account's), when_zone and when_quarters.
    """
    timed = pl.col("when_quarters").is_not_null()
    zoned = offered.filter(timed).with_columns(zone=_zone_of_price())
    parts = [
        part.filter(pl.col("when_quarters").list.contains(quarter_of_week(pl.col("slice_start"), zone)))
        for (zone,), part in zoned.partition_by("zone", as_dict=True).items()
    ]
    return pl.concat([offered.filter(~timed), *(part.drop("zone") for part in parts)])


def window_changes(prices: pl.DataFrame, subscriptions: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """Every instant in [start, end) at which a price with `when` begins or ends to hold: account_id, cut_at.

    Of the accounts that subscribe to its plan then, while the price is in the book.
    """
    if not is_timed(prices) or start >= end:
        return pl.DataFrame(schema=CHANGES)
    sold = _sold(prices, subscriptions)
    windows = sold.unique(_WINDOW).select(*_WINDOW, "when_quarters")
    found = [_changes(zone, key, quarters, start, end) for zone, key, quarters in windows.iter_rows()]
    if not found:
        return pl.DataFrame(schema=CHANGES)
    changes = sold.join(pl.concat(found), on=_WINDOW)
    inside = (pl.col("cut_at") >= pl.col("since")) & (pl.col("until").is_null() | (pl.col("cut_at") < pl.col("until")))
    return changes.filter(inside).select(CHANGES.keys()).unique().sort(CHANGES.keys())


def _sold(prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """For whom prices with `when` hold, in which zone, and since when until when."""
    timed = by_agreement(prices).filter(pl.col("when_quarters").is_not_null())
    zones = subscriptions.select("account_id", "time_zone").unique()
    offered = subscription_spans(subscriptions).join(zones, on="account_id").join(timed, on="plan")
    concerned = offered.filter((pl.col("agreed_with") == "") | (pl.col("agreed_with") == pl.col("account_id")))
    return concerned.select(
        "account_id",
        "price_key",
        "when_quarters",
        zone=_zone_of_price(),
        since=pl.max_horizontal("subscribed_from", "effective_from"),
        # A horizontal minimum passes over nulls: an end of null is still open.
        until=pl.min_horizontal("subscribed_to", "effective_to"),
    )


def _zone_of_price() -> pl.Expr:
    return pl.when(pl.col("when_zone") != "").then("when_zone").otherwise("time_zone")


def _changes(zone: str, price_key: int, quarters: list[int], start: datetime, end: datetime) -> pl.DataFrame:
    """The instants in [start, end) at which a window of a zone opens or closes."""
    first = pl.lit(start).dt.truncate("15m") - _QUARTER
    times = pl.datetime_range(first, pl.lit(end), "15m", closed="left", time_unit="us", eager=True)
    instants = times.alias("cut_at").to_frame().with_columns(pl.col("cut_at").cast(INSTANT))
    inside = quarter_of_week(pl.col("cut_at"), zone).is_in(quarters)
    changed = instants.filter((inside != inside.shift(1)) & (pl.col("cut_at") >= start))
    return changed.select("cut_at", zone=pl.lit(zone), price_key=pl.lit(price_key, pl.UInt32))
