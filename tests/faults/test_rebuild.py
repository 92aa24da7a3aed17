"""Caches thrown away and rebuilt are the same, and nothing is appended to the facts (design 4)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipelines.hourly import hourly_steps
from resources.errors import LakeError
from resources.project import Project
from resources.rebuild import rebuild_caches
from tests.faults import runs
from tests.faults.books import Books, assert_same, books
from tests.faults.worlds import END, HOUR, HOURS, START, World

FACTS = ("usage_events", "rejected_events", "charges", "ledger_entries", "run_hours")
CACHES = ("rated_totals", "lot_positions")


def rows(project: Project, tables: tuple[str, ...]) -> dict[str, object]:
    """How many rows each table has."""
    counted = {table: f"select count(*) from {table}" for table in tables}
    return {table: project.lake.connection.execute(query).fetchone() for table, query in counted.items()}


def caches(project: Project) -> dict[str, pl.DataFrame]:
    """Caches without the runs that wrote them; who owes nothing may have a row that says so, or none."""
    says = {"rated_totals": "true", "lot_positions": "lot <> '' or position <> 0"}
    return {
        table: project.lake.connection.execute(
            f"select * exclude (run) from {table} where {says[table]} order by all"
        ).pl()
        for table in CACHES
    }


@pytest.fixture
def billed(tmp_path: Path, world: World) -> Project:
    """A project that was billed in several runs, with late records."""
    project = runs.open_project(runs.make_project(tmp_path / "p"))
    runs.take_books(project)
    runs.land(project, world.facts)
    for hour in (17, HOURS):
        runs.land(project, world.arrived(hour))
        runs.run(project, START + hour * HOUR)
    return project


def test_rebuilt_caches_are_the_same_and_nothing_is_appended(billed: Project, unbroken: Books) -> None:
    facts, kept = rows(billed, FACTS), caches(billed)
    rebuild_caches(billed.lake)
    assert rows(billed, ("usage_hourly", *CACHES)) == dict.fromkeys(("usage_hourly", *CACHES), (0,))
    runs.run(billed, END)
    assert rows(billed, FACTS) == facts
    for table, frame in caches(billed).items():
        assert frame.equals(kept[table]), table
    assert_same(unbroken, books(billed.lake))


@pytest.fixture(scope="module")
def begun_once(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    """A project in which one run billed the first twenty hours."""
    directory = tmp_path_factory.mktemp("begun") / "p"
    with runs.opened(directory) as project:
        runs.take_books(project)
        runs.land(project, [*world.facts, *world.arrived(20)])
        runs.run(project, START + 20 * HOUR)
    return directory


@pytest.fixture
def begun(begun_once: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it."""
    shutil.copytree(begun_once, tmp_path / "begun")
    with runs.open_project(tmp_path / "begun") as project:
        yield project


def test_a_rebuild_before_the_first_step_with_a_cache(begun: Project, world: World, unbroken: Books) -> None:
    runs.land(begun, world.usage)
    for name, step in hourly_steps(begun, "job", END).items():
        if name == "usage_hourly":
            rebuild_caches(begun.lake)
        step()
    assert_same(unbroken, books(begun.lake))


@pytest.mark.parametrize("broken_off_after", ["usage_hourly", "charges"])
def test_a_rebuild_between_the_steps_of_a_run(
    begun: Project, world: World, unbroken: Books, broken_off_after: str
) -> None:
    """The steps that are left have nothing to stand on, and say so: else they would take all charges back."""
    runs.land(begun, world.usage)
    steps = hourly_steps(begun, "job", END)
    names = list(steps)
    for name in names[: names.index(broken_off_after) + 1]:
        steps[name]()
    rebuild_caches(begun.lake)
    before = rows(begun, FACTS)
    for name in names[names.index(broken_off_after) + 1 :]:
        with pytest.raises(LakeError, match=f"step {name} needs .* thrown away"):
            steps[name]()
    assert rows(begun, FACTS) == before
    runs.run(begun, END)
    assert_same(unbroken, books(begun.lake))


def test_late_records_after_a_rebuild_come_to_the_same(tmp_path: Path, world: World, unbroken: Books) -> None:
    with runs.opened(tmp_path / "p") as project:
        runs.take_books(project)
        runs.land(project, world.facts)
        runs.land(project, world.arrived(24))
        runs.run(project, START + 24 * HOUR)
        rebuild_caches(project.lake)
        runs.run(project, START + 24 * HOUR)
        runs.land(project, world.usage)
        runs.run(project, END)
        assert_same(unbroken, books(project.lake))
