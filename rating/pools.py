"""Pooled allowances: what each active resource adds to the `included` of a price of the account (semantics 3).

What belongs here: who brings how much, and from when on. What does not: finding active slices in the lake
(`resources/activity.py`), and what scopes cost with it (`pooled_costs.py`).

A resource joins a scope in the first slice of the period in which it used the price's pool meter under the scope's
subscription and plan while the price id was in force. It brings the version's quantity times the seconds that the price is
still in force in the period over those of the period. So A, what the pool holds, grows in time and never falls, and
the cost so far is C(Q, A). Where somebody joins is an event of its own, before all use of its slice: it costs
C(Q, A after) - C(Q, A before), which is what had been paid for use that is free now. Q does not move in it, and A does not
move in the others, so all of them sum to C(Q, A) whatever the order in which they were worked out.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.agreed import OF_PRICE, add_agreed_with, by_agreement
from rating.money import QUANTITY, ZERO_QUANTITY, divide_quantity_half_even
from rating.proration import SHARE_SCOPE, seconds_in_force
from rating.schemas import ACTIVITY
from rating.situations import add_subscription_and_period
from rating.sums import check_magnitude

POOL_METER: Final = "pooled_meter"
# A pool belongs to a scope and a version of its price.
POOL: Final = ("account_id", "subscription_id", "price_key", "period_start")
_OF_VERSION: Final = ("price_key", "version", "accumulate", "effective_from", "effective_to")
_ORDER: Final = ("joined_at", "service_id", "resource_id")


@dataclass(frozen=True)
class Activity:
    """Where resources were active: what pools are made of.

    Attributes:
        slices: the columns of `ACTIVITY`; of each pool meter, for whole periods, at least the first slice of each resource
            after each boundary (of a period, subscription or price), and only slices in which something was used.
        touched: account_id, meter (the price's own), first_slice: from where joining is an event to be charged; None is
            from the beginning.
    """

    slices: pl.DataFrame
    touched: pl.DataFrame | None = None


def has_pools(prices: pl.DataFrame) -> bool:
    """Whether a price has a pooled allowance: only then there are columns for it."""
    return POOL_METER in prices.columns


def pool_meters(prices: pl.DataFrame) -> pl.DataFrame:
    """Which meter pools for which in which plan: plan, pooled_meter, meter."""
    columns = ("plan", POOL_METER, "meter")
    if not has_pools(prices):
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String()))
    return prices.filter(pl.col(POOL_METER).is_not_null()).select(columns).unique()


def pooling_accounts(prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Which accounts ever have such a price: account_id, pooled_meter, meter."""
    plans = subscriptions.select("account_id", "plan").unique()
    return plans.join(pool_meters(prices), on="plan").select("account_id", POOL_METER, "meter").unique()


def touched_by_pools(touched: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Widen (account_id, meter, first_slice): use of a pool meter touches the price from the same slice on."""
    if not has_pools(prices) or touched.is_empty():
        return touched
    pooled = touched.rename({"meter": POOL_METER}).join(
        pooling_accounts(prices, subscriptions), on=["account_id", POOL_METER]
    )
    both = pl.concat([touched, pooled.select(touched.columns)])
    return both.group_by("account_id", "meter").agg(pl.col("first_slice").min())


def activity_in(usage: pl.DataFrame, prices: pl.DataFrame) -> Activity:
    """The activity that usage of whole periods shows."""
    meters = pool_meters(prices)[POOL_METER].unique()
    used = usage.filter(pl.col("meter").is_in(meters.implode()) & (pl.col("quantity") != 0))
    return Activity(used.select(ACTIVITY.keys()).unique())


def pools(activity: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """What each resource brings to each version of each price: a row each, in the order of events of its pool.

    Returns `POOL`, what names the price and its version, service_id and resource_id, joined_at, and what the pool holds
    before and after it: pool_before, pool_after.
    """
    members = _members(activity, prices, subscriptions)
    seconds = seconds_in_force(members, prices, subscriptions, since="joined_at")
    shared = members.join(seconds, on=[*SHARE_SCOPE, "joined_at"], how="left", maintain_order="left")
    versions = by_agreement(prices).filter(pl.col(POOL_METER).is_not_null())
    of_version = versions.select(*OF_PRICE, "currency", "meter", POOL_METER, "pooled_quantity", *_OF_VERSION)
    brought = shared.join(of_version, on=[*OF_PRICE, "currency", POOL_METER])
    whole = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds()
    part = pl.col("pooled_quantity") * pl.col("seconds_in_force").fill_null(0)
    allowed = brought.with_columns(allowance=divide_quantity_half_even(part, whole)).sort(*POOL, *_ORDER)
    check_magnitude(allowed, "allowance")  # a sum over groups would wrap in silence
    after = pl.col("allowance").cum_sum().over(POOL).cast(QUANTITY)
    return allowed.with_columns(pool_before=after - pl.col("allowance"), pool_after=after)


def _members(activity: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """When each resource joins which price, whatever its versions: its first slice of the period that counts."""
    contexts = activity.select("account_id", "service_id", "slice_start").unique()
    active = activity.rename({"meter": POOL_METER}).join(
        add_subscription_and_period(contexts, subscriptions), on=["account_id", "service_id", "slice_start"]
    )
    pooled = by_agreement(prices).filter(pl.col(POOL_METER).is_not_null())
    offered = active.join(
        pooled.select("plan", "price_id", "currency", POOL_METER).unique(), on=["plan", "currency", POOL_METER]
    )
    times = by_agreement(prices).select(*OF_PRICE, "currency", "effective_from", "effective_to")
    sold = add_agreed_with(offered, prices).join(times, on=[*OF_PRICE, "currency"])
    begun = pl.col("effective_from") <= pl.col("slice_start")
    lasting = pl.col("effective_to").is_null() | (pl.col("effective_to") > pl.col("slice_start"))
    counting = sold.filter(begun & lasting).sort("slice_start", "service_id")
    once = counting.unique([*SHARE_SCOPE, POOL_METER, "resource_id"], keep="first", maintain_order=True)
    return once.rename({"slice_start": "joined_at"}).select(
        *SHARE_SCOPE, "agreed_with", POOL_METER, "service_id", "resource_id", "joined_at"
    )


def events(pool: pl.DataFrame, touched: pl.DataFrame | None) -> pl.DataFrame:
    """Of what pools are made of, the rows that are charged: each in the version that is in force when it joins."""
    at = pl.col("joined_at")
    held = (pl.col("effective_from") <= at) & (pl.col("effective_to").is_null() | (at < pl.col("effective_to")))
    charged = pool.filter(held)
    if touched is None:
        return charged
    since = charged.join(touched.select("account_id", "meter", "first_slice"), on=["account_id", "meter"])
    return since.filter(at >= pl.col("first_slice")).drop("first_slice")


def pool_at(rows: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Add `pool`, what the pool of each row (`POOL`, slice_start) holds from the start of its slice on."""
    moments = pool.group_by(*POOL, "joined_at").agg(pl.col("pool_after").max().alias("pool")).sort("joined_at")
    numbered = rows.with_row_index("row_of_pool").sort("slice_start")
    joined = numbered.join_asof(
        moments, left_on="slice_start", right_on="joined_at", by=list(POOL), strategy="backward", check_sortedness=False
    )
    kept = joined.sort("row_of_pool").select(*rows.columns, "pool")
    return kept.with_columns(pl.col("pool").fill_null(ZERO_QUANTITY))
