"""What commands print alike: JSON with every digit, and tables of a frame.

What belongs here: writing values. What does not: what a command says.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
from rich.markup import escape
from rich.table import Table

from documents.formats import format_number
from pipelines.command.application import console
from rating.money import plain_text


def write_json(document: object) -> None:
    """Print a document as JSON: quantities and money are text with every digit, times are ISO 8601."""
    sys.stdout.write(json.dumps(_plain(document), indent=2, ensure_ascii=False) + "\n")


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame for JSON."""
    return [{name: _plain(value) for name, value in row.items()} for row in frame.iter_rows(named=True)]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return plain_text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, pl.DataFrame):
        return rows_of(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def print_table(
    title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, shown: int | None = None
) -> None:
    """Print the first rows (`shown`; none: all) as a table of these columns, by name, under their headings."""
    table = Table()
    for name, heading in columns.items():
        table.add_column(escape(heading), justify="right" if _is_number(rows, name) else "left", overflow="fold")
    for row in rows[:shown]:
        table.add_row(*(escape(cell(row[name])) for name in columns))
    console.print(title, markup=False)
    console.print(table)
    if shown is not None and len(rows) > shown:
        console.print(f"and {len(rows) - shown:,} more; --json prints all", markup=False)


def _is_number(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(row[name], Decimal | int) for row in rows)


def cell(value: object) -> str:
    """A value as a person reads it."""
    if isinstance(value, Decimal):
        return format_number(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)
