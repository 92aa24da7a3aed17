"""Commands about prices that change: simulate.

What belongs here: their options, tables and JSON. What does not: the work (`pipelines/simulate.py`).
"""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.command.application import BOOKS, app, console, month, opened, readable_errors
from pipelines.command.printing import print_table, write_json
from resources.price_books import read_price_book

SHOWN = 30
AMOUNTS = {"now": "now", "then": "then", "difference": "difference"}
BY_ACCOUNT = {"account_id": "account", "currency": "currency", **AMOUNTS}
BY_PRICE = {"plan": "plan", "price_id": "price", "currency": "currency", **AMOUNTS}
TOTALS = {"currency": "currency", **AMOUNTS}

Book = Annotated[Path, typer.Option(metavar="BOOK", help="A price book: new.yaml, for example.")]
Period = Annotated[str, typer.Option("--period", metavar="MONTH", parser=month, help="2026-10, for example.")]


@app.command(rich_help_panel=BOOKS)
def simulate(
    price_book: Book,
    period: Period,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, money in quotes.")] = False,
) -> None:
    """Say what a month would cost under another price book, by account and in all. It writes nothing.

    What was really used is rated as if the book had been in force all month. Amounts are exact and without tax.
    """
    from pipelines.simulate import simulate as compare  # noqa: PLC0415 - Dagster takes seconds to import

    with readable_errors():
        book = read_price_book(price_book)
    with opened(read_only=True) as project:
        made = compare(project.lake, book, period)
    if as_json:
        write_json(
            {
                "price_book": book.version, "period": period, "run": made.run, "accounts": made.accounts,
                "prices": made.prices, "totals": made.totals, "unpriced": made.unpriced,
            }
        )  # fmt: skip
        return
    changed = made.accounts.filter(pl.col("difference") != 0)
    title = f"{period} under price book {book.version}: {changed.height:,} of {made.accounts.height:,} accounts change"
    print_table(title, BY_ACCOUNT, changed.rows(named=True), shown=SHOWN)
    print_table("by price", BY_PRICE, made.prices.rows(named=True))
    print_table("in all", TOTALS, made.totals.rows(named=True))
    for row in made.unpriced.iter_rows(named=True):
        console.print(
            f"unpriced: {row['quantity']:f} of {row['meter']} ({row['slices']:,} slices, {row['reason']})", markup=False
        )
