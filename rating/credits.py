"""Burn-down: which lot of credit pays which slice, and what no lot covers (semantics 4).

What belongs here: the vectorized computation of draws, settlements, unbilled rests and positions, over all accounts
and slices at once. What does not: from which slice an account restarts (`rating/restarts.py`), which charge a lot's
scope allows (`rating/credit_scopes.py`), what of a lot expires and what differs from the books
(`rating/postings.py`), debits and credits (`rating/ledger.py`).

A lot's *position* is the unclipped sum of all that was ever offered to it. What it paid of a charge is the
difference of the position clipped to [0, what it holds]; the rest of the charge passes on to the next lot. What a
prepaid account has open when all lots were offered it has a position too, that of the lot without name. So positions
are all the state there is, and computing on from them equals computing from the beginning.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from rating.burning import burn_ranks, closes, lives, opens
from rating.credit_schemas import DRAWS, POSITIONS, STATED_DEBTS, UNBILLED, check_burn_down
from rating.credit_scopes import EVERYTHING, Fits
from rating.errors import FrameError
from rating.money import ZERO_AMOUNT
from rating.rollover import capacities, predecessors
from rating.settling import OWED, settle
from rating.sums import sum_by

__all__ = ["DRAWS", "NO_LOT", "POSITIONS", "UNBILLED", "BurnDown", "burn_down"]

# The "lot" whose position is what a prepaid account has open.
NO_LOT: Final = ""
_OF_RANKED: Final = (
    "account_id", "account", "lot", "effective_at", "expires_at", "amount", "scope", "roll_over", "is_paid", "position",
    "lived", "was_known", "reworked",
)  # fmt: skip
_FAR_FUTURE: Final = pl.lit(2**62, dtype=pl.Int64)


@dataclass(frozen=True)
class BurnDown:
    """What should stand for the slices given, and where the lots of their accounts stand after them.

    Attributes:
        draws: account_id, slice_start, lot, amount.
        unbilled: account_id, slice_start, amount that no lot took when it was used.
        settled: account_id, slice_start (the lot's start), lot, amount of older rests that it paid there; of the lots
            in `reworked`; what the others settled stands.
        settled_use: the same by the use that they paid for: account_id, slice_start (of the use; null if it was before all
            slices given), lot, amount.
        reworked: account_id, lot, of the lots whose settlement was worked out again.
        positions: account_id, lot, position.
    """

    draws: pl.DataFrame
    unbilled: pl.DataFrame
    settled: pl.DataFrame
    settled_use: pl.DataFrame
    reworked: pl.DataFrame
    positions: pl.DataFrame


def burn_down(
    charges: pl.DataFrame,
    lots: pl.DataFrame,
    positions: pl.DataFrame,
    fits: Fits = EVERYTHING,
    closed_until: datetime | None = None,
    stated: pl.DataFrame | None = None,
) -> BurnDown:
    """Draw charges from lots in the order of burn-down (semantics 4); loops over the rank of lots only.

    `charges` (account_id, slice_start, slice_end, place, use, prepaid, amount, counted) has all slices of an account
    from the first touched one on, in rows as `rating/credit_scopes.py` makes them; `counted` is the part that
    `positions` already hold. `lots` are all lots of these accounts (account_id, lot, kind, amount, priority,
    effective_at, expires_at, scope, series, roll_over), voided ones with amount 0; a lot's name is unique over all
    accounts. `positions` are the lots' states after the last computation: a lot that is not in it was part of none.
    Lots that start after `closed_until` are not looked at yet. Accounts without charges are settled where a lot is new.
    `stated` (account_id, stated_until, period_start, amount) is prepaid use without credit that issued documents state, of
    the period that begins then, from the books until that hour: lots that start later do not settle it.

    Raises:
        FrameError: a slice's place is given twice, or an account in debt with scoped lots is not computed from its
            beginning (`rating.restarts.indebted`).
    """
    stated = STATED_DEBTS.to_frame() if stated is None else stated
    check_burn_down(charges, lots, positions, stated)
    begun = lots if closed_until is None else lots.filter(pl.col("effective_at") <= closed_until)
    slices = _number_slices(charges)
    known, owed = positions.filter(pl.col("lot") != NO_LOT), positions.filter(pl.col("lot") == NO_LOT)
    ever_owed = pl.concat([owed.select("account_id"), stated.select("account_id")]).unique()
    accounts = _accounts(slices, begun, known, ever_owed)
    held = _positioned(begun.with_columns(fits.number(begun["scope"])), known, accounts)
    ranked = _rank(held)
    numbered = owed.join(accounts, on="account_id").select("account", amount="position")
    _check_restarts(ranked, numbered)
    burned = burn_ranks(slices, ranked, fits)
    stated_here = stated.join(accounts.select("account_id", "account"), on="account_id")
    settled = settle(slices, ranked, burned, numbered, stated_here, fits)
    return BurnDown(
        draws=_summed(_name(settled.paid, slices).hstack(_lots_of(settled.paid, ranked)), DRAWS),
        unbilled=_summed(_name(settled.rest.filter(pl.col("amount") != ZERO_AMOUNT), slices), UNBILLED),
        settled=_name_settled(settled.settled, ranked),
        settled_use=_name_settled_use(settled.settled, ranked, slices),
        reworked=ranked.filter("reworked").select("account_id", "lot"),
        positions=pl.concat(
            [
                _move(held, ranked, settled.positions, _name_owed(settled.owed, accounts)),
                _begun_elsewhere(begun if held.height < begun.height else begun.clear(), known, accounts),
            ]
        ),
    )


def _number_slices(charges: pl.DataFrame) -> pl.DataFrame:
    """Put the slices in the order of events and number accounts and slices."""
    is_split = charges.select((pl.col("place") != pl.col("place").first()).any()).item()
    order = ["account_id", "slice_start", *(["place"] if is_split else [])]
    ordered = charges if charges.select(_is_in_order(*order)).item() else charges.sort(order)
    numbered = ordered.with_columns(account=pl.col("account_id").rle_id()).with_row_index("slice")
    if numbered.select(_repeats("account", *order[1:])).item():
        message = "charges hold a slice of an account twice; give one net charge an account, slice and place"
        raise FrameError(message)
    return numbered


def _is_in_order(*columns: str) -> pl.Expr:
    """Tell whether rows are sorted by these columns: sorting by text is slow."""
    before, same = pl.lit(value=False), pl.lit(value=True)
    for column in columns:
        before = before | (same & (pl.col(column).shift(1) < pl.col(column)))
        same = same & (pl.col(column).shift(1) == pl.col(column))
    return (before | same).fill_null(value=True).all()


def _repeats(*columns: str) -> pl.Expr:
    """Tell whether two neighbours of a sorted frame are equal in these columns."""
    return pl.all_horizontal(pl.col(column) == pl.col(column).shift(1) for column in columns).any()


def _accounts(slices: pl.DataFrame, lots: pl.DataFrame, known: pl.DataFrame, ever_owed: pl.DataFrame) -> pl.DataFrame:
    """The accounts to compute: those with charges, and those that were ever in debt and have a new lot, but no charges.

    Returns account_id, account, first_start, first_end, last_end.
    """
    first = slices.filter(opens("account")).select(
        "account_id", "account", first_start="slice_start", first_end="slice_end"
    )
    charged = first.hstack(slices.filter(closes("account")).select(last_end="slice_end"))
    waiting = ever_owed.join(charged, on="account_id", how="anti")
    if waiting.is_empty():
        return charged
    new = lots.join(waiting, on="account_id", how="semi").join(known, on="lot", how="anti")
    others = new.select("account_id").unique().sort("account_id")
    number = pl.int_range(pl.len(), dtype=pl.UInt32) + charged.height
    return pl.concat([charged, others.with_columns(account=number)], how="diagonal")


def _positioned(lots: pl.DataFrame, known: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Give every lot of the accounts its position, its account's number, and whether it lived in the slices given.

    It is `reworked` if what it settled at its start follows from the slices given, or if it is new.
    """
    # Text that nobody asks for is heavy to carry along.
    rolls = lots.select((pl.col("roll_over") > ZERO_AMOUNT).any()).item()
    needed = lots.select(
        "account_id",
        "lot",
        "priority",
        "effective_at",
        "expires_at",
        "amount",
        "scope",
        "roll_over",
        *(["series"] if rolls else []),
        is_promotional=pl.col("kind") == "promotional",
        is_paid=pl.col("kind") == "paid",
    )
    held = needed.hstack(_looked_up(needed, accounts, "account_id"))
    if held["account"].has_nulls():
        held = held.filter(pl.col("account").is_not_null())
    placed = held.hstack(_looked_up(held, known.select("lot", "position"), "lot"))
    is_new = pl.col("position").is_null()
    return _reworked(
        placed.with_columns(
            lived=lives(start="first_start", end="last_end").fill_null(value=False), was_known=~is_new, reworked=is_new
        )
    )


def _reworked(held: pl.DataFrame) -> pl.DataFrame:
    """Mark the lots that settle anew: new ones, and those that start after a slice that is given, or with a new lot or later."""
    earliest = pl.col("first_end")
    if held["reworked"].any():
        new = held.filter("reworked").group_by("account").agg(new_from=pl.col("effective_at").min())
        held = held.hstack(_looked_up(held, new, "account"))
        earliest = pl.min_horizontal("first_end", "new_from")
    starts_later = (pl.col("effective_at") >= earliest).fill_null(value=False)
    return held.with_columns(reworked=pl.col("reworked") | starts_later)


def _looked_up(frame: pl.DataFrame, table: pl.DataFrame, key: str) -> pl.DataFrame:
    """The columns of the table that go with each row; a join of the key alone, because wide joins are slow."""
    found = frame.select(key).join(table, on=key, how="left", maintain_order="left").drop(key)
    if found.height != frame.height:
        message = f"positions name a {key} twice; give one position a lot"
        raise FrameError(message)
    return found


def _rank(held: pl.DataFrame) -> pl.DataFrame:
    """Put the lots that have a part in this in the order of burn-down (semantics 4), account by account.

    Others can be left out: nothing is offered to a lot that lived in none of the slices, so it does not move. It has
    a part all the same if it may settle, or if what it left rolls over.
    """
    order = ["account", "priority", "expiry", "is_costly", "start"]
    has_part = held.select(pl.col("lived") | pl.col("reworked") | (pl.col("roll_over") > ZERO_AMOUNT)).to_series()
    chosen = held if has_part.all() else held.filter(has_part)
    keys = chosen.select(
        "account",
        "priority",
        "lot",
        is_costly=~pl.col("is_promotional"),
        expiry=pl.col("expires_at").to_physical().fill_null(_FAR_FUTURE),
        start=pl.col("effective_at").to_physical(),
    )
    rows = keys.select(pl.arg_sort_by(order)).to_series()
    # Sorting by text is slow, and two lots alike in everything but their name are rare.
    if keys.select(pl.col(order).gather(rows)).select(_repeats(*order)).item():
        rows = keys.select(pl.arg_sort_by([*order, "lot"])).to_series()
    columns = [name for name in (*_OF_RANKED, "series") if name in chosen.columns]
    ranked = chosen.select(pl.col(columns).gather(rows)).with_row_index("lot_row")
    opened = ranked.with_columns(rolled_from=predecessors(ranked), opening=pl.when("reworked").then(ZERO_AMOUNT))
    held_capacity = capacities(opened)
    if opened["rolled_from"].null_count() == opened.height:
        return opened.with_columns(capacity=held_capacity, held_capacity=held_capacity)
    begins = opened.with_columns(position=pl.coalesce("opening", "position"))
    return opened.with_columns(capacity=capacities(begins), held_capacity=held_capacity)


def _check_restarts(ranked: pl.DataFrame, owed: pl.DataFrame) -> None:
    """What an account owes says nothing of what it is owed for; scopes ask for that."""
    if owed.is_empty():
        return
    wrong = ranked.filter(pl.col("scope") > 0).join(owed, on="account", how="semi")
    if wrong.height:
        message = (
            f"account {wrong['account_id'][0]!r} is in debt and has lots that do not pay for everything; it is computed"
            " from the beginning (`rating/restarts.py`)"
        )
        raise FrameError(message)


def _name(numbered: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """Give numbered rows back the account, hour and place of their slice."""
    names = slices.select(pl.col("account_id", "slice_start", "place").gather(numbered["slice"]))
    return numbered.hstack(names)


def _lots_of(paid: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """Look up the names of the lots that paid."""
    return ranked.select(pl.col("lot").gather(paid["lot_row"]))


def _summed(rows: pl.DataFrame, columns: pl.Schema) -> pl.DataFrame:
    """One row a key: a slice may have several rows, of which a lot paid more than one."""
    keys = [name for name in columns if name != "amount"]
    one = rows.select(columns.names())
    if not rows.select((pl.col("place") != pl.col("place").first()).any()).item():
        return one
    return sum_by(one, keys, "amount").filter(pl.col("amount") != ZERO_AMOUNT)


def _name_settled(settled: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """Give settlements the account, name and start of their lot."""
    some = sum_by(settled, ["lot_row"], "amount").filter(pl.col("amount") != ZERO_AMOUNT)
    names = ranked.select(pl.col("account_id", "lot", "effective_at").gather(some["lot_row"]))
    return some.hstack(names).rename({"effective_at": "slice_start"}).select(DRAWS.names())


def _name_settled_use(settled: pl.DataFrame, ranked: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """Give settlements the account and name of their lot, and the start of the slice that they paid for."""
    names = ranked.select(pl.col("account_id", "lot").gather(settled["lot_row"]))
    starts = slices.select("slice_start", slice=pl.col("slice").cast(pl.Int64))
    placed = settled.hstack(names).join(starts, on="slice", how="left")
    return sum_by(placed.select(DRAWS.names()), DRAWS.names()[:-1], "amount")


def _name_owed(owed: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """What accounts owe as positions of the lot without name."""
    named = owed.select(OWED.names()).join(accounts.select("account", "account_id"), on="account")
    return named.select("account_id", lot=pl.lit(NO_LOT), position="amount")


def _begun_elsewhere(begun: pl.DataFrame, known: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """New lots of accounts with nothing to compute stand at nothing: that tells later that they had nothing to settle."""
    if begun.is_empty():
        return POSITIONS.to_frame()
    others = (
        begun.select("account_id", "lot").join(accounts, on="account_id", how="anti").join(known, on="lot", how="anti")
    )
    return others.with_columns(position=ZERO_AMOUNT).select(pl.col(name).cast(kind) for name, kind in POSITIONS.items())


def _move(held: pl.DataFrame, ranked: pl.DataFrame, moved: pl.DataFrame, owed: pl.DataFrame) -> pl.DataFrame:
    """The new positions: of the lots that had a part as computed, of the others as they were."""
    named = ranked.select(pl.col("account_id", "lot").gather(moved["lot_row"])).hstack(moved.select("position"))
    parts = [named, owed]
    if ranked.height < held.height:
        parts.append(held.join(named, on="lot", how="anti"))
    return pl.concat([part.select(pl.col(name).cast(kind) for name, kind in POSITIONS.items()) for part in parts])
