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
        _check_magnitude(frame, column)
    return frame.group_by(keys).agg(pl.col(columns).sum())


def _check_magnitude(frame: pl.DataFrame, column: str) -> None:
    """Sum without groups: there Polars raises instead of wrapping."""
    try:
        frame[column].abs().sum()
    except pl.exceptions.PolarsError as error:
        message = f"the magnitudes of {column!r} sum to more than a Decimal(38) holds; sum fewer rows at once"
        raise OutOfBoundsError(message) from error
