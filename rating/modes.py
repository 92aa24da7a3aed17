"""The mode of an account: prepaid or postpaid, from a time on (semantics 4).

What belongs here: which slices are prepaid, and where a change of mode cuts or restarts an account. What does not: what
follows for credit (`rating/burning.py`, `rating/settling.py`).

`modes` (account_id, effective_from, mode; in this order) has all rows of the accounts that are or were prepaid, and none
of the others.
"""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from rating.periods import INSTANT

_BEGINNING: Final = pl.lit(datetime(1970, 1, 1, tzinfo=UTC), dtype=INSTANT)


def mode_changes(modes: pl.DataFrame) -> pl.DataFrame:
    """When accounts change their mode: account_id, cut_at. The first row of an account changes nothing."""
    before = pl.col("mode").shift(1)
    same_account = pl.col("account_id") == pl.col("account_id").shift(1)
    changed = modes.filter((same_account & (pl.col("mode") != before)).fill_null(value=False))
    return changed.select("account_id", cut_at=pl.col("effective_from").cast(INSTANT))


def with_modes(charges: pl.DataFrame, modes: pl.DataFrame) -> pl.DataFrame:
    """Add `prepaid` to charges (account_id, slice_start): the mode at the start of the slice, the first before any."""
    if modes.is_empty():
        return charges.with_columns(prepaid=pl.lit(value=False))
    changing = mode_changes(modes).select("account_id").unique()
    is_prepaid = pl.col("mode") == "prepaid"
    opens = (pl.col("account_id") != pl.col("account_id").shift(1)).fill_null(value=True)
    first = modes.filter(opens).select("account_id", prepaid=is_prepaid)
    marked = charges.join(first, on="account_id", how="left", maintain_order="left")
    marked = marked.with_columns(pl.col("prepaid").fill_null(value=False))
    if changing.is_empty():
        return marked
    some = marked.join(changing, on="account_id", how="semi").sort("slice_start")
    now = modes.select("account_id", slice_start=pl.col("effective_from").cast(INSTANT), now=is_prepaid)
    found = some.join_asof(now.sort("slice_start"), on="slice_start", by="account_id", check_sortedness=False)
    settled = found.with_columns(prepaid=pl.coalesce("now", "prepaid")).drop("now")
    return pl.concat([marked.join(changing, on="account_id", how="anti"), settled])


def remoded(before: pl.DataFrame, now: pl.DataFrame, closed_until: datetime) -> pl.DataFrame:
    """Tell which accounts restart because slices that are posted have another mode now than they had.

    Both are modes: as known at the last computation of hours until `closed_until`, and as known now. Returns the columns
    of `rating.restarts.restarts`.
    """
    columns = ["account_id", "effective_from", "mode"]
    moved = pl.concat(
        [
            before.select(columns).join(now, on=columns, how="anti"),
            now.select(columns).join(before, on=columns, how="anti"),
        ]
    )
    # A first row holds for what is older than it, too; but an account that is new has nothing older.
    past = moved.filter(pl.col("effective_from") < closed_until)
    return past.select("account_id", from_scratch=pl.lit(value=True), restart_from=_BEGINNING).unique()
