"""A cost taken apart: what each tier, each fee, the included quantity and the cap make of a difference.

What belongs here: `tier_parts`, which documents use for their lines (semantics 5). What does not: sums
over scopes, rounding, and text.
"""

from typing import Final

import polars as pl

from rating.money import AMOUNT, QUANTITY, ZERO_AMOUNT, ZERO_QUANTITY, multiply_exact
from rating.pricing.columns import tier_column, tier_numbers
from rating.pricing.commitments import committed_quantity, has_commitments
from rating.pricing.cost import capped, charged_quantity, fee_is_due, model_cost, priced_quantity
from rating.pricing.models import curves_in
from rating.pricing.units import in_price_units

PART_SCHEMA: Final = {
    "tier": pl.Int32(),
    "kind": pl.String(),
    "quantity": QUANTITY,
    "unit_price": QUANTITY,
    "amount": AMOUNT,
}
_BEFORE: Final = pl.col("quantity_before")
_AFTER: Final = pl.col("quantity_after")


def tier_parts(frame: pl.DataFrame, row_id: str = "row_id") -> pl.DataFrame:
    """Take C(quantity_after) - C(quantity_before) of each row apart into its parts.

    The frame holds columns of prices, with `included`, `committed` and `maximum` prorated. The parts of a row sum to the
    difference exactly: `included` (tier 0) costs nothing, `committed` (tier 0) is use within the commitment, `usage` and
    `flat_fee` are one per tier, and `cap` (tier 0) is what `maximum` takes off. The unit price of a fee is the fee, of
    included and cap zero. Where another tier comes to price all of Q, the old one gives its usage and fee back. The usage of
    a package is packages; all other quantities are in the unit of the price.
    """
    parts = [_included_part(frame, row_id), _cap_part(frame, row_id)]
    parts += [_committed_part(frame, row_id)] if has_commitments(frame) else []
    for number in tier_numbers(frame):
        parts += [_usage_part(frame, row_id, number), _fee_part(frame, row_id, number)]
    return pl.concat(parts).filter((pl.col("quantity") != 0) | (pl.col("amount") != 0)).sort(row_id, "tier", "kind")


def _part(  # noqa: PLR0913 (the columns of a part)
    frame: pl.DataFrame, row_id: str, *, tier: int, kind: str, quantity: pl.Expr, unit_price: pl.Expr, amount: pl.Expr
) -> pl.DataFrame:
    values = {
        "tier": pl.lit(tier),
        "kind": pl.lit(kind),
        "quantity": quantity,
        "unit_price": unit_price,
        "amount": amount,
    }
    return frame.select(row_id, *(values[name].cast(dtype).alias(name) for name, dtype in PART_SCHEMA.items()))


def _included_part(frame: pl.DataFrame, row_id: str) -> pl.DataFrame:
    def used(quantity: pl.Expr) -> pl.Expr:
        priced = in_price_units(frame, quantity)
        return pl.min_horizontal(pl.max_horizontal(priced, ZERO_QUANTITY), pl.col("included"))

    change = used(_AFTER) - used(_BEFORE)
    zero = {"unit_price": ZERO_QUANTITY, "amount": ZERO_AMOUNT}
    return _part(frame, row_id, tier=0, kind="included", quantity=change, **zero)


def _committed_part(frame: pl.DataFrame, row_id: str) -> pl.DataFrame:
    price = pl.col("committed_price")
    change = committed_quantity(frame, _AFTER) - committed_quantity(frame, _BEFORE)
    amount = multiply_exact(change, price)
    return _part(frame, row_id, tier=0, kind="committed", quantity=change, unit_price=price, amount=amount)


def _usage_part(frame: pl.DataFrame, row_id: str, number: int) -> pl.DataFrame:
    price = pl.col(tier_column(number, "unit_price"))
    curves = curves_in(frame)
    after, before = (
        priced_quantity(curves, charged_quantity(frame, quantity), number) for quantity in (_AFTER, _BEFORE)
    )
    change = after - before
    amount = multiply_exact(change, price)
    return _part(frame, row_id, tier=number, kind="usage", quantity=change, unit_price=price, amount=amount)


def _fee_part(frame: pl.DataFrame, row_id: str, number: int) -> pl.DataFrame:
    fee = pl.col(tier_column(number, "flat_fee"))
    curves = curves_in(frame)
    after, before = (fee_is_due(curves, charged_quantity(frame, quantity), number) for quantity in (_AFTER, _BEFORE))
    change = pl.when(fee != 0).then(after.cast(pl.Int8) - before.cast(pl.Int8)).otherwise(0)
    return _part(
        frame, row_id, tier=number, kind="flat_fee", quantity=change, unit_price=fee, amount=multiply_exact(change, fee)
    )


def _cap_part(frame: pl.DataFrame, row_id: str) -> pl.DataFrame:
    def taken_off(quantity: pl.Expr) -> pl.Expr:
        cost = model_cost(frame, quantity)
        return capped(cost) - cost

    change = taken_off(_AFTER) - taken_off(_BEFORE)
    return _part(frame, row_id, tier=0, kind="cap", quantity=ZERO_QUANTITY, unit_price=ZERO_QUANTITY, amount=change)
