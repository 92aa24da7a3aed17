"""What the books should say of lots, and what differs from what they say (semantics 4).

What belongs here: expiries and what rolls over, and the differences between due and standing draws, rests, settlements
and expiries. What does not: debits and credits (`rating/ledger.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from rating.money import AMOUNT, ZERO_AMOUNT
from rating.rollover import capacities, predecessors, unused
from rating.sums import sum_by

_LOT_KEYS: Final = ("account_id", "slice_start", "lot")
_ACCOUNT_KEYS: Final = ("account_id", "slice_start")


def expiries(lots: pl.DataFrame, positions: pl.DataFrame, closed_until: datetime) -> pl.DataFrame:
    """What should stand as expired: the unused part of every lot that ended in a closed hour (semantics 4).

    `lots` (account_id, lot, amount, effective_at, expires_at, series, roll_over; voided ones with amount 0), `positions`
    (account_id, lot, position; missing = 0). What rolls over to the next lot does not expire. Returns account_id,
    slice_start (the lot's end), lot, amount, where it is not zero.
    """
    ended = pl.col("expires_at") <= closed_until
    # Where nothing rolls over, what a lot holds depends on no other lot.
    held = _held(lots if _rolls(lots) else lots.filter(ended), positions, closed_until)
    rolled = _rolled(held).select(row="rolled_from", rolled_on="rolled")
    left = held.join(rolled, on="row", how="left").filter(ended)
    unused_part = unused(pl.col("capacity"), pl.col("position")) - pl.col("rolled_on").fill_null(ZERO_AMOUNT)
    due = left.select("account_id", "lot", slice_start="expires_at", amount=unused_part)
    return due.filter(pl.col("amount") != ZERO_AMOUNT).select(*_LOT_KEYS, "amount").sort(_LOT_KEYS)


def rollovers(lots: pl.DataFrame, positions: pl.DataFrame, closed_until: datetime) -> pl.DataFrame:
    """What should stand as rolled over (semantics 4): out of a lot, positive, and into the next of its series, negative.

    Takes what `expiries` takes. Returns account_id, slice_start (the start of the later lot), lot, amount.
    """
    held = _held(lots if _rolls(lots) else lots.clear(), positions, closed_until)
    rolled = _rolled(held)
    names = held.select(pl.col("lot").gather(rolled["rolled_from"])).to_series()
    both = [
        rolled.select("account_id", slice_start="effective_at", lot=names, amount="rolled"),
        rolled.select("account_id", "lot", slice_start="effective_at", amount=-pl.col("rolled")),
    ]
    return pl.concat([part.select(*_LOT_KEYS, "amount") for part in both])


def _rolls(lots: pl.DataFrame) -> bool:
    """Whether anything of a lot may roll over."""
    return bool(lots.select((pl.col("roll_over") > ZERO_AMOUNT).any()).item())


def _held(lots: pl.DataFrame, positions: pl.DataFrame, closed_until: datetime) -> pl.DataFrame:
    """The lots that have begun, with where they stand and what they hold."""
    begun = lots.filter(pl.col("effective_at") <= closed_until)
    # A table of names is dear to join, and as a rule no lot has ended.
    known = (positions if begun.height else positions.clear()).select("lot", pl.col("position").cast(AMOUNT))
    placed = begun.join(known, on="lot", how="left", maintain_order="left").with_row_index("row")
    standing = placed.with_columns(
        pl.col("amount", "roll_over").cast(AMOUNT),
        pl.col("position").fill_null(ZERO_AMOUNT),
        rolled_from=predecessors(placed),
    )
    return standing.with_columns(capacity=capacities(standing))


def _rolled(held: pl.DataFrame) -> pl.DataFrame:
    """The lots to which something rolled over, with how much."""
    rolled = held.with_columns(rolled=pl.col("capacity") - pl.col("amount"))
    return rolled.filter(pl.col("rolled") != ZERO_AMOUNT)


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
