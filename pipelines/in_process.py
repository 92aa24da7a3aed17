"""Runs the hourly job in this process, recorded in the project's Dagster instance: what `meterbook run` types.

What belongs here: one run of the job, for the day or days up to an hour. What does not: what the job is (`jobs.py`).
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from assets.partitions import FIRST_DAY
from pipelines.definitions import build_defs
from pipelines.jobs import HOURLY
from pipelines.schedules import day_of_last_hour, range_tags
from rating.errors import MeterbookError
from resources.clock import Clock
from resources.facts import closed_until
from resources.project import Project
from resources.project_source import LentProject
from resources.settings import Settings, load_settings

Report = dict[str, Any]
NEWEST_RUN: Final = 2**62
# Dagster commits each event by itself unless told otherwise; an hour's run has about sixty.
EVENTS_AT_ONCE: Final = "100"


class CheckFailedError(MeterbookError):
    """A blocking check found rows that must not be; the steps after it did not run."""


class HourlyRuns:
    """The hourly job, ready to be run again and again: definitions, the instance and the lake stay open.

    with HourlyRuns(settings) as runs:
        reports = runs.run(until)
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.project = Project.open(settings, clock)
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENTS_AT_ONCE)
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
        self._instance = dg.DagsterInstance.from_config(str(settings.dagster_home))
        self._jobs: dict[datetime, dg.JobDefinition] = {}

    def close(self) -> None:
        """Close the instance and the lake."""
        self._instance.dispose()
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
        try:
            result = self._job(first_day).execute_in_process(
                instance=self._instance, run_config=_run_config(until), **_partitions(first_day, last_day)
            )
        except DagsterAssetCheckFailedError as error:
            message = f"the books are not as they must be, and the run stopped: {' '.join(str(error).split())}"
            raise CheckFailedError(f"{message}; `make ui` shows the rows") from error
        return {name: _report(result, name) for name in HOURLY}

    def _days(self, until: datetime) -> tuple[str, str]:
        last_day = day_of_last_hour(until.astimezone(UTC))
        closed = closed_until(self.project.lake, NEWEST_RUN)
        return (min(f"{closed:%Y-%m-%d}", last_day) if closed else last_day), last_day

    def _job(self, first_day: str) -> dg.JobDefinition:
        """The job, with partitions from the first of January on of the year of the first day."""
        begin = min(FIRST_DAY, datetime.fromisoformat(first_day).replace(month=1, day=1, tzinfo=UTC))
        if begin not in self._jobs:
            definitions = build_defs({"project": LentProject(self.project)}, begin)
            self._jobs[begin] = definitions.resolve_job_def("hourly_billing")
        return self._jobs[begin]


def run_job(directory: Path, until: datetime) -> dict[str, Report]:
    """Run the hourly job once for the project in a directory (see `HourlyRuns.run`)."""
    with HourlyRuns(load_settings(directory)) as runs:
        return runs.run(until)


def _run_config(until: datetime) -> dict[str, Any]:
    """Close until this hour; on the terminal only errors: a command prints its own words."""
    return {
        "ops": {"usage_hourly": {"config": {"until": until.isoformat()}}},
        "loggers": {"console": {"config": {"log_level": "ERROR"}}},
    }


def _partitions(first_day: str, last_day: str) -> dict[str, Any]:
    if first_day == last_day:
        return {"partition_key": last_day}
    return {"tags": range_tags(first_day, last_day)}


def _report(result: dg.ExecuteInProcessResult, name: str) -> Report:
    """The report of a step, as its materialization keeps it."""
    kept = result.asset_materializations_for_node(name)[0].metadata["report"].value
    if not isinstance(kept, dict):
        message = f"the materialization of {name} has no report"
        raise TypeError(message)
    return kept
