"""Discounts and surcharges: a percentage of every charge, as charges of their own (semantics 3).

What belongs here: percentages as columns, and the rows that are due of them. What does not: how a price book writes them
(`rating/pricebook/terms.py`), and what is appended (`difference.py`).

One percentage at most holds for a charge: what was agreed with the account, else its plan's.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from rating.fees import RECURRING
from rating.money import AMOUNT, QUANTITY, ZERO_AMOUNT, ZERO_QUANTITY, multiply, multiply_amount_half_even
from rating.periods import INSTANT
from rating.pricebook import PriceBook
from rating.pricebook.standing import standing
from rating.schemas import DUE, no_rows

DISCOUNT: Final = "discount"
SURCHARGE: Final = "surcharge"
PERCENTAGE_KINDS: Final = (DISCOUNT, SURCHARGE)
# Of an account's percentage `plan` is empty, of a plan's `account_id`. `factor` is what an amount is multiplied by.
PERCENTAGES: Final = {
    "account_id": pl.String(),
    "plan": pl.String(),
    "percentage_version": pl.String(),
    "effective_from": INSTANT,
    "effective_to": INSTANT,
    "percentage_kind": pl.String(),
    "percent": QUANTITY,
    "factor": AMOUNT,
}
_CHARGED_ON: Final = ("usage", RECURRING)
_SIGN: Final = {DISCOUNT: Decimal("-0.01"), SURCHARGE: Decimal("0.01")}
_CONTEXT: Final = ("account_id", "plan", "slice_start")


def compile_percentages(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row (`PERCENTAGES`) for each percentage of an account or a plan, and the time for which it holds."""
    rows = [
        (
            *span.key,
            span.version,
            span.effective_from,
            span.effective_to,
            *span.value,
            multiply(span.value[1], _SIGN[span.value[0]]),
        )
        for span in standing(books, _percentages_of)
    ]
    return pl.DataFrame(rows, schema=PERCENTAGES, orient="row")


def _percentages_of(book: PriceBook) -> dict[tuple[str, str], tuple[str, Decimal]]:
    of_plans = {("", name): (plan.discount, plan.surcharge) for name, plan in book.plans.items()}
    agreed = {(name, ""): (terms.discount, terms.surcharge) for name, terms in book.accounts.items()}
    return {
        key: (kind, percent)
        for key, percents in {**of_plans, **agreed}.items()
        for kind, percent in zip(PERCENTAGE_KINDS, percents, strict=True)
        if percent is not None
    }


def percentages_due(charges: pl.DataFrame, percentages: pl.DataFrame) -> pl.DataFrame:
    """The discounts and surcharges (`DUE`) on each usage and recurring charge (`DUE`) that has any.

    Each is rounded once, half-even at the 18th decimal. The version is that of the book that first said the percentage;
    the quantity is 0, since it is the charge's already.
    """
    if percentages.is_empty():
        return no_rows(DUE)
    concerned = (
        pl.col("plan").is_in(percentages["plan"].implode())
        | pl.col("account_id").is_in(percentages["account_id"].implode())
    ) & pl.col("kind").is_in(_CHARGED_ON)
    rows = charges.filter(concerned & (pl.col("amount") != ZERO_AMOUNT))
    held = _in_force(rows.select(_CONTEXT).unique(), percentages)
    made = {
        "kind": pl.col("percentage_kind"),
        "version": pl.col("percentage_version"),
        "quantity": ZERO_QUANTITY,
        "amount": multiply_amount_half_even(pl.col("amount"), pl.col("factor")),
    }
    due = rows.join(held, on=_CONTEXT).select(made.get(name, pl.col(name)).alias(name) for name in DUE)
    return due.filter(pl.col("amount") != ZERO_AMOUNT)


def _in_force(contexts: pl.DataFrame, percentages: pl.DataFrame) -> pl.DataFrame:
    """What holds for an account, plan and slice: the account's own percentage, else the plan's."""
    own = contexts.join(percentages.drop("plan"), on="account_id").filter(_holds())
    others = contexts.join(own, on=_CONTEXT, how="anti")
    of_plan = others.join(percentages.filter(pl.col("plan") != "").drop("account_id"), on="plan").filter(_holds())
    columns = [*_CONTEXT, "percentage_kind", "percentage_version", "factor"]
    return pl.concat([own.select(columns), of_plan.select(columns)])


def _holds() -> pl.Expr:
    ends = pl.col("effective_to").is_null() | (pl.col("slice_start") < pl.col("effective_to"))
    return (pl.col("effective_from") <= pl.col("slice_start")) & ends
