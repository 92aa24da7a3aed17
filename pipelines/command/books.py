"""Commands that move the books: run and rebuild.

What belongs here: options, progress, and what a run says when it is done. What does not: the run (`pipelines/in_process.py`).
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from pipelines.command.application import BOOKS, app, complaints, console, hour, opened, readable_errors, settings
from resources.rebuild import rebuild_caches


@app.command(rich_help_panel=BOOKS)
def run(
    until: Annotated[
        datetime,
        typer.Option(
            "--until",
            metavar="HOUR",
            parser=hour,
            help="Close the hours that end at or before it: 2026-11-01T14:00Z, or now.",
        ),
    ],
) -> None:
    """Take what landed, close hours, and bring charges and ledger up to them. Running again changes nothing.

    The run is recorded in Dagster like a scheduled one. Late records of any hour that is closed already are billed with
    it; with an hour that is closed already, it takes new facts only.
    """
    from pipelines.in_process import HourlyRuns  # noqa: PLC0415 - Dagster takes seconds to import

    with readable_errors(), console.status("starting") as status, HourlyRuns(settings()) as runs:
        runs.project.progress = status.update
        reports = runs.run(until)
    _print_run(reports)


def _print_run(reports: dict[str, dict[str, Any]]) -> None:
    records, hours = reports["usage_events"], reports["usage_hourly"]
    console.print(f"closed until {str(hours['closed_until'])[:16]} UTC ({hours['hours_closed']} hours)")
    counted = ", ".join(
        f"{records[name]:,} {name}" for name in ("accepted", "late", "duplicates", "refused", "skipped")
    )
    console.print(f"records: {counted}")
    charged = "".join(
        f", {currency} {Decimal(amount):,.2f}" for currency, amount in reports["charges"]["charged"].items()
    )
    console.print(
        f"charges: {reports['charges']['charges']:,} for {reports['charges']['accounts_touched']:,} accounts{charged}"
    )
    if reports["price_book"].get("refused"):
        complaints.print(
            f"[bold yellow]not taken:[/] {reports['price_book']['refused']}", highlight=False, soft_wrap=True
        )
    for report in (reports["accounts"], records):
        for file, reason in report["failed_files"].items():
            complaints.print(f"[bold yellow]not taken:[/] {file}: {reason}", highlight=False, soft_wrap=True)
    if reports["charges"]["unpriced_slices"]:
        console.print(
            f"{reports['charges']['unpriced_slices']:,} slices have no price: meterbook sql -c 'from unpriced_usage'"
        )
    told = [f"{reports['alerts'][name]:,} {name}" for name in ("raised", "cleared", "suspended", "resumed")]
    if not reports["alerts"]["alerts"].is_empty():
        console.print(f"alerts: {', '.join(told)}; meterbook deliver sends them")
    if reports["usage_hourly"]["short_percentiles"]:
        console.print("percentiles of too few samples came or went: meterbook sql -c 'from short_percentiles'")


@app.command(rich_help_panel=BOOKS)
def rebuild() -> None:
    """Throw the caches away (hourly usage, totals, positions); the next run works them out again from the facts."""
    with opened() as project:
        rebuild_caches(project.lake)
    console.print("caches are empty; the next `meterbook run` makes them again and changes no charge")
