"""Where a Dagster step gets its project from: opened for the step, or lent by the process that runs it.

What belongs here: the one resource that assets and checks name. What does not: what a project is (`project.py`), and
which project a run is about (`settings.py`: METERBOOK_DIRECTORY, or a directory given here).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import dagster as dg

from resources.project import Project
from resources.settings import load_settings


class ProjectSource(Protocol):
    """Gives an open project for the time of one step."""

    def open(self) -> AbstractContextManager[Project]:
        """Open the project; what was opened is closed again, also when the step fails."""
        ...

    def keep(self, asset: str, report: Mapping[str, Any]) -> None:
        """Hand what a step reported to whoever started the run."""
        ...


class ProjectResource(dg.ConfigurableResource[Project]):
    """Opens the project that the settings name, for each step anew. Nothing is read before the first step."""

    directory: str = ""

    @contextmanager
    def open(self) -> Iterator[Project]:
        """Open the lake of the project in `directory`, else in METERBOOK_DIRECTORY, else in the working directory."""
        with Project.open(load_settings(Path(self.directory) if self.directory else None)) as project:
            yield project

    def keep(self, asset: str, report: Mapping[str, Any]) -> None:
        """Nobody waits for it: what a person reads is in the metadata."""


class LentProject:
    """Lends a project that is open already, and leaves it open: to attach a lake costs more than a small step.

    `reports` holds what each step of the last run reported, by asset.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.reports: dict[str, dict[str, Any]] = {}

    @contextmanager
    def open(self) -> Iterator[Project]:
        """Lend the project."""
        yield self._project

    def keep(self, asset: str, report: Mapping[str, Any]) -> None:
        """Keep the report for the process that lends."""
        self.reports[asset] = dict(report)
