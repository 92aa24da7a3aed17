"""Fixtures of the week under the book of everything: computed in plain SQL, and billed by the product in one run."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from resources.lake import Lake
from tests.real.everything import billing, reference


@pytest.fixture(scope="session")
def computed(data_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The week computed in plain SQL."""
    connection = reference.compute(data_file)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def billed(data_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The week billed in one catch-up run."""
    with billing.new_project(tmp_path_factory.mktemp("everything")) as project:
        billing.catch_up(project, data_file)
        yield project.lake
