"""Where C is a straight line between two running quantities, and how steep it is (semantics 3).

What belongs here: what passing nothing means. What does not: running quantities (`rating/scopes.py`), and the curves
of the models (`curves.py`).
"""

from typing import Final

import polars as pl

from rating.money import ZERO_QUANTITY
from rating.pricing.columns import tier_numbers
from rating.pricing.commitments import below_model, left_to_model, slope_if_committed
from rating.pricing.cost import model_cost
from rating.pricing.curves import Curves, choose
from rating.pricing.models import curves_in
from rating.pricing.units import in_price_units, slope_in_meter_units

_BEFORE: Final = pl.col("quantity_before")
_AFTER: Final = pl.col("quantity_after")


def slope(frame: pl.DataFrame) -> pl.Expr:
    """The price of one more unit if C is a straight line from quantity_before to quantity_after, else null.

    Nothing is passed between the two: not zero, not the included quantity, not the bound or the fee of a tier, not
    the end of a package, not the committed quantity, not the cap; and no row in between goes back (`least` is the
    smallest). The frame holds columns of prices, with `included`, `committed` and `maximum` prorated.
    """
    return slope_in_meter_units(frame, _slope(frame))


def _slope(frame: pl.DataFrame) -> pl.Expr:
    """The same of one more unit as the price counts them."""
    curves = curves_in(frame)
    before, after = (in_price_units(frame, quantity) for quantity in (_BEFORE, _AFTER))
    forward = (pl.col("least") >= 0) & (_BEFORE >= 0)
    free = pl.when(pl.col("included") >= after).then(ZERO_QUANTITY)
    committed = slope_if_committed(frame, before, after)
    below, left = below_model(frame), left_to_model(frame, before)
    inside = [_slope_in_tier(curves, before - below, after - below, number) for number in tier_numbers(frame)]
    if committed:
        inside = [pl.when(left).then(steepness) for steepness in inside]
    uncapped = pl.when(forward).then(pl.coalesce(free, *committed, *inside))
    if frame["maximum"].null_count() == frame.height:
        return uncapped
    below_cap = pl.col("maximum").is_null() | (model_cost(frame, _AFTER) <= pl.col("maximum"))
    # Above the cap C stays there, unless the model may come down again on the way.
    stays = uncapped.is_not_null() | choose(curves, lambda curve: pl.lit(not curve.can_fall))
    above_cap = forward & stays & (model_cost(frame, _BEFORE) >= pl.col("maximum"))
    return pl.when(below_cap).then(uncapped).when(above_cap).then(ZERO_QUANTITY)


def _slope_in_tier(curves: Curves, before: pl.Expr, after: pl.Expr, number: int) -> pl.Expr:
    return choose(curves, lambda curve: curve.slope(before, after, number))
