"""The command that says what percentiles come to before their period ends: estimate.

What belongs here: its options, its table and its JSON. What does not: the computation (`pipelines/estimates.py`).
"""

from typing import Annotated

import polars as pl
import typer

from pipelines.command.application import BOOKS, app, console, opened
from pipelines.command.printing import cell, print_table, write_json

SHOWN = 40
COLUMNS = {
    "account_id": "account", "service_id": "service", "resource_id": "resource", "meter": "meter", "dimensions": "dimensions",
    "period": "period", "quantity": "so far", "unit": "unit", "samples": "samples", "minimum_samples": "needed",
    "is_billed": "as things stand",
}  # fmt: skip


@app.command(rich_help_panel=BOOKS)
def estimate(
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    meter: Annotated[str | None, typer.Option(help="Only this meter.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON, quantities in quotes.")] = False,
) -> None:
    """Show what the percentile meters come to so far: they are billed once, when their period is over.

    Each is the percentile of the samples of all closed hours of the period; it may rise and fall until the period ends.
    """
    from pipelines.estimates import percentile_estimates  # noqa: PLC0415 - Dagster takes seconds to import

    with opened(read_only=True) as project:
        found = percentile_estimates(project.lake)
    asked = [pl.col(name) == value for name, value in (("account_id", account), ("meter", meter)) if value is not None]
    made = found.filter(*asked)
    if as_json:
        write_json(made)
    else:
        _print(made)


def _print(made: pl.DataFrame) -> None:
    if made.is_empty():
        console.print("no percentile meter has samples in a period that goes on")
        return
    said = pl.when("is_enough").then(pl.lit("billed")).otherwise(pl.lit("too few samples"))
    rows = made.with_columns(is_billed=said, dimensions=pl.col("dimensions").replace("{}", "")).to_dicts()
    empty = {name for name in ("service_id", "dimensions") if not any(row[name] for row in rows)}
    columns = {name: heading for name, heading in COLUMNS.items() if name not in empty}
    print_table(f"estimates, of samples until {cell(rows[0]['until'])} UTC", columns, rows, shown=SHOWN)
