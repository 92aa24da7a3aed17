"""Quantities of a meter as quantities of a price whose unit is another (semantics 3).

What belongs here: arithmetic on the columns `unit_factor` and `unit_divisor`, which a frame of prices has where one of
them converts. What does not: which units fit, and their ratio (`rating/units.py`).

The running quantity is converted, not the increments: each end of a slice is rounded once, so that what was rounded at
one slice's end is not lost to the next, and the slices of a period still sum to C(Q).
"""

import polars as pl

from rating.money import QUANTITY, ZERO_QUANTITY, divide_quantity_half_even

_FACTOR, _DIVISOR = pl.col("unit_factor"), pl.col("unit_divisor")


def in_price_units(frame: pl.DataFrame, quantity: pl.Expr) -> pl.Expr:
    """A running quantity in the unit of each row's price, half-even at the ninth decimal; itself if nothing converts."""
    if not converts(frame):
        return quantity
    return divide_quantity_half_even(quantity * _FACTOR, _DIVISOR)


def slope_in_meter_units(frame: pl.DataFrame, slope: pl.Expr) -> pl.Expr:
    """What one more unit of the meter costs; null where a division may have rounded, for then C is no straight line."""
    if not converts(frame):
        return slope
    exact = pl.when(_DIVISOR == 1).then(slope * _FACTOR)
    return pl.when(slope == 0).then(ZERO_QUANTITY).otherwise(exact)


def fit_period(scoped: pl.DataFrame, seconds: pl.Expr) -> pl.DataFrame:
    """Take the length of the billing period into the divisor, where a price's unit is of a month."""
    if not converts(scoped):
        return scoped
    divisor = pl.when("unit_of_period").then(_DIVISOR * seconds.cast(QUANTITY)).otherwise(_DIVISOR)
    return scoped.with_columns(unit_divisor=divisor, unit_of_period=pl.lit(value=False))


def converts(frame: pl.DataFrame) -> bool:
    """Whether a price in the frame has another unit than its meter."""
    return "unit_factor" in frame.columns
