"""What happens beside an hourly run: top-ups, and a backup; and late records of all accounts within one.

What belongs here: the hourly runs that are measured, and what goes on at the same time. What does not: posting alone
(`posting.py`).
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.credit.safekeeping import Kept, back_up, check_part, check_whole, restored
from benchmarks.data import ACCOUNT_NAME, LATE_OF_ALL, write_records
from benchmarks.history import open_project
from benchmarks.hourly import check_run, make_data
from benchmarks.measure import BenchmarkError, Measured, Rewind, in_fresh_process, run_pipeline
from benchmarks.sizes import HOUR, MEASURED_HOUR, Sizes
from resources.lake import connect
from resources.project import Project
from resources.reference import take_or_refuse
from resources.writer import record

# A customer here and there, and not one who keeps a core for himself.
PAUSE: Final = 0.05
# How long a run may take until it looks at its file.
PATIENCE: Final = 600
_GRANTS: Final = "select count(*) from grants"


@dataclass(frozen=True)
class UnderWay:
    """What was measured: the run alone and with others beside it, seconds of each top-up, and of backups."""

    alone: Measured
    beside: Measured
    top_ups: list[float]
    kept: Kept

    @property
    def median(self) -> float:
        """Seconds of a top-up at the median."""
        return median(self.top_ups)


def measure_under_way(folder: Path, sizes: Sizes, show: Callable[[str], None]) -> UnderWay:
    """Run the hour with its late records, alone and then with top-ups and a backup beside it; restore what was kept."""
    make_data(folder, sizes, (), show)
    project, file = folder / "project", folder / "late.parquet"
    if not file.exists():
        show("records: late")
        write_records(file, sizes, dirty=False, late=LATE_OF_ALL)
    rewind = Rewind(project)
    show("an hour with 1 % of its records late")
    alone = in_fresh_process(run_pipeline, project, file)
    check_run("late", sizes, alone)
    rewind.back()
    show("the same with top-ups and a backup")
    beside, top_ups, kept = _run_beside(folder, file, sizes)
    check_run("late", sizes, beside)
    rewind.back()
    return UnderWay(alone, beside, top_ups, kept)


def _run_beside(folder: Path, file: Path, sizes: Sizes) -> tuple[Measured, list[float], Kept]:
    """The run in one process, top-ups in a second until it ends, and a backup in a third."""
    project, stop = folder / "project", folder / "stop"
    stop.unlink(missing_ok=True)
    _landed(project).unlink(missing_ok=True)
    begin = partial(in_fresh_process, top_up, project, stop, sizes.accounts)
    with ThreadPoolExecutor(3) as pool:
        top_ups = pool.submit(begin)
        backup = pool.submit(in_fresh_process, back_up, project, folder / "backup", _landed(project))
        try:
            beside = in_fresh_process(run_pipeline, project, file)
        finally:
            stop.touch()
        seconds, under_way = top_ups.result(), backup.result()
    restoring = in_fresh_process(restored, folder / "backup", folder / "restored")
    in_fresh_process(check_part, project, folder / "restored")
    after = in_fresh_process(back_up, project, folder / "backup", None)
    again = in_fresh_process(restored, folder / "backup", folder / "restored")
    in_fresh_process(check_whole, project, folder / "restored")
    return beside, seconds, Kept(under_way, restoring, after, again)


def _landed(folder: Path) -> Path:
    """Where the run puts its file when it begins."""
    return folder / "landing" / "usage_records" / "hour.parquet"


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    patient_until = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > patient_until:
            raise BenchmarkError(f"{path} did not come about: the run did not begin")
        time.sleep(0.01)


def top_up(folder: Path, stop: Path, accounts: int) -> list[float]:
    """Top one account after the other up until the run is over; returns the seconds of each."""
    with connect(threads=1, memory_limit="1GB") as connection:
        names = connection.execute(f"select {ACCOUNT_NAME.format(number='range')} from range({accounts})").fetchall()
    seconds: list[float] = []
    with open_project(folder) as project:
        before = project.lake.connection.execute(_GRANTS).fetchall()[0][0]
        wait_for(_landed(folder))
        while not stop.exists():
            started = time.perf_counter()
            _grant(project, f"top-up-{os.getpid()}-{len(seconds)}", names[len(seconds) % len(names)][0])
            seconds.append(time.perf_counter() - started)
            time.sleep(PAUSE)
        after = project.lake.connection.execute(_GRANTS).fetchall()[0][0]
    if after != before + len(seconds) or not seconds:
        raise BenchmarkError(f"{len(seconds)} top-ups made {after - before} grants")
    return seconds


def _grant(project: Project, grant_id: str, account_id: str) -> None:
    """A top-up as `meterbook grant` records it."""
    row = {
        "grant_id": grant_id, "account_id": account_id, "kind": "paid", "amount": "50.00", "currency": "EUR",
        "effective_at": (MEASURED_HOUR + HOUR).isoformat(), "receipt": grant_id, "tax_paid": "9.50", "reason": "top-up",
    }  # fmt: skip
    record(project.lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", row))
