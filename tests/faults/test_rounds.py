"""Rounds of faults: every round a run and top-ups are killed, and most of the time something else goes wrong besides.

Four processes post at once, the catalog answers "locked", the disk is full, the clock jumps back, the server ends all
connections. A project lives for some rounds, in which the whole world lands; then the books are those of an unbroken run with
the same top-ups. Whatever does not end in time is a failure: nothing may hang. On both kinds of catalog.
"""

import contextlib
import itertools
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

import pytest

from resources.catalogs import Postgres
from resources.settings import load_settings
from tests.faults import assailants, runs, worlds
from tests.faults.assailants import FAILED, SPEAKS_OF, grant, numbers_in, run_to, top_up
from tests.faults.books import assert_same, books
from tests.faults.test_kills import parts
from tests.faults.victim import forking
from tests.pipelines.tiny import check_all
from tests.postgres_server import Server

# So long may a round take that is not killed, whatever the machine has to do besides.
LONGEST_SECONDS: Final = 400.0
WHOLE_DISK_KIB: Final = 512 * 1024
# The room that a full disk has left: from none to what a part of a run needs.
LITTLE_ROOM_KIB: Final = (0, 300)
ROUNDS_OF_A_LIFE: Final = 25
# In which order faults come: each once in so many rounds, and else the kill alone.
FAULTS: Final = ("kill", "four", "locked", "clock", "ended", "disk", "kill", "kill")
# What `make test` can afford of them.
FEW_FAULTS: Final = {"sqlite": ("kill", "locked", "disk"), "postgres": ("kill", "locked", "ended")}
# Where such a fault is from the beginning on, a run may end before it begins.
FATAL: Final = {"locked", "disk", "ended"}
FATAL_SECONDS: Final = 3.0
NOW: Final = runs.CLOCK.now()


@dataclass
class Life:
    """A project under fire, and how far it is."""

    directory: Path
    world: worlds.World
    chance: random.Random
    server: Server | None
    disk: Path | None
    seconds: list[float] = field(default_factory=lambda: [1.5])
    tally: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.taken, self.errors = self.directory / "taken", self.directory / "errors"
        self.over = self.directory / "over"
        self.customers: ForkServerProcess | None = None

    def round(self, number: int, until_hour: int, fault: str) -> None:
        """One round: start, let the fault happen, kill, and look how all ended."""
        what = f"round {number} ({fault})"
        until = worlds.START + until_hour * worlds.HOUR
        now = worlds.START + self.chance.randrange(until_hour + 1) * worlds.HOUR if fault == "clock" else NOW
        began = time.monotonic()
        self._welcome_customers()
        context = forking()
        begun = self.directory / f"begun-{number}"
        outcomes = [self.directory / f"outcome-{number}-{place}" for place in range(4 if fault == "four" else 1)]
        runners = [context.Process(target=run_to, args=(self.directory, until, now, begun, path)) for path in outcomes]
        for process in runners:
            process.start()
        with self._fault(fault):
            self._kill(runners, begun, fault)
            self._await(runners, what)
        for process, outcome in zip(runners, outcomes, strict=True):
            self._look(process, outcome, fault, what)
        if self.customers and self.chance.random() < 0.5:
            self.customers.kill()
        codes = [process.exitcode for process in runners]
        print(f"{what}: {time.monotonic() - began:.1f} s, {codes}, {len(numbers_in(self.taken))} top-ups", flush=True)  # noqa: T201 - who waits for an hour wants to see it go on

    def _welcome_customers(self) -> None:
        """Let there be top-ups; who was killed takes up where he was."""
        if self.customers is None or not self.customers.is_alive():
            arguments = (self.directory, self.over, self.taken, self.errors)
            self.customers = forking().Process(target=top_up, args=arguments)
            self.customers.start()

    def _kill(self, runners: list[ForkServerProcess], begun: Path, fault: str) -> None:
        """Kill one of the runs at a random moment of it; a run that meets another fault is left alone every second time."""
        until = time.monotonic() + (LONGEST_SECONDS if fault not in FATAL else FATAL_SECONDS)
        while not begun.exists() and time.monotonic() < until:
            time.sleep(0.005)
        began = time.monotonic()
        if fault in {"kill", "four"} or self.chance.random() < 0.5:
            victim = self.chance.choice(runners)
            usual = sorted(self.seconds[-9:])[len(self.seconds[-9:]) // 2]
            victim.join(self.chance.uniform(0, 1.1 * usual))
            victim.kill()
            victim.join()
            if victim.exitcode:
                return
        runners[0].join(LONGEST_SECONDS)
        self.seconds.append(time.monotonic() - began)

    def _await(self, processes: list[ForkServerProcess], what: str) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        hanging = [process for process in processes if process.exitcode is None]
        for process in hanging:
            process.kill()
        assert not hanging, f"{what}: {len(hanging)} processes did not end within {LONGEST_SECONDS:g} s"

    def _look(self, process: ForkServerProcess, outcome: Path, fault: str, what: str) -> None:
        """A run came to its end, was killed, or met an error that speaks of the fault."""
        code = process.exitcode
        said = outcome.read_text(encoding="utf-8") if outcome.exists() else ""
        self.tally[{0: "whole", FAILED: "met an error", -9: "killed"}.get(code or 0, "ended strangely")] += 1
        assert code in {0, -9, FAILED}, f"{what}: a run ended with {code} {said}"
        if code == FAILED:
            assert any(words in said.lower() for words in SPEAKS_OF.get(fault, ())), f"{what}: {said}"

    def _fault(self, fault: str) -> contextlib.AbstractContextManager[object]:
        catalog = load_settings(self.directory).lake.catalog
        room = self.chance.randint(*LITTLE_ROOM_KIB)
        if fault == "disk" and self.disk is not None:
            return assailants.full_disk(self.disk, room, WHOLE_DISK_KIB)
        if isinstance(catalog, Postgres):
            assert self.server is not None
            database = catalog.keywords.split()[0].removeprefix("dbname=")
            if fault == "locked":
                return assailants.locked_tables(self.server, database, self.chance)
            if fault == "ended":
                return assailants.ended_connections(self.server, database, self.chance)
        elif fault == "locked":
            return assailants.locked_file(catalog, self.chance)
        return contextlib.nullcontext()

    def live(self, rounds: int, first_round: int, faults: Sequence[str]) -> None:
        """So many rounds, in which everything lands bit by bit."""
        settings = load_settings(self.directory)
        facts = [row for file in self.world.facts[1:] for row in worlds.by_row(file)]
        settings.price_book.write_text(worlds.BOOKS[0], encoding="utf-8")
        with runs.open_project(self.directory) as project:
            runs.land(project, self.world.facts[:1])  # the accounts: there is somebody to top up
            runs.run(project, worlds.START)
        files = zip(parts(facts, rounds), parts(self.world.usage, rounds), strict=True)
        kinds = itertools.islice(itertools.cycle(faults), first_round, None)
        for number, (some, fault) in enumerate(zip(files, kinds, strict=False)):
            runs.land_in(settings.landing, itertools.chain(*some))
            if number == rounds // 2:
                settings.price_book.write_text(worlds.BOOKS[1], encoding="utf-8")
            self.round(first_round + number, 1 + worlds.HOURS * number // rounds, fault)
        self.over.touch()
        if self.customers:
            self._await([self.customers], "the last top-up")
        self._look_at_errors()

    def _look_at_errors(self) -> None:
        """Whoever topped up met errors that speak of a fault, and no other."""
        errors = self.errors.read_text(encoding="utf-8").splitlines() if self.errors.exists() else []
        self.tally["top-ups refused for a while"] += len(errors)
        known = [words for some in SPEAKS_OF.values() for words in some]
        strange = [error for error in errors if not any(words in error.lower() for words in known)]
        assert strange == []

    def check(self, unbroken: Path) -> None:
        """The last run, and the books as those of a run that nothing disturbed."""
        with runs.open_project(self.directory) as project:
            # What was acknowledged is there, and perhaps one more, of which nobody heard.
            granted = len(numbers_in(self.taken))
            grant(project, granted)
            there = "select count(*) from grants where grant_id like 'top-up-%'"
            assert project.lake.connection.execute(there).fetchall() == [(granted + 1,)]
            runs.take_books(project)
            runs.land(project, [*self.world.facts, *self.world.usage])
            runs.run(project)
            check_all(project)
            found = books(project.lake)
        with runs.opened(unbroken) as project:
            runs.take_books(project)
            runs.land(project, [*self.world.facts, *self.world.usage])
            runs.land(project, [worlds.File("grants", "top-ups.csv", _csv_of_top_ups(granted + 1))])
            runs.run(project)
            assert_same(books(project.lake), found)


def _csv_of_top_ups(count: int) -> bytes:
    rows = [assailants.top_up_row(number) for number in range(count)]
    return "".join(",".join(cells) + "\n" for cells in (rows[0], *(row.values() for row in rows))).encode()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A disk of its own; none where that takes rights that we lack, and then no round has a full one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={WHOLE_DISK_KIB}k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("rounds", [2, pytest.param(200, marks=pytest.mark.soak)])
def test_rounds_of_faults_leave_the_books_as_they_should_be(
    rounds: int, kind: str, tmp_path: Path, disk: Path | None, request: pytest.FixtureRequest
) -> None:
    server: Server | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    short = rounds < ROUNDS_OF_A_LIFE
    world = worlds.make(machines=6) if short else worlds.make()
    began, tally, granted = time.monotonic(), Counter[str](), 0
    place = disk or tmp_path
    for number, first in enumerate(range(0, rounds, ROUNDS_OF_A_LIFE)):
        catalog = f"sqlite:{place}/{number}/catalog.sqlite"
        if server is not None:
            catalog = f"postgres:{server.keywords(server.make_database())} options='-c lock_timeout=4s'"
        directory = runs.make_project(tmp_path / f"p{number}", catalog, f"{place}/{number}/data")
        chance = random.Random(f"{kind} {rounds} {number}")  # noqa: S311 - moments that can be had again
        life = Life(directory, world, chance, server, disk, tally=tally)
        life.live(min(rounds - first, ROUNDS_OF_A_LIFE), first, FEW_FAULTS[kind] if short else FAULTS)
        life.check(tmp_path / f"unbroken{number}")
        granted += len(numbers_in(life.taken))
    lasted = timedelta(seconds=round(time.monotonic() - began))
    lacking = "" if disk else "; no full disk: a tmpfs cannot be mounted here"
    print(f"\n{kind}: {rounds} rounds in {lasted}, {granted} top-ups, processes: {dict(tally)}{lacking}")  # noqa: T201 - figures
    # Of two rounds chance may let each run end first.
    assert short or tally["killed"] >= rounds // 3
