"""Commands about prices that change: simulate and rerate.

What belongs here: their options, tables and JSON. What does not: the work (`pipelines/simulate.py`, `pipelines/rerate.py`).
"""

import getpass
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.command.application import BOOKS, app, complaints, console, month, opened, readable_errors
from pipelines.command.printing import print_table, write_json
from resources.price_books import read_price_book

SHOWN = 30
AMOUNTS = {"now": "now", "then": "then", "difference": "difference"}
BY_ACCOUNT = {"account_id": "account", "currency": "currency", **AMOUNTS}
BY_PRICE = {"plan": "plan", "price_id": "price", "currency": "currency", **AMOUNTS}
CHANGED = {
    "account_id": "account", "period": "period", "currency": "currency", "before": "before", "after": "after",
    "difference": "difference",
}  # fmt: skip
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


@app.command(rich_help_panel=BOOKS)
def rerate(
    price_book: Book,
    period: Period,
    reason: Annotated[str, typer.Option(help="Why: it is kept.")],
    by: Annotated[str | None, typer.Option(help="Who says so; the user of this machine if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, money in quotes.")] = False,
) -> None:
    """Put a wrong price right, from a month on, although its invoices are issued: append what differs.

    The book holds from where it says until the next one; the wrong one is kept. What was invoiced goes to the next
    invoice as an adjustment; a negative total stays a draft. The same again changes nothing.
    """
    from pipelines.rerate import Request  # noqa: PLC0415 - Dagster takes seconds to import
    from pipelines.rerate import rerate as put_right  # noqa: PLC0415

    with opened() as project, complaints.status("starting") as status:
        project.progress = status.update
        made = put_right(project, Request(price_book, period, reason, by or getpass.getuser()))
        differs = not _is_same_file(project.settings.price_book, price_book)
    if as_json:
        write_json({"price_book": made.version, "taken": made.is_new, "period": period, "changed": made.changed})
    elif not made.changed.height:
        console.print("nothing changed" if made.is_new else "as before, nothing changed: the book is in force")
    else:
        print_table(f"rated again under price book {made.version}", CHANGED, made.changed.rows(named=True), shown=SHOWN)
        console.print("The next invoice of each account states the difference of what was invoiced.")
    if differs:
        path = project.settings.price_book
        complaints.print(f"Replace {path} by {price_book}: the next run finds other prices there.", markup=False)


def _is_same_file(standing: Path, taken: Path) -> bool:
    try:
        return standing.read_bytes() == taken.read_bytes()
    except OSError:
        return False
