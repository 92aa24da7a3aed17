"""Goal: a new project loads as it is written, says its own defaults, and never overwrites a file."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from resources.settings import FILE_NAME, LakeSettings, SellerSettings, Settings, load_settings
from resources.starter import SOURCES, ProjectExistsError, create_dagster_home, write_project
from tests.resources.billed import sqlite_file


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def test_new_project_is_complete(project: Settings) -> None:
    directory = project.directory
    assert set(contents(directory)) == {FILE_NAME, "pricebook.yaml", "schema.json", ".dagster/dagster.yaml"}
    assert {path.name for path in project.landing.iterdir()} == set(SOURCES)
    assert project.price_book.read_bytes() == (files("pricebook") / "example.yaml").read_bytes()
    assert (directory / "schema.json").read_bytes() == (files("pricebook") / "schema.json").read_bytes()


def test_an_editor_finds_the_schema_beside_the_price_book(project: Settings) -> None:
    first_line = project.price_book.read_text(encoding="utf-8").splitlines()[0]
    assert first_line.startswith("# yaml-language-server: $schema=")
    assert (project.price_book.parent / first_line.partition("=")[2]).is_file()


def test_written_file_says_the_defaults(project: Settings, tmp_path: Path) -> None:
    """Whoever deletes a line of the written file gets what the line said."""
    (tmp_path / FILE_NAME).write_text(f'[seller]\nname = "{project.seller.name}"\n', encoding="utf-8")
    bare = load_settings(tmp_path)
    for name in ("landing", "documents", "dagster_home", "price_book"):
        assert getattr(project, name).relative_to(project.directory) == getattr(bare, name).relative_to(tmp_path)
    assert sqlite_file(project.lake.catalog).relative_to(project.directory) == sqlite_file(
        bare.lake.catalog
    ).relative_to(tmp_path)
    for name in ("invoice_number", "payment_days", "grace_hours"):
        assert getattr(project.seller, name) == getattr(bare.seller, name)


def test_written_file_shows_every_setting(project: Settings) -> None:
    text = (project.directory / FILE_NAME).read_text(encoding="utf-8")
    uncommented = tomllib.loads(text.replace("# memory_limit", "memory_limit").replace("# threads", "threads"))
    assert set(uncommented) == set(Settings.model_fields) - {"directory"}
    assert set(uncommented["lake"]) == set(LakeSettings.model_fields)
    assert set(uncommented["seller"]) == set(SellerSettings.model_fields)


@pytest.mark.parametrize("present", [FILE_NAME, "pricebook.yaml", "schema.json", ".dagster/dagster.yaml"])
def test_existing_file_is_kept_and_nothing_is_written(tmp_path: Path, present: str) -> None:
    path = tmp_path / present
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ProjectExistsError, match=str(path)):
        write_project(tmp_path)
    assert contents(tmp_path) == {present: b"mine"}


def test_a_folder_that_exists_can_become_a_project(tmp_path: Path) -> None:
    (tmp_path / "landing" / "accounts").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    write_project(tmp_path)
    assert load_settings(tmp_path).directory == tmp_path


def test_dagster_home_has_its_databases(project: Settings) -> None:
    create_dagster_home(project.dagster_home)
    assert (project.dagster_home / "history" / "runs.db").exists()
    create_dagster_home(project.dagster_home)
