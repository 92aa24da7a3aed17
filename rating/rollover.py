"""Roll-over: what a period's lot takes over from the one before it (semantics 4).

What belongs here: how much moves from lot to lot. What does not: which lots a recurring grant makes
(`rating/recurring.py`), and what expires of the rest (`rating/postings.py`).

A lot of a recurring grant holds the grant's amount and min(roll_over, what its predecessor left unused). So what a
lot holds follows from where the lots before it stand, and is kept nowhere.
"""

import polars as pl

from rating.money import AMOUNT, ZERO_AMOUNT


def unused(capacity: pl.Expr, position: pl.Expr) -> pl.Expr:
    """What a lot at a position has left."""
    return capacity - position.clip(ZERO_AMOUNT, capacity)


def carried_over(left: pl.Series) -> pl.Expr:
    """What a lot holds, from what is `left` in each lot: `granted` and the part that rolls over to it.

    A lot without predecessor among those given holds its `capacity`.
    """
    rolled = pl.min_horizontal("roll_over", pl.lit(left).gather(pl.col("rolled_from")))
    return pl.when(pl.col("rolled_from").is_null()).then("capacity").otherwise(pl.col("granted") + rolled)


def predecessors(lots: pl.DataFrame) -> pl.Series:
    """The row of the lot before each, of those that roll over; null for all others.

    `lots` (series, effective_at, roll_over): the lots of one recurring grant are one series, and each begins where
    the one before it ends. A lot that is in none has an empty series.
    """
    nothing = pl.Series("rolled_from", [None], pl.UInt32).new_from_index(0, lots.height)
    rolls = pl.col("roll_over") > ZERO_AMOUNT
    if not lots.select(rolls.any()).item():
        return nothing
    rows = lots.select("series", "effective_at", rolls=rolls).with_row_index("row")
    rolling = rows.filter("rolls", pl.col("series") != "").sort("series", "effective_at")
    same = pl.col("series") == pl.col("series").shift(1)
    found = rolling.select("row", rolled_from=pl.when(same).then(pl.col("row").shift(1)))
    return rows.join(found, on="row", how="left", maintain_order="left")["rolled_from"]


def capacities(lots: pl.DataFrame) -> pl.Series:
    """What each lot holds: its amount, and what rolled over to it from the one before.

    `lots` (amount, roll_over, rolled_from, position) with `rolled_from` as `predecessors` gives it. Every pass settles
    the next lot of each series, and it ends when a pass changes nothing: after as many as a series has lots, at most.
    """
    amount = lots["amount"].cast(AMOUNT).rename("capacity")
    if lots["rolled_from"].null_count() == lots.height:
        return amount
    position = lots["position"].fill_null(0)
    capacity = amount
    while True:
        state = lots.select("roll_over", "rolled_from", granted=amount, capacity=amount).with_columns(
            now=capacity, at=position
        )
        left = state.select(unused(pl.col("now"), pl.col("at"))).to_series()
        following = state.select(carried_over(left).cast(AMOUNT).alias("capacity")).to_series()
        if following.equals(capacity):
            return capacity
        capacity = following
