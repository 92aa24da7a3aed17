"""Corrections applied to records: which records count otherwise than they came (semantics 1 and 2).

What belongs here: finding the records of corrections, and letting statements see records as they count. What does not:
what a correction may say (`resources/reference_kinds.py`), and metering (`usage_hourly.py`), which works out again the
hours that a correction touched.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb

from resources.facts import EPOCH
from resources.lake import Lake
from resources.project import Project
from resources.writer import Step, converge

FAR = datetime(9999, 1, 1, tzinfo=UTC)


def apply_corrections(project: Project, job: str) -> int:
    """Find the records of new corrections, and the corrections of new records; returns how many records they change.

    A correction of a record that has not come waits for it. Without any correction it costs one question.
    """
    if not project.lake.value("steps/corrections/any"):
        return 0
    return converge(project.lake, "corrections", job, _apply)


def _apply(step: Step) -> int:
    fresh = step.lake.run_statement("steps/corrections/fresh", step.bounds()).fetchone()
    first, last = fresh or (FAR, EPOCH)
    corrected = step.lake.frame("steps/corrections/corrected", {**step.bounds(), "first": first, "last": last})
    step.append("corrected_events", corrected)
    return corrected.height


@contextlib.contextmanager
def counted_events(lake: Lake, run: int) -> Iterator[bool]:
    """Let `usage_events` mean the records as they count as of a run; yields whether any differs from what came.

    Where none does, nothing stands between a statement and the table.
    """
    if not lake.value("steps/corrections/any_corrected", {"run": run}):
        yield False
        return
    define_counted_events(lake, run)
    lake.run_statement("steps/corrections/mask")
    try:
        yield True
    finally:
        # Where a statement failed, the transaction has ended, and the view with it.
        with contextlib.suppress(duckdb.Error):
            lake.run_statement("steps/corrections/unmask")


def define_counted_events(lake: Lake, run: int) -> None:
    """Let `counted_events` be the records as they count as of a run."""
    lake.connection.execute("set variable corrected_until = $run", {"run": run})
    lake.connection.execute("set variable voided_too = false")
    lake.run_statement("steps/corrections/counted_events")


@contextlib.contextmanager
def voided_too(lake: Lake) -> Iterator[None]:
    """Let `usage_events` hold voided records as well meanwhile: they touched hours that are worked out again."""
    lake.connection.execute("set variable voided_too = true")
    try:
        yield
    finally:
        lake.connection.execute("set variable voided_too = false")
