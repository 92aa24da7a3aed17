"""Lots that are used up and stay so: of an account with very many lots they are nearly all (semantics 4).

What belongs here: which lots can pay nothing of the charges given, and where they stand after them. What does not: the
loop over the lots that can (`rating/burning.py`).

Where no charge is negative, a lot that has paid all it holds passes everything on. So it needs no turn in the loop: all
that is to be known of it is what it was offered, which is what the lots before it left. That is added up for all such
lots at once; for few accounts and slices only, as it takes a row for each lot and slice.
"""

from typing import Final

import polars as pl

from rating.money import AMOUNT, ZERO_AMOUNT
from rating.sums import sum_by

# Accounts with no more lots are quicker in the loop.
MANY: Final = 32
# How many lots times slices are added up at most.
MOST_PAIRS: Final = 4_000_000
TAKEN: Final = pl.Schema({"slice": pl.UInt32(), "lot_row": pl.UInt32(), "paid": AMOUNT, "was_paid": AMOUNT})
_OF_LOT: Final = (
    "account", "lot_row", "effective_at", "expires_at", "is_paid", "scope", "position", "opening",
)  # fmt: skip


def spent_lots(slices: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """The lots that pay nothing of `slices`, now and in the last computation, of accounts with many lots.

    Takes what `rating.burning.burn_ranks` takes, of lots of which none rolls over. Returns columns of `lots`.
    """
    none = lots.select(_OF_LOT).clear()
    if lots.height <= MANY:
        return none
    long = lots.group_by("account").agg(lots=pl.len().cast(pl.Int64)).filter(pl.col("lots") > MANY)
    if long.is_empty():
        return none
    mine = slices.join(long, on="account", how="semi")
    is_positive = (pl.col("amount") >= ZERO_AMOUNT) & (pl.col("counted") >= ZERO_AMOUNT)
    negative = mine.filter(~is_positive).select("account").unique()
    replayed = sum_by(mine, ["account"], "counted").join(negative, on="account", how="anti")
    rows = mine.group_by("account").agg(rows=pl.len().cast(pl.Int64))
    chosen = lots.join(replayed, on="account").join(rows, on="account")
    least = pl.col("position") - pl.col("counted")
    stays = pl.coalesce("opening", least, ZERO_AMOUNT) >= pl.col("capacity")
    found = chosen.filter(stays & (least.is_null() | (least >= pl.col("held_capacity"))))
    return found.select(_OF_LOT) if (found["rows"].sum() or 0) <= MOST_PAIRS else none


def move_spent(spent: pl.DataFrame, slices: pl.DataFrame, taken: pl.DataFrame, may: pl.Expr) -> pl.DataFrame:
    """Where spent lots stand: lot_row, position, held, as `rating.burning.Burned` has them.

    `taken` has what the other lots took (`TAKEN`), `may` tells of a lot and a slice whether the one may pay the other.
    """
    nobody = pl.lit(-1, pl.Int64)
    charged = slices.select("slice", taker=nobody, offered="amount", replayed="counted")
    passed = taken.select(
        "slice", taker=pl.col("lot_row").cast(pl.Int64), offered=-pl.col("paid"), replayed=-pl.col("was_paid")
    )
    of_slice = slices.select("slice", "account", "slice_start", "slice_end", "use", "prepaid")
    events = pl.concat([charged, passed]).join(of_slice, on="slice")
    pairs = spent.join(events, on="account").filter(pl.col("taker") < pl.col("lot_row").cast(pl.Int64), may)
    sums = sum_by(pairs, ["lot_row"], "offered", "replayed")
    moved = spent.join(sums, on="lot_row", how="left").with_columns(
        pl.col("offered", "replayed").fill_null(ZERO_AMOUNT)
    )
    held = (pl.col("position") - pl.col("replayed")).fill_null(ZERO_AMOUNT)
    return moved.select("lot_row", position=pl.coalesce("opening", held) + pl.col("offered"), held=held)
