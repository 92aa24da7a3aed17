"""Use within a committed quantity, which is priced before the model: its own unit price, from `included` on (semantics 3).

What belongs here: arithmetic on the columns `committed` and `committed_price`, which a frame of prices has where one of
them has a commitment. What does not: what is due where the quantity was not used (`rating/true_ups.py`).

To the model a committed quantity is like one that is included: it prices what is above both.
"""

import polars as pl

from rating.money import ZERO_AMOUNT, ZERO_QUANTITY, multiply_exact
from rating.pricing.units import in_price_units

_INCLUDED, _COMMITTED, _PRICE = pl.col("included"), pl.col("committed"), pl.col("committed_price")


def has_commitments(frame: pl.DataFrame) -> bool:
    """Whether a price in the frame has a commitment: only then there are columns for it."""
    return "committed" in frame.columns


def below_model(frame: pl.DataFrame) -> pl.Expr:
    """The quantity that the model does not price, in the unit of the price: what is included, and what is committed."""
    return _INCLUDED + _COMMITTED if has_commitments(frame) else _INCLUDED


def committed_quantity(frame: pl.DataFrame, quantity: pl.Expr) -> pl.Expr:
    """How much of a running quantity lies within the commitment, in the unit of the price."""
    above = pl.max_horizontal(in_price_units(frame, quantity) - _INCLUDED, ZERO_QUANTITY)
    return pl.min_horizontal(above, _COMMITTED)


def committed_cost(frame: pl.DataFrame, quantity: pl.Expr) -> pl.Expr:
    """What the part of a running quantity costs that lies within the commitment."""
    return multiply_exact(committed_quantity(frame, quantity), _PRICE) if has_commitments(frame) else ZERO_AMOUNT


def slope_if_committed(frame: pl.DataFrame, before: pl.Expr, after: pl.Expr) -> list[pl.Expr]:
    """The price of one more unit where both quantities lie within the commitment, else null; none without commitments."""
    if not has_commitments(frame):
        return []
    return [pl.when((before >= _INCLUDED) & (after <= below_model(frame))).then(_PRICE)]


def left_to_model(frame: pl.DataFrame, before: pl.Expr) -> pl.Expr:
    """Whether the model alone prices what comes after a quantity: nothing after it is committed."""
    return (_COMMITTED == 0) | (before >= below_model(frame)) if has_commitments(frame) else pl.lit(value=True)
