"""What a quantity costs: the total cost function C(Q), exactly (semantics 3).

What belongs here: arithmetic on the columns of prices. What does not: the curves of the models (`curves.py`), which
price holds for a record (`rating/situations.py`), running quantities (`rating/rate.py`), bounds (`bounds.py`).
"""

import polars as pl

from rating.money import ZERO_AMOUNT, ZERO_QUANTITY, multiply_exact
from rating.pricing.columns import tier_column, tier_numbers
from rating.pricing.commitments import below_model, committed_cost
from rating.pricing.curves import Curves, choose
from rating.pricing.models import curves_in
from rating.pricing.units import in_price_units


def charged_quantity(frame: pl.DataFrame, quantity: pl.Expr) -> pl.Expr:
    """Q in the price's unit after `included` and what is committed are taken off; the model prices it where it is above 0."""
    return pl.max_horizontal(in_price_units(frame, quantity) - below_model(frame), ZERO_QUANTITY)


def priced_quantity(curves: Curves, charged: pl.Expr, number: int) -> pl.Expr:
    """How much of a charged quantity a tier prices."""
    # Chosen before it is multiplied: a product of another model's curve might not fit its type.
    return choose(curves, lambda curve: curve.priced(charged, number))


def fee_is_due(curves: Curves, charged: pl.Expr, number: int) -> pl.Expr:
    """Whether a charged quantity owes the fee of a tier."""
    return choose(curves, lambda curve: curve.fee_due(charged, number))


def model_cost(frame: pl.DataFrame, quantity: pl.Expr) -> pl.Expr:
    """The cost of a running quantity by each row's commitment and model, before `maximum`; over columns of prices."""
    curves, charged = curves_in(frame), charged_quantity(frame, quantity)
    cost = committed_cost(frame, quantity)
    for number in tier_numbers(frame):
        fee = pl.when(fee_is_due(curves, charged, number)).then(pl.col(tier_column(number, "flat_fee")))
        priced = priced_quantity(curves, charged, number)
        used = multiply_exact(priced, pl.col(tier_column(number, "unit_price")))
        cost = cost + used + fee.otherwise(ZERO_AMOUNT)
    return cost


def capped(cost: pl.Expr) -> pl.Expr:
    """`maximum` caps the scope: C(Q) = min(model(Q), maximum); no maximum is null."""
    return pl.min_horizontal(cost, pl.col("maximum"))


def total_cost_of(frame: pl.DataFrame, quantity: pl.Expr) -> pl.Expr:
    """C(Q) of a running quantity, by each row's model and with its cap; over columns of prices."""
    return capped(model_cost(frame, quantity))
