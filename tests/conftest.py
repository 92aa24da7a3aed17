"""What every test gets: UTC, no settings from the person's own environment, and a fresh project on request."""

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from resources.settings import PREFIX, Settings, load_settings
from resources.starter import write_project
from tests.postgres_server import Server, running

os.environ["TZ"] = "UTC"
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
time.tzset()
for variable in [name for name in os.environ if name.upper().startswith(PREFIX) or name == "DAGSTER_HOME"]:
    del os.environ[variable]
# pytest-xdist gives its processes a terminal of 80 columns, which a console keeps that is made when it is imported.
os.environ.pop("COLUMNS", None)
# How long an example takes says how busy the machine is.
settings.register_profile("meterbook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("meterbook")

ROOT = Path(__file__).parent
# The files of these folders share what takes long to make, so one process runs all of them; they begin, as they are long.
TOGETHER = (ROOT / "real" / "everything", ROOT / "real")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """One process runs all tests of a file, or of a folder whose files share what takes long to make.

    (Marks of groups do not reach pytest-xdist 3.8 with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = ROOT.parent / nodeid.partition("::")[0]
        return str(next((folder for folder in TOGETHER if folder in file.parents), file))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Where there are several processes (`make test`), let each take whole files."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    items.sort(key=lambda item: not any(folder in item.path.parents for folder in TOGETHER))


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over all that was imported and collected: it stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """Return the settings of a new project, as `meterbook init` writes it, in a directory of its own."""
    directory = tmp_path / "project"
    write_project(directory)
    return load_settings(directory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, started for the first test that asks; the test makes itself a database there."""
    with running() as server:
        yield server
