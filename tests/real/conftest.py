"""Fixtures of the real week. Every test here that needs the file skips, with the reason, where it is not."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.hourly import run_hourly
from resources.lake import Lake
from tests.real import billing, reference
from tests.real.landing import land_week


@pytest.fixture(scope="session")
def data_file() -> Path:
    """The real file, beside the repository."""
    if not reference.DATA_FILE.exists():
        pytest.skip("real usage is not here: ../shared/data/vm-trace-2013-08-week1.parquet")
    return reference.DATA_FILE


@pytest.fixture(scope="session")
def reference_week(data_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The week computed in plain SQL."""
    connection = reference.compute(data_file)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def caught_up(data_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The week billed in one catch-up run, from one file."""
    with billing.new_project(tmp_path_factory.mktemp("caught-up")) as project:
        land_week(project.settings.landing, "week", data_file)
        run_hourly(project, billing.END)
        yield project.lake


@pytest.fixture(scope="session")
def billed_week(caught_up: Lake) -> reference.Books:
    """The week as the product billed it."""
    return billing.books_to_compare(caught_up)
