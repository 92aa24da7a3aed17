"""The bounds of amounts and running quantities, checked before the arithmetic (semantics 5).

What belongs here: stopping with a message that names the scope. What does not: the bounds of single
records (ingest refuses those) and of price books (`rating/pricebook`).
"""

from collections.abc import Sequence

import polars as pl

from rating.errors import OutOfBoundsError
from rating.money import AMOUNT_LIMIT, QUANTITY, RUNNING_QUANTITY_LIMIT
from rating.pricing.columns import tier_column, tier_numbers
from rating.pricing.commitments import committed_quantity, has_commitments
from rating.pricing.cost import charged_quantity, model_cost, priced_quantity
from rating.pricing.curves import PACKAGES
from rating.pricing.models import curves_in
from rating.pricing.units import in_price_units


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
    converted = in_price_units(frame, pl.col(quantity)) >= RUNNING_QUANTITY_LIMIT
    _raise_first(frame, converted, quantity, scope, "a running quantity of 1e15 or more in the unit of the price")
    _raise_first(
        frame, _most_priced(frame, quantity) >= RUNNING_QUANTITY_LIMIT, quantity, scope, "1e15 packages or more"
    )
    # Floats only here, and only to refuse: beyond this the exact product might not fit its type.
    rough = _rough_cost(frame, quantity) >= 1.5 * float(AMOUNT_LIMIT)
    _raise_first(frame, rough, quantity, scope, "an amount of 1e19 or more")
    exact = model_cost(frame, pl.col(quantity)) >= AMOUNT_LIMIT
    _raise_first(frame, exact, quantity, scope, "an amount of 1e19 or more")


def _cannot_reach_limit(frame: pl.DataFrame, quantity: str) -> bool:
    """Whether the largest quantity at the largest price, and all fees, stay below the limit."""
    prices = [pl.col(tier_column(number, "unit_price")).max() for number in tier_numbers(frame)]
    prices += [pl.col("committed_price").max()] if has_commitments(frame) else []
    fees = [pl.col(tier_column(number, "flat_fee")).max() for number in tier_numbers(frame)]
    largest = frame.select(
        quantity=in_price_units(frame, pl.col(quantity)).max(),
        price=pl.max_horizontal(prices),
        fees=pl.sum_horizontal(fees),
        package=_smallest_package(frame),
    )
    most, price, fees_of_all, package = largest.row(0)
    # Packages that hold less than one unit are more than the units in them.
    priced = float(most) if package is None else max(float(most), float(most) / float(package) + 1)
    cost = priced * float(price) + float(fees_of_all)
    return priced < float(RUNNING_QUANTITY_LIMIT) / 2 and cost < float(AMOUNT_LIMIT) / 2


def _smallest_package(frame: pl.DataFrame) -> pl.Expr:
    """What the smallest package holds; null without one."""
    names = curves_in(frame).get(PACKAGES, ())
    if not names:
        return pl.lit(None, dtype=QUANTITY)
    return pl.col(tier_column(1, "width")).filter(pl.col("model").is_in(names)).min()


def _most_priced(frame: pl.DataFrame, quantity: str) -> pl.Expr:
    """The largest quantity that a tier prices; only packages can be more than the running quantity."""
    curves, charged = curves_in(frame), charged_quantity(frame, pl.col(quantity))
    return pl.max_horizontal(priced_quantity(curves, charged, number) for number in tier_numbers(frame))


def _rough_cost(frame: pl.DataFrame, quantity: str) -> pl.Expr:
    """The model's cost in floats, with all fees: good to fifteen digits, and it cannot overflow."""
    curves, charged = curves_in(frame), charged_quantity(frame, pl.col(quantity))
    parts = [
        priced_quantity(curves, charged, number).cast(pl.Float64)
        * pl.col(tier_column(number, "unit_price")).cast(pl.Float64)
        for number in tier_numbers(frame)
    ]
    if has_commitments(frame):
        within = committed_quantity(frame, pl.col(quantity)).cast(pl.Float64)
        parts.append(within * pl.col("committed_price").cast(pl.Float64))
    fees = [pl.col(tier_column(number, "flat_fee")).cast(pl.Float64) for number in tier_numbers(frame)]
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
