"""`python -m benchmarks`: measure, and print."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.credit import CreditSizes, measure_credit
from benchmarks.growth import GROWING, HISTORY, measure_growth
from benchmarks.hourly import measure_hour
from benchmarks.kernel import measure_kernel
from benchmarks.sizes import Sizes

# The fewest that make 100 accounts, of which one is late.
FEWEST_RECORDS = 60_000
app = typer.Typer(add_completion=False)


class Part(StrEnum):
    """What is measured."""

    HOUR = "hour"
    KERNEL = "kernel"
    GROWTH = "growth"
    CREDIT = "credit"


@app.command()
def main(  # noqa: PLR0913, PLR0917 - each is an option of the command
    parts: Annotated[
        list[Part] | None,
        typer.Argument(
            help="hour: an hourly run against one bare query; kernel: rating alone; growth: hours of 1 to 64 million "
            "records; credit: posting, top-ups and backups. All of them, if none is named."
        ),
    ] = None,
    records: Annotated[
        int, typer.Option(help="Lines of the hour's file; resources and accounts follow.", min=FEWEST_RECORDS)
    ] = 12_000_000,
    pairs: Annotated[int, typer.Option(help="How often both sides of a comparison are run in turn.", min=1)] = 3,
    most: Annotated[
        int, typer.Option(help="The most records of an hour in `growth`.", min=FEWEST_RECORDS)
    ] = 64_000_000,
    accounts: Annotated[int, typer.Option(help="Accounts that are posted in `credit`.", min=100)] = 1_000_000,
    lots: Annotated[int, typer.Option(help="Lots of the account that has many in `credit`.", min=2)] = 5_000,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the data in this folder, and use what an earlier call kept there.")
    ] = None,
) -> None:
    """Measure on this machine what the project claims, and print it."""
    console, chosen = Console(), parts or list(Part)
    size = Sizes(_whole(records))
    if Part.KERNEL in chosen:
        measure_kernel(size, times=pairs, console=console)
    if Part.HOUR in chosen:
        measure_hour(size, pairs=pairs, keep=keep / str(size.records) if keep else None, console=console)
    if Part.GROWTH in chosen:
        growing = [Sizes(_whole(records), HISTORY) for records in GROWING if records <= most]
        measure_growth(growing, keep=keep, console=console)
    if Part.CREDIT in chosen:
        measure_credit(CreditSizes(accounts, lots), size, keep=keep, console=console)


def _whole(records: int) -> int:
    """So many that every resource has all of its records."""
    return records // FEWEST_RECORDS * FEWEST_RECORDS


if __name__ == "__main__":
    app()
