"""What scopes cost with a pooled allowance: C(Q, A), where A grows when a resource joins (semantics 3).

What belongs here: the events of joining among the situations, what they give back, and changes of C in which both Q and A
move. What does not: who joins and what they bring (`pools.py`), and the cost of a quantity (`pricing/`).
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from rating.errors import FrameError
from rating.money import AMOUNT, QUANTITY, ZERO_QUANTITY
from rating.pools import POOL, Activity, activity_in, events, has_pools, pool_at, pools
from rating.pricing import tier_parts, total_cost_of
from rating.schemas import ACTIVITY_SCHEMA, CHARGE_KEY, DUE, check_frame
from rating.sums import sum_by


def situations_with_pools(
    situations: pl.DataFrame,
    usage: pl.DataFrame,
    activity: Activity | None,
    prices: pl.DataFrame,
    subscriptions: pl.DataFrame,
    totals: pl.DataFrame,
) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """Tell what the pools hold, and put the events of joining after the situations; None where no price has a pool.

    Raises:
        FrameError: no activity is given, and there are totals: the usage then does not show who joined before.
    """
    if not has_pools(prices):
        return None, situations
    if activity is None and totals.height:
        raise FrameError(
            "a price has a pooled allowance; with totals, give the activity of its meter (rating/pools.py)"
        )
    known = activity or activity_in(usage, prices)
    check_frame(known.slices, ACTIVITY_SCHEMA, "activity")
    pool = pools(known.slices, prices, subscriptions)
    return pool, with_events(situations, events(pool, known.touched))


def with_events(situations: pl.DataFrame, joining: pl.DataFrame) -> pl.DataFrame:
    """Put the events of joining after priced situations, as situations in which nothing is used; numbers go on."""
    numbers = pl.int_range(pl.len(), dtype=pl.UInt32) + situations.height
    made = joining.select(
        *[name for name in situations.columns if name in joining.columns and name not in _MADE],
        slice_start="joined_at", situation=numbers.cast(pl.UInt32), reason=pl.lit(None, pl.String),
        **dict.fromkeys(("quantity", "counted", "least"), ZERO_QUANTITY),
        joined_service="service_id", joined_resource="resource_id", joined_from="pool_before", joined_to="pool_after",
    )  # fmt: skip
    # Who joined stands beside: the scope knows no resource, and an event comes before all use of its slice.
    return pl.concat([situations, made.with_columns(service_id=pl.lit(""))], how="diagonal")


_MADE: Final = ("slice_start", "situation", "reason", "quantity", "counted", "least", "service_id")


def is_event(situations: pl.DataFrame) -> pl.Series | None:
    """Which situations are events of joining; None where there can be none."""
    return situations["joined_to"].is_not_null() if "joined_to" in situations.columns else None


def add_pool(situations: pl.DataFrame, pool: pl.DataFrame | None) -> pl.DataFrame:
    """Add to `included` what the pool holds: of events before them, of use all that joined up to its slice."""
    if pool is None or pool.is_empty():
        return situations
    held = pool_at(situations, pool)
    event = pl.col("joined_from") if "joined_from" in situations.columns else pl.lit(None, QUANTITY)
    return held.with_columns(included=pl.col("included") + pl.coalesce(event, "pool")).drop("pool")


def give_back(joining: pl.DataFrame) -> pl.DataFrame:
    """What is due of events with their price and running quantity: C(Q, A after) - C(Q, A before); `DUE`."""
    own = pl.col("included") - pl.col("joined_from")
    quantity = pl.col("quantity_before")
    after = joining.with_columns(included=own + pl.col("joined_to"))
    made = {
        "service_id": joining["joined_service"],
        "resource_id": joining["joined_resource"],
        "dimensions": pl.lit("{}"),
        "kind": pl.lit("usage"),
        "quantity": ZERO_QUANTITY,
        "amount": after.select(total_cost_of(after, quantity)).to_series()
        - joining.select(total_cost_of(joining, quantity)).to_series(),
    }
    due = joining.with_columns(**made).select(pl.col(name).cast(dtype) for name, dtype in DUE.items())
    return due.filter(pl.col("amount") != 0)


def add_given_back(used: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Put both together, one row a key of charges: who joins a pool may use of it in the same slice."""
    if given.is_empty():
        return used
    same = used.join(given, on=CHARGE_KEY, how="semi")
    others = used.join(given, on=CHARGE_KEY, how="anti", maintain_order="left")
    return pl.concat([others, sum_by(pl.concat([same, given]), CHARGE_KEY, "quantity", "amount").select(used.columns)])


def add_pool_of_versions(rows: pl.DataFrame, pool: pl.DataFrame | None) -> pl.DataFrame:
    """Add the pool to `included` of rows a scope and version: at the version's end, and `included_before` at its start."""
    if pool is None:
        return rows
    at, end = pl.col("joined_at"), pl.col("effective_to")
    begins, ends = at < pl.col("effective_from"), end.is_null() | (at < end)
    held = [pl.when(when).then("allowance").otherwise(ZERO_QUANTITY) for when in (begins, ends)]
    sums = sum_by(
        pool.with_columns(pool_begins=held[0], pool_ends=held[1]).select(*POOL, "pool_begins", "pool_ends"),
        POOL, "pool_begins", "pool_ends",
    )  # fmt: skip
    filled = rows.join(sums, on=list(POOL), how="left", maintain_order="left").with_columns(
        pl.col("pool_begins", "pool_ends").fill_null(ZERO_QUANTITY)
    )
    included = pl.col("included")
    return filled.with_columns(
        included=included + pl.col("pool_ends"), included_before=included + pl.col("pool_begins")
    ).drop("pool_begins", "pool_ends")


def cost_of_change(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `amount`: C(quantity_after) - C(quantity_before), with `included_before` before, where rows have it."""
    begun = rows.with_columns(included="included_before") if "included_before" in rows.columns else rows
    after = rows.select(total_cost_of(rows, pl.col("quantity_after"))).to_series()
    before = begun.select(total_cost_of(begun, pl.col("quantity_before"))).to_series()
    return rows.with_columns(amount=(after - before).cast(AMOUNT))


def parts_of_change(rows: pl.DataFrame, row_id: str = "row_id") -> pl.DataFrame:
    """`tier_parts`, with `included_before` before the change, where rows have it.

    What has no quantity costs nothing, so such a change is what all costs after it less what all cost before.
    """
    if "included_before" not in rows.columns:
        return tier_parts(rows, row_id)
    grew = (pl.col("included") != pl.col("included_before")).fill_null(value=False)
    grown = rows.filter(grew).with_columns(quantity_from=pl.col("quantity_before"), quantity_before=ZERO_QUANTITY)
    before = grown.with_columns(quantity_after="quantity_from", included="included_before")
    taken = tier_parts(before, row_id).with_columns(-pl.col("quantity", "amount"))
    steady = tier_parts(rows.filter(~grew), row_id)
    return sum_parts(pl.concat([steady, tier_parts(grown, row_id), taken]), [row_id])


def sum_parts(parts: pl.DataFrame, row: Sequence[str]) -> pl.DataFrame:
    """One part of each tier and kind of a row; what comes to nothing is left out."""
    summed = sum_by(parts, [*row, "tier", "kind", "unit_price"], "quantity", "amount").select(parts.columns)
    return summed.filter((pl.col("quantity") != 0) | (pl.col("amount") != 0)).sort(*row, "tier", "kind")
