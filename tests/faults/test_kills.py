"""kill -9 at random instants, in every stage: the run is started again, and the books end as those of an unbroken run.

A third of the kills at least hit between the first write and the commit: the mark of the write has come, and after the
process is dead the lake has no newer snapshot than then.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import pytest

from resources.settings import load_settings
from tests.faults import runs, worlds
from tests.faults.books import Books, assert_same, books
from tests.faults.victim import BEGUN, COMMITTED, COMMITTING, ENDED, STAGED, STAGES, Mark, forking, run_up_to

LONGEST_SECONDS: Final = 120.0
# How long a stage, and the time from its first write to its commit, are taken to be before they were seen.
FIRST_GUESS: Final = (0.6, 0.06)
ENOUGH_TO_COUNT = 50


@dataclass
class Marks:
    """What a victim said, and when it was heard."""

    connection: Connection
    heard: list[tuple[float, Mark]] = field(default_factory=list)
    is_over: bool = False

    def listen(self, until: float, for_any_of: Iterable[int] = ()) -> None:
        """Hear what is said until a time, or until one of these moments, or the end."""
        wanted = set(for_any_of)
        while not self.is_over and (remaining := until - time.monotonic()) > 0:
            if not self.connection.poll(remaining):
                return
            try:
                mark = self.connection.recv()
            except (EOFError, OSError):
                self.is_over = True
                return
            self.heard.append((time.monotonic(), mark))
            if mark[0] in wanted:
                return

    def first(self, *moments: int) -> float | None:
        """When the first of these was heard."""
        return next((when for when, mark in self.heard if mark[0] in moments), None)


@dataclass
class Tally:
    """What the kills of one stage hit."""

    before: int = 0
    between: int = 0
    after: int = 0
    seconds: list[tuple[float, float]] = field(default_factory=lambda: [FIRST_GUESS])

    @property
    def kills(self) -> int:
        return self.before + self.between + self.after

    def learn(self, marks: Marks) -> None:
        """Keep how long a stage took that was not killed, or what is known of one that was."""
        begun, written = marks.first(BEGUN), marks.first(STAGED, COMMITTING)
        committed, ended = marks.first(COMMITTED), marks.first(ENDED)
        if begun and written and committed:
            self.seconds.append(((ended or committed) - begun, committed - written))

    def durations(self) -> tuple[float, float]:
        """The stage, and its first write to its commit, as they mostly are."""
        recent = self.seconds[-5:]
        middle = len(recent) // 2
        return sorted(stage for stage, _ in recent)[middle], sorted(write for _, write in recent)[middle]


def newest_snapshot(catalog: Path) -> int:
    """The lake's newest snapshot, read from its catalog without our code.

    Only while this process has no lake open: SQLite's locks are a process's, and closing one connection ends them all.
    """
    connection = sqlite3.connect(catalog)
    try:
        return int(connection.execute("select max(snapshot_id) from ducklake_snapshot").fetchone()[0])
    finally:
        connection.close()


def strike_in(directory: Path, number: int, until_hour: int, stage: str, chance: random.Random, tally: Tally) -> None:
    """Start a run and kill it in a stage."""
    until = worlds.START + until_hour * worlds.HOUR
    strike(directory, run_up_to, (f"{stage}-{number}", until, stage), number, chance, tally)


def strike(
    directory: Path,
    victim: Callable[..., None],
    arguments: tuple[object, ...],
    number: int,
    chance: random.Random,
    tally: Tally,
) -> None:
    """Start a process and kill it: every second time anywhere in its stage, else soon after its first write."""
    context = forking()
    listening, speaking = context.Pipe(duplex=False)
    process = context.Process(target=victim, args=(directory, *arguments, speaking))
    process.start()
    speaking.close()
    marks = Marks(listening)
    marks.listen(time.monotonic() + LONGEST_SECONDS, [BEGUN])
    whole, writing = tally.durations()
    if number % 2:
        marks.listen(time.monotonic() + LONGEST_SECONDS, [STAGED, COMMITTING, ENDED])
        marks.listen(time.monotonic() + chance.uniform(0, writing))
    else:
        marks.listen(time.monotonic() + chance.uniform(0, 1.1 * whole))
    process.kill()
    process.join(LONGEST_SECONDS)
    marks.listen(time.monotonic() + 1)
    assert process.exitcode in (0, -9), f"the run ended with {process.exitcode}, not by the kill"
    assert marks.first(BEGUN), "the run came to no end before the stage began"
    _count(marks, newest_snapshot(directory / "lake" / "catalog.sqlite"), tally)
    listening.close()


def _count(marks: Marks, snapshot: int, tally: Tally) -> None:
    tally.learn(marks)
    last, at_mark = marks.heard[-1][1]
    if last in (STAGED, COMMITTING) and snapshot == at_mark:
        tally.between += 1
    elif marks.first(STAGED, COMMITTING) is None and last != ENDED:
        tally.before += 1
    else:
        tally.after += 1


def parts(files: Sequence[worlds.File], count: int) -> list[list[worlds.File]]:
    """Files in the order of their arrival in so many parts."""
    ordered = sorted(files, key=lambda file: file.arrives)
    return [list(ordered[len(ordered) * part // count : len(ordered) * (part + 1) // count]) for part in range(count)]


def kill_in(stage: str, directory: Path, world: worlds.World, least: int, most: int) -> tuple[Tally, Books]:
    """Kill so many runs in a stage, each with new files before it; then let one run come to its end."""
    chance, tally = random.Random(f"{stage} {least}"), Tally()  # noqa: S311 - instants that can be had again
    facts = [row for file in world.facts for row in worlds.by_row(file)]
    settings = load_settings(runs.make_project(directory))
    settings.price_book.write_text(worlds.BOOKS[0], encoding="utf-8")
    for number, files in enumerate(zip(parts(facts, most), parts(world.usage, most), strict=True)):
        if tally.kills >= least and 3 * tally.between >= tally.kills:
            break
        for some in files:
            runs.land_in(settings.landing, some)
        if number == most // 2:
            settings.price_book.write_text(worlds.BOOKS[1], encoding="utf-8")
        strike_in(directory, number, 1 + worlds.HOURS * number // most, stage, chance, tally)
    with runs.open_project(directory) as project:
        runs.take_books(project)
        runs.land(project, [*facts, *world.usage])
        runs.run(project, worlds.END)
        return tally, books(project.lake)


def check(stage: str, directory: Path, world: worlds.World, unbroken: Books, least: int, most: int) -> None:
    began = time.monotonic()
    tally, found = kill_in(stage, directory, world, least, most)
    print(  # noqa: T201 - figures for the person who looks
        f"\n{stage}: {tally.kills} kills, {tally.before} before the first write, {tally.between} between it and the commit, "
        f"{tally.after} after; {time.monotonic() - began:.0f} s"
    )
    assert_same(unbroken, found, stage)
    assert tally.kills >= least
    # Of three kills chance may leave few in the window; of fifty (`make soak`) a third must be there.
    assert tally.between >= (tally.kills / 3 if tally.kills >= ENOUGH_TO_COUNT else 1)


@pytest.mark.parametrize("stage", STAGES)
def test_kills_leave_the_books_as_they_should_be(
    stage: str, tmp_path: Path, world: worlds.World, unbroken: Books
) -> None:
    check(stage, tmp_path / "p", world, unbroken, least=3, most=9)


@pytest.mark.soak
@pytest.mark.parametrize("stage", STAGES)
def test_many_kills_leave_the_books_as_they_should_be(
    stage: str, tmp_path: Path, world: worlds.World, unbroken: Books
) -> None:
    check(stage, tmp_path / "p", world, unbroken, least=50, most=56)
