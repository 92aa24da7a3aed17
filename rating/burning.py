"""The loop of burn-down: one rank of lots after the other, over all accounts and slices at once (semantics 4).

What belongs here: how a lot takes from the slices offered to it, and what passes on. What does not: names,
ranking and what the caller has to give (`rating/credits.py`). Everything here is numbered: `slice` counts the
slices of all accounts in the order of events, `lot_row` the lots in the order of burn-down, account by account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.money import AMOUNT, ZERO_AMOUNT

PAID: Final = pl.Schema({"slice": pl.UInt32(), "lot_row": pl.UInt32(), "amount": AMOUNT})
MOVED: Final = pl.Schema({"lot_row": pl.UInt32(), "position": AMOUNT})
STANDING: Final = pl.Schema({"slice": pl.UInt32(), "lot_row": pl.UInt32(), "drawn": AMOUNT})
REST: Final = pl.Schema({"slice": pl.UInt32(), "amount": AMOUNT})

_LOT_COLUMNS: Final = ["effective_at", "expires_at", "capacity", "position"]
_Standing = Mapping[int, pl.DataFrame]


@dataclass(frozen=True)
class Burned:
    """What was paid by slice and lot, where the lots stand after it, and what no lot took."""

    paid: pl.DataFrame
    moved: pl.DataFrame
    rest: pl.DataFrame


def lives(*, start: str, end: str) -> pl.Expr:
    """A lot may pay a slice, or a span of them, in which it lived (semantics 4)."""
    forever = pl.col("expires_at").is_null()
    return (pl.col("effective_at") < pl.col(end)) & (forever | (pl.col("expires_at") > pl.col(start)))


def burn_ranks(slices: pl.DataFrame, lots: pl.DataFrame, standing: pl.DataFrame) -> Burned:
    """Offer the slices to the first lot of every account, the rest to the second, and so on.

    `slices` (slice, account, slice_start, slice_end, amount, counted) in order; `lots` (account, lot_row,
    effective_at, expires_at, capacity, position) in order of burn-down, their position null where the lot was
    part of no computation yet; `standing` (slice, lot_row, drawn) the draws that the positions hold.
    """
    queues = _queues(lots)
    waiting = slices.join(queues, on="account", how="left", maintain_order="left")
    by_rank = _by_rank(standing, lots, queues)
    paid, moved, rest = [PAID.to_frame()], [MOVED.to_frame()], [REST.to_frame()]
    rank, height = 0, -1
    while True:
        waiting, left_over = _split_by_rank(waiting, rank)
        rest.append(left_over.select(REST.names()))
        if waiting.is_empty():
            return Burned(pl.concat(paid), pl.concat(moved), pl.concat(rest))
        if waiting.height != height:
            waiting, height = _mark_accounts(waiting), waiting.height
        offered = _offer(waiting, lots, rank)
        paid.append(offered.filter(pl.col("paid") != ZERO_AMOUNT).select("slice", "lot_row", amount="paid"))
        moved.append(offered.filter("closes").select("lot_row", position="after"))
        waiting = _pass_on(offered, by_rank.get(rank)).select(waiting.columns)
        rank += 1


def _queues(lots: pl.DataFrame) -> pl.DataFrame:
    """Where the lots of each account begin and end: columns account, first_lot, last_lot."""
    begins, ends = lots.select(begins=opens("account"), ends=closes("account"))
    first = lots.filter(begins).select("account", first_lot="lot_row")
    return first.hstack(lots.filter(ends).select(last_lot="lot_row"))


def opens(column: str) -> pl.Expr:
    """Whether a row is the first of its run of equal values."""
    return (pl.col(column) != pl.col(column).shift(1)).fill_null(value=True)


def closes(column: str) -> pl.Expr:
    """Whether a row is the last of its run of equal values."""
    return (pl.col(column) != pl.col(column).shift(-1)).fill_null(value=True)


def _split_by_rank(waiting: pl.DataFrame, rank: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the slices whose account has a lot of this rank from those that all lots were offered."""
    last_rank = pl.col("last_lot").cast(pl.Int64) - pl.col("first_lot")
    has_lot = waiting.select((last_rank >= rank).fill_null(value=False)).to_series()
    if has_lot.all():
        return waiting, waiting.clear()
    return waiting.filter(has_lot), waiting.filter(~has_lot)


def _by_rank(standing: pl.DataFrame, lots: pl.DataFrame, queues: pl.DataFrame) -> _Standing:
    """Split the draws that stand by the rank of their lot."""
    if standing.is_empty():
        return {}
    ranks = lots.join(queues, on="account").select("lot_row", rank=pl.col("lot_row") - pl.col("first_lot"))
    parts = standing.join(ranks, on="lot_row").partition_by("rank", as_dict=True, include_key=False)
    return {int(key[0]): part for key, part in parts.items()}


def _mark_accounts(waiting: pl.DataFrame) -> pl.DataFrame:
    """Mark where each account's slices begin and end (`opening` and `closing` are rows of this frame)."""
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    return waiting.with_columns(
        closes=closes("account"),
        opening=pl.when(opens("account")).then(row).forward_fill(),
        closing=pl.when(closes("account")).then(row).backward_fill(),
    )


def _offer(waiting: pl.DataFrame, lots: pl.DataFrame, rank: int) -> pl.DataFrame:
    """Let the lot of this rank take what it may (semantics 4): columns lot_row, lives, paid, after."""
    lot_row = (waiting["first_lot"] + rank).alias("lot_row")
    return (
        waiting.hstack([lot_row])
        .hstack(lots.select(pl.col(_LOT_COLUMNS).gather(lot_row)))
        .with_columns(lives=lives(start="slice_start", end="slice_end"))
        .with_columns(
            offered=pl.when("lives").then("amount").otherwise(ZERO_AMOUNT),
            held=pl.when("lives").then("counted").otherwise(ZERO_AMOUNT),
        )
        .with_columns(before=_base() + _sum_since_opening("offered") - pl.col("offered"))
        .with_columns(after=pl.col("before") + pl.col("offered"))
        .with_columns(paid=_clipped("after") - _clipped("before"))
    )


def _sum_since_opening(column: str) -> pl.Expr:
    """Running sum over the account: the running sum over all, less what it was before the account opened.

    One sum over all accounts and a subtraction are twenty times faster than a sum within each; decimals are
    exact, and Polars raises where a running sum leaves their range.
    """
    running = pl.col(column).cum_sum()
    return running - running.shift(1, fill_value=0).gather(pl.col("opening"))


def _base() -> pl.Expr:
    """The lot's position before the first slice given: less what it was offered of these slices so far."""
    return (pl.col("position") - _sum_since_opening("held").gather(pl.col("closing"))).fill_null(ZERO_AMOUNT)


def _clipped(column: str) -> pl.Expr:
    """A lot has paid its position, but not less than nothing and not more than itself."""
    return pl.col(column).clip(ZERO_AMOUNT, pl.col("capacity"))


def _pass_on(offered: pl.DataFrame, standing: pl.DataFrame | None) -> pl.DataFrame:
    """Take what was paid off the slices, and what this lot had drawn off what the next one was offered."""
    left = offered.with_columns(amount=pl.col("amount") - pl.col("paid"))
    if standing is None:
        return left
    return left.join(standing, on="slice", how="left", maintain_order="left").with_columns(
        counted=pl.col("counted") - pl.col("drawn").fill_null(ZERO_AMOUNT)
    )
