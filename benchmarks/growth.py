"""How the hourly run grows: hours of one, four, sixteen and sixty-four million records, a line each.

What belongs here: which sizes, and the lines. What does not: the run that is measured (`measure.py`).
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.hourly import build_folder, check_run, make_data
from benchmarks.measure import Measured, Rewind, in_fresh_process, run_pipeline
from benchmarks.sizes import Sizes

GROWING: Final = (1_000_000, 4_000_000, 16_000_000, 64_000_000)
STAGES: Final = ("usage_events", "usage_hourly", "charges", "ledger_entries")
# What came before is made by the hour, and not what is measured here: one hour of it does.
HISTORY: Final = timedelta(hours=1)
_KIND: Final = "clean"
# So little that what DuckDB holds of the larger hours goes to the disk: then memory is flat in every stage.
_MEMORY_LIMIT: Final = "1.25GB"


@dataclass(frozen=True)
class Grown:
    """One size and its measurement."""

    records: int
    measured: Measured


def measure_growth(sizes: Sequence[Sizes], *, keep: Path | None, console: Console) -> list[Grown]:
    """Measure each size in a new process, and print."""
    grown = []
    with console.status("") as status:
        for size in sizes:
            if keep is not None:
                grown.append(_measure(size, keep / f"growth-{size.records}", status.update))
                continue
            with tempfile.TemporaryDirectory(prefix="meterbook-growth-", dir=build_folder()) as folder:
                grown.append(_measure(size, Path(folder), status.update))
    print_growth(grown, console)
    return grown


def _measure(sizes: Sizes, folder: Path, show: Callable[[str], None]) -> Grown:
    make_data(folder, sizes, (_KIND,), lambda what: show(f"{sizes.records:,} records: {what}"))
    rewind = Rewind(folder / "project")
    show(f"{sizes.records:,} records")
    measured = in_fresh_process(run_pipeline, folder / "project", folder / f"{_KIND}.parquet", _MEMORY_LIMIT)
    rewind.back()
    check_run(_KIND, sizes, measured)
    return Grown(sizes.records, measured)


def print_growth(grown: Sequence[Grown], console: Console) -> None:
    """Print a line for each size: its seconds and those of the processor, its rate, its memory, the seconds of each stage."""
    table = Table(title=f"How the hourly run grows (memory_limit {_MEMORY_LIMIT})", title_justify="left")
    for name in ("records", "seconds", "CPU", "records/s", "peak GB", *STAGES):
        table.add_column(name, justify="right")
    for one in grown:
        measured = one.measured
        table.add_row(
            f"{one.records:,}",
            f"{measured.total:.2f}",
            f"{measured.processor_seconds:.2f}",
            f"{one.records / measured.total:,.0f}",
            f"{measured.peak_bytes / 1e9:.2f}",
            *(f"{measured.seconds[stage]:.2f}" for stage in STAGES),
        )
    console.print(table)
