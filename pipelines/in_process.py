"""Runs the hourly job in this process, recorded in the project's Dagster instance: what `meterbook run` types.

What belongs here: one run of the job, for the day or days up to an hour. What does not: what the job is (`jobs.py`).
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

import dagster as dg
import sqlalchemy
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.instance.ref import InstanceRef

from pipelines.definitions import build_defs
from pipelines.schedules import day_of_last_hour, range_tags
from rating.errors import MeterbookError
from resources.clock import Clock
from resources.facts import closed_until
from resources.project import Project
from resources.project_source import LentProject
from resources.settings import Settings, load_settings

Report = dict[str, Any]
NEWEST_RUN: Final = 2**62
# Dagster commits each event by itself unless told otherwise; a run has about sixty.
EVENTS_AT_ONCE: Final = "100"
# A command prints its own words, and its own errors; the log is in Dagster.
SILENT: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class CheckFailedError(MeterbookError):
    """A blocking check found rows that must not be; the steps after it did not run."""


class HourlyRuns:
    """The hourly job, ready to be run again and again: definitions, the instance and the lake stay open.

    with HourlyRuns(settings) as runs:
        reports = runs.run(until)
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, *, flushed: bool = True) -> None:
        """Open the project and its Dagster instance.

        `flushed=False` is for many runs in a row by the only process that runs any, as in the demo: a power cut may
        then cost Dagster's files (never the books), and recording a run takes half the time.
        """
        self.project = Project.open(settings, clock)
        self._lent = LentProject(self.project)
        self._flushed = flushed
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENTS_AT_ONCE)
        _prepare_home(settings.dagster_home)
        if not flushed:
            sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _leave_flushing)
        self._instance = _open_instance(settings.dagster_home, flushed=flushed)
        self._jobs: dict[tuple[str, date], dg.JobDefinition] = {}

    def close(self) -> None:
        """Close the instance and the lake."""
        self._instance.dispose()
        if not self._flushed:
            sqlalchemy.event.remove(sqlalchemy.Engine, "connect", _leave_flushing)
        self.project.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, until: datetime, clock: Clock | None = None) -> dict[str, Report]:
        """Take what landed and close the hours that end at or before `until`; returns what each step reported.

        The run is recorded for the days that it closes, or for the day of `until` where it closes none.

        Raises:
            CheckFailedError: a blocking check failed; it names the check.
        """
        self.project.clock = clock or self.project.clock
        first_day, last_day = self._days(until)
        close = {"ops": {"usage_hourly": {"config": {"until": until.isoformat()}}}}
        return self._execute("hourly_billing", first_day, last_day, close)

    def draft(self, period: str, clock: Clock | None = None) -> dict[str, Report]:
        """Draft the invoices of a month (`2026-10`) and print those that are issued; returns what each step reported.

        Raises:
            CheckFailedError: the lines of an invoice do not sum to what it says; it names the check.
        """
        self.project.clock = clock or self.project.clock
        reports = self._execute("monthly_drafts", f"{period}-01", f"{period}-01", {})
        return {name: report[period] for name, report in reports.items()}

    def _execute(self, job: str, first: str, last: str, run_config: Mapping[str, Any]) -> dict[str, Report]:
        self._lent.reports = {}
        try:
            self._job(job, first).execute_in_process(
                instance=self._instance, run_config={**run_config, **SILENT}, **_partitions(first, last)
            )
        except DagsterAssetCheckFailedError as error:
            message = f"the books are not as they must be, and the run stopped: {' '.join(str(error).split())}"
            raise CheckFailedError(f"{message}; `make ui` shows the rows") from error
        return self._lent.reports

    def _days(self, until: datetime) -> tuple[str, str]:
        last_day = day_of_last_hour(until.astimezone(UTC))
        closed = closed_until(self.project.lake, NEWEST_RUN)
        return (min(f"{closed:%Y-%m-%d}", last_day) if closed else last_day), last_day

    def _job(self, name: str, first_day: str) -> dg.JobDefinition:
        """The job with its partitions; days before the project's first one begin with their own year."""
        first = self.project.settings.first_day
        begin = first if first_day >= f"{first}" else date.fromisoformat(first_day).replace(month=1, day=1)
        if (name, begin) not in self._jobs:
            definitions = build_defs({"project": self._lent}, begin)
            self._jobs[name, begin] = definitions.resolve_job_def(name)
        return self._jobs[name, begin]


def run_job(directory: Path, until: datetime) -> dict[str, Report]:
    """Run the hourly job once for the project in a directory (see `HourlyRuns.run`)."""
    with HourlyRuns(load_settings(directory)) as runs:
        return runs.run(until)


def _prepare_home(home: Path) -> None:
    """Give Dagster its settings where `meterbook init` did not: without them it reports on its use to its makers."""
    home.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), (home / "dagster.yaml").open("x", encoding="utf-8") as file:
        file.write((files("resources") / "templates" / "dagster.yaml").read_text(encoding="utf-8"))


def _open_instance(home: Path, *, flushed: bool) -> dg.DagsterInstance:
    if flushed:
        return dg.DagsterInstance.from_config(str(home))
    kept = {
        "module": "pipelines.event_log",
        "class": "KeptEventLogStorage",
        "config": {"base_dir": str(home / "history" / "runs")},
    }
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides={"event_log_storage": kept}))


def _leave_flushing(connection: sqlite3.Connection, _record: object) -> None:
    """Let the machine decide when Dagster's databases reach the disk. The lake does not go through SQLAlchemy."""
    connection.execute("pragma synchronous = off")


def _partitions(first_day: str, last_day: str) -> dict[str, Any]:
    if first_day == last_day:
        return {"partition_key": last_day}
    return {"tags": range_tags(first_day, last_day)}
