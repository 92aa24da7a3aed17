"""By what a file of usage is to be priced: a plan of a price book, in one currency, by the months of one zone.

What belongs here: reading that, and refusing what cannot be quoted. What does not: billing (`quoted_books.py`), and what a
quote says (`quote.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rating.errors import MeterbookError
from rating.periods import time_zones
from rating.pricebook import PriceBook
from resources.price_books import read_price_book
from resources.reference import said


class QuoteError(MeterbookError):
    """What was asked for cannot be quoted; the message says what to ask for instead."""


@dataclass(frozen=True)
class Terms:
    """By what to price: a plan of a book, in one currency, by the calendar months of one zone."""

    book: PriceBook
    plan: str
    currency: str
    time_zone: str


def read_terms(price_book: Path, plan: str, currency: str | None, time_zone: str) -> Terms:
    """Read and check what to price by; without a currency it is the book's.

    Raises:
        PriceBookError: the book is wrong; it has every problem.
        QuoteError: the book has no such plan, the plan is not sold in the currency, or there is no such zone.
    """
    book = read_price_book(price_book)
    if plan not in book.plans:
        raise QuoteError(f"{price_book} has no plan {plan!r}; its plans: {', '.join(sorted(book.plans)) or 'none'}")
    chosen = currency or book.currency
    sold = {price.id: _currencies(book, price.money()) for price in book.plans[plan].prices}
    if fee := book.plans[plan].recurring:
        sold[fee.id] = set(book.resolve(fee.amount))
    lacking = [f"{name} (sold in {', '.join(sorted(there))})" for name, there in sold.items() if chosen not in there]
    if lacking:
        mend = "add that currency to the book, or name another with --currency"
        raise QuoteError(f"{price_book}: plan {plan!r} has no price in {chosen!r} for {', '.join(lacking)}; {mend}")
    if time_zone not in time_zones():
        raise QuoteError(f"--time-zone {time_zone!r}: {said('time_zone_unknown')}")
    return Terms(book, plan, chosen, time_zone)


def _currencies(book: PriceBook, money: Iterator[tuple[str, dict[str, Decimal]]]) -> set[str]:
    return {currency for _, amounts in money for currency in book.resolve(amounts)}
