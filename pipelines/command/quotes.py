"""The command that prices a file of usage without a project: quote.

What belongs here: its options, its table and its JSON. What does not: the computation (`pipelines/quote.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from documents.content import WITHOUT_QUANTITY
from documents.formats import format_number
from pipelines.command.application import BOOKS, app, complaints, console, readable_errors
from pipelines.command.printing import cell, write_json
from rating.money import minor_digits

if TYPE_CHECKING:
    from pipelines.quote import Quote


@app.command(rich_help_panel=BOOKS)
def quote(
    usage_file: Annotated[
        Path, typer.Argument(metavar="USAGE_FILE", help="Parquet, CSV or NDJSON, in the columns of the source.")
    ],
    price_book: Annotated[Path, typer.Option(metavar="BOOK", help="A price book: pricebook.yaml, for example.")],
    plan: Annotated[str, typer.Option(help="The plan of the price book that all accounts of the file are on.")],
    currency: Annotated[str | None, typer.Option(help="The price book's own if left out.")] = None,
    source: Annotated[str, typer.Option(help="What kind of records the file holds.")] = "usage_records",
    time_zone: Annotated[str, typer.Option(help="Where months begin: Europe/Berlin, for example.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, quantities and money in quotes.")] = False,
) -> None:
    """Say what a file of usage costs under a price book. It needs no project and changes none.

    Months count whole, and the book counts as in force from the first one on: every account is on the plan for all of them,
    so their fees, minimums and commitments are in it, and what is used is what the file holds. Amounts are exact and
    without tax; an invoice rounds them once for each account and month.
    """
    with readable_errors(), complaints.status("starting") as status:
        from pipelines.quote import quote as make_quote  # noqa: PLC0415 - Dagster takes seconds to import
        from pipelines.quote_terms import read_terms  # noqa: PLC0415

        terms = read_terms(price_book, plan, currency, time_zone)
        made = make_quote(usage_file, source, terms, status.update)
    if as_json:
        write_json(_document(made))
    else:
        _print(made)


def _document(made: "Quote") -> dict[str, Any]:
    terms, span = made.terms, made.span
    return {
        "price_book": terms.book.version, "plan": terms.plan, "time_zone": terms.time_zone,
        "months": span.months["period"].to_list(), "from": span.begin.isoformat(), "until": span.until.isoformat(),
        "billed_until": span.end.isoformat(), "first_record": span.first.isoformat(), "last_record": span.last.isoformat(),
        "records": {"read" if name == "records" else name: count for name, count in made.records.items()},
        "refused": dict(made.refused.iter_rows()), "unpriced": made.unpriced, "parts": made.parts,
        "accounts": made.accounts, "total": {terms.currency: made.total},
    }  # fmt: skip


def _print(made: "Quote") -> None:
    terms, records = made.terms, made.records
    title = f"plan {terms.plan} of price book {terms.book.version}, {made.accounts.height:,} accounts"
    digits = minor_digits(terms.currency)
    table = Table(title=escape(title), title_justify="left", show_footer=True)
    table.add_column("meter", "total", overflow="fold")
    table.add_column("tier", overflow="fold")
    for name, footer in (("quantity", ""), ("unit", ""), ("unit price", "")):
        table.add_column(name, footer, justify="left" if name == "unit" else "right", overflow="fold")
    table.add_column(terms.currency, format_number(made.total, digits), justify="right", overflow="fold")
    for part in made.parts.iter_rows(named=True):
        table.add_row(*(escape(text) for text in _cells(part, digits)))
    console.print(table)
    for line in _assumed(made):
        console.print(line, markup=False)
    console.print(
        f"records: {records['records']:,} read, {records['accepted']:,} accepted, "
        f"{records['duplicates']:,} duplicates, {records['refused']:,} refused"
    )
    for reason, count in made.refused.iter_rows():
        console.print(f"refused: {count:,} {reason}", markup=False)
    for row in made.unpriced.iter_rows(named=True):
        used = f"{format_number(row['quantity'])} {row['unit']} of {row['meter']}"
        console.print(f"unpriced: {used} ({row['slices']:,} slices); the plan has no price for it", markup=False)


def _assumed(made: "Quote") -> Iterator[str]:
    """For which time the quote is, and what it takes for granted of it."""
    terms, span = made.terms, made.span
    months = span.months["period"]
    named = (
        f"{months[0]} to {months[-1]}, {months.len()} whole months"
        if months.len() > 1
        else f"{months[0]}, a whole month"
    )
    yield f"billed: {named} in {terms.time_zone}, for every account: fees, minimums and commitments are due in full"
    yield f"used: by records from {cell(span.first)} to {cell(span.last)} UTC; nothing in the rest of the time"


def _cells(part: dict[str, Any], digits: int) -> tuple[str, ...]:
    amount = format_number(part["amount"], digits)
    if part["kind"] in WITHOUT_QUANTITY:
        return part["title"], part["description"], "", "", "", amount
    quantity, unit_price = format_number(part["quantity"]), format_number(part["unit_price"])
    return part["title"], part["description"], quantity, part["unit"], unit_price, amount
