"""Very much usage is written as it comes and rated in parts, and makes the same books as little usage at once."""

from pathlib import Path

import pytest

from assets import charges, usage_hourly
from tests.faults import runs, worlds
from tests.faults.books import Books, assert_same, books


def billed(directory: Path, world: worlds.World) -> tuple[Books, int]:
    """The books of the world whose hours close in two runs, and how many files of charges there are."""
    project_directory = runs.make_project(directory)
    with runs.open_project(project_directory) as project:
        runs.take_books(project)
        runs.land_in(project_directory / "landing", [*world.facts, *world.usage])
        for until in (worlds.START + 30 * worlds.HOUR, worlds.END):
            runs.run(project, until)
        rows = project.lake.connection.execute("select count(*) from charges").fetchone()
        return books(project.lake), rows[0] if rows else 0


@pytest.mark.soak
def test_many_records_make_the_same_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.make(hours=8)
    few, rows = billed(tmp_path / "few", world)
    for most in (100, 2000):
        monkeypatch.setattr(usage_hourly, "MOST_RECORDS", most)
        many, again = billed(tmp_path / str(most), world)
        assert_same(few, many)
        assert again == rows > 100


def test_parts_make_the_same_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.make()
    at_once, rows = billed(tmp_path / "at once", world)
    monkeypatch.setattr(charges, "MOST_ROWS", rows // 9)
    parted, again = billed(tmp_path / "in parts", world)
    assert_same(at_once, parted)
    assert again == rows > 1000
