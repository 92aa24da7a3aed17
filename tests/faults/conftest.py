"""The world of these tests and the books of one unbroken run over it, made once."""

from pathlib import Path

import pytest

from tests.faults import runs, worlds
from tests.faults.books import Books, books


@pytest.fixture(scope="session")
def world() -> worlds.World:
    """All that lands."""
    return worlds.make()


@pytest.fixture(scope="session")
def unbroken_project(world: worlds.World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one run billed everything, in one go; whoever changes it makes a copy."""
    directory = tmp_path_factory.mktemp("unbroken") / "project"
    runs.unbroken(directory, world)
    return directory


@pytest.fixture(scope="session")
def unbroken(unbroken_project: Path) -> Books:
    """The books of that run."""
    with runs.open_project(unbroken_project) as project:
        return books(project.lake)
