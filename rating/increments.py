"""Slices that are metered by the billing period, and rounding (semantics 2, aggregations and rounding).

What belongs here: from what each slice holds to what it adds to its period. What does not: reading records, which is
where each slice's own quantity comes from (`assets/due_usage.py`).
"""

from datetime import timedelta
from typing import Final

import polars as pl

from rating.money import QUANTITY, RUNNING_QUANTITY_LIMIT, ZERO_QUANTITY, round_to_step
from rating.periods import INSTANT, instant, periods
from rating.schemas import check_bound

_SERIES: Final = ("account_id", "service_id", "resource_id", "meter", "dimensions", "period_start")
_NAMED: Final = ("account_id", "service_id", "resource_id", "meter", "slice_start")
_ROUNDING: Final = ("rounding_mode", "rounding_step", "rounding_per")


def round_slices(slices: pl.DataFrame, meters: pl.DataFrame, per: str) -> pl.DataFrame:
    """Round each quantity whose meter rounds `per` that; rows and columns stay."""
    if meters.filter(pl.col("rounding_per") == per).is_empty():
        return slices
    ruled = slices.join(meters.select("meter", *_ROUNDING), on="meter", how="left", maintain_order="left")
    return ruled.with_columns(quantity=_rounded(per)).drop(_ROUNDING)


def period_increments(slices: pl.DataFrame, meters: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """From what each slice holds by itself to the period's aggregate at its end less that at its start.

    `slices` has every slice of a period up to the last one asked for, `zones` account_id and time_zone. What a slice
    holds runs on over a period: it is added up, but with `window: period` the largest or the last one stands. Where the
    meter rounds periods, what has run on is rounded, and so the increments of a period come to its rounded aggregate.

    Raises:
        OutOfBoundsError: a slice holds 1e15 or more, or a period does.
    """
    check_bound(slices, "quantity", RUNNING_QUANTITY_LIMIT, _NAMED)
    rules = meters.select("meter", "aggregation", "window", *_ROUNDING)
    placed = with_period_start(slices, zones).join(rules, on="meter", how="left")
    running = placed.sort(*_SERIES, "slice_start").with_columns(quantity=_running()).with_columns(_rounded("period"))
    check_bound(running, "quantity", RUNNING_QUANTITY_LIMIT, _NAMED)
    before = pl.col("quantity").shift(1).over(_SERIES).fill_null(ZERO_QUANTITY)
    return running.with_columns(quantity=pl.col("quantity") - before).select(slices.columns)


def _running() -> pl.Expr:
    """What a period comes to at the end of each of its slices, which are in order. (Bounded, so no sum can overflow.)"""
    by_period = pl.col("window") == "period"
    quantity = pl.col("quantity")
    return (
        pl.when(by_period & (pl.col("aggregation") == "max"))
        .then(quantity.cum_max().over(_SERIES))
        .when(by_period & (pl.col("aggregation") == "latest"))
        .then(quantity)
        .otherwise(quantity.cum_sum().over(_SERIES))
        .cast(QUANTITY)
    )


def _rounded(per: str) -> pl.Expr:
    """The quantity, rounded where the meter does so per slice or period."""
    quantity, step, mode = pl.col("quantity"), pl.col("rounding_step"), pl.col("rounding_mode")
    return pl.when(pl.col("rounding_per") == per).then(round_to_step(quantity, step, mode)).otherwise(quantity)


def with_period_start(slices: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """Add where the billing period of each slice began; who has no plan is billed nothing, by the months of UTC."""
    zoned = slices.join(zones, on="account_id", how="left").with_columns(pl.col("time_zone").fill_null("UTC"))
    if zoned.is_empty():
        return zoned.drop("time_zone").with_columns(period_start=pl.lit(None, dtype=INSTANT))
    # Few: months are told apart by zone and time, not by row.
    times = zoned.select("time_zone", "slice_start").unique()
    first, last = (instant(times["slice_start"], at) for at in ("min", "max"))
    months = periods(times["time_zone"].unique(), first, last + timedelta(microseconds=1)).drop("period")
    inside = (pl.col("period_start") <= pl.col("slice_start")) & (pl.col("slice_start") < pl.col("period_end"))
    starts = times.join(months, on="time_zone").filter(inside).drop("period_end")
    return zoned.join(starts, on=["time_zone", "slice_start"], how="left").drop("time_zone")
