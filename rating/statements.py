"""Statements: what moved the balance of one account, line by line, in the order of posting (design 4, `posted_hour`).

What belongs here: which legs and charges make a line, and the running balance. What does not: words (`documents/`), and
what a page shows of it in minor units (`rating/shown_balances.py`).

Every amount is its effect on the balance: what the customer has with us is positive, what he owes is negative, so that
balance = credit + unbilled + receivable, and each column sums to its closing less its opening. A charge is first owed
(`unbilled`); what credit paid of the charges of a day is a line of its own, that moves no balance.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import polars as pl

from rating.errors import BalanceError
from rating.money import AMOUNT, ZERO_AMOUNT, add_exact, plain_text
from rating.periods import INSTANT
from rating.statement_schemas import COLUMNS, LINE_KEY, LINES, check_statement
from rating.sums import sum_by

CHARGE: Final = "charge"
DRAW: Final = "draw"

# The order of lines within a day (or hour, or month). Kinds that are not named here come last.
_RANKS: Final = {
    kind: rank
    for rank, kind in enumerate(
        ("grant", "rollover", "settlement", CHARGE, DRAW, "expiry", "issue", "payment", "refund")
    )
}


class Grain(StrEnum):
    """How far charges are summed."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True)
class Span:
    """What a statement covers: [start, end), in days of a time zone, charges summed by `grain`."""

    start: datetime
    end: datetime
    time_zone: str
    grain: Grain = Grain.DAY


@dataclass(frozen=True)
class Statement:
    """The lines (`LINES`) and what each of `COLUMNS` stood at before the first; all exact."""

    opening: dict[str, Decimal]
    lines: pl.DataFrame


def state(
    opening: pl.DataFrame,
    legs: pl.DataFrame,
    charges: pl.DataFrame,
    postings: pl.DataFrame,
    reasons: pl.DataFrame,
    span: Span,
) -> Statement:
    """Make the statement of one account (design 4: in the order of posting; semantics 4).

    `opening` (account, amount) sums its legs before the span. `legs` are those posted in the span. `charges` are summed by
    run and slice, at least those that the span's legs post; others are passed over. `postings` say of each run that posted
    (in their order) which hour was the first open one. `reasons` say which runs charged a meter (all: '') anew, and why.

    Raises:
        BalanceError: the charges of the span are not what the ledger posted of use.
    """
    check_statement(opening, legs, charges, postings, reasons)
    moved = _moved(legs).with_columns(_time_columns(span, "moment"))
    use = moved.filter(pl.col("kind") == "usage")
    charged, drawn = _charges(charges, postings, reasons, span), _draws(use)
    _check_charges(use, charged, drawn)
    before = {column: _opened(opening, column) for column in COLUMNS}
    lines = pl.concat([_entries(moved.filter(pl.col("kind") != "usage")), charged, drawn])
    return Statement(before, _with_balance(_in_order(lines), before))


def _opened(opening: pl.DataFrame, column: str) -> Decimal:
    """What the legs before come to in one kind of account: a debit lowers the balance."""
    mine = opening.filter(pl.col("account").str.starts_with(f"{column}:"))
    return add_exact(*(-amount for amount in mine["amount"]))


def _moved(legs: pl.DataFrame) -> pl.DataFrame:
    """Legs as effects in three columns. A moment is that of the slice, or the hour of posting if that is later."""
    part = pl.col("account").str.extract(r"^([a-z]+):")
    effects = {
        column: pl.when(part == column).then(-pl.col("amount").cast(AMOUNT)).otherwise(ZERO_AMOUNT)
        for column in COLUMNS
    }
    is_credit = part == "credit"
    return legs.select(
        "kind", "lot", "run",
        credit_kind=pl.when(is_credit).then(pl.col("account").str.extract(r":([^:]*)$")).otherwise(pl.lit("")),
        moment=pl.max_horizontal("slice_start", "posted_hour"), **effects,
    )  # fmt: skip


def _time_columns(span: Span, moment: str) -> list[pl.Expr]:
    """The day (or the month's first) that a moment lies in, in the account's zone, and its hour if lines are hourly."""
    hour = pl.col(moment).dt.truncate("1h") if span.grain is Grain.HOUR else pl.lit(None, INSTANT)
    return [_date(span, moment).alias("date"), hour.alias("hour")]


def _date(span: Span, moment: str) -> pl.Expr:
    day = pl.col(moment).dt.convert_time_zone(span.time_zone).dt.date()
    return day.dt.month_start() if span.grain is Grain.MONTH else day


def _entries(moved: pl.DataFrame) -> pl.DataFrame:
    """All but use: a line for each, at its moment. What credit and what is owed make one line where they name one lot."""
    ordered = moved.rename({"moment": "at"})
    kinds = sum_by(ordered, ("date", "hour", "kind", "at", "run", "lot"), *COLUMNS)
    named = ordered.filter(pl.col("credit_kind") != "").unique(["kind", "run", "lot"], keep="any")
    keyed = kinds.join(named.select("kind", "run", "lot", "credit_kind"), on=["kind", "run", "lot"], how="left")
    return _as_lines(keyed.with_columns(pl.col("credit_kind").fill_null("")))


def _draws(use: pl.DataFrame) -> pl.DataFrame:
    """What each lot paid of the charges: it leaves the credit, and is owed no more."""
    drawn = sum_by(use.filter(pl.col("credit_kind") != ""), ("date", "hour", "credit_kind", "lot"), "credit")
    return _as_lines(drawn.with_columns(kind=pl.lit(DRAW), unbilled=-pl.col("credit")))


def _charges(charges: pl.DataFrame, postings: pl.DataFrame, reasons: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Charges by day, price and meter, posted as the ledger posted them; what was late or put right stands apart."""
    posted = charges.sort("run").join_asof(postings.sort("run"), on="run", strategy="forward")
    dated = posted.with_columns(moment=pl.max_horizontal("slice_start", "first_open"))
    inside = dated.filter(pl.col("moment").is_between(span.start, span.end, closed="left"))
    dates = inside.with_columns(_time_columns(span, "moment")).with_columns(slice_date=_date(span, "slice_start"))
    caused = _with_cause(dates, reasons)
    apart = caused.with_columns(of=pl.when(pl.col("cause") != "").then("slice_date"))
    keys = ("date", "hour", "plan", "price_id", "meter", "charge_kind", "of", "cause")
    summed = sum_by(apart.with_columns(unbilled=-pl.col("amount")).drop("amount"), keys, "unbilled")
    return _as_lines(summed.with_columns(kind=pl.lit(CHARGE)))


def _with_cause(charges: pl.DataFrame, reasons: pl.DataFrame) -> pl.DataFrame:
    """Why a charge of an hour that was closed before came: a price or a record was put right, or the record was late."""
    rerated = reasons.filter(pl.col("cause") == "rerated").select("run", is_rerated=True)
    corrected = reasons.filter(pl.col("cause") == "corrected").select("run", "meter", is_corrected=True)
    known = charges.join(rerated.unique(), on="run", how="left").join(
        corrected.unique(), on=["run", "meter"], how="left"
    )
    is_closed = pl.col("slice_start").dt.truncate("1h") < pl.col("first_open")
    cause = (
        pl.when(~is_closed).then(pl.lit(""))
        .when("is_rerated").then(pl.lit("rerated"))
        .when("is_corrected").then(pl.lit("corrected"))
        .when((pl.col("slice_date") < pl.col("date")) | pl.col("hour").is_not_null()).then(pl.lit("late"))
        .otherwise(pl.lit(""))
    )  # fmt: skip
    return known.with_columns(cause=cause).drop("is_rerated", "is_corrected")


def _as_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of lines; what a line does not have is empty text, nothing, or zero."""
    blank = {pl.String(): pl.lit(""), AMOUNT: ZERO_AMOUNT}
    missing = {
        name: blank.get(LINES[name], pl.lit(None, LINES[name]))
        for name in (*LINE_KEY, *COLUMNS)
        if name not in frame.columns
    }
    moves = pl.any_horizontal(pl.col(column) != ZERO_AMOUNT for column in COLUMNS)
    return frame.with_columns(**missing).filter(moves).select(*LINE_KEY, *COLUMNS)


def _in_order(lines: pl.DataFrame) -> pl.DataFrame:
    """By day (hour, month), and within it credit that came, charges, what paid them, what expired, and documents."""
    rank = pl.col("kind").replace_strict(_RANKS, default=len(_RANKS), return_dtype=pl.Int32)
    ordered = lines.with_columns(rank=rank, place=pl.col("of").fill_null(pl.col("date")))
    return ordered.sort(
        "date", "hour", "rank", "at", "run", "place", "meter", "price_id", "charge_kind", "plan", "lot", "kind",
        "credit_kind", "cause",
    ).select(lines.columns)  # fmt: skip


def _with_balance(lines: pl.DataFrame, opening: dict[str, Decimal]) -> pl.DataFrame:
    amount = pl.sum_horizontal(COLUMNS).cast(AMOUNT)
    before = pl.lit(add_exact(*opening.values()), dtype=AMOUNT)
    balance = pl.col("amount").cum_sum() + before
    return lines.with_columns(amount=amount).with_columns(balance=balance).select(LINES.names())


def _check_charges(use: pl.DataFrame, charged: pl.DataFrame, drawn: pl.DataFrame) -> None:
    """What the ledger posted as owed is what was charged, less what credit paid of it."""
    keys = ("date", "hour")
    booked = use.select(*keys, unbilled=-pl.col("unbilled"))
    every = pl.concat([booked, *(frame.select(*keys, "unbilled") for frame in (charged, drawn))])
    differ = sum_by(every, keys, "unbilled").filter(pl.col("unbilled") != ZERO_AMOUNT)
    if differ.height:
        row = differ.sort(keys).row(0, named=True)
        message = (
            f"charges and ledger of {row['date']} differ by {plain_text(row['unbilled'])}; run the checks of the books, then"
            " `meterbook rebuild` and `meterbook run`"
        )
        raise BalanceError(message)
