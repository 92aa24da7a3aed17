"""One hour of usage, from landed Parquet to committed ledger, against one bare query over the same file.

What belongs here: in which order and how often is measured, what must be true of the result, and the table that is
printed. What does not: the data (`data.py`, `history.py`) and the two things measured (`measure.py`).

Both are run in turn, each in a new process with two threads and 4 GB for DuckDB, as often as asked; the medians count.
The machine's other work slows both alike, so the ratio says more than the seconds.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.data import write_records
from benchmarks.history import make_project
from benchmarks.measure import BenchmarkError, Measured, Rewind, in_fresh_process, run_bare_query, run_pipeline
from benchmarks.sizes import Sizes

# How long the pipeline may take, in times of the bare query, by whether the file has repeats and conflicts.
TARGETS: Final = {"dirty": 2.2, "clean": 1.8}


@dataclass(frozen=True)
class Comparison:
    """Measurements of one file, in pairs: the pipeline and the bare query."""

    kind: str
    records: int
    pipeline: list[Measured]
    bare: list[Measured]

    @property
    def ratio(self) -> float:
        """The pipeline's time in times of the bare query's."""
        return median(run.total for run in self.pipeline) / median(run.total for run in self.bare)

    def seconds(self, stage: str) -> float:
        """Seconds of a stage."""
        return median(run.seconds[stage] for run in self.pipeline)


def compare_hour(sizes: Sizes, *, pairs: int, folder: Path, show: Callable[[str], None]) -> list[Comparison]:
    """Make the project and its files in the folder, if they are not there, and measure both kinds of file."""
    make_data(folder, sizes, tuple(TARGETS), show)
    rewind = Rewind(folder / "project")
    return [_compare(kind, sizes, pairs, folder, rewind, show) for kind in TARGETS]


def make_data(folder: Path, sizes: Sizes, kinds: Sequence[str], show: Callable[[str], None]) -> None:
    """Make the project and a file of each kind in the folder, if they are not there."""
    project, made = folder / "project", folder / "made"
    if made.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(project, ignore_errors=True)
    make_project(project, sizes, show)
    for kind in kinds:
        show(f"records: {kind}")
        write_records(folder / f"{kind}.parquet", sizes, dirty=kind == "dirty")
    made.touch()


def _compare(
    kind: str, sizes: Sizes, pairs: int, folder: Path, rewind: Rewind, show: Callable[[str], None]
) -> Comparison:
    file = folder / f"{kind}.parquet"
    pipeline, bare = [], []
    for pair in range(pairs):
        show(f"{kind}: pair {pair + 1} of {pairs}")
        pipeline.append(in_fresh_process(run_pipeline, folder / "project", file))
        rewind.back()
        bare.append(in_fresh_process(run_bare_query, folder / "project", file))
        check_run(kind, sizes, pipeline[-1])
    return Comparison(kind, sizes.records, pipeline, bare)


def check_run(kind: str, sizes: Sizes, measured: Measured) -> None:
    """The run took every record, knew the repeated ones, priced all use and charged every account."""
    taken, charged = measured.reports["usage_events"], measured.reports["charges"]
    repeats, conflicts = (sizes.records // 200, sizes.records // 1000) if kind == "dirty" else (0, 0)
    expected = {
        "records": sizes.records, "accepted": sizes.records - repeats - conflicts, "duplicates": repeats,
        "refused": conflicts,
    }  # fmt: skip
    found = {name: taken[name] for name in expected}
    if found != expected or not taken["late"]:
        raise BenchmarkError(f"the {kind} file was taken as {taken}, and should be as {expected}, some of it late")
    if charged["unpriced_slices"] or charged["accounts_touched"] != sizes.accounts:
        raise BenchmarkError(f"not every account was charged for all its use: {charged}")


def print_comparisons(comparisons: list[Comparison], console: Console) -> None:
    """Print a table for each file: seconds and share of each stage, and below it what the targets are about."""
    for comparison in comparisons:
        table = Table(title=f"An hour of {comparison.records:,} records, {comparison.kind} file", title_justify="left")
        table.add_column("stage")
        for name in ("seconds", "share"):
            table.add_column(name, justify="right")
        total = median(run.total for run in comparison.pipeline)
        for stage in comparison.pipeline[0].seconds:
            seconds = comparison.seconds(stage)
            table.add_row(stage, f"{seconds:.2f}", f"{seconds / total:.0%}")
        table.add_row("all", f"{total:.2f}", "100%", style="bold")
        console.print(table)
        _print_summary(comparison, total, console)


def _print_summary(comparison: Comparison, total: float, console: Console) -> None:
    bare = median(run.total for run in comparison.bare)
    peaks = [max(run.peak_bytes for run in runs) / 1e9 for runs in (comparison.pipeline, comparison.bare)]
    processor = [median(run.processor_seconds for run in runs) for runs in (comparison.pipeline, comparison.bare)]
    console.print(f"records per second  {comparison.records / total:,.0f}")
    console.print(f"bare query          {bare:.2f} s")
    console.print(f"ratio               {comparison.ratio:.2f} (target {TARGETS[comparison.kind]})", highlight=False)
    console.print(
        f"ratio of processor  {processor[0] / processor[1]:.2f} ({processor[0]:.1f} s to {processor[1]:.1f} s)"
    )
    console.print(f"peak memory         {peaks[0]:.2f} GB (bare query {peaks[1]:.2f} GB)\n")


def measure_hour(sizes: Sizes, *, pairs: int, keep: Path | None, console: Console) -> list[Comparison]:
    """Measure and print. What was made is thrown away, unless it is kept in a folder: then it is used again from there."""
    with console.status("") as status:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            comparisons = compare_hour(sizes, pairs=pairs, folder=keep, show=status.update)
        else:
            with tempfile.TemporaryDirectory(prefix="meterbook-bench-", dir=build_folder()) as folder:
                comparisons = compare_hour(sizes, pairs=pairs, folder=Path(folder), show=status.update)
    print_comparisons(comparisons, console)
    return comparisons


def build_folder() -> Path:
    """The checkout's ignored folder: the system's own temporary folder may lie in memory."""
    folder = Path(__file__).parents[1] / "build"
    folder.mkdir(exist_ok=True)
    return folder
