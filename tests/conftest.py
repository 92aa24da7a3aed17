"""What every test gets: UTC, no settings from the person's own environment, and a fresh project on request."""

import os
import time
from pathlib import Path

import pytest

from resources.settings import PREFIX, Settings, load_settings
from resources.starter import write_project

os.environ["TZ"] = "UTC"
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
time.tzset()
for variable in [name for name in os.environ if name.upper().startswith(PREFIX) or name == "DAGSTER_HOME"]:
    del os.environ[variable]


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """Return the settings of a new project, as `meterbook init` writes it, in a directory of its own."""
    directory = tmp_path / "project"
    write_project(directory)
    return load_settings(directory)
