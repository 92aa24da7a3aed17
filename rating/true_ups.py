"""True-ups: what is charged when a period is over, because its use came to less than was agreed (semantics 3).

What belongs here: minimums and commitments as columns, and the charges that are due of them. What does not: how a price
book writes them (`rating/pricebook/model.py`, `commitment.py`), what use within a commitment costs
(`rating/pricing/commitments.py`), and what is appended (`difference.py`).

Both hold for one price of one subscription and period. Each version counts for its time in force, as a fee does; use after
discounts is set against the sum. A commitment is at least its share of the quantity, at its own unit price: use within it
costs just that, so without a discount what is short is what was not used.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import polars as pl

from rating.agreed import own_terms
from rating.fees import SECONDS_HELD, SECONDS_OF_PERIOD, Cut, in_last_slice, share_of_period, stretches
from rating.money import AMOUNT, QUANTITY, ZERO_AMOUNT, ZERO_QUANTITY, divide_quantity_half_even, multiply_exact
from rating.periods import INSTANT
from rating.pricebook import PriceBook, PriceSpan, effective_books, price_spans
from rating.pricebook.commitment import committed_in
from rating.schemas import DUE, no_rows
from rating.sums import sum_by

MINIMUM: Final = "minimum"
COMMITMENT: Final = "commitment"
# What was held back until the period is over (`rating/held.py`).
CLOSE: Final = "close"
# What a period is charged when its grace is over.
TRUE_UPS: Final = (MINIMUM, COMMITMENT, CLOSE)
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
    "committed": QUANTITY,
    "committed_price": QUANTITY,
}
GRACES: Final = {"grace_from": INSTANT, "grace": pl.Duration("us")}
SPENT_KEY: Final = ("account_id", "subscription_id", "plan", "price_id", "currency", "period_start")
_SCOPE: Final = ("account_id", "service_id", "subscription_id", "plan", "price_id", "meter", "currency", "period_start")


def compile_minimums(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row (`MINIMUMS`) per version and currency of each price that ever has a minimum or a commitment; 0 where not."""
    spans = price_spans(books)
    having = {(span.plan, span.price.id) for span in spans if span.price.minimum or committed_in(span.price.commit)}
    chosen = [span for span in spans if (span.plan, span.price.id) in having]
    return pl.DataFrame([row for span in chosen for row in _rows(span)], schema=MINIMUMS, orient="row")


def _rows(span: PriceSpan) -> Iterator[tuple[object, ...]]:
    price, resolve = span.price, span.book.resolve
    commit = price.commit if committed_in(price.commit) else None
    minimum, committed_price = resolve(price.minimum or {}), resolve(commit.unit_price if commit else {})
    sold = {currency for _, money in price.money() for currency in resolve(money)}
    times = (span.effective_from, span.effective_to)
    named = (span.account_id, span.plan, price.id, price.meter, span.book.version, *times)
    for currency in sorted(sold):
        least, unit_price = (money.get(currency, Decimal(0)) for money in (minimum, committed_price))
        yield *named, currency, least, committed_in(commit), unit_price


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
    held = own_terms(stretches(minimums, subscriptions, touched, until), minimums)
    if held.is_empty():
        return no_rows(DUE)
    held = with_grace(held, graces).filter(
        (pl.col("booked_at") <= until) & (pl.col("period_start") >= pl.col("first_slice"))
    )
    last = held.sort("end").unique(_SCOPE, keep="last", maintain_order=True)
    compared = last.join(_least(held), on=_SCOPE).join(
        spent.select(*SPENT_KEY, spent="amount"), on=SPENT_KEY, how="left"
    )
    rest = compared.with_columns(amount=pl.col("amount") - pl.col("spent").fill_null(ZERO_AMOUNT))
    placed = in_last_slice(rest.filter(pl.col("amount") > ZERO_AMOUNT), cut)
    made = {"resource_id": pl.lit(""), "dimensions": pl.lit("{}"), "quantity": ZERO_QUANTITY}
    return placed.select(made.get(name, pl.col(name)).alias(name) for name in DUE)


def _least(held: pl.DataFrame) -> pl.DataFrame:
    """The least that is due of each scope over all its stretches, and the kind of what falls short of it."""
    minimums = held.select(*_SCOPE, amount=share_of_period(pl.col("fee")))
    committed = _committed(held)
    kinds = committed.select(_SCOPE).unique().with_columns(kind=pl.lit(COMMITMENT))
    summed = sum_by(pl.concat([minimums, committed]), _SCOPE, "amount")
    return summed.join(kinds, on=_SCOPE, how="left").with_columns(pl.col("kind").fill_null(MINIMUM))


def _committed(held: pl.DataFrame) -> pl.DataFrame:
    """What the committed quantities cost: their shares of the period, half-even at the ninth decimal, x the unit price.

    Stretches of one unit price are shared together: where nothing changes that is the quantity within which use was priced
    (`rating/proration.py`), to the last digit.
    """
    having = held.filter(pl.col("committed") > 0).with_columns(quantity=pl.col("committed") * SECONDS_HELD)
    summed = sum_by(having, (*_SCOPE, "period_end", "committed_price"), "quantity")
    share = divide_quantity_half_even(pl.col("quantity"), SECONDS_OF_PERIOD)
    return summed.select(*_SCOPE, amount=multiply_exact(share, pl.col("committed_price")))
