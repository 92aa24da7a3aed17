"""What is appended: what should stand less what stands (design 1: every step converges).

What belongs here: the difference of two frames of charges. What does not: how either came about.
"""

from typing import Final

import polars as pl

from rating.errors import OutOfBoundsError
from rating.money import AMOUNT_LIMIT
from rating.schemas import CHARGE_KEY, DUE, check_charges
from rating.sums import group_by_telling

_HOLDS_AT_MOST: Final = 10 * AMOUNT_LIMIT


def difference(due: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """What to append so that `due` stands where `standing` does; rows that change nothing are left out.

    Standing rows without a row in `due` are taken back. Several standing rows of one key are added up.
    """
    check_charges(due, standing)
    if standing.is_empty():
        return _changes(due, pl.lit(value=True))
    # Slices in which nothing stands need no comparison: in the steady state that is nearly all.
    stands = pl.col("slice_start").is_in(standing["slice_start"].unique().implode())
    taken_back = standing.select(*CHARGE_KEY, quantity=-pl.col("quantity"), amount=-pl.col("amount"))
    both = pl.concat([due.filter(stands).select(*DUE), taken_back.select(*DUE)])
    return pl.concat([_changes(due, ~stands), _changes(_add_up(both), pl.lit(value=True))])


def _changes(rows: pl.DataFrame, among: pl.Expr) -> pl.DataFrame:
    """The rows that change something, as differences. In one filter, because each is a copy of nearly all rows."""
    changing = among & ((pl.col("quantity") != 0) | (pl.col("amount") != 0))
    return rows.filter(changing).select(*CHARGE_KEY, quantity_delta="quantity", amount_delta="amount")


def _add_up(rows: pl.DataFrame) -> pl.DataFrame:
    """Add up the rows of each key, having made sure that the sums cannot wrap (design 7)."""
    totals = pl.col("quantity", "amount").sum()
    sums = group_by_telling(rows, CHARGE_KEY, totals, pl.len().alias("rows"))
    most, largest = sums["rows"].max(), rows.select(pl.col("amount").abs().max()).item()
    if isinstance(most, int) and most * largest >= _HOLDS_AT_MOST:
        row = sums.filter(pl.col("rows") == most).row(0, named=True)
        named = ", ".join(f"{name} {row[name]!r}" for name in ("account_id", "price_id", "meter", "slice_start"))
        message = f"{named}: {most} charges of up to {largest:f} are too much to add up exactly; mend the records"
        raise OutOfBoundsError(message)
    return sums.drop("rows")
