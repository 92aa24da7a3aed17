"""The world of these tests and the books of one unbroken run over it, made once."""

import pytest

from tests.faults import runs, worlds
from tests.faults.books import Books


@pytest.fixture(scope="session")
def world() -> worlds.World:
    """All that lands."""
    return worlds.make()


@pytest.fixture(scope="session")
def unbroken(world: worlds.World, tmp_path_factory: pytest.TempPathFactory) -> Books:
    """The books of one run over everything, in one go."""
    return runs.unbroken(tmp_path_factory.mktemp("unbroken") / "project", world)
