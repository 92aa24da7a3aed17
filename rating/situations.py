"""Which subscription, plan and price hold where: one answer for all records in the same situation.

A situation is (account, service, slice, meter). What belongs here: finding its subscription and period. What does not:
the choice among the plan's prices (`choosing.py`), quantities, costs, proration (`proration.py`).
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.choosing import OF_CHOICE, add_price
from rating.periods import periods
from rating.windows import is_timed

SITUATION: Final = ("account_id", "service_id", "slice_start", "meter")
PRICED: Final = (
    "subscription_id",
    "plan",
    "currency",
    *OF_CHOICE,
    "period_start",
    "period_end",
    "reason",
)
_CONTEXT: Final = ("account_id", "service_id", "slice_start")
_SUBSCRIBED: Final = ("subscription_id", "plan", "currency", "time_zone")


def price_situations(
    situations: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame, matching: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Add to each situation what holds in it (`PRICED`); `reason` says why there is no price, else null.

    The order of the rows stays. Other columns are carried along. Where prices ask for dimensions, situations have their
    dimension_class too, and `matching` says which `where` fits which (`dimensions.py`).
    """
    contexts = add_subscription_and_period(situations.select(_CONTEXT).unique(), subscriptions)
    if not is_timed(prices):
        contexts = contexts.drop("time_zone")
    subscribed = situations.join(contexts, on=_CONTEXT, how="left", maintain_order="left")
    return add_price(subscribed, prices, matching).drop("time_zone", strict=False)


def add_subscription_and_period(contexts: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Add the subscription in force and the billing period to each (account_id, service_id, slice_start)."""
    return _add_period(_add_subscription(contexts, subscriptions))


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
        return contexts.with_columns(period_start=empty, period_end=empty)
    zones = contexts["time_zone"].drop_nulls().unique()
    months = periods(zones, first, last + timedelta(microseconds=1)).drop("period").sort("period_start")
    return contexts.sort("slice_start").join_asof(
        months, left_on="slice_start", right_on="period_start", by="time_zone", check_sortedness=False, coalesce=False
    )
