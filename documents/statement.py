"""A statement as a page shows it: whose it is, what stood before, the lines in minor units, and what stands after.

What belongs here: the values that the template is given. What does not: their rounding (`rating/shown_balances.py`), what
lines are called (`statement_words.py`), and how it looks (`templates/`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import polars as pl

from documents.invoice import Customer, Seller
from documents.values import Part, Text
from rating.money import add_exact, minor_digits
from rating.shown_balances import in_minor_units
from rating.statements import DRAW, Grain, Statement

# What a sum of the lines of one title is called, where that is not the title. Invoices move no more than this.
SUM_TITLES: Final = {
    "Top-up": "Top-ups", "Promotion": "Promotions", "Adjustment": "Adjustments", "Allowance": "Allowances",
    "Charge": "Charges", "Late charge": "Late charges", "Correction": "Corrections",
    "Price correction": "Price corrections", "Invoice": "Tax and rounding of invoices",
}  # fmt: skip
ROUNDING_NOTE: Final = (
    "Balances are kept exactly and rounded here to the smallest unit of the currency; a line shows by how much it moves the"
    " rounded balance, so that all figures add up."
)


class StatementLine(Part):
    """One line; amounts are what it moves, in minor units."""

    title: Text
    description: str
    is_draw: bool
    credit: Decimal
    unbilled: Decimal
    receivable: Decimal
    balance: Decimal


class StatementDay(Part):
    """The lines under one date (or hour, or month)."""

    label: Text
    lines: tuple[StatementLine, ...]


class Balance(Part):
    """Where the money is at one moment."""

    credit: Decimal
    unbilled: Decimal
    receivable: Decimal
    balance: Decimal


class StatementDocument(Part):
    """All that a page shows of a statement."""

    seller: Seller
    customer: Customer
    currency: Text
    minor_digits: int
    first: date
    last: date
    time_zone: Text
    run: int
    opening: Balance
    closing: Balance
    sums: tuple[tuple[str, Decimal], ...]
    days: tuple[StatementDay, ...]
    note: str = ROUNDING_NOTE


@dataclass(frozen=True)
class Stated:
    """Whose statement it is, and of which days: [first, until) in the account's zone."""

    account: dict[str, Any]
    first: date
    until: date
    grain: Grain
    run: int


def statement_document(stated: Stated, statement: Statement, seller: dict[str, Any]) -> StatementDocument:
    """Put together what the page shows of an exact statement whose lines are described."""
    account, digits = stated.account, minor_digits(stated.account["currency"])
    shown = in_minor_units(statement, digits)
    address = tuple(filter(None, str(account["address"]).split("; ")))
    return StatementDocument(
        seller=Seller.model_validate(seller),
        customer=Customer.model_validate({**account, "address": address}),
        currency=account["currency"], minor_digits=digits, first=stated.first, last=stated.until - timedelta(days=1),
        time_zone=account["time_zone"], run=stated.run, opening=Balance(**shown.opening), closing=Balance(**shown.closing),
        sums=_sums(shown.lines), days=_days(_labelled(shown.lines, stated)),
    )  # fmt: skip


def _sums(lines: pl.DataFrame) -> tuple[tuple[str, Decimal], ...]:
    """What the lines of each title moved the balance by, in the order of their first lines."""
    sums: dict[str, Decimal] = {}
    for title, amount in lines.select("title", "amount").iter_rows():
        sums[title] = add_exact(sums.get(title, Decimal(0)), amount)
    return tuple((SUM_TITLES.get(title, title), amount) for title, amount in sums.items() if amount)


def _labelled(lines: pl.DataFrame, stated: Stated) -> pl.DataFrame:
    """Add the date as it is shown."""
    month = pl.col("date").dt.strftime("%B %Y")
    day = pl.col("date").dt.strftime("%-d %b %Y")
    local_hour = pl.col("hour").dt.convert_time_zone(stated.account["time_zone"]).dt.strftime("%-d %b %Y, %H:%M")
    label = {Grain.MONTH: month, Grain.DAY: day, Grain.HOUR: local_hour}[stated.grain]
    return lines.with_columns(label=label, is_draw=pl.col("kind") == DRAW)


def _days(lines: pl.DataFrame) -> tuple[StatementDay, ...]:
    columns = ("date", "hour", "label", *StatementLine.model_fields)
    rows = lines.select(columns).iter_rows(named=True)
    by_day = groupby(rows, key=lambda row: (row["date"], row["hour"], row["label"]))
    return tuple(
        StatementDay(label=label, lines=tuple(StatementLine.model_validate(row) for row in day))
        for (_, _, label), day in by_day
    )
