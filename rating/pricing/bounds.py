"""The bounds of amounts and running quantities, checked before the arithmetic (semantics 5).

What belongs here: stopping with a message that names the scope. What does not: the bounds of single
records (ingest refuses those) and of price books (`rating/pricebook`).
"""

from collections.abc import Sequence

import polars as pl

from rating.errors import OutOfBoundsError
from rating.money import AMOUNT_LIMIT, RUNNING_QUANTITY_LIMIT
from rating.pricing.columns import count_tiers, tier_column
from rating.pricing.cost import charged_quantity, model_cost, quantity_in_tier


def check_costs(frame: pl.DataFrame, quantity: str, scope: Sequence[str]) -> None:
    """Stop before an amount reaches 1e19 or a running quantity 1e15, naming the scope (semantics 5).

    It looks at the largest numbers first, and at rows only if those could be too much together.
    """
    if frame.is_empty():
        return
    running = pl.col(quantity).abs()
    _raise_first(frame, running >= RUNNING_QUANTITY_LIMIT, quantity, scope, "a running quantity of 1e15 or more")
    if _cannot_reach_limit(frame, quantity):
        return
    tiers = count_tiers(frame.columns)
    # Floats only here, and only to refuse: beyond this the exact product might not fit its type.
    rough = _rough_cost(quantity, tiers) >= 1.5 * float(AMOUNT_LIMIT)
    _raise_first(frame, rough, quantity, scope, "an amount of 1e19 or more")
    exact = model_cost(pl.col(quantity), tiers) >= AMOUNT_LIMIT
    _raise_first(frame, exact, quantity, scope, "an amount of 1e19 or more")


def _cannot_reach_limit(frame: pl.DataFrame, quantity: str) -> bool:
    """Whether the largest quantity at the largest price, and all fees, stay below the limit."""
    numbers = range(1, count_tiers(frame.columns) + 1)
    prices = [pl.col(tier_column(number, "unit_price")).max() for number in numbers]
    fees = [pl.col(tier_column(number, "flat_fee")).max() for number in numbers]
    most = frame.select(
        quantity=pl.col(quantity).max(), price=pl.max_horizontal(prices), fees=pl.sum_horizontal(fees)
    ).row(0)
    return float(most[0]) * float(most[1]) + float(most[2]) < float(AMOUNT_LIMIT) / 2


def _rough_cost(quantity: str, tier_count: int) -> pl.Expr:
    """The model's cost in floats: good to fifteen digits, and it cannot overflow."""
    charged = charged_quantity(pl.col(quantity))
    parts = [
        quantity_in_tier(charged, number).cast(pl.Float64) * pl.col(tier_column(number, "unit_price")).cast(pl.Float64)
        for number in range(1, tier_count + 1)
    ]
    fees = [pl.col(tier_column(number, "flat_fee")).cast(pl.Float64) for number in range(1, tier_count + 1)]
    return pl.sum_horizontal(*parts, *fees)


def _raise_first(frame: pl.DataFrame, wrong: pl.Expr, quantity: str, scope: Sequence[str], what: str) -> None:
    """Raise for the first row that is out of bounds, naming its scope."""
    rows = frame.filter(wrong).head(1)
    if rows.is_empty():
        return
    row = rows.row(0, named=True)
    named = ", ".join(f"{name} {row[name]!r}" for name in scope)
    message = f"{named}: {what} (the quantity so far is {row[quantity]:f}); mend the records, the price or the unit"
    raise OutOfBoundsError(message)
