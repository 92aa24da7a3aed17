"""True-ups: what is charged when a period is over, because its use came to less than was agreed (semantics 3).

What belongs here: minimums as columns, and the charges that are due of them. What does not: how a price book writes a
minimum (`rating/pricebook/model.py`), and what is appended (`difference.py`).

A minimum holds for one price of one subscription and period. Each version counts for its time in force, as a fee does; use
after discounts is set against the sum.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import polars as pl

from rating.fees import Cut, in_last_slice, share_of_period, stretches
from rating.money import AMOUNT, ZERO_AMOUNT, ZERO_QUANTITY
from rating.periods import INSTANT
from rating.pricebook import PriceBook, effective_books, price_spans
from rating.schemas import DUE, no_rows
from rating.sums import sum_by

MINIMUM: Final = "minimum"
# `agreed_with` is empty in what holds for all accounts that never agreed on the price (`rating/agreed.py`).
MINIMUMS: Final = {
    "agreed_with": pl.String(),
    "plan": pl.String(),
    "price_id": pl.String(),
    "meter": pl.String(),
    "version": pl.String(),
    "effective_from": INSTANT,
    "effective_to": INSTANT,
    "currency": pl.String(),
    "fee": AMOUNT,
}
GRACES: Final = {"grace_from": INSTANT, "grace": pl.Duration("us")}
SPENT_KEY: Final = ("account_id", "subscription_id", "plan", "price_id", "currency", "period_start")
_SCOPE: Final = ("account_id", "service_id", "subscription_id", "plan", "price_id", "meter", "currency", "period_start")


def compile_minimums(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row (`MINIMUMS`) per version and currency of each price that ever has a minimum; 0 where it has none."""
    spans = price_spans(books)
    having = {(span.plan, span.price.id) for span in spans if span.price.minimum}
    chosen = [span for span in spans if (span.plan, span.price.id) in having]

    def rows() -> Iterator[tuple[object, ...]]:
        for span in chosen:
            minimum = span.book.resolve(span.price.minimum or {})
            sold = {currency for _, money in span.price.money() for currency in span.book.resolve(money)}
            times = (span.effective_from, span.effective_to)
            named = (span.account_id, span.plan, span.price.id, span.price.meter, span.book.version, *times)
            yield from ((*named, currency, minimum.get(currency, Decimal(0))) for currency in sorted(sold))

    return pl.DataFrame(list(rows()), schema=MINIMUMS, orient="row")


def compile_graces(books: Sequence[PriceBook]) -> pl.DataFrame:
    """How long after a period's end its true-ups are booked, by when it ends (`GRACES`, in the order of time)."""
    return pl.DataFrame(
        [(book.effective_from, book.grace) for book in effective_books(books)], schema=GRACES, orient="row"
    )


def with_grace(ended: pl.DataFrame, graces: pl.DataFrame) -> pl.DataFrame:
    """Add `booked_at`: when a row's `period_end` and the grace of the book that holds then are over."""
    found = ended.sort("period_end").join_asof(
        graces, left_on="period_end", right_on="grace_from", strategy="backward", coalesce=False
    )
    return found.with_columns(booked_at=pl.col("period_end") + pl.col("grace")).drop("grace_from", "grace")


def true_ups_due(  # noqa: PLR0913, PLR0917 (what a true-up rests on)
    minimums: pl.DataFrame, graces: pl.DataFrame, subscriptions: pl.DataFrame, cut: Cut,
    spent: pl.DataFrame, touched: pl.DataFrame, until: datetime,
) -> pl.DataFrame:  # fmt: skip
    """The true-up charges (`DUE`) that should stand before `until`, of each account from its `first_slice` on.

    `touched` (account_id, first_slice) has a row an account; `first_slice` is the start of a period. `spent` (`SPENT_KEY`,
    amount) is what each price came to after discounts, in those periods. A true-up stands in the last slice in which its
    price was in force; it has no quantity.
    """
    held = _own(stretches(minimums, subscriptions, touched, until), minimums)
    if held.is_empty():
        return no_rows(DUE)
    held = with_grace(held, graces).filter(
        (pl.col("booked_at") <= until) & (pl.col("period_start") >= pl.col("first_slice"))
    )
    shares = sum_by(held.with_columns(amount=share_of_period(pl.col("fee"))), _SCOPE, "amount")
    last = held.sort("end").unique(_SCOPE, keep="last", maintain_order=True)
    compared = last.join(shares, on=_SCOPE).join(spent.select(*SPENT_KEY, spent="amount"), on=SPENT_KEY, how="left")
    rest = compared.with_columns(amount=pl.col("amount") - pl.col("spent").fill_null(ZERO_AMOUNT))
    placed = in_last_slice(rest.filter(pl.col("amount") > ZERO_AMOUNT), cut)
    made = {
        "resource_id": pl.lit(""), "dimensions": pl.lit("{}"), "kind": pl.lit(MINIMUM), "quantity": ZERO_QUANTITY,
    }  # fmt: skip
    return placed.select(made.get(name, pl.col(name)).alias(name) for name in DUE)


def _own(held: pl.DataFrame, minimums: pl.DataFrame) -> pl.DataFrame:
    """Leave to each account what it agreed on, and of what it never agreed on what holds for all."""
    agreed = minimums.filter(pl.col("agreed_with") != "").select("plan", "price_id", account_id="agreed_with").unique()
    general = held.filter(pl.col("agreed_with") == "").join(agreed, on=["account_id", "plan", "price_id"], how="anti")
    return pl.concat([general, held.filter(pl.col("agreed_with") == pl.col("account_id"))])
