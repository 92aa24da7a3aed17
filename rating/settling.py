"""Settlement: what neither credit nor overdraft covered is paid by the next lot to become effective (semantics 4).

What belongs here: what prepaid accounts owe, and what a lot pays of it at its start. What does not: burn-down itself
(`rating/burning.py`), and debits and credits.

What no lot took of a prepaid charge is open; what is negative of it cancels what is open of the other sign, oldest first,
and so the other way round. At its start a lot is offered what is open then of the slices that ended before, oldest first,
as far as its scope allows; it pays that as it pays charges. So a settled amount is part of its position, and an account
without debt at any start of a lot needs nothing of this. The others are played start by start: burn down up to a start,
offer what is open, and go on from there. The loop is over starts, all accounts at once.

What an issued document states is paid through `receivable`: its tax is stated there, and the money asked for. So a
document cancels what is open, oldest first, and lots that start after the books that it states settle what came since.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from rating.burning import PAID, Burned, burn_ranks
from rating.credit_scopes import Fits
from rating.money import AMOUNT, ZERO_AMOUNT
from rating.rollover import capacities
from rating.sums import sum_by

SETTLED: Final = pl.Schema({"lot_row": pl.UInt32(), "slice": pl.Int64(), "amount": AMOUNT})
OWED: Final = pl.Schema({"account": pl.UInt32(), "amount": AMOUNT})
_LONG_AGO: Final = pl.lit(datetime(1970, 1, 1, tzinfo=UTC), dtype=pl.Datetime("us", "UTC"))
_OPEN: Final = ("account", "age", "since", "use", "amount")
_OLDEST_FIRST: Final = ("account", "since", "age")
# A document comes after all slices that end when the hours end that it states.
_AFTER_SLICES: Final = pl.lit(2**62, pl.Int64)
_NEXT: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Settlement:
    """Burn-down and settlement together.

    Attributes:
        paid: slice, lot_row, amount, as burn-down pays.
        rest: slice, amount that no lot took when it was used.
        positions: lot_row, position of every lot given.
        settled: lot_row, slice, amount of that slice's use that the lot paid at its start; of what was open before the first
            slice given, the slice is -1.
        owed: account, amount that no lot paid until now, stated or not, of the accounts that owe or owed.
    """

    paid: pl.DataFrame
    rest: pl.DataFrame
    positions: pl.DataFrame
    settled: pl.DataFrame
    owed: pl.DataFrame


def settle(
    slices: pl.DataFrame, lots: pl.DataFrame, burned: Burned, owed: pl.DataFrame, stated: pl.DataFrame, fits: Fits
) -> Settlement:
    """Settle what is open at the starts of lots, where something is.

    `slices` and `lots` as `burn_ranks` took them, `burned` what it gave; `lots` has `reworked`, true for those whose
    settlement is not part of where they are held: they are new, or start after slices that are given. `owed` (account,
    amount) is what no lot had paid after the last computation, `stated` (account, stated_until, amount) what documents
    stated of that, from the books until then.
    """
    state = lots.with_columns(
        stands=pl.coalesce(_of_lots(lots, burned.moved, "held"), pl.col("position")).fill_null(ZERO_AMOUNT),
        position=pl.coalesce(_of_lots(lots, burned.moved, "position"), pl.col("opening"), pl.col("position")),
    )
    open_rests = _open_rests(slices, burned.rest.select("slice", "amount"))
    before = _owed_before(slices, state, burned, owed)
    opened = _less_stated(before, stated, slices, state)
    turns = _turns(state, pl.concat([opened, open_rests]))
    if turns.is_empty():
        untouched = state.select("lot_row", "position")
        now = _add_up(before, open_rests.select(OWED.names()))
        return Settlement(burned.paid, burned.rest.select("slice", "amount"), untouched, SETTLED.to_frame(), now)
    return _settle_some(slices, state, burned, (before, opened), turns["account"].unique(), fits)


def _of_lots(lots: pl.DataFrame, moved: pl.DataFrame, column: str) -> pl.Series:
    """What was found out of some lots, as a column of all: null for the others."""
    nothing = pl.Series(column, [None], AMOUNT).new_from_index(0, lots.height)
    return nothing.scatter(moved["lot_row"], moved[column]) if moved.height else nothing


def _owed_before(slices: pl.DataFrame, lots: pl.DataFrame, burned: Burned, owed: pl.DataFrame) -> pl.DataFrame:
    """What was open before the first slice given: less what was then open of these slices, plus what lots had settled."""
    replayed = burned.rest.select("slice", amount=-pl.col("counted"))
    known = lots.filter(pl.col("reworked") & pl.col("was_known"))
    paid_back = known.select("account", amount=pl.col("stands").clip(ZERO_AMOUNT, pl.col("held_capacity")))
    return _add_up(owed, _open_rests(slices, replayed).select(OWED.names()), paid_back)


def _add_up(*parts: pl.DataFrame) -> pl.DataFrame:
    """Sums by account."""
    filled = [part.select(OWED.names()) for part in parts if part.height]
    return sum_by(pl.concat(filled), ["account"], "amount") if filled else OWED.to_frame()


def _open_rests(slices: pl.DataFrame, rest: pl.DataFrame) -> pl.DataFrame:
    """The rests of prepaid slices, as what is open: a row each, where it is not zero."""
    some = rest.filter(pl.col("amount") != ZERO_AMOUNT)
    first = slices["slice"].first() if slices.height else 0
    rows = some["slice"] - first
    named = some.hstack(slices.select(pl.col("account", "slice_end", "use", "prepaid").gather(rows)))
    return (
        named.filter("prepaid")
        .select("account", "use", "amount", age=pl.col("slice").cast(pl.Int64), since="slice_end")
        .select(_OPEN)
    )


def _as_open(owed: pl.DataFrame) -> pl.DataFrame:
    """What was open before all slices given, as one row that is older than they are."""
    some = owed.filter(pl.col("amount") != ZERO_AMOUNT)
    return some.with_columns(age=pl.lit(-1, pl.Int64), since=_LONG_AGO, use=pl.lit(0, pl.UInt32)).select(_OPEN)


def _less_stated(before: pl.DataFrame, stated: pl.DataFrame, slices: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """What was open before all slices given, less what documents stated; those that come later than a slice or lot, as rows."""
    if stated.is_empty():
        return _as_open(before)
    starts = lots.filter("reworked").select("account", first="effective_at")
    ends = slices.select("account", first="slice_end")
    whose = stated.select("account").unique()
    some = pl.concat([part.join(whose, on="account", how="semi") for part in (starts, ends)])
    first = some.group_by("account").agg(pl.col("first").min())
    placed = stated.with_columns(-pl.col("amount"), since=pl.col("stated_until") + _NEXT).join(
        first, on="account", how="left"
    )
    # Of no use, it cancels what is open of any.
    rows = placed.with_columns(age=_AFTER_SLICES, use=pl.lit(None, pl.UInt32))
    is_past = (pl.col("since") <= pl.col("first")).fill_null(value=True)
    return pl.concat([_as_open(_add_up(before, rows.filter(is_past))), rows.filter(~is_past).select(_OPEN)])


def _turns(lots: pl.DataFrame, opened: pl.DataFrame) -> pl.DataFrame:
    """The first lot of each account to become effective while something is open: account, lot_row, effective_at."""
    oldest = opened.group_by("account").agg(pl.col("since").min())
    waiting = lots.filter("reworked").select("account", "lot_row", "effective_at").join(oldest, on="account")
    due = waiting.filter(pl.col("effective_at") >= pl.col("since")).sort("account", "effective_at", "lot_row")
    return due.unique("account", keep="first", maintain_order=True).select("account", "lot_row", "effective_at")


def _settle_some(
    slices: pl.DataFrame,
    lots: pl.DataFrame,
    burned: Burned,
    opened: tuple[pl.DataFrame, pl.DataFrame],
    accounts: pl.Series,
    fits: Fits,
) -> Settlement:
    """Play these accounts again, start by start, and leave the others as they are.

    `opened` is what no lot had paid before the first slice given, and what of that is open.
    """
    before, open_before = opened
    mine = pl.col("account").is_in(accounts.implode())
    rows = slices.filter(mine).with_columns(counted=ZERO_AMOUNT)
    is_other = ~slices.select(mine).to_series()
    others = slices.filter(is_other).select("slice")
    chosen = _renumbered(lots.filter(mine))
    played = _play(rows, chosen, open_before.filter(mine), fits)
    origin = chosen["origin"]
    positions = lots.filter(~mine).select("lot_row", "position")
    return Settlement(
        paid=pl.concat([burned.paid.join(others, on="slice", how="semi"), _original(played.paid, origin)]),
        rest=pl.concat([burned.rest.select("slice", "amount").join(others, on="slice", how="semi"), played.rest]),
        positions=pl.concat([positions, _original(played.positions, origin)]),
        settled=_original(played.settled, origin),
        owed=pl.concat(
            [_owed_by_others(slices, burned, before, others, accounts), _add_up(before.filter(mine), played.owed)]
        ),
    )


def _owed_by_others(
    slices: pl.DataFrame, burned: Burned, before: pl.DataFrame, others: pl.DataFrame, accounts: pl.Series
) -> pl.DataFrame:
    """What the accounts owe that no lot settles."""
    rest = burned.rest.select("slice", "amount").join(others, on="slice", how="semi")
    kept = before.filter(~pl.col("account").is_in(accounts.implode()))
    return _add_up(kept, _open_rests(slices, rest).select(OWED.names()))


def _renumbered(lots: pl.DataFrame) -> pl.DataFrame:
    """Whole accounts of lots, numbered anew, each standing where it stood before the slices given; `origin` is the old number."""
    moved_by = pl.int_range(pl.len(), dtype=pl.Int64) - pl.col("lot_row").cast(pl.Int64)
    opening = pl.when("reworked").then(ZERO_AMOUNT).otherwise("stands")
    nothing = pl.lit(None, AMOUNT)
    return _with_capacities(
        lots.with_columns(
            origin=pl.col("lot_row"),
            lot_row=pl.int_range(pl.len(), dtype=pl.UInt32),
            rolled_from=(pl.col("rolled_from").cast(pl.Int64) + moved_by).cast(pl.UInt32),
            opening=opening,
            position=nothing,
        )
    )


def _original(rows: pl.DataFrame, origin: pl.Series) -> pl.DataFrame:
    """Rows by lot with the lots' numbers as they were."""
    return rows.with_columns(lot_row=origin.gather(rows["lot_row"]))


def _with_capacities(lots: pl.DataFrame) -> pl.DataFrame:
    """Lots with what they hold where they stand now."""
    standing = lots.select("amount", "roll_over", "rolled_from", position="opening")
    return lots.with_columns(capacity=capacities(standing))


def _play(rows: pl.DataFrame, lots: pl.DataFrame, opened: pl.DataFrame, fits: Fits) -> Settlement:
    """Burn down to the next start of a lot at which something is open, let the lot settle it, and so on.

    `owed` of what it returns is by how much these slices and lots change it.
    """
    paid, rest, settled = [PAID.to_frame()], [], [SETTLED.to_frame()]
    # Who owes nothing any more has a row as well: the one that was there is out of date.
    owed = [lots.select(pl.col("account").unique(), amount=ZERO_AMOUNT)]
    while True:
        burned = burn_ranks(rows, lots, fits)
        turns = _turns(lots, pl.concat([opened, _open_of(rows, burned)]))
        at = rows.select("account").join(turns, on="account", how="left", maintain_order="left")["effective_at"]
        is_before = (rows["slice_end"] <= at).fill_null(value=True)
        if not is_before.all():
            burned = burn_ranks(rows.filter(is_before), lots, fits)
        paid.append(burned.paid)
        rest.append(burned.rest.select("slice", "amount"))
        lots = _moved(lots, burned.moved)
        left = _open_of(rows, burned)
        owed.append(left)
        if turns.is_empty():
            break
        rows = rows.filter(~is_before)
        lots, opened, paid_now = _offer_open(turns, lots, pl.concat([opened, left]), fits)
        settled.append(paid_now)
        owed.append(paid_now.select(-pl.col("amount"), account=lots["account"].gather(paid_now["lot_row"])))
    positions = lots.select("lot_row", position="opening")
    return Settlement(pl.concat(paid), pl.concat(rest), positions, pl.concat(settled), _add_up(*owed))


def _open_of(rows: pl.DataFrame, burned: Burned) -> pl.DataFrame:
    """What burn-down leaves open of some rows."""
    some = burned.rest.select("slice", "amount").filter(pl.col("amount") != ZERO_AMOUNT)
    named = some.join(rows.select("slice", "account", "slice_end", "use", "prepaid"), on="slice").filter("prepaid")
    return named.with_columns(age=pl.col("slice").cast(pl.Int64), since="slice_end").select(_OPEN)


def _net(opened: pl.DataFrame) -> pl.DataFrame:
    """Cancel what is open of both signs, oldest first: what stays is the newest of the sign that prevails, up to the sum."""
    total = pl.col("amount").sum().over("account")
    prevails = (pl.col("amount") > ZERO_AMOUNT) == (pl.col("total") > ZERO_AMOUNT)
    marked = opened.sort(_OLDEST_FIRST).with_columns(total=total).filter(prevails)
    since_then = pl.col("amount").cum_sum(reverse=True).over("account") - pl.col("amount")
    left = marked.with_columns(left=(pl.col("total") - since_then).abs(), is_owed=pl.col("total") > ZERO_AMOUNT)
    reached = (pl.col("total") > since_then) == pl.col("is_owed")
    size = pl.min_horizontal("left", pl.col("amount").abs())
    kept = left.filter(reached).with_columns(amount=pl.when("is_owed").then(size).otherwise(-size))
    return kept.filter(pl.col("amount") != ZERO_AMOUNT).select(_OPEN)


def _moved(lots: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Let lots stand where burn-down moved them, and hold what follows from it."""
    standing = pl.coalesce(_of_lots(lots, moved, "position"), pl.col("opening"))
    return _with_capacities(lots.with_columns(opening=standing))


def _offer_open(
    turns: pl.DataFrame, lots: pl.DataFrame, opened: pl.DataFrame, fits: Fits
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Offer each of these lots what is open of its account: the lots after it, what stays open, what each paid of it."""
    columns = ("effective_at", "lot_row", "scope", "capacity", "opening")
    begun = turns.select("account").hstack(lots.select(pl.col(columns).gather(turns["lot_row"])))
    is_there = opened.select("account", "since").join(begun, on="account", how="left", maintain_order="left")
    is_open = is_there.select((pl.col("since") <= pl.col("effective_at")).fill_null(value=False)).to_series()
    now, later = _net(opened.filter(is_open)), opened.filter(~is_open)
    rows = now.sort(_OLDEST_FIRST).join(begun, on="account", how="left", maintain_order="left")
    may = fits.allow(pl.col("scope"), pl.col("use"))
    offered = (
        rows.with_columns(offered=pl.when(may).then("amount").otherwise(ZERO_AMOUNT))
        .with_columns(after=pl.col("opening") + pl.col("offered").cum_sum().over("account"))
        .with_columns(reached=_paid("after"), started=_paid(pl.col("after") - pl.col("offered")))
        .with_columns(paid=(pl.col("reached") - pl.col("started")).fill_null(ZERO_AMOUNT))
    )
    of_lots = sum_by(offered, ["lot_row"], "offered")
    standing = lots.with_columns(
        opening=pl.col("opening") + _of_lots(lots, of_lots, "offered").fill_null(0),
        reworked=pl.col("reworked") & ~pl.col("lot_row").is_in(turns["lot_row"].implode()),
    )
    left = offered.with_columns(pl.col("amount") - pl.col("paid")).filter(pl.col("amount") != ZERO_AMOUNT)
    paid = offered.filter(pl.col("paid") != ZERO_AMOUNT).select("lot_row", slice="age", amount="paid")
    return _with_capacities(standing), pl.concat([left.select(_OPEN), later]), paid


def _paid(position: str | pl.Expr) -> pl.Expr:
    """What a lot at a position has paid."""
    at = pl.col(position) if isinstance(position, str) else position
    return at.clip(ZERO_AMOUNT, pl.col("capacity"))
