"""The billed project of these tests, made once, and a copy of it for each test."""

from pathlib import Path

import pytest

from tests.faults.books import Books
from tests.resources import billed


@pytest.fixture(scope="session")
def first_billed(tmp_path_factory: pytest.TempPathFactory) -> billed.Billed:
    """The project that is copied; no test changes it."""
    return billed.make(tmp_path_factory.mktemp("billed") / "project")


@pytest.fixture
def books(first_billed: billed.Billed, tmp_path: Path) -> billed.Billed:
    """A billed project of one's own."""
    return first_billed.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def expected_later(first_billed: billed.Billed, tmp_path_factory: pytest.TempPathFactory) -> Books:
    """The books after the world's last hours, where nothing but runs happened."""
    return first_billed.copy(tmp_path_factory.mktemp("later") / "project").run_on()
