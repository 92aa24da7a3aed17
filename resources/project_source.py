"""Where a Dagster step gets its project from: opened for the step, or lent by the process that runs it.

What belongs here: the one resource that assets and checks name. What does not: what a project is (`project.py`), and
which project a run is about (`settings.py`: METERBOOK_DIRECTORY, or a directory given here).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import dagster as dg

from resources.project import Project
from resources.settings import load_settings


class ProjectSource(Protocol):
    """Gives an open project for the time of one step."""

    def open(self) -> AbstractContextManager[Project]:
        """Open the project; what was opened is closed again, also when the step fails."""
        ...


class ProjectResource(dg.ConfigurableResource[Project]):
    """Opens the project that the settings name, for each step anew. Nothing is read before the first step."""

    directory: str = ""

    @contextmanager
    def open(self) -> Iterator[Project]:
        """Open the lake of the project in `directory`, else in METERBOOK_DIRECTORY, else in the working directory."""
        with Project.open(load_settings(Path(self.directory) if self.directory else None)) as project:
            yield project


class LentProject:
    """Lends a project that is open already, and leaves it open: to attach a lake costs more than a small step."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @contextmanager
    def open(self) -> Iterator[Project]:
        """Lend the project."""
        yield self._project
