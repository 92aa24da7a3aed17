"""The command that states what moved an account's balance: statement.

What belongs here: its options, its table and its files. What does not: the computation (`pipelines/statement.py`), and the
page (`documents/statement.py`).
"""

import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.markup import escape
from rich.table import Table

from documents.formats import format_number
from pipelines.command.application import INVOICES, app, console, day, opened
from rating.statements import Grain

if TYPE_CHECKING:
    from documents.statement import Balance, StatementDocument
    from pipelines.statement import AccountStatement
    from resources.settings import Settings


class Form(StrEnum):
    """How a statement is written."""

    TABLE = "table"
    CSV = "csv"
    PARQUET = "parquet"
    PDF = "pdf"


@app.command(rich_help_panel=INVOICES)
def statement(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    first: Annotated[
        date | None,
        typer.Option(
            "--from",
            metavar="DAY",
            parser=day,
            help="The first day, in the account's zone: 2026-10-01. All if left out.",
        ),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(
            "--to", metavar="DAY", parser=day, help="The day after the last one: 2026-11-01. To today if left out."
        ),
    ] = None,
    by: Annotated[Grain, typer.Option(help="How far charges are summed.")] = Grain.DAY,
    form: Annotated[Form, typer.Option("--format", help="CSV and Parquet hold every digit.")] = Form.TABLE,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write; a PDF or Parquet needs it.")
    ] = None,
) -> None:
    """State what moved an account's balance: top-ups, charges, promotions, corrections, expiries, invoices, in order.

    The balance is what the account has in credit, less what it was charged and is not invoiced, less what is invoiced and not
    paid. Every figure is what it does to the balance; the lines sum to the closing balance less the opening one.
    """
    if output is None and form in (Form.PARQUET, Form.PDF):
        message = f"a {form.value} is written into a file; name it with --output"
        raise typer.BadParameter(message)
    if output is not None and form is Form.TABLE:
        message = "a table is for the screen; choose --format csv, parquet or pdf for a file"
        raise typer.BadParameter(message)
    from pipelines.statement import account_statement, check_printable, on_a_page  # noqa: PLC0415 - it takes a second to import

    with opened(read_only=True) as project:
        made = account_statement(project.lake, account_id, first, until, project.clock.now(), by)
        if form is Form.PDF:
            check_printable(made)
    if form is Form.TABLE:
        _print(on_a_page(made, project.settings))
    else:
        _write(made, project.settings, form, output)


def _write(made: "AccountStatement", settings: "Settings", form: Form, output: Path | None) -> None:
    from documents.render import render_statement  # noqa: PLC0415 - the same
    from pipelines.statement import as_rows, on_a_page  # noqa: PLC0415 - the same

    if form is Form.PDF and output is not None:
        output.write_bytes(render_statement(on_a_page(made, settings)))
    elif form is Form.PARQUET and output is not None:
        as_rows(made).write_parquet(output)
    else:
        _times_as_text(as_rows(made)).write_csv(output or sys.stdout.buffer)
    if output is not None:
        console.print(f"{made.statement.lines.height:,} lines in {output}", markup=False)


def _times_as_text(rows: pl.DataFrame) -> pl.DataFrame:
    """Times with their zone, in ISO 8601."""
    return rows.with_columns(pl.col("at", "hour").dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))


def _print(page: "StatementDocument") -> None:
    digits = page.minor_digits
    title = f"{page.customer.name} ({page.customer.account_id}), {page.first} to {page.last} in {page.time_zone}"
    table = Table(title=escape(title), title_justify="left")
    for name in ("date", "what"):
        table.add_column(name, overflow="fold")
    for name in ("credit", "charges", "invoices", f"balance, {page.currency}"):
        table.add_column(name, justify="right", overflow="fold")
    _print_balance(table, "balance before", page.opening, digits)
    for one in page.days:
        for place, line in enumerate(one.lines):
            moved = (line.credit, line.unbilled, line.receivable)
            is_small = not any(moved)
            figures = [
                format_number(value, digits) if value or (is_small and value is line.unbilled) else ""
                for value in moved
            ]
            what = f"{line.title} · {line.description}" if line.description else line.title
            balance = format_number(line.balance, digits)
            table.add_row("" if place else one.label, escape(what), *figures, balance)
        table.add_section()
    _print_balance(table, "balance after", page.closing, digits)
    console.print(table)
    console.print(page.note, markup=False)


def _print_balance(table: Table, title: str, balance: "Balance", digits: int) -> None:
    values = (balance.credit, balance.unbilled, balance.receivable, balance.balance)
    table.add_row("", title, *(format_number(value, digits) for value in values), style="bold")
    table.add_section()
