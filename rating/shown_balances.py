"""A statement as a person reads it: in minor units, and so that what is read adds up.

What belongs here: the rounding of a statement for a page. What does not: the exact statement (`rating/statements.py`).

The running balance is exact and then rounded, half-up at the minor unit; so are the running credit and what is invoiced and
open. What is owed and not invoiced is the rest of the rounded balance. A line shows by how much it moves these rounded
figures. So rows and columns add up to the last digit, the balance is never off by more than half a minor unit, and what a line
moves it by is off by less than one.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from rating.money import AMOUNT, add_exact, round_amount_half_up
from rating.statement_schemas import COLUMNS
from rating.statements import Statement

SHOWN: Final = (*COLUMNS, "balance")


@dataclass(frozen=True)
class ShownStatement:
    """The lines in whole minor units, and what stood before the first and after the last (`SHOWN`)."""

    opening: dict[str, Decimal]
    closing: dict[str, Decimal]
    lines: pl.DataFrame


def in_minor_units(statement: Statement, digits: int) -> ShownStatement:
    """Round the running figures of a statement, and give each line the difference that it makes to them."""
    opening = {**statement.opening, "balance": add_exact(*statement.opening.values())}
    first = pl.DataFrame([opening], schema=dict.fromkeys(SHOWN, AMOUNT))
    after = statement.lines.select(
        *(pl.col(name).cum_sum() + pl.lit(opening[name], AMOUNT) for name in COLUMNS), "balance"
    )
    rounded = pl.concat([first, after]).select(round_amount_half_up(pl.col(name), digits) for name in SHOWN)
    whole = rounded.with_columns(unbilled=pl.col("balance") - pl.col("credit") - pl.col("receivable"))
    moved = whole.select(*(pl.col(name).diff() for name in COLUMNS), "balance")[1:]
    lines = statement.lines.with_columns(moved).with_columns(amount=pl.sum_horizontal(COLUMNS).cast(AMOUNT))
    return ShownStatement(whole.row(0, named=True), whole.row(-1, named=True), lines)
