"""The lines of the benchmarks of credit.

What belongs here: in which order, and what is printed. What does not: what is measured.
"""

import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.credit.posting import Posted, measure_many_lots, measure_million
from benchmarks.credit.sizes import CreditSizes
from benchmarks.credit.under_way import UnderWay, measure_under_way
from benchmarks.hourly import build_folder
from benchmarks.sizes import Sizes

TARGET_SECONDS: Final = 10
TARGET_GIB: Final = 4
TARGET_TOP_UP: Final = 0.1


def measure_credit(
    sizes: CreditSizes, hour: Sizes, *, keep: Path | None, console: Console
) -> tuple[list[Posted], UnderWay]:
    """Measure and print. What was made is thrown away, unless it is kept in a folder: then it is used again from there."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="meterbook-credit-", dir=build_folder()) as folder:
            return _measure(Path(folder), Path(folder) / "hour", sizes, hour, console)
    kept = keep / f"credit-{sizes.accounts}"
    kept.mkdir(parents=True, exist_ok=True)
    # The same lake as the hourly run's (`benchmarks/hourly.py`).
    return _measure(kept, keep / str(hour.records), sizes, hour, console)


def _measure(
    folder: Path, hour_folder: Path, sizes: CreditSizes, hour: Sizes, console: Console
) -> tuple[list[Posted], UnderWay]:
    with console.status("") as status:
        posted = measure_million(folder, sizes, status.update) + measure_many_lots(folder, sizes, status.update)
        under_way = measure_under_way(hour_folder, hour, status.update)
    print_posted(posted, console)
    print_under_way(under_way, hour, console)
    return posted, under_way


def print_posted(posted: list[Posted], console: Console) -> None:
    """Print a line for each posting: its seconds, and its memory."""
    table = Table(title="Posting alone", title_justify="left")
    table.add_column("what")
    for name in ("charges", "entries", "seconds", "processor", "peak GiB"):
        table.add_column(name, justify="right")
    for one in posted:
        measured = one.measured
        table.add_row(
            one.what, f"{one.charges:,}", f"{measured.reports['entries']:,}", f"{measured.total:.2f}",
            f"{measured.processor_seconds:.2f}", f"{measured.peak_bytes / 2**30:.2f}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"target of the first  {TARGET_SECONDS} s and {TARGET_GIB} GiB for a million accounts\n", highlight=False
    )


def print_under_way(measured: UnderWay, hour: Sizes, console: Console) -> None:
    """Print the seconds of the run by its stages, of the top-ups beside it, and of the backups."""
    table = Table(
        title=f"An hour of {hour.records:,} records, 1 % of them late by up to 48 hours", title_justify="left"
    )
    table.add_column("stage")
    for name in ("seconds", "with top-ups and a backup"):
        table.add_column(name, justify="right")
    for stage, seconds in measured.alone.seconds.items():
        table.add_row(stage, f"{seconds:.2f}", f"{measured.beside.seconds[stage]:.2f}")
    table.add_row("all", f"{measured.alone.total:.2f}", f"{measured.beside.total:.2f}", style="bold")
    console.print(table)
    milliseconds = f"{measured.median * 1000:.0f} ms at the median, {max(measured.top_ups) * 1000:.0f} ms at most"
    console.print(
        f"top-ups             {len(measured.top_ups)}: {milliseconds} (target {TARGET_TOP_UP * 1000:.0f} ms)",
        highlight=False,
    )
    kept = measured.kept
    console.print(
        f"backup              {kept.backup_beside:.2f} s beside the run, {kept.backup_after:.2f} s again after it"
    )
    console.print(f"restored            {kept.restored_beside:.2f} s and {kept.restored_after:.2f} s: the same books")
    console.print(f"peak memory         {measured.alone.peak_bytes / 1e9:.2f} GB\n")
