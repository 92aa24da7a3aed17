"""Commands that only look: status and sql.

What belongs here: asking and printing. What does not: the views they ask (`sql/views/`).
"""

import sys
from typing import Annotated

import duckdb
import typer
from rich.table import Table

from pipelines.command.application import BOOKS, LAKE, app, complaints, console, opened
from pipelines.status import status_of
from resources.lake import Lake

PROMPT, MORE = "meterbook> ", "      ...> "


@app.command(rich_help_panel=BOOKS)
def status() -> None:
    """Show at a glance: hours closed, lateness, refusals, balances, invoices."""
    with opened(read_only=True) as project:
        sections = status_of(project)
    for title, rows in sections.items():
        table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
        for name, value in rows:
            table.add_row(name, value)
        console.print(table)
        console.print()


@app.command(rich_help_panel=LAKE)
def sql(
    command: Annotated[str | None, typer.Option("-c", help="One query; without it, a shell.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Query the books, read-only: a shell, or one query with -c. Runs may write meanwhile."""
    with opened(read_only=True) as project:
        project.lake.connection.execute("set search_path = 'lake.books,lake.main'")
        if command is not None:
            if not _answer(project.lake, command, form):
                raise typer.Exit(1)
            return
        _shell(project.lake, form)


def _shell(lake: Lake, form: str) -> None:
    console.print("The books, read-only. End a query with ';'. \"show tables;\" lists them, Ctrl-D leaves.")
    lines: list[str] = []
    while (line := _read_line(MORE if lines else PROMPT)) is not None:
        lines.append(line)
        if line.rstrip().endswith(";"):
            _answer(lake, "\n".join(lines), form)
            lines = []


def _read_line(prompt: str) -> str | None:
    try:
        return input(prompt) if sys.stdin.isatty() else input()
    except EOFError:
        return None


def _answer(lake: Lake, query: str, form: str) -> bool:
    try:
        relation = lake.connection.sql(query.rstrip().rstrip(";"))
        if relation is not None:
            _print(relation, form)
    except duckdb.Error as error:
        complaints.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        return False
    return True


def _print(relation: duckdb.DuckDBPyRelation, form: str) -> None:
    if form == "csv":
        relation.pl().write_csv(sys.stdout.buffer)
    elif form == "json":
        sys.stdout.write(relation.pl().write_ndjson())
    else:
        relation.show(max_width=console.width)
