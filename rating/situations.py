"""Which subscription, plan and price hold where: one answer for all records in the same situation.

A situation is (account, service, slice, meter). What belongs here: finding its price, or the reason why it
has none. What does not: quantities, costs, proration (`proration.py`).
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.periods import periods

SITUATION: Final = ("account_id", "service_id", "slice_start", "meter")
PRICED: Final = (
    "subscription_id",
    "plan",
    "currency",
    "price_key",
    "price_id",
    "version",
    "accumulate",
    "period_start",
    "period_end",
    "reason",
)
_OF_PRICE: Final = ("price_key", "price_id", "version", "accumulate")
_CONTEXT: Final = ("account_id", "service_id", "slice_start")
_SUBSCRIBED: Final = ("subscription_id", "plan", "currency", "time_zone")


def price_situations(situations: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Add to each situation what holds in it (`PRICED`); `reason` says why there is no price, else null.

    The order of the rows stays. Other columns are carried along.
    """
    contexts = _add_period(_add_subscription(situations.select(_CONTEXT).unique(), subscriptions))
    subscribed = situations.join(contexts, on=_CONTEXT, how="left", maintain_order="left")
    return _add_price(subscribed, prices)


def _add_subscription(contexts: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """The subscription in force: the service's own if it has one, else the account's."""
    # An as-of join wants its column in order on both sides; sorted as a whole, every group is sorted too.
    moments = contexts.sort("slice_start")
    changes = subscriptions.sort("effective_from", "subscription_id").select(
        "account_id", "service_id", "effective_from", *_SUBSCRIBED
    )
    own = _in_force(moments, changes, ["account_id", "service_id"])
    of_account = changes.filter(pl.col("service_id") == "").drop("service_id")
    fallback = _in_force(moments, of_account, ["account_id"])
    found = pl.col("plan").is_not_null()
    return pl.concat([own.filter(found), fallback.filter(~own["plan"].is_not_null())])


def _in_force(moments: pl.DataFrame, changes: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    return moments.join_asof(
        changes, left_on="slice_start", right_on="effective_from", by=by, strategy="backward", check_sortedness=False
    ).drop("effective_from", strict=False)


def _add_period(contexts: pl.DataFrame) -> pl.DataFrame:
    """The calendar month of the slice in the account's zone (semantics 3)."""
    first, last = contexts["slice_start"].min(), contexts["slice_start"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        empty = pl.lit(None, dtype=contexts.schema["slice_start"])
        return contexts.with_columns(period_start=empty, period_end=empty).drop("time_zone")
    zones = contexts["time_zone"].drop_nulls().unique()
    months = periods(zones, first, last + timedelta(microseconds=1)).drop("period").sort("period_start")
    return (
        contexts.sort("slice_start")
        .join_asof(
            months,
            left_on="slice_start",
            right_on="period_start",
            by="time_zone",
            check_sortedness=False,
            coalesce=False,
        )
        .drop("time_zone")
    )


def _add_price(subscribed: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """The price of the meter in the plan, in the version of the slice; or why there is none."""
    key = ["plan", "meter", "currency", "slice_start"]
    versions = prices.select("plan", "meter", "effective_from", "effective_to", *_OF_PRICE, sold_in="currency")
    sold = (
        subscribed.select(key)
        .unique()
        .join(versions, on=["plan", "meter"])
        .filter(
            (pl.col("effective_from") <= pl.col("slice_start"))
            & (pl.col("effective_to").is_null() | (pl.col("effective_to") > pl.col("slice_start")))
        )
    )
    in_currency = sold.filter(pl.col("sold_in") == pl.col("currency")).select(*key, *_OF_PRICE)
    elsewhere = sold.select(*key, sold_elsewhere=pl.lit(value=True)).unique()
    priced = subscribed.join(in_currency, on=key, how="left", maintain_order="left")
    if priced["price_key"].null_count():
        return priced.join(elsewhere, on=key, how="left", maintain_order="left").with_columns(reason=_reason())
    return priced.with_columns(reason=pl.lit(None, dtype=pl.String))


def _reason() -> pl.Expr:
    """Why a situation has no price: no plan, a plan that sells the meter in other currencies, or neither."""
    return (
        pl.when(pl.col("price_key").is_not_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(pl.col("plan").is_null())
        .then(pl.lit("no_subscription"))
        .when(pl.col("sold_elsewhere"))
        .then(pl.lit("no_currency"))
        .otherwise(pl.lit("no_price"))
    )
