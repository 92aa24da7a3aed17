"""Burn-down: which lot of credit pays which slice, and what no lot covers (semantics 4).

What belongs here: the vectorized computation of draws, unbilled rests and positions, over all accounts and
slices at once. What does not: from which slice an account restarts (`rating/restarts.py`), what of a lot
expires and what differs from the books (`rating/postings.py`), debits and credits (`rating/ledger.py`).

A lot's *position* is the unclipped sum of all that was ever offered to it. What it paid of a slice is the
difference of the position clipped to [0, amount]; the rest of the slice passes on to the next lot. So the
position is all the state there is, and computing on from it equals computing from the beginning.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.burning import STANDING, burn_ranks, closes, lives, opens
from rating.credit_schemas import DRAWS, POSITIONS, UNBILLED, check_burn_down
from rating.errors import FrameError
from rating.money import ZERO_AMOUNT

__all__ = ["DRAWS", "POSITIONS", "UNBILLED", "BurnDown", "burn_down"]

_FAR_FUTURE: Final = pl.lit(2**62, dtype=pl.Int64)


@dataclass(frozen=True)
class BurnDown:
    """What should stand for the slices given, and where the lots of their accounts stand after them."""

    draws: pl.DataFrame
    unbilled: pl.DataFrame
    positions: pl.DataFrame


def burn_down(charges: pl.DataFrame, lots: pl.DataFrame, positions: pl.DataFrame, draws: pl.DataFrame) -> BurnDown:
    """Draw charges from lots in the order of burn-down (semantics 4); loops over the rank of lots only.

    `charges` (account_id, slice_start, slice_end, amount, counted) has all slices of an account from the
    first touched one on; `counted` is the part that `positions` and `draws` already hold. `lots` are all lots
    of these accounts (account_id, lot, kind, amount, priority, effective_at, expires_at), voided ones with
    amount 0; a lot is named by its grant, so its name is unique over all accounts. `positions` are the lots'
    states after the last computation: a lot that is not in it was part of none and starts at 0. `draws` is
    what stands for the slices given; other slices in it are ignored.
    """
    check_burn_down(charges, lots, positions, draws)
    slices = _number_slices(charges)
    held = _positioned(lots, positions, slices)
    ranked = _rank(held)
    burned = burn_ranks(slices, ranked, _numbered(draws, slices, ranked))
    return BurnDown(
        draws=_name(burned.paid, slices).hstack(_lots_of(burned.paid, ranked)).select(DRAWS.keys()),
        unbilled=_name(burned.rest.filter(pl.col("amount") != ZERO_AMOUNT), slices).select(UNBILLED.keys()),
        positions=_move(held, ranked, burned.moved),
    )


def _number_slices(charges: pl.DataFrame) -> pl.DataFrame:
    """Put the slices in the order of events and number accounts and slices."""
    ordered = charges.select(
        "account_id",
        "slice_start",
        "slice_end",
        "amount",
        "counted",
    ).sort("account_id", "slice_start")
    numbered = ordered.with_columns(account=pl.col("account_id").rle_id()).with_row_index("slice")
    if numbered.select(_repeats("account", "slice_start")).item():
        message = "charges hold a slice of an account twice; give one net charge an account and slice"
        raise FrameError(message)
    return numbered


def _repeats(*columns: str) -> pl.Expr:
    """Tell whether two neighbours of a sorted frame are equal in these columns."""
    return pl.all_horizontal(pl.col(column) == pl.col(column).shift(1) for column in columns).any()


def _positioned(lots: pl.DataFrame, positions: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """Give every lot of the charged accounts its position, its account's number, and whether it lived."""
    accounts = slices.filter(opens("account")).select("account_id", "account", first_start="slice_start")
    last_end = slices.filter(closes("account")).select(last_end="slice_end")
    needed = lots.select(
        "account_id",
        "lot",
        "priority",
        "effective_at",
        "expires_at",
        is_paid=pl.col("kind") != "promotional",
        capacity="amount",
    )
    known = positions.select("lot", "position")
    held = needed.hstack(_looked_up(needed, accounts.hstack(last_end), "account_id"))
    if held["account"].has_nulls():
        held = held.filter(pl.col("account").is_not_null())
    return held.hstack(_looked_up(held, known, "lot")).with_columns(lived=lives(start="first_start", end="last_end"))


def _looked_up(frame: pl.DataFrame, table: pl.DataFrame, key: str) -> pl.DataFrame:
    """The columns of the table that go with each row; a join of the key alone, because wide joins are slow."""
    found = frame.select(key).join(table, on=key, how="left", maintain_order="left").drop(key)
    if found.height != frame.height:
        message = f"positions name a {key} twice; give one position a lot"
        raise FrameError(message)
    return found


def _rank(held: pl.DataFrame) -> pl.DataFrame:
    """Put the lots that lived in any of the slices in the order of burn-down (semantics 4), account by account.

    Lots that lived in none of them can be left out: nothing is offered to them, so they do not move.
    """
    order = ["account", "priority", "expiry", "is_paid", "start"]
    living = held if held["lived"].all() else held.filter("lived")
    keys = living.select(
        "account",
        "priority",
        "is_paid",
        "lot",
        expiry=pl.col("expires_at").to_physical().fill_null(_FAR_FUTURE),
        start=pl.col("effective_at").to_physical(),
    )
    rows = keys.select(pl.arg_sort_by(order)).to_series()
    # Sorting by text is slow, and two lots alike in everything but their name are rare.
    if keys.select(pl.col(order).gather(rows)).select(_repeats(*order)).item():
        rows = keys.select(pl.arg_sort_by([*order, "lot"])).to_series()
    ranked = living.select(
        pl.col("account_id", "account", "lot", "effective_at", "expires_at", "position", "capacity").gather(rows)
    )
    return ranked.with_row_index("lot_row")


def _numbered(draws: pl.DataFrame, slices: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """Number the draws that stand for the slices given by slice and lot."""
    of_slices = draws.select("account_id", "slice_start", "lot", drawn="amount").join(
        slices.select("account_id", "slice_start", "slice_end", "slice"), on=["account_id", "slice_start"]
    )
    if of_slices.is_empty():
        return STANDING.to_frame()
    columns = ranked.select("lot", "lot_row", "effective_at", "expires_at")
    numbered = of_slices.join(columns, on="lot", how="left")
    lost = numbered.filter(pl.col("lot_row").is_null() | ~lives(start="slice_start", end="slice_end"))
    if lost.height:
        draw = lost.row(0, named=True)
        message = (
            f"account {draw['account_id']!r}: lot {draw['lot']!r} has drawn at {draw['slice_start']}, where it does"
            " not live; an account whose lots or slices changed is computed from the beginning (`rating/restarts.py`)"
        )
        raise FrameError(message)
    return numbered.select("slice", "lot_row", "drawn")


def _name(numbered: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """Give numbered rows back the account and hour of their slice."""
    names = slices.select(pl.col("account_id", "slice_start").gather(numbered["slice"]))
    return numbered.hstack(names)


def _lots_of(paid: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """Look up the names of the lots that paid."""
    return ranked.select(pl.col("lot").gather(paid["lot_row"]))


def _move(held: pl.DataFrame, ranked: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """The new positions: of the lots that lived as computed, of the others as they were (0 where unknown)."""
    unmoved = held.filter(~pl.col("lived")).with_columns(pl.col("position").fill_null(ZERO_AMOUNT))
    names = ranked.select(pl.col("account_id", "lot").gather(moved["lot_row"]))
    return pl.concat([moved.hstack(names).select(POSITIONS.keys()), unmoved.select(POSITIONS.keys())])
