"""The loop of burn-down: one rank of lots after the other, over all accounts and charges at once (semantics 4).

What belongs here: how a lot takes from the charges offered to it, and what passes on. What does not: names,
ranking and what the caller has to give (`rating/credits.py`). Everything here is numbered: `slice` counts the
rows of charges of all accounts in the order of events, `lot_row` the lots in the order of burn-down.

The loop computes twice at once: what `amount` comes to, and what the last computation made of `counted`. A lot
that was part of it stands where it stood before these charges once what it was offered of `counted` is taken off
its position; from there the old draws follow by the same rule, so nobody has to say what they were.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.credit_scopes import Fits
from rating.money import AMOUNT, ZERO_AMOUNT
from rating.rollover import carried_over, unused
from rating.spent import TAKEN, move_spent, spent_lots

PAID: Final = pl.Schema({"slice": pl.UInt32(), "lot_row": pl.UInt32(), "amount": AMOUNT})
MOVED: Final = pl.Schema({"lot_row": pl.UInt32(), "position": AMOUNT, "held": AMOUNT})
REST: Final = pl.Schema({"slice": pl.UInt32(), "amount": AMOUNT, "counted": AMOUNT})

_LOT_COLUMNS: Final = (
    "lot_row", "effective_at", "expires_at", "is_paid", "scope", "amount", "roll_over", "rolled_from",
    "capacity", "held_capacity", "position", "opening",
)  # fmt: skip


@dataclass(frozen=True)
class Burned:
    """What was paid by row of charges and lot, where the lots stand, and what no lot took.

    Attributes:
        paid: slice, lot_row, amount.
        moved: lot_row, position after these charges, and `held`: where the last computation had it before them.
        rest: slice, amount that no lot took, and `counted`: what no lot took of it in the last computation.
    """

    paid: pl.DataFrame
    moved: pl.DataFrame
    rest: pl.DataFrame


def lives(*, start: str, end: str) -> pl.Expr:
    """A lot may pay a slice, or a span of them, in which it lived (semantics 4)."""
    forever = pl.col("expires_at").is_null()
    return (pl.col("effective_at") < pl.col(end)) & (forever | (pl.col("expires_at") > pl.col(start)))


def burn_ranks(slices: pl.DataFrame, lots: pl.DataFrame, fits: Fits) -> Burned:
    """Offer the charges to the first lot of every account, the rest to the second, and so on.

    `slices` (slice, account, slice_start, slice_end, use, prepaid, amount, counted) in order; `lots` (account, lived
    and `_LOT_COLUMNS`) in order of burn-down, `lot_row` being their row: `position` null where the lot was part of no
    computation yet, `opening` where it begins now if not where it was held. `fits` says of every scope and use
    whether the lot may pay (`rating/credit_scopes.py`).
    """
    living = lots if lots["lived"].all() else lots.filter("lived")
    left = _left_in_lots(lots)
    if left is None:
        return _burn_plain(slices, living, fits)
    rolling = lots.filter(pl.col("rolled_from").is_not_null())["account"].unique()
    is_rolling = [frame.select(pl.col("account").is_in(rolling.implode())).to_series() for frame in (slices, living)]
    mine = [frame.filter(chosen) for frame, chosen in zip((slices, living), is_rolling, strict=True)]
    others = [frame.filter(~chosen) for frame, chosen in zip((slices, living), is_rolling, strict=True)]
    with_left, plain = _loop(mine[0], mine[1], fits, left), _burn_plain(others[0], others[1], fits)
    return Burned(
        pl.concat([with_left.paid, plain.paid]),
        pl.concat([with_left.moved, plain.moved]),
        pl.concat([with_left.rest, plain.rest]),
    )


def _burn_plain(slices: pl.DataFrame, living: pl.DataFrame, fits: Fits) -> Burned:
    """The same where nothing rolls over: lots that are used up and stay so are passed over together."""
    spent = spent_lots(slices, living)
    if spent.is_empty():
        return _loop(slices, living, fits, None)
    taken: list[pl.DataFrame] = [TAKEN.to_frame()]
    mine = slices.join(spent.select("account").unique(), on="account", how="semi")
    burned = _loop(slices, living.join(spent, on="lot_row", how="anti", maintain_order="left"), fits, None, taken)
    may = lives(start="slice_start", end="slice_end") & _pays(living, slices, fits)
    passed = move_spent(spent, mine, pl.concat(taken).join(mine, on="slice", how="semi"), may)
    return Burned(burned.paid, pl.concat([burned.moved, passed.select(MOVED.names())]), burned.rest)


def _loop(
    slices: pl.DataFrame,
    living: pl.DataFrame,
    fits: Fits,
    left: pl.Series | None,
    taken: list[pl.DataFrame] | None = None,
) -> Burned:
    """Offer rank by rank. What is paid is added to `taken`, now and in the last computation, if somebody asks."""
    waiting = slices.join(_queues(living), on="account", how="left", maintain_order="left")
    paid, moved, rest = [PAID.to_frame()], [MOVED.to_frame()], [REST.to_frame()]
    rank, height = 0, -1
    while True:
        waiting, left_over = _split_by_rank(waiting, rank)
        rest.append(left_over.select(REST.names()))
        if left is None:
            waiting = _not_paid_yet(waiting)
        if waiting.is_empty():
            return Burned(pl.concat(paid), pl.concat(moved), pl.concat(rest))
        if waiting.height != height:
            waiting, height = _mark_accounts(waiting), waiting.height
        offered = _offer(waiting, living, rank, fits, left)
        paid.append(offered.filter(pl.col("paid") != ZERO_AMOUNT).select("slice", "lot_row", amount="paid"))
        if taken is not None:
            took = (pl.col("paid") != ZERO_AMOUNT) | (pl.col("was_paid") != ZERO_AMOUNT)
            taken.append(offered.filter(took).select(TAKEN.names()))
        ends = offered.filter("closes")
        moved.append(ends.select("lot_row", "held", position="after").select(MOVED.names()))
        left = _keep_left(left, ends)
        waiting = offered.with_columns(
            pl.col("amount") - pl.col("paid"), pl.col("counted") - pl.col("was_paid")
        ).select(waiting.columns)
        rank += 1


def _queues(lots: pl.DataFrame) -> pl.DataFrame:
    """Where the lots of each account begin and end: columns account, first_lot, last_lot."""
    rows = lots.select("account").with_row_index("row")
    begins, ends = lots.select(begins=opens("account"), ends=closes("account"))
    first = rows.filter(begins).select("account", first_lot="row")
    return first.hstack(rows.filter(ends).select(last_lot="row"))


def opens(column: str) -> pl.Expr:
    """Whether a row is the first of its run of equal values."""
    return (pl.col(column) != pl.col(column).shift(1)).fill_null(value=True)


def closes(column: str) -> pl.Expr:
    """Whether a row is the last of its run of equal values."""
    return (pl.col(column) != pl.col(column).shift(-1)).fill_null(value=True)


def _split_by_rank(waiting: pl.DataFrame, rank: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the charges whose account has a lot of this rank, and something left, from those that are done.

    Nothing is offered to the further lots of an account of which nothing is left, so they do not move.
    """
    last_rank = pl.col("last_lot").cast(pl.Int64) - pl.col("first_lot")
    goes_on = (last_rank >= rank).fill_null(value=False)
    if "closing" in waiting.columns:
        goes_on = goes_on & _anything_left()
    kept = waiting.select(goes_on).to_series()
    if kept.all():
        return waiting, waiting.clear()
    return waiting.filter(kept), waiting.filter(~kept)


def _anything_left() -> pl.Expr:
    """Whether any charge of the account is not paid yet, or was not at the last computation."""
    some = ((pl.col("amount") != ZERO_AMOUNT) | (pl.col("counted") != ZERO_AMOUNT)).cast(pl.UInt32).cum_sum()
    return some.gather(pl.col("closing")) > some.shift(1, fill_value=0).gather(pl.col("begins"))


def _not_paid_yet(waiting: pl.DataFrame) -> pl.DataFrame:
    """Leave out what is paid in full: it moves no lot any more. (Where credit rolls over, a lot's turn counts all the same.)"""
    is_open = waiting.select((pl.col("amount") != ZERO_AMOUNT) | (pl.col("counted") != ZERO_AMOUNT)).to_series()
    return waiting if is_open.all() else waiting.filter(is_open)


def _mark_accounts(waiting: pl.DataFrame) -> pl.DataFrame:
    """Mark where each account's charges begin and end (`begins` and `closing` are rows of this frame)."""
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    return waiting.with_columns(
        closes=closes("account"),
        begins=pl.when(opens("account")).then(row).forward_fill(),
        closing=pl.when(closes("account")).then(row).backward_fill(),
    )


def _left_in_lots(lots: pl.DataFrame) -> pl.Series | None:
    """What is unused in each lot while the loop runs; None where nothing rolls over."""
    if lots["rolled_from"].null_count() == lots.height:
        return None
    position = pl.coalesce("opening", "position").fill_null(ZERO_AMOUNT)
    return lots.select(unused(pl.col("capacity"), position)).to_series()


def _keep_left(left: pl.Series | None, ends: pl.DataFrame) -> pl.Series | None:
    """Note what the lots of this rank leave unused: they are final, and a later rank may take it over."""
    if left is None or ends.is_empty():
        return left
    final = ends.select(unused(pl.col("capacity"), pl.col("after"))).to_series()
    return left.scatter(ends["lot_row"], final)


def _offer(waiting: pl.DataFrame, living: pl.DataFrame, rank: int, fits: Fits, left: pl.Series | None) -> pl.DataFrame:
    """Let the lot of this rank take what it may (semantics 4): columns of the lot, may, held, after, paid, was_paid."""
    row = (waiting["first_lot"] + rank).alias("row")
    lots = living.select(pl.col(_LOT_COLUMNS).gather(row)).rename({"amount": "granted"})
    if left is not None:
        lots = lots.with_columns(capacity=carried_over(left))
    offered = (
        waiting.hstack(lots)
        .with_columns(may=lives(start="slice_start", end="slice_end") & _pays(living, waiting, fits))
        .with_columns(
            offered=pl.when("may").then("amount").otherwise(ZERO_AMOUNT),
            replayed=pl.when("may").then("counted").otherwise(ZERO_AMOUNT),
        )
        .with_columns(held=_held())
        .with_columns(before=pl.coalesce("opening", "held") + _sum_since_opening("offered") - pl.col("offered"))
        .with_columns(after=pl.col("before") + pl.col("offered"))
        .with_columns(paid=_clipped("after", "capacity") - _clipped("before", "capacity"))
    )
    return _replay(offered)


def _pays(living: pl.DataFrame, waiting: pl.DataFrame, fits: Fits) -> pl.Expr:
    """Whether the lot's kind and scope allow the charge, apart from its life: asked only where lots differ in it."""
    allowed = fits.allow(pl.col("scope"), pl.col("use"))
    if not waiting["prepaid"].all() and living["is_paid"].any():
        return allowed & (pl.col("prepaid") | ~pl.col("is_paid"))
    return allowed


def _sum_since_opening(column: str) -> pl.Expr:
    """Running sum over the account: the running sum over all, less what it was before the account opened.

    One sum over all accounts and a subtraction are twenty times faster than a sum within each; decimals are
    exact, and Polars raises where a running sum leaves their range.
    """
    running = pl.col(column).cum_sum()
    return running - running.shift(1, fill_value=0).gather(pl.col("begins"))


def _held() -> pl.Expr:
    """Where the lot stood before the first charge given: its position less what it was offered of them."""
    return (pl.col("position") - _sum_since_opening("replayed").gather(pl.col("closing"))).fill_null(ZERO_AMOUNT)


def _clipped(column: str, capacity: str) -> pl.Expr:
    """A lot has paid its position, but not less than nothing and not more than itself."""
    return pl.col(column).clip(ZERO_AMOUNT, pl.col(capacity))


def _replay(offered: pl.DataFrame) -> pl.DataFrame:
    """Add `was_paid`: what the lot had paid of what was counted. A lot that was not there yet had paid nothing."""
    if not offered.select((pl.col("replayed") != ZERO_AMOUNT).any()).item():
        return offered.with_columns(was_paid=ZERO_AMOUNT)
    reached = offered.with_columns(reached=pl.col("held") + _sum_since_opening("replayed"))
    before = reached.with_columns(started=pl.col("reached") - pl.col("replayed"))
    paid = _clipped("reached", "held_capacity") - _clipped("started", "held_capacity")
    return before.with_columns(was_paid=pl.when(pl.col("position").is_null()).then(ZERO_AMOUNT).otherwise(paid))
