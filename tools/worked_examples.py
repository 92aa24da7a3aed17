"""Worked examples of prices: what the engine says that quantities cost, and how it comes to it.

What belongs here: tables whose every number is computed by `rating/pricing`. What does not: which prices and quantities
are shown (`pricebook.md.j2`).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import polars as pl
import yaml

from rating.money import QUANTITY, plain_text
from rating.pricebook import Price, PriceBook, parse_price_book
from rating.pricing import compile_prices, tier_parts, total_cost

# The order in which the parts of a cost are told.
KINDS: Final = ("included", "committed", "usage", "flat_fee", "cap")


def worked(*quantities: str, caller: Callable[[], str]) -> str:
    """The price that the template's block holds, and what quantities cost by it."""
    text = caller().strip()
    book = _book(text)
    costs = _costs(book, quantities)
    workings = _workings(book, quantities)
    rows = [
        f"| {quantity} | {_money(cost)} | {how} |"
        for quantity, cost, how in zip(quantities, costs, workings, strict=True)
    ]
    return "\n".join([_fenced(text), "", "| quantity | cost | worked out |", "|--:|--:|---|", *rows])


def accumulated(*quantities: str, caller: Callable[[], str]) -> str:
    """What machines cost that share a price's tiers, and what they cost if each has its own."""
    text = caller().strip()
    book = _book(text)
    running = [sum(map(Decimal, quantities[:count]), Decimal(0)) for count in range(len(quantities) + 1)]
    together = [after - before for before, after in pairwise(_costs(book, list(map(str, running))))]
    shares = {"account": together, "resource": _costs(book, quantities)}
    heading = " | ".join(f"machine {number} uses {used}" for number, used in enumerate(quantities, 1))
    rows = [
        f"| `{name}` | {' | '.join(map(_money, costs))} | {_money(sum(costs, Decimal(0)))} |"
        for name, costs in shares.items()
    ]
    lines = [f"| `accumulate` | {heading} | account |", "|---|" + "--:|" * (len(quantities) + 1), *rows]
    return "\n".join([_fenced(text), "", *lines])


def _fenced(text: str) -> str:
    return f"```yaml\n{text}\n```"


def _book(text: str) -> PriceBook:
    """A book with nothing but the one price; it is read as any book is, so an example that is wrong is refused."""
    price: dict[str, Any] = yaml.safe_load(text)
    meter = {"unit": "unit", "aggregation": "sum", "value": "amount" if price["model"] == "dynamic" else "quantity"}
    document = {
        "version": "example",
        "effective_from": "2026-11-01T00:00:00Z",
        "currency": "EUR",
        "meters": {price["meter"]: meter},
        "plans": {"standard": {"prices": [price]}},
    }
    return parse_price_book(document, "an example of pricebook.md.j2")


def _price(book: PriceBook) -> Price:
    return book.plans["standard"].prices[0]


def _column(quantities: Sequence[str]) -> pl.Series:
    return pl.Series("quantity", list(map(Decimal, quantities)), dtype=QUANTITY)


def _costs(book: PriceBook, quantities: Sequence[str]) -> list[Decimal]:
    return total_cost(_price(book), _column(quantities)).to_list()


def _workings(book: PriceBook, quantities: Sequence[str]) -> list[str]:
    """How the engine takes the cost of each quantity apart."""
    rows = _column(quantities).alias("quantity_after").to_frame().with_row_index("row_id")
    frame = rows.with_columns(quantity_before=pl.lit(Decimal(0), QUANTITY)).join(compile_prices([book]), how="cross")
    parts = tier_parts(frame).rows_by_key("row_id", named=True)
    return [_working(parts.get(row, []), _price(book).model) for row in range(len(quantities))]


def _working(parts: list[dict[str, Any]], model: str) -> str:
    """One cost as a sum: 1000 included; 100 x 0.0125 + 20 x 0.0115."""
    told = [part for part in parts if part["kind"] != "usage" or model != "stairstep"]  # a step has a fee only
    ordered = sorted(told, key=lambda part: (KINDS.index(part["kind"]), part["tier"]))
    free = [f"{plain_text(part['quantity'])} included" for part in ordered if part["kind"] == "included"]
    due = " + ".join(_term(part, model) for part in ordered if part["kind"] != "included")
    return "; ".join([*free, *([due.replace("+ -", "- ")] if due else [])]) or "nothing is due"


def _term(part: dict[str, Any], model: str) -> str:
    amount = _money(part["amount"])
    if part["kind"] == "cap":
        return f"{amount} above the maximum"
    if part["kind"] == "flat_fee":
        return f"{amount} fee"
    quantity = plain_text(part["quantity"])
    if model == "package" and part["kind"] == "usage":
        quantity += " package" if quantity == "1" else " packages"
    return f"{quantity} x {_money(part['unit_price'])}"


def _money(value: Decimal) -> str:
    """Every digit of an amount, and two decimals at least."""
    whole, _, decimals = plain_text(value).partition(".")
    return f"{whole}.{decimals:0<2}"
