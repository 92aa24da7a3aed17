"""Prices compiled to columns: one row per (plan, price id, version, currency).

What belongs here: the columns and how a price book fills them. What does not: arithmetic on them (`cost.py`).

A price is data, not an expression: every tier is four columns joined by price, and the cost of a frame is
one clip per tier, however many prices are in it.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

import polars as pl

from rating.money import AMOUNT, QUANTITY
from rating.periods import INSTANT
from rating.pricebook import Price, PriceBook, PriceSpan, Tier, check_succession, price_spans

PRICE_SCHEMA: Final = {
    "price_key": pl.UInt32(),
    "plan": pl.String(),
    "price_id": pl.String(),
    "version": pl.String(),
    "effective_from": INSTANT,
    "effective_to": INSTANT,
    "meter": pl.String(),
    "currency": pl.String(),
    "model": pl.String(),
    "accumulate": pl.String(),
    "included": QUANTITY,
    "maximum": AMOUNT,
    "unit": pl.String(),
}
TIER_SCHEMA: Final = {"above": QUANTITY, "width": QUANTITY, "unit_price": QUANTITY, "flat_fee": AMOUNT}
# A tier of no width costs nothing, so prices with few tiers stand beside prices with many.
_NO_TIER: Final[dict[str, Decimal | None]] = dict.fromkeys(TIER_SCHEMA, Decimal(0))


def _unit_tiers(price: Price) -> tuple[Tier, ...]:
    """`unit`: Q x unit_price, which is one tier without end."""
    return (Tier.model_construct(up_to=None, unit_price=price.unit_price or {}, flat_fee=None),)


def _graduated_tiers(price: Price) -> tuple[Tier, ...]:
    """`graduated`: each tier prices the part of Q inside it; its fee is due once Q enters it."""
    return price.tiers or ()


MODELS: Final[dict[str, Callable[[Price], tuple[Tier, ...]]]] = {"unit": _unit_tiers, "graduated": _graduated_tiers}


def compile_prices(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row per (plan, price id, version, currency), with the columns of its tiers.

    Books come in the order in which they were accepted: of two with one `effective_from` the later holds.
    """
    check_succession(books, books[-1].version if books else "")
    rows = [row for span in price_spans(books) for row in _span_rows(span)]
    tier_count = max([1, *(len(tiers) for _, tiers in rows)])
    schema = {**PRICE_SCHEMA, **tier_schema(tier_count)}
    padded = [
        {"price_key": key, **row, **tier_values([*tiers, *[_NO_TIER] * (tier_count - len(tiers))])}
        for key, (row, tiers) in enumerate(rows)
    ]
    return pl.DataFrame(padded, schema=schema, orient="row")


def _span_rows(span: PriceSpan) -> Iterator[tuple[dict[str, object], list[dict[str, Decimal | None]]]]:
    """The compiled rows of one definition of a price: one per currency, with its tiers apart."""
    price, resolve = span.price, span.book.resolve
    tiers = MODELS[price.model](price)
    maximum = resolve(price.maximum or {})
    for currency in sorted(resolve(tiers[0].unit_price)):
        row: dict[str, object] = {
            "plan": span.plan,
            "price_id": price.id,
            "version": span.book.version,
            "effective_from": span.effective_from,
            "effective_to": span.effective_to,
            "meter": price.meter,
            "currency": currency,
            "model": price.model,
            "accumulate": price.accumulate,
            "included": price.included,
            "maximum": maximum.get(currency),
            "unit": span.book.meters[price.meter].unit,
        }
        yield row, tier_rows(tiers, partial(_amount_in, span.book, currency))


def _amount_in(book: PriceBook, currency: str, money: dict[str, Decimal]) -> Decimal | None:
    return book.resolve(money).get(currency)


def tier_rows(
    tiers: Sequence[Tier], amount: Callable[[dict[str, Decimal]], Decimal | None]
) -> list[dict[str, Decimal | None]]:
    """Where each tier begins, how wide it is (null: without end) and what it costs in one currency."""
    rows: list[dict[str, Decimal | None]] = []
    above = Decimal(0)
    for tier in tiers:
        width = None if tier.up_to is None else tier.up_to - above
        fee = amount(tier.flat_fee or {}) or Decimal(0)
        rows.append({"above": above, "width": width, "unit_price": amount(tier.unit_price), "flat_fee": fee})
        above = tier.up_to or above
    return rows


def tier_column(number: int, field: str) -> str:
    """The name of a tier's column, counted from 1."""
    return f"tier_{number}_{field}"


def count_tiers(columns: Sequence[str]) -> int:
    """How many tiers a frame of prices has columns for."""
    return sum(1 for column in columns if column.startswith("tier_") and column.endswith("_above"))


def tier_schema(tier_count: int) -> dict[str, pl.DataType]:
    """The columns of so many tiers."""
    numbers = range(1, tier_count + 1)
    return {tier_column(number, field): kind for number in numbers for field, kind in TIER_SCHEMA.items()}


def tier_values(tiers: Sequence[dict[str, Decimal | None]]) -> dict[str, object]:
    """What stands in the columns of these tiers."""
    return {tier_column(number, field): value for number, tier in enumerate(tiers, 1) for field, value in tier.items()}
