"""The small billed project of these tests, made once."""

from pathlib import Path

import pytest

from tests.pipelines import tiny


@pytest.fixture(scope="session")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that tests copy; none changes it."""
    return tiny.make_billed(tmp_path_factory.mktemp("tiny") / "project")
