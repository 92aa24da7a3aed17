"""What a quantity costs: the total cost function C(Q), exactly (semantics 3).

What belongs here: arithmetic on the columns of prices. What does not: which price holds for a record
(`rating/situations.py`), running quantities (`rating/rate.py`), bounds (`bounds.py`).
"""

import polars as pl

from rating.money import ZERO_AMOUNT, ZERO_QUANTITY, multiply_exact
from rating.pricing.columns import tier_column


def charged_quantity(quantity: pl.Expr) -> pl.Expr:
    """Q after `included` is taken off; nothing is due at Q <= 0 (semantics 3)."""
    return pl.max_horizontal(quantity - pl.col("included"), ZERO_QUANTITY)


def quantity_in_tier(charged: pl.Expr, number: int) -> pl.Expr:
    """The part of a charged quantity that lies inside a tier; `up_to` is inclusive."""
    entered = pl.max_horizontal(charged - pl.col(tier_column(number, "above")), ZERO_QUANTITY)
    # A horizontal minimum passes over nulls, and a width of null is a tier without end.
    return pl.min_horizontal(entered, pl.col(tier_column(number, "width")))


def entered_tier(charged: pl.Expr, number: int) -> pl.Expr:
    """Whether a charged quantity has entered a tier: is past its lower bound, not on it."""
    return charged > pl.col(tier_column(number, "above"))


def model_cost(quantity: pl.Expr, tier_count: int) -> pl.Expr:
    """The cost of a running quantity by the model alone, before `maximum`; over columns of prices."""
    charged = charged_quantity(quantity)
    cost = ZERO_AMOUNT
    for number in range(1, tier_count + 1):
        fee = pl.when(entered_tier(charged, number)).then(pl.col(tier_column(number, "flat_fee")))
        used = multiply_exact(quantity_in_tier(charged, number), pl.col(tier_column(number, "unit_price")))
        cost = cost + used + fee.otherwise(ZERO_AMOUNT)
    return cost


def capped(cost: pl.Expr) -> pl.Expr:
    """`maximum` caps the scope: C(Q) = min(model(Q), maximum); no maximum is null."""
    return pl.min_horizontal(cost, pl.col("maximum"))
