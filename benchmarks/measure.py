"""What is measured, each in a process of its own: an hourly run by its stages, and one bare query over the same file.

What belongs here: the two things that are compared, their seconds and their memory. What does not: in which order, how
often, and what is printed (`hourly.py`).
"""

import multiprocessing
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

# pandera imports hypothesis at its first check where it is installed, which is for developers only: not in a run.
import hypothesis  # noqa: F401

from benchmarks.history import open_project
from benchmarks.sizes import HOUR, MEASURED_HOUR
from pipelines.hourly import hourly_steps
from resources.lake import connect

P = ParamSpec("P")
M = TypeVar("M")
THREADS: Final = 2
MEMORY_LIMIT: Final = "4GB"
# The least that anyone must do with such a file, as anyone would write it: take each identity once, and add up what is
# left. (`distinct on` and `row_number()` say the same, and take nearly twice as long in DuckDB 1.5.5.)
BARE_QUERY: Final = """
create temp table hourly as
select account_id, resource_id, meter, date_trunc('hour', "timestamp") as hour, sum(quantity) as quantity
from (
    select
        event_id, "timestamp", first(account_id) as account_id, first(resource_id) as resource_id,
        first(meter) as meter, first(quantity) as quantity
    from read_parquet($file) group by event_id, "timestamp"
)
group by all
"""
BYTES_OF_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class Measured:
    """One measurement: seconds by stage in their order, seconds of processor, the most memory held, what was reported."""

    seconds: dict[str, float]
    processor_seconds: float
    peak_bytes: int
    reports: dict[str, Any]

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


class BenchmarkError(Exception):
    """What was measured did not do its work, so that its time means nothing."""


def in_fresh_process(measure: Callable[P, M], *arguments: P.args, **named: P.kwargs) -> M:
    """Measure in a new process with two threads, so that nothing is warm and its memory is its own."""
    return with_threads(THREADS, measure, *arguments, **named)


def with_threads(threads: int, measure: Callable[P, M], *arguments: P.args, **named: P.kwargs) -> M:
    """The same with so many threads for Polars."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments, **named).result()


def run_pipeline(folder: Path, file: Path, memory_limit: str = MEMORY_LIMIT) -> Measured:
    """Land the file in the project and run the hour, from landed Parquet to committed ledger."""
    landed = folder / "landing" / "usage_records" / "hour.parquet"
    landed.parent.mkdir(parents=True, exist_ok=True)
    landed.unlink(missing_ok=True)
    os.link(file, landed)
    seconds, reports = {}, {}
    began = time.process_time()
    with open_project(folder, memory_limit=memory_limit) as project:
        for name, step in hourly_steps(project, "measured", MEASURED_HOUR + HOUR).items():
            started = time.perf_counter()
            reports[name] = step()
            seconds[name] = time.perf_counter() - started
    return Measured(seconds, time.process_time() - began, peak_bytes(), reports)


def run_bare_query(folder: Path, file: Path) -> Measured:
    """Deduplicate and group the file in one query of DuckDB."""
    del folder
    began, started = time.process_time(), time.perf_counter()
    with connect(threads=THREADS, memory_limit=MEMORY_LIMIT) as connection:
        connection.execute(BARE_QUERY, {"file": str(file)})
        seconds = time.perf_counter() - started
        rows = connection.execute("select count(*) from hourly").fetchall()
    return Measured({"query": seconds}, time.process_time() - began, peak_bytes(), {"rows": rows})


def peak_bytes() -> int:
    """The most memory that this process has held; not that of the one that started it, as `getrusage` may say."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Rewind:
    """A project as it was when this was first made: `back` undoes a run, without copying the data of the lake.

    Data files of a lake are only added and never changed, so the catalog as it was and the names that were there do. Both
    are kept beside the lake, so that a benchmark that was broken off does no harm to the next.
    """

    def __init__(self, folder: Path) -> None:
        self._lake = folder / "lake"
        self._catalog = self._lake / "catalog.sqlite"
        self._kept_catalog, self._kept_names = folder / "catalog.kept", folder / "names.kept"
        if self._kept_names.exists():
            self.back()
            return
        shutil.copyfile(self._catalog, self._kept_catalog)
        self._kept_names.write_text("\n".join(self._names()), encoding="utf-8")

    def _names(self) -> list[str]:
        return sorted(path.relative_to(self._lake).as_posix() for path in self._lake.rglob("*.parquet"))

    def back(self) -> None:
        """Bring the lake back."""
        for name in set(self._names()) - set(self._kept_names.read_text(encoding="utf-8").splitlines()):
            (self._lake / name).unlink()
        for name in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
            (self._lake / name).unlink(missing_ok=True)
        shutil.copyfile(self._kept_catalog, self._catalog)
