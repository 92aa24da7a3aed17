"""Which use a settlement paid for: documents state it with the period of that use, not with the lot's start (semantics 5).

What belongs here: matching what lots settled with what was open, oldest first. What does not: what a lot settles
(`rating/settling.py`), which nets the same way.
"""

from datetime import timedelta
from typing import Final

import polars as pl

from rating.money import ZERO_AMOUNT

SETTLED: Final = ("account_id", "slice_start", "lot", "kind", "amount")
_NO_LOT: Final = pl.lit("")
_NEXT: Final = timedelta(microseconds=1)
_PAYER: Final = ("lot", "kind", "started")


def settled_use(settled: pl.DataFrame, open_use: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """What lots settled (`SETTLED`), by the slice of the use that they paid for.

    `settled` (`SETTLED`) has what each lot paid at its start, `open_use` (account_id, slice_start, amount) what no lot
    had paid of prepaid slices when they were used; negative amounts cancel what is older than they are. Both hold all of
    their accounts' slices. `stated` (account_id, stated_until, period_start, amount) is what issued documents state of them:
    they take their turn as lots do, after those that start with them (`rating/settling.py`). What finds no use stays at the
    lot's start.
    """
    paying = settled.filter(pl.col("amount") > ZERO_AMOUNT)
    others = settled.filter(pl.col("amount") < ZERO_AMOUNT)
    is_more = pl.col("amount") > ZERO_AMOUNT
    after = pl.col("stated_until") + _NEXT
    documents = stated.filter(is_more).select("account_id", "amount", slice_start=after, lot=_NO_LOT, kind=_NO_LOT)
    payers = pl.concat([documents.select(SETTLED), paying.select(SETTLED)])
    # What a document gave back is open again.
    given_back = stated.filter(~is_more).select("account_id", -pl.col("amount"), slice_start="period_start")
    given_back = given_back.select("account_id", "slice_start", "amount")
    every_use = pl.concat([open_use.select(given_back.columns).cast(given_back.schema), given_back])
    both = pl.concat([_bounds_of_payers(payers), _bounds_of_use(every_use)], how="diagonal")
    ordered = both.sort("account_id", "bound", maintain_order=True)
    filled = ordered.with_columns(pl.col("used", *_PAYER).backward_fill().over("account_id"))
    pieces = filled.with_columns(amount=pl.col("bound") - pl.col("bound").shift(1, fill_value=0).over("account_id"))
    matched = pieces.filter((pl.col("lot") != "") & (pl.col("amount") != ZERO_AMOUNT))
    found = matched.with_columns(slice_start=pl.coalesce("used", "started"))
    return pl.concat([found.select(SETTLED), others.select(SETTLED)])


def _bounds_of_payers(settled: pl.DataFrame) -> pl.DataFrame:
    """Up to where each lot paid of all that its account had open, one after the other."""
    ordered = settled.sort("account_id", "slice_start", "lot")
    bound = pl.col("amount").cum_sum().over("account_id")
    return ordered.select("account_id", "lot", "kind", bound=bound, started="slice_start")


def _bounds_of_use(open_use: pl.DataFrame) -> pl.DataFrame:
    """Up to where each slice brought what was open, where it brought it further than any before."""
    ordered = open_use.sort("account_id", "slice_start")
    bound = pl.col("amount").cum_sum().over("account_id").cum_max().over("account_id")
    reached = ordered.select("account_id", used="slice_start", bound=pl.max_horizontal(bound, ZERO_AMOUNT))
    before = pl.col("bound").shift(1, fill_value=0).over("account_id")
    return reached.filter(pl.col("bound") > before)
