"""Sums of neighbours against sums by key, and sums that do not fit."""

from decimal import Decimal
from itertools import groupby

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.errors import OutOfBoundsError
from rating.money import AMOUNT
from rating.sums import sum_neighbours

ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.decimals(-9, 9, places=18)), max_size=12)
SCHEMA = {"name": pl.String(), "hour": pl.Int64(), "amount": AMOUNT}


@given(ROWS)
def test_neighbours_of_one_key_are_one_row(rows: list[tuple[str, int, Decimal]]) -> None:
    runs = [(key, list(run)) for key, run in groupby(rows, key=lambda row: row[:2])]
    expected = [(*key, sum(amount for _, _, amount in run)) for key, run in runs]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    assert sum_neighbours(frame, ("name", "hour"), "amount").rows() == expected


def test_what_does_not_fit_is_refused() -> None:
    largest = Decimal(99999999999999999999)
    frame = pl.DataFrame([("a", 0, largest), ("a", 0, largest)], schema=SCHEMA, orient="row")
    with pytest.raises(OutOfBoundsError):
        sum_neighbours(frame, ("name", "hour"), "amount")
