"""Several processes run the hourly steps at once on one lake: the same books, and nothing hangs (design 3)."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from resources.settings import load_settings
from tests.faults import runs, worlds
from tests.faults.books import Books, assert_same, books
from tests.faults.victim import forking, run_whole

LONGEST_SECONDS: Final = 300.0


def run_at_once(directory: Path, hours_of: Sequence[Sequence[int]]) -> list[int | None]:
    """Let a process each run these hours, all at once; returns how they ended (None: it did not)."""
    context = forking()
    processes = [
        context.Process(
            target=run_whole,
            args=(directory, f"writer-{number}", [worlds.START + hour * worlds.HOUR for hour in hours]),
        )
        for number, hours in enumerate(hours_of)
    ]
    for process in processes:
        process.start()
    deadline = time.monotonic() + LONGEST_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    ended = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
        process.join()
    return ended


def check(directory: Path, world: worlds.World, unbroken: Books, hours_of: Sequence[Sequence[int]]) -> None:
    settings = load_settings(runs.make_project(directory))
    with runs.open_project(directory) as project:
        runs.take_books(project)
    runs.land_in(settings.landing, [*world.facts, *world.usage])
    assert run_at_once(directory, hours_of) == [0] * len(hours_of)
    with runs.open_project(directory) as project:
        assert_same(unbroken, books(project.lake))
        waiting = project.lake.connection.execute("select count(distinct run), count(*) from step_heads").fetchone()
        print(f"\n{len(hours_of)} writers: runs with a commit and commits: {waiting}")  # noqa: T201 - figures for the person who looks


def test_three_writers_at_once(tmp_path: Path, world: worlds.World, unbroken: Books) -> None:
    check(tmp_path / "p", world, unbroken, [(14, worlds.HOURS), (27, worlds.HOURS), (worlds.HOURS,)])


@pytest.mark.soak
@pytest.mark.parametrize("writers", [2, 4])
def test_many_hours_by_writers_at_once(tmp_path: Path, world: worlds.World, unbroken: Books, writers: int) -> None:
    check(
        tmp_path / "p",
        world,
        unbroken,
        [range(1 + number, worlds.HOURS + 1, 2) for number in range(writers - 1)] + [(40,)],
    )
