"""The curves of C(Q): what one tier makes of a quantity, by each of them (semantics 3).

C is a sum over tiers: the quantity that a tier prices x its unit price, and its fee if that is due. A curve says how
much and whether, for one tier, over columns of prices. What belongs here: curves, and choosing among them row by
row. What does not: which model has which curve (`models.py`), and the sum (`cost.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.money import QUANTITY, ZERO_QUANTITY
from rating.pricing.columns import tier_column


@dataclass(frozen=True)
class Curve:
    """How the tiers of a model price a quantity from which `included` is taken off, and which is not below zero.

    priced (charged, tier): the quantity that the tier prices, below 1e15 where the running quantity is.
    fee_due (charged, tier): whether its fee is due.
    slope (before, after, tier): the price of one more unit if C is a straight line between the two inside the
        tier, else null. Null is always right: then rows are run through one by one. `before` may be below zero.
    can_fall: whether more usage may cost less.
    """

    priced: Callable[[pl.Expr, int], pl.Expr]
    fee_due: Callable[[pl.Expr, int], pl.Expr]
    slope: Callable[[pl.Expr, pl.Expr, int], pl.Expr]
    can_fall: bool = False


# The curves that are in a frame, each with the names of its models.
Curves = Mapping[Curve, Sequence[str]]


def choose(curves: Curves, part: Callable[[Curve], pl.Expr]) -> pl.Expr:
    """Take a part of the curve of each row's model. Where all rows have one curve, nothing is compared."""
    first, *others = curves
    chosen = part(first)
    for curve in others:
        chosen = pl.when(pl.col("model").is_in(curves[curve])).then(part(curve)).otherwise(chosen)
    return chosen


def entered_tier(charged: pl.Expr, number: int) -> pl.Expr:
    """Whether a charged quantity has entered a tier: is past its lower bound, not on it."""
    return charged > pl.col(tier_column(number, "above"))


def quantity_in_tier(charged: pl.Expr, number: int) -> pl.Expr:
    """`unit`, `graduated`: each tier prices the part of Q inside it; `up_to` is inclusive."""
    entered = pl.max_horizontal(charged - pl.col(tier_column(number, "above")), ZERO_QUANTITY)
    # A horizontal minimum passes over nulls, and a width of null is a tier without end.
    return pl.min_horizontal(entered, pl.col(tier_column(number, "width")))


def _slope_of_parts(before: pl.Expr, after: pl.Expr, number: int) -> pl.Expr:
    """Both lie in the tier, and its fee is behind them."""
    above = pl.col(tier_column(number, "above"))
    entered = (before > above) | ((before == above) & (pl.col(tier_column(number, "flat_fee")) == 0))
    return pl.when(entered & _below_end(after, number)).then(pl.col(tier_column(number, "unit_price")))


def holding_tier(charged: pl.Expr, number: int) -> pl.Expr:
    """Whether a tier holds a charged quantity: it has been entered, and not left."""
    return entered_tier(charged, number) & _below_end(charged, number)


def quantity_if_held(charged: pl.Expr, number: int) -> pl.Expr:
    """`volume`, `stairstep`: the tier that holds Q prices all of Q."""
    return pl.when(holding_tier(charged, number)).then(charged).otherwise(ZERO_QUANTITY)


def _slope_of_whole(before: pl.Expr, after: pl.Expr, number: int) -> pl.Expr:
    """One tier holds both, and its fee is behind them; zero lies on the line of a first tier without a fee."""
    above, fee = pl.col(tier_column(number, "above")), pl.col(tier_column(number, "flat_fee"))
    from_zero = (before == 0) & (above == 0) & (fee == 0)
    entered = entered_tier(before, number) | from_zero
    return pl.when(entered & _below_end(after, number)).then(pl.col(tier_column(number, "unit_price")))


def packages(charged: pl.Expr, number: int) -> pl.Expr:
    """`package`: how many packages hold Q. There is one tier, and its width is what a package holds."""
    if number > 1:
        return ZERO_QUANTITY
    width = pl.col(tier_column(number, "width"))
    # Rows of other models have other widths, and are worked out before they are left out: zero must not divide.
    size = pl.when(width > 0).then(width)
    # Rounding a quotient up would round twice; a floor division of decimals is exact, and rounds down.
    return -((-charged) // size)


def _slope_of_packages(before: pl.Expr, after: pl.Expr, number: int) -> pl.Expr:
    """More of a package that is begun costs nothing."""
    if number > 1:
        return pl.lit(None, dtype=QUANTITY)
    return pl.when(packages(before, number) == packages(after, number)).then(ZERO_QUANTITY)


def _below_end(charged: pl.Expr, number: int) -> pl.Expr:
    """Whether a charged quantity is not past the end of a tier; `up_to` is inclusive."""
    above, width = pl.col(tier_column(number, "above")), pl.col(tier_column(number, "width"))
    return width.is_null() | (charged <= above + width)


IN_PARTS: Final = Curve(quantity_in_tier, entered_tier, _slope_of_parts)
WHOLE: Final = Curve(quantity_if_held, holding_tier, _slope_of_whole, can_fall=True)
PACKAGES: Final = Curve(packages, entered_tier, _slope_of_packages)
