"""`python -m benchmarks`: measure an hour, and print."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.hourly import measure_hour
from benchmarks.sizes import Sizes

# The fewest that make 100 accounts, of which one is late.
FEWEST_RECORDS = 60_000
app = typer.Typer(add_completion=False)


@app.command()
def main(
    records: Annotated[
        int, typer.Option(help="Lines of the landed file; resources and accounts follow.", min=FEWEST_RECORDS)
    ] = 12_000_000,
    pairs: Annotated[int, typer.Option(help="How often the pipeline and the bare query are run in turn.", min=1)] = 3,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the data in this folder, and use what an earlier call kept there.")
    ] = None,
) -> None:
    """Bill an hour in the middle of a month, and compare with one bare query over the same landed file."""
    whole = records // FEWEST_RECORDS * FEWEST_RECORDS
    measure_hour(Sizes(whole), pairs=pairs, keep=keep / str(whole) if keep else None, console=Console())


if __name__ == "__main__":
    app()
