"""A run in a process of its own that says how far it is, so that it can be killed at a chosen instant.

What belongs here: what the process does and reports. What does not: when it is killed (`test_kills.py`).
"""

import multiprocessing
from collections.abc import Mapping, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

from assets.invoices import draft, issue
from pipelines.hourly import hourly_steps
from resources.project import Project
from tests.faults.runs import open_project

STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": ("price_book", "accounts"),
    "usage_events": ("usage_events",),
    "usage_hourly": ("usage_hourly",),
    "charges": ("charges",),
    "ledger_entries": ("ledger_entries",),
}
BEGUN, STAGED, COMMITTING, COMMITTED, ENDED = range(5)
MOMENTS: Final = {"staged": STAGED, "committing": COMMITTING, "committed": COMMITTED}
# A moment, and the lake's newest snapshot at that moment.
Mark = tuple[int, int]


def forking() -> ForkServerContext:
    """Processes forked from one that has the slow imports behind it.

    Not those of Polars and DuckDB: they start threads, of which a fork keeps only the locks, and its first query hangs.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dagster", "pydantic_settings", "yaml", "pandera"])
    return context


def run_up_to(directory: Path, job: str, until: datetime, stage: str, marks: Connection) -> None:
    """Run the hourly steps up to a stage, and send a mark of every write in it."""
    with open_project(directory) as project:
        project.lake.watch = lambda step, moment: _mark(project, marks, MOMENTS[moment]) if step == stage else None
        for name, step in hourly_steps(project, job, until).items():
            if name == STAGES[stage][0]:
                _mark(project, marks, BEGUN)
            step()
            if name == STAGES[stage][-1]:
                _mark(project, marks, ENDED)
                return


def issue_next(directory: Path, job: str, period: str, marks: Connection) -> None:
    """Issue the first invoice of a period that is not issued yet, and send a mark of every write."""
    with open_project(directory) as project:
        project.lake.watch = lambda step, moment: _mark(project, marks, MOMENTS[moment]) if step == "invoices" else None
        _mark(project, marks, BEGUN)
        left = to_issue(project, period)
        if left:
            issue(project, job, period, left[:1])
        _mark(project, marks, ENDED)


def to_issue(project: Project, period: str) -> list[str]:
    """The accounts that an issue of the period would invoice now."""
    drafted = draft(project.lake, project.settings, 2**62, period, issued_at=project.clock.now())
    return sorted(drafted.invoices.filter("can_issue")["account_id"])


def run_whole(directory: Path, job: str, hours: Sequence[datetime]) -> None:
    """Run all hourly steps until each of these hours."""
    with open_project(directory) as project:
        for until in hours:
            for step in hourly_steps(project, f"{job}-{until:%dT%H}", until).values():
                step()


def _mark(project: Project, marks: Connection, moment: int) -> None:
    query = "select max(snapshot_id) from __ducklake_metadata_lake.ducklake_snapshot"
    row = project.lake.connection.execute(query).fetchone()
    marks.send((moment, row[0] if row else 0))
