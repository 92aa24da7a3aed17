"""What the books should say of lots, and what differs from what they say (semantics 4).

What belongs here: expiries, and the differences between due and standing draws, rests and expiries. What does
not: debits and credits (`rating/ledger.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from rating.money import AMOUNT, ZERO_AMOUNT
from rating.sums import sum_by

_LOT_KEYS: Final = ("account_id", "slice_start", "lot")
_ACCOUNT_KEYS: Final = ("account_id", "slice_start")


def expiries(lots: pl.DataFrame, positions: pl.DataFrame, closed_until: datetime) -> pl.DataFrame:
    """What should stand as expired: the unused part of every lot that ended in a closed hour (semantics 4).

    `lots` (account_id, lot, amount, expires_at; voided ones with amount 0), `positions` (account_id, lot,
    position; missing = 0). Returns account_id, slice_start (the lot's end), lot, amount, where it is not zero.
    """
    ended = lots.filter(pl.col("expires_at") <= closed_until)
    known = positions.select("lot", pl.col("position").cast(AMOUNT))
    held = ended.join(known, on="lot", how="left")
    amount = pl.col("amount").cast(AMOUNT)
    drawn = pl.col("position").fill_null(ZERO_AMOUNT).clip(ZERO_AMOUNT, amount)
    unused = held.select("account_id", "lot", slice_start="expires_at", amount=amount - drawn)
    return unused.filter(pl.col("amount") != ZERO_AMOUNT).select(*_LOT_KEYS, "amount").sort(_LOT_KEYS)


def draw_difference(due: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """What to append so that draws (or expiries) of an account, slice and lot become what is due."""
    return _difference(due, standing, _LOT_KEYS)


def unbilled_difference(due: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """What to append so that the unbilled rest of an account and slice becomes what is due."""
    return _difference(due, standing, _ACCOUNT_KEYS)


def _difference(due: pl.DataFrame, standing: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Due less standing, summed by key, where it is not zero."""
    columns = [*keys, pl.col("amount").cast(AMOUNT)]
    if standing.is_empty():
        return due.select(columns).filter(pl.col("amount") != ZERO_AMOUNT)
    both = pl.concat([due.select(columns), standing.select(columns).with_columns(amount=-pl.col("amount"))])
    return sum_by(both, keys, "amount").filter(pl.col("amount") != ZERO_AMOUNT)
