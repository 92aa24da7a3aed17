"""Running quantities: where each situation begins and ends in its scope (semantics 3).

What belongs here: the scope of Q, and its base. What does not: the rows of a situation (`rate.py`), and the slope of C
between two points of a scope (`pricing/slope.py`).
"""

from typing import Final

import polars as pl

from rating.account_caps import add_spent, has_account_caps
from rating.errors import FrameError
from rating.money import ZERO_QUANTITY
from rating.pooled_costs import add_pool, is_event
from rating.pricing import check_costs, cost_columns, slope
from rating.proration import prorate
from rating.schemas import TOTALS

SCOPE: Final = ("account_id", "subscription_id", "plan", "price_id", "resource_id", "meter", "period_start")
# A scope without its resource. It is numbered once, where there are few rows, because keys of text are slow.
STRAND: Final = tuple(name for name in SCOPE if name != "resource_id")
_KEY: Final = ("strand", "resource_id")
_BEFORE: Final = pl.col("quantity_before")


def run_scopes(
    situations: pl.DataFrame,
    prices: pl.DataFrame,
    subscriptions: pl.DataFrame,
    totals: pl.DataFrame,
    pool: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add the running quantity and the slope of C to each situation; also the new state of their scopes.

    `pool` is what resources bring to the scopes (`pools.py`); None where no price has a pool.
    """
    strands = situations.group_by("strand").agg(pl.col(*STRAND, "period_end").first())
    scopes = _open_scopes(situations, totals.join(strands, on=STRAND))
    running = _run(situations.join(scopes.select(*_KEY, "scope", "base"), on=_KEY, maintain_order="left"))
    closed = scopes.select(*_KEY, quantity=pl.col("base") + pl.col("quantity"))
    state = closed.join(strands, on="strand").select(*TOTALS)
    costed = add_pool(prorate(_add_price_columns(running, prices), prices, subscriptions), pool)
    check_costs(costed, "quantity_after", SCOPE)
    if has_account_caps(costed):
        costed = add_spent(costed, _bases(scopes, totals.join(strands, on=STRAND)), prices)
    return costed.with_columns(slope=slope(costed)), state


def number_strands(situations: pl.DataFrame) -> pl.DataFrame:
    """Add the number of its strand to each situation; the rows keep their order."""
    strands = situations.group_by(STRAND).agg("situation").select("situation").with_row_index("strand")
    numbers = strands.explode("situation").sort("situation")
    return situations.with_columns(numbers["strand"])


def _open_scopes(situations: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Each scope with its base: what the totals say, less the part of the given slices that they include."""
    sums = situations.group_by(_KEY).agg(pl.col("quantity").sum(), pl.col("counted").sum())
    known = totals.select(*_KEY, standing="quantity")
    scopes = sums.join(known, on=_KEY, how="left").with_row_index("scope")
    if scopes.height != sums.height:
        message = "the frame 'totals' holds a scope twice; give the newest row of each"
        raise FrameError(message)
    return scopes.with_columns(base=pl.col("standing").fill_null(ZERO_QUANTITY) - pl.col("counted"))


def _bases(scopes: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Where all resources of each strand begin: those of the situations, and those that were not used again."""
    others = totals.join(scopes, on=_KEY, how="anti").select("strand", base="quantity")
    return pl.concat([scopes.select("strand", "base"), others])


def _run(situations: pl.DataFrame) -> pl.DataFrame:
    """Q before and after each situation, in the order of events; the rows come back in their own order."""
    order, columns = ["scope", "slice_start", "service_id"], ["situation", "scope", "base", "slice_start", "service_id"]
    joining = is_event(situations)
    if joining is not None:
        # Who joins a pool does so before all use of the slice.
        situations = situations.with_columns(is_use=~joining)
        order, columns = [*order[:2], "is_use", "service_id"], [*columns, "is_use"]
    ordered = situations.select(*columns, "quantity").sort(order)
    before_all = pl.col("quantity").cum_sum() - pl.col("quantity")
    begins = pl.col("scope") != pl.col("scope").shift(1)
    start = pl.when(begins.fill_null(value=True)).then(before_all - pl.col("base")).forward_fill()
    run = ordered.select("situation", quantity_before=before_all - start).sort("situation")
    return (
        situations.drop("scope", "base", "is_use", strict=False)
        .with_columns(run["quantity_before"])
        .with_columns(quantity_after=_BEFORE + pl.col("quantity"))
    )


def _add_price_columns(running: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add the model, included, maximum and the tiers of the price of each situation."""
    columns = prices.select("price_key", *cost_columns(prices))
    return running.join(columns, on="price_key", how="left", maintain_order="left")
