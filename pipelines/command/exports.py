"""Commands that hand the books to other programs: export beancount.

What belongs here: their options and files. What does not: the journal (`pipelines/journal.py`), and its text (`documents/`).
"""

import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipelines.command.application import LAKE, app, complaints, day, opened
from pipelines.journal import Scope, beancount_lines
from rating.statements import Grain

exports = typer.Typer(help="Hand the books to other programs.", no_args_is_help=True)
app.add_typer(exports, name="export", rich_help_panel=LAKE)


@exports.callback()
def export() -> None:
    """Hand the books to other programs."""


@exports.command()
def beancount(
    first: Annotated[
        date | None, typer.Option("--from", metavar="DAY", parser=day, help="The first day (UTC). All if left out.")
    ] = None,
    until: Annotated[
        date | None,
        typer.Option("--to", metavar="DAY", parser=day, help="The day after the last one. All if left out."),
    ] = None,
    by: Annotated[Grain, typer.Option(help="One transaction for each, by kind and currency.")] = Grain.DAY,
    customers: Annotated[
        bool, typer.Option("--customers/--no-customers", help="Accounts of each customer, or of all together.")
    ] = True,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="The screen if left out.")] = None,
) -> None:
    """Write the journal as Beancount text, which `bean-check` accepts: every digit, balances asserted at each month's end.

    A cloud of many customers has a small file with `--no-customers` or `--by month`.
    """
    written = 0
    with opened(read_only=True) as project:
        lines = beancount_lines(project.lake, Scope(first, until, by, customers))
        with output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
            for part in lines:
                part.to_frame().write_csv(file, include_header=False, quote_style="never")
                written += part.len()
    if output:
        complaints.print(f"{written:,} lines in {output}", markup=False, highlight=False)
