"""Makes a new project: what `meterbook init DIR` leaves behind.

What belongs here: the folders and files of a fresh project. What does not: the lake, which is made when it is first
attached, and demo data. The texts are files in `resources/templates/`; the price book is the example of `pricebook/`,
and its schema lies beside it. Nothing here reads the schema again, so a project keeps the one it began with.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from dagster import DagsterInstance

from rating.errors import MeterbookError
from resources.settings import FILE_NAME

SOURCES: Final = ("vm_samples", "usage_records", "cloudevents", "accounts", "subscriptions", "grants", "corrections")


class ProjectExistsError(MeterbookError):
    """A file that a new project would write is there already."""


def write_project(directory: Path) -> None:
    """Write a new project into `directory`, which may exist; if one of its files exists, nothing is written."""
    templates = files("resources") / "templates"
    sources = {
        FILE_NAME: templates / "meterbook.toml",
        "pricebook.yaml": files("pricebook") / "example.yaml",
        "schema.json": files("pricebook") / "schema.json",  # for editors, where the price book's first line says
        ".dagster/dagster.yaml": templates / "dagster.yaml",
    }
    texts = {directory / name: source.read_text(encoding="utf-8") for name, source in sources.items()}
    for path in texts:
        if path.exists():
            raise ProjectExistsError(f"{path} exists already; name an empty directory, or remove it first")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # "x": never over a file that came in between
            file.write(text)
    for source in SOURCES:
        (directory / "landing" / source).mkdir(parents=True, exist_ok=True)


def create_dagster_home(home: Path) -> None:
    """Let Dagster make its databases now: two processes that open a fresh home at once can kill one another."""
    with DagsterInstance.from_config(str(home)):
        pass
