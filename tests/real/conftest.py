"""Fixtures of the real week. Every test here that needs the file skips, with the reason, where it is not."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.real import reference


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
def billed_week(data_file: Path) -> reference.Books:
    """The week as the product billed it."""
    pytest.skip(f"the product's billing of {data_file.name} is not wired to this fixture yet")
