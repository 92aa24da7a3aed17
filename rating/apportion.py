"""Rounding to minor units, and sharing a rounded total among its lines (semantics 5).

What belongs here: the arithmetic of documents, where a currency's minor unit appears. What does not: what the
lines are (`rating/invoicing.py`).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from rating.money import AMOUNT, ZERO_AMOUNT, minor_digits, round_amount_half_up
from rating.sums import sum_by

_DIGITS: Final = (0, 2, 3)
_HUNDREDTH: Final = pl.lit(Decimal("0.01"), dtype=AMOUNT)


def currency_digits(currencies: pl.Series) -> pl.DataFrame:
    """Say how many digits the minor unit of each of these currencies has: columns currency, digits."""
    distinct = sorted(currencies.unique())
    digits = [minor_digits(currency) for currency in distinct]
    return pl.DataFrame({"currency": distinct, "digits": digits}, schema={"currency": pl.String, "digits": pl.Int8})


def round_minor_half_up(amount: pl.Expr, digits: pl.Expr) -> pl.Expr:
    """Round half-up, ties away from zero, at the minor unit of each row's currency (semantics 5)."""
    return _by_digits(digits, {count: round_amount_half_up(amount, count) for count in _DIGITS})


def minor_unit(digits: pl.Expr) -> pl.Expr:
    """The value of one minor unit: 0.01 for two digits."""
    return _by_digits(digits, {count: pl.lit(Decimal(1).scaleb(-count), dtype=AMOUNT) for count in _DIGITS})


def tax_half_up(net: pl.Expr, rate_percent: pl.Expr, digits: pl.Expr) -> pl.Expr:
    """Tax on a rounded net, rounded half-up once (semantics 5)."""
    return round_minor_half_up(net * (rate_percent.cast(AMOUNT) * _HUNDREDTH), digits)


def apportion(lines: pl.DataFrame, group: Sequence[str], line_key: Sequence[str]) -> pl.DataFrame:
    """Add `amount`: each line's share of its group's rounded total, by largest remainder (semantics 5).

    `lines` has `exact`, `total` (whole minor units, the same in all of a group) and `digits`. Every line gets its
    exact amount rounded down; what is then left of the total goes, one minor unit each, to the lines with the
    largest remainders, ties in the order of the line key. A line of nothing takes part only where all are.
    """
    floored = lines.with_columns(
        unit=minor_unit(pl.col("digits")),
        takes=(pl.col("exact") != ZERO_AMOUNT) | (pl.col("exact") == ZERO_AMOUNT).all().over(group),
    ).with_columns(remainder=pl.col("exact") % pl.col("unit"))
    floored = floored.with_columns(floor=pl.col("exact") - pl.col("remainder"))
    sums = sum_by(floored.with_columns(pl.col("takes").cast(pl.Int64)), group, "floor", "takes")
    sums = sums.rename({"floor": "floor_sum", "takes": "takers"})
    descending = [*[False] * len(group), True, True, *[False] * len(line_key)]
    ordered = floored.join(sums, on=group, how="left").sort(
        *group, "takes", "remainder", *line_key, descending=descending
    )
    shared = ordered.with_columns(
        place=pl.int_range(pl.len(), dtype=pl.Int64).over(group),
        left=((pl.col("total") - pl.col("floor_sum")) // pl.col("unit")).cast(pl.Int64),
    ).with_columns(everyone=pl.col("left") // pl.col("takers"))
    extra = pl.col("everyone") + (pl.col("place") < pl.col("left") - pl.col("everyone") * pl.col("takers"))
    units = pl.when("takes").then(extra).otherwise(0)
    amount = pl.col("floor") + units.cast(AMOUNT) * pl.col("unit")
    return shared.select(*lines.columns, amount=amount)


def _by_digits(digits: pl.Expr, choices: dict[int, pl.Expr]) -> pl.Expr:
    """Choose an expression by the digits of each row."""
    return pl.coalesce(pl.when(digits == count).then(choice) for count, choice in choices.items())
