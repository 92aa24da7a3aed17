"""Pooled allowances in explanations: who joined a pool when, and what became free by it.

What belongs here: slices in which resources join, among the slices of a price, and their parts. What does not: who joins
(`rating/pools.py`), and all other slices (`explained_slices.py`).
"""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from rating.money import ZERO_QUANTITY
from rating.pooled_costs import parts_of_change, sum_parts
from rating.pools import events
from rating.schemas import CHARGE_KEY

_SCOPE: Final = ("subscription_id", "meter", "slice_start")


def joining(pool: pl.DataFrame, scope: Mapping[str, Any]) -> pl.DataFrame:
    """Who joined the pools of the price that `scope` names: the key of charges, pool_before and pool_after."""
    named = ("account_id", "plan", "price_id", "period_start")
    own = events(pool, None).filter(*(pl.col(name) == scope[name] for name in named))
    made = {"slice_start": pl.col("joined_at"), "dimensions": pl.lit("{}"), "kind": pl.lit("usage")}
    return own.with_columns(**made).select(*CHARGE_KEY, "pool_before", "pool_after")


def with_joining(standing: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """Add the slices in which somebody joined and nothing is charged."""
    silent = joined.join(standing, on=CHARGE_KEY, how="anti").with_columns(
        quantity=ZERO_QUANTITY, amount=ZERO_QUANTITY, held=ZERO_QUANTITY
    )
    return pl.concat([standing, silent.select(pl.col(name).cast(kind) for name, kind in standing.schema.items())])


def with_parts_of_joining(parts: pl.DataFrame, rows: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """Add what joining makes of each row to its parts; it comes before all use of the slice.

    `rows` has `pool`, what is in `included` of what all bring who joined up to the end of the row's slice.
    """
    began = rows.group_by(_SCOPE, maintain_order=True).agg(at_first=pl.col("quantity_before").first())
    own = pl.col("included") - pl.col("pool")
    changes = rows.join(joined, on=CHARGE_KEY).join(began, on=_SCOPE)
    grown = changes.with_columns(
        included_before=own + pl.col("pool_before"), included=own + pl.col("pool_after"),
        quantity_before="at_first", quantity_after="at_first",
    )  # fmt: skip
    made = parts_of_change(grown).join(rows.select("row_id", "version"), on="row_id")
    return sum_parts(pl.concat([parts, made.select(parts.columns)]), ("row_id", "version"))
