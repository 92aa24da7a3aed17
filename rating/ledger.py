"""Double entry: the legs that differences in credit, grants, expiries and invoices make (semantics 4).

What belongs here: which account of the books is debited and which credited. What does not: what should stand
(`rating/credits.py`, `rating/postings.py`, `rating/invoicing.py`), and rounding.

A debit is positive, a credit negative. A transaction is one slice of one run in one currency and kind; its legs
sum to zero. Every function gives the columns of `LEGS`; the run is the writer's, `posted_hour` is added by the
expression below.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from rating.credit_schemas import LEGS, LEGS_SCHEMA
from rating.errors import BalanceError
from rating.money import AMOUNT, ZERO_AMOUNT
from rating.schemas import check_frame
from rating.sums import sum_by

__all__ = [
    "LEGS",
    "add_up_revenue",
    "expiry_legs",
    "grant_legs",
    "issue_legs",
    "posted_hour",
    "rollover_legs",
    "settlement_legs",
    "usage_legs",
    "without_revenue",
]

_KEYS: Final = ("account", "lot", "currency", "slice_start")
_TRANSACTION: Final = ("slice_start", "currency", "kind")
_NO_LOT: Final = pl.lit("")


def posted_hour(slice_start: pl.Expr, first_open_hour: datetime) -> pl.Expr:
    """Give the hour an entry is posted in: that of its slice, or the first open one if that is later (design 4)."""
    open_hour = pl.lit(first_open_hour, dtype=pl.Datetime("us", "UTC"))
    return pl.max_horizontal(slice_start.dt.truncate("1h"), open_hour)


def usage_legs(
    draws: pl.DataFrame, unbilled: pl.DataFrame, charges: pl.DataFrame, lots: pl.DataFrame, accounts: pl.DataFrame
) -> pl.DataFrame:
    """Book differences of use: `credit` or `unbilled` to `revenue` (semantics 4).

    `draws` (account_id, slice_start, lot, amount) and `unbilled` (account_id, slice_start, amount) are the
    differences that go with the `charges` (slice_start, meter, currency, amount_delta); `lots` (lot, kind,
    currency) names every lot in `draws`, `accounts` (account_id, currency) every account in `unbilled`.
    """
    credit = _with_lots(draws, lots).select(
        "lot", "currency", "amount", "slice_start", account=_credit_account(pl.col("lot_kind"))
    )
    rest = unbilled.join(
        accounts.select("account_id", "currency"), on="account_id", how="left", maintain_order="left"
    ).select("currency", "amount", "slice_start", lot=_NO_LOT, account=pl.format("unbilled:{}", "account_id"))
    earned = sum_by(charges, ("slice_start", "meter", "currency"), "amount_delta").select(
        "currency",
        "slice_start",
        lot=_NO_LOT,
        account=_revenue_account(),
        amount=-pl.col("amount_delta"),
    )
    return _legs("usage", credit, rest, earned)


def _revenue_account() -> pl.Expr:
    """Revenue by meter. What is no meter's is a fee's; no meter can have that name (`rating/pricebook/fields.py`)."""
    return pl.when(pl.col("meter") == "").then(pl.lit("revenue:(fees)")).otherwise(pl.format("revenue:{}", "meter"))


def without_revenue(legs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part legs from those of what was earned."""
    is_revenue = pl.col("account").str.starts_with("revenue:")
    return legs.filter(~is_revenue), legs.filter(is_revenue)


def add_up_revenue(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One leg a slice, meter and currency, of what was earned by the accounts of several parts (semantics 4).

    Each of the parts was balanced, so the whole is.
    """
    every = pl.concat(parts)
    return (
        sum_by(every, [name for name in LEGS if name != "amount"], "amount")
        .select(LEGS.names())
        .filter(pl.col("amount") != ZERO_AMOUNT)
    )


def grant_legs(grants: pl.DataFrame, booked: pl.DataFrame) -> pl.DataFrame:
    """Book grants as they are now, less what was booked of them before (semantics 4).

    Both have grant_id, account_id, kind, amount, currency, effective_at, tax_paid, tax_code, gateway, void:
    `grants` the newest rows of the grants that changed, `booked` the rows of the same grants at the last
    computation. So a void reverses, and a restated grant moves by the difference. What nobody paid for is booked against
    `promotion`, an adjustment against `refund`. Paid credit is net: the tax
    in the money received is owed to the tax office at once.
    """
    both = [_granted(grants), _granted(booked).with_columns(amount=-pl.col("amount"))]
    return _legs("grant", sum_by(pl.concat(both), _KEYS, "amount"))


def _granted(grants: pl.DataFrame) -> pl.DataFrame:
    """The legs of grants that stand, each dated at its lot's start."""
    standing = grants.filter(~pl.col("void")).with_columns(
        lot="grant_id",
        slice_start="effective_at",
        amount=pl.col("amount").cast(AMOUNT),
        tax_paid=pl.col("tax_paid").cast(AMOUNT).fill_null(ZERO_AMOUNT),
    )
    columns = ["lot", "currency", "slice_start"]
    given = standing.filter(pl.col("kind") != "paid")
    paid = standing.filter(pl.col("kind") == "paid")
    return pl.concat(
        [
            given.select(*columns, "amount", account=_giver(pl.col("kind"))),
            paid.select(*columns, account=_named("cash", "gateway"), amount=pl.col("amount") + pl.col("tax_paid")),
            paid.filter(pl.col("tax_paid") != ZERO_AMOUNT).select(
                *columns, account=_named("tax", "tax_code"), amount=-pl.col("tax_paid")
            ),
            standing.select(*columns, account=_credit_account(pl.col("kind")), amount=-pl.col("amount")),
        ],
        how="diagonal",
    )


def _giver(kind: pl.Expr) -> pl.Expr:
    """Out of what credit is given that nobody paid for; what expires of it goes back there."""
    return pl.when(kind == "adjustment").then(pl.lit("refund")).otherwise(pl.lit("promotion"))


def expiry_legs(expiries: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """Book differences of expired credit: what was given goes back to where it came from, paid to `breakage` (semantics 4).

    `expiries` (account_id, slice_start, lot, amount) are differences, `lots` (lot, kind, currency).
    """
    expired = _with_lots(expiries, lots)
    kind = pl.col("lot_kind")
    gainer = pl.when(kind == "paid").then(pl.lit("breakage")).otherwise(_giver(kind))
    columns = ["lot", "currency", "slice_start"]
    return _legs(
        "expiry",
        expired.select(*columns, "amount", account=_credit_account(pl.col("lot_kind"))),
        expired.select(*columns, account=gainer, amount=-pl.col("amount")),
    )


def rollover_legs(rolled: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """Book differences of what rolls over: from a lot to the next one of its grant (semantics 4).

    `rolled` (account_id, slice_start, lot, amount) are differences, positive out of a lot and negative into one; `lots`
    (lot, kind, currency).
    """
    moved = _with_lots(rolled, lots)
    columns = ["lot", "currency", "slice_start", "amount"]
    return _legs("rollover", moved.select(*columns, account=_credit_account(pl.col("lot_kind"))))


def settlement_legs(settled: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """Book differences of settlements: `credit` to what is `unbilled` of the account (semantics 4).

    `settled` (account_id, slice_start, lot, amount) are differences, each dated at its lot's start; `lots` (lot, kind,
    currency).
    """
    paid = _with_lots(settled, lots)
    # Two lots that start at one instant are one leg of `unbilled`.
    owed = sum_by(paid, ("account_id", "slice_start", "currency"), "amount")
    return _legs(
        "settlement",
        paid.select("currency", "slice_start", "lot", "amount", account=_credit_account(pl.col("lot_kind"))),
        owed.select(
            "currency",
            "slice_start",
            lot=_NO_LOT,
            account=pl.format("unbilled:{}", "account_id"),
            amount=-pl.col("amount"),
        ),
    )


def issue_legs(invoices: pl.DataFrame) -> pl.DataFrame:
    """Book issued invoices: `receivable` from `unbilled`, `tax` and `rounding` (semantics 4).

    `invoices` (account_id, currency, issued_at, due, tax, tax_code, exact): `due` and `tax` as stated in minor
    units, `exact` the unrounded sum of the invoice's lines, which is what leaves `unbilled`.
    """
    dated = invoices.select(
        "account_id",
        "currency",
        "tax_code",
        pl.col("due", "tax", "exact").cast(AMOUNT),
        slice_start=pl.col("issued_at").dt.truncate("1h"),
        lot=_NO_LOT,
    )
    columns = ["lot", "currency", "slice_start"]
    rounded_less_exact = pl.col("due") - pl.col("tax") - pl.col("exact")
    return _legs(
        "issue",
        dated.select(*columns, account=pl.format("receivable:{}", "account_id"), amount="due"),
        dated.select(*columns, account=pl.format("unbilled:{}", "account_id"), amount=-pl.col("exact")),
        dated.filter(pl.col("tax") != ZERO_AMOUNT).select(
            *columns, account=_named("tax", "tax_code"), amount=-pl.col("tax")
        ),
        dated.select(*columns, account=pl.lit("rounding"), amount=-rounded_less_exact),
    )


def _named(prefix: str, column: str) -> pl.Expr:
    """An account of the books that is named by a value; without one the leg has no account, and is refused."""
    return pl.when(pl.col(column) != "").then(pl.format("{}:{}", pl.lit(prefix), column))


def _credit_account(kind: pl.Expr) -> pl.Expr:
    """What we owe an account in credit of one kind."""
    return pl.format("credit:{}:{}", pl.col("account_id"), kind)


def _with_lots(entries: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """Add kind and currency of each entry's lot."""
    # A table of names is dear to join, and most kinds of entries there are none of.
    kinds = (lots if entries.height else lots.clear()).select("lot", "currency", lot_kind="kind")
    return entries.join(kinds, on="lot", how="left", maintain_order="left")


def _legs(kind: str, *parts: pl.DataFrame) -> pl.DataFrame:
    """Put legs together: none of zero, all named, and the whole balanced."""
    columns = [pl.col(name).cast(dtype) for name, dtype in LEGS.items() if name != "kind"]
    together = pl.concat([part.select(columns) for part in parts]).with_columns(kind=pl.lit(kind))
    legs = together.filter(pl.col("amount") != ZERO_AMOUNT)
    # A draw of a lot that was not given, or a paid grant without gateway or tax code, has no account.
    check_frame(legs, LEGS_SCHEMA, f"{kind} legs")
    _check_balance(legs)
    return legs


def _check_balance(legs: pl.DataFrame) -> None:
    """Every transaction sums to zero (semantics 4)."""
    open_sums = sum_by(legs, _TRANSACTION, "amount").filter(pl.col("amount") != ZERO_AMOUNT)
    if open_sums.height:
        row = open_sums.sort(_TRANSACTION).row(0, named=True)
        message = (
            f"{row['kind']} legs of {row['slice_start']} sum to {row['amount']} {row['currency']}, not to zero;"
            " draws and rests must cover exactly the charges they come with"
        )
        raise BalanceError(message)
