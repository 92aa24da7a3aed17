"""Sums by group that cannot go wrong in silence.

What belongs here: the guard around `group_by().agg(sum)`, which wraps on overflow in Polars 2.1. What does not:
scale and rounding (`rating/money.py`).
"""

from collections.abc import Sequence

import polars as pl

from rating.errors import OutOfBoundsError


def sum_by(frame: pl.DataFrame, keys: Sequence[str], *columns: str) -> pl.DataFrame:
    """Sum exact columns by key. The sum of all magnitudes has to fit, so no group can overflow."""
    for column in columns:
        check_magnitude(frame, column)
    return group_by_telling(frame, keys, pl.col(columns).sum())


def group_by_telling(frame: pl.DataFrame, keys: Sequence[str], *aggregated: pl.Expr) -> pl.DataFrame:
    """Group by those of the keys that tell rows apart: what is the same in all rows costs time and tells nothing."""
    if frame.is_empty():
        return frame.group_by(keys).agg(*aggregated)
    same = frame.select(pl.col(keys).eq_missing(pl.col(keys).first()).all()).row(0, named=True)
    telling = [name for name in keys if not same[name]] or [keys[0]]
    carried = pl.col([name for name in keys if name not in telling]).first()
    return frame.group_by(telling).agg(carried, *aggregated).select(*keys, pl.exclude(keys))


def sum_neighbours(frame: pl.DataFrame, keys: Sequence[str], column: str) -> pl.DataFrame:
    """Add up an exact column over rows next to each other that have one key: what is in order becomes few rows fast.

    Rows of one key that are not neighbours stay apart. Returns the keys and the column.
    """
    chosen = frame.select(*keys, column)
    ends = chosen.select(pl.any_horizontal(pl.col(keys) != pl.col(keys).shift(-1)).fill_null(value=True)).to_series()
    if ends.all():
        return chosen
    check_magnitude(chosen, column)
    reached = chosen.with_columns(pl.col(column).cum_sum()).filter(ends)
    return reached.with_columns(pl.col(column) - pl.col(column).shift(1, fill_value=0))


def check_magnitude(frame: pl.DataFrame, column: str) -> None:
    """Stop where the sum of all magnitudes does not fit. Summed without groups: there Polars raises instead of wrapping."""
    try:
        frame[column].abs().sum()
    except pl.exceptions.PolarsError as error:
        message = f"the magnitudes of {column!r} sum to more than a Decimal(38) holds; sum fewer rows at once"
        raise OutOfBoundsError(message) from error
