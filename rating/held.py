"""Charges that are held back until their period is over: `book: close` (semantics 3).

What belongs here: which charges are held back, and the charge that books them. What does not: what a slice costs
(`rate.py`), and how a price book says it (`rating/pricebook/booking.py`).

Every slice is worked out as if it were booked at once. What is held back then stands apart, with what discounts and
surcharges make of it, and in the last slice of its period one charge books the sum. So a period costs the same however
it is booked, and a change of mode within it needs no case of its own: each slice has the mode of its own time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from rating.agreed import own_terms
from rating.fees import Cut, in_last_slice, stretches
from rating.modes import with_modes
from rating.money import AMOUNT, ZERO_AMOUNT, ZERO_QUANTITY
from rating.periods import INSTANT
from rating.pricebook import PriceBook, PriceSpan, price_spans
from rating.pricebook.booking import booked
from rating.schemas import DUE, no_rows
from rating.sums import sum_by
from rating.true_ups import CLOSE, with_grace

# `agreed_with` is as in `rating/true_ups.py`; `booked` is hourly, close, or mode: as the account pays.
BOOKINGS: Final = {
    "agreed_with": pl.String(),
    "plan": pl.String(),
    "price_id": pl.String(),
    "version": pl.String(),
    "effective_from": INSTANT,
    "effective_to": INSTANT,
    "currency": pl.String(),
    "booked": pl.String(),
}
PREPAID: Final = "prepaid"
_SCOPE: Final = ("account_id", "subscription_id", "plan", "price_id", "currency", "period_start")
HELD_KEY: Final = (*_SCOPE, "meter", "version")
HELD: Final = {name: DUE[name] for name in HELD_KEY} | {"amount": AMOUNT}
_CONTEXT: Final = ("account_id", "plan", "price_id", "version", "currency", "slice_start")


def compile_bookings(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row (`BOOKINGS`) per version and currency of each price of which something may be held back."""
    spans = price_spans(books)
    having = {(span.plan, span.price.id) for span in spans if booked(span.price) != "hourly"}
    chosen = [span for span in spans if (span.plan, span.price.id) in having]
    return pl.DataFrame([row for span in chosen for row in _rows(span)], schema=BOOKINGS, orient="row")


def _rows(span: PriceSpan) -> Iterator[tuple[object, ...]]:
    times = (span.effective_from, span.effective_to)
    for currency in sorted({currency for _, money in span.price.money() for currency in span.book.resolve(money)}):
        yield span.account_id, span.plan, span.price.id, span.book.version, *times, currency, booked(span.price)


def asks_for_mode(books: Sequence[PriceBook]) -> bool:
    """Whether any price leaves it to how the account pays."""
    return any(booked(price) == "mode" for book in books for _, _, price in book.prices())


def in_use(bookings: pl.DataFrame, modes: pl.DataFrame) -> pl.DataFrame:
    """The same, or no rows where nothing can be held back: no price says so, and nobody prepays."""
    said = (bookings["booked"] == "close").any() or (modes["mode"] == PREPAID).any()
    return bookings if said else bookings.clear()


def hold_back(usage: pl.DataFrame, bookings: pl.DataFrame, modes: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Charges of use (`DUE`) as they are booked in their slices, and what of their amounts is held back.

    What is held back has an amount and no quantity, its slice a quantity and no amount. `modes` (`rating/modes.py`) says how
    accounts pay since when; who is not in it is postpaid.
    """
    if bookings.is_empty():
        return usage, no_rows(DUE)
    concerned = usage["price_id"].is_in(bookings["price_id"].unique().implode())
    if not concerned.any():
        return usage, no_rows(DUE)
    rows = usage.filter(concerned)
    held = is_held(rows, bookings, modes)
    if not held.any():
        return usage, no_rows(DUE)
    kept = rows.filter(held)
    booked_now = pl.concat([usage.filter(~concerned), rows.filter(~held), kept.with_columns(amount=ZERO_AMOUNT)])
    return booked_now, kept.with_columns(quantity=ZERO_QUANTITY)


def is_held(rows: pl.DataFrame, bookings: pl.DataFrame, modes: pl.DataFrame) -> pl.Series:
    """Which charges of use are held back: the price says so, or leaves it to how the account pays in their slice."""
    contexts = rows.select(_CONTEXT).unique()
    named = bookings.select("agreed_with", "plan", "price_id", "version", "currency", "booked")
    said = own_terms(contexts.join(named, on=["plan", "price_id", "version", "currency"]), bookings)
    prepaid = with_modes(said.select("account_id", "slice_start").unique(), modes)
    paid = said.join(prepaid, on=["account_id", "slice_start"], how="left")
    holds = (pl.col("booked") == "close") | ((pl.col("booked") == "mode") & pl.col("prepaid").fill_null(value=False))
    marks = paid.filter(holds).select(*_CONTEXT, held=True)
    return rows.select(_CONTEXT).join(marks, on=_CONTEXT, how="left", maintain_order="left")["held"].is_not_null()


def sum_held(held: pl.DataFrame) -> pl.DataFrame:
    """What is held back of each price version and period (`HELD`), of rows with HELD_KEY and amount."""
    amounts = held.select(pl.col(name).cast(dtype) for name, dtype in HELD.items())
    return sum_by(amounts, HELD_KEY, "amount").select(HELD.keys())


def closings_due(  # noqa: PLR0913, PLR0917 (what a closing rests on)
    bookings: pl.DataFrame, graces: pl.DataFrame, subscriptions: pl.DataFrame, cut: Cut,
    held: pl.DataFrame, touched: pl.DataFrame, until: datetime,
) -> pl.DataFrame:  # fmt: skip
    """The charges (`DUE`) that book what is held back, of periods whose grace is over by `until`.

    One a price version (of a discount, that of the book which first said it), in the last slice in which the price was in
    force, without a quantity. `held` is as `sum_held` gives it; the others are as for `true_ups_due`.
    """
    held = held.filter(pl.col("amount") != ZERO_AMOUNT)
    if held.is_empty():
        return no_rows(DUE)
    ended = with_grace(own_terms(stretches(bookings, subscriptions, touched, until), bookings), graces).filter(
        (pl.col("booked_at") <= until) & (pl.col("period_start") >= pl.col("first_slice"))
    )
    last = ended.sort("end").unique(_SCOPE, keep="last", maintain_order=True)
    placed = in_last_slice(last.select(*_SCOPE, "service_id", "end").join(held, on=_SCOPE), cut)
    made = {"resource_id": pl.lit(""), "dimensions": pl.lit("{}"), "kind": pl.lit(CLOSE), "quantity": ZERO_QUANTITY}
    return placed.select(made.get(name, pl.col(name)).alias(name) for name in DUE)
