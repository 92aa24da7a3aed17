"""Top-ups and readers beside an hourly run and an upkeep: all finish, none waits (design 3)."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

import pytest

from benchmarks.data import write_records
from benchmarks.history import make_project, open_project
from benchmarks.sizes import MEASURED_HOUR, Sizes
from pipelines.hourly import run_hourly
from resources.clock import SystemClock
from resources.lake import Lake
from resources.project import Project
from resources.reference import take_or_refuse
from resources.settings import load_settings
from resources.upkeep import Limits, upkeep
from resources.writer import record
from tests.faults import runs, worlds
from tests.faults.victim import forking

BETWEEN_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 300.0
# Merge and flush whatever there is, and forget snapshots at once: as much upkeep as there can be.
ALL_THERE_IS: Final = Limits(flushed_rows=1, snapshots_kept=timedelta(0))
# Both sides of the books of some hours at one instant, by the views and without them.
SUMS: Final = """
select
    (select coalesce(sum(amount_delta), 0) from books.charges where slice_start >= $since),
    (select coalesce(sum(amount), 0) from books.ledger_entries
     where kind = 'usage' and account like 'revenue:%' and slice_start >= $since),
    (select coalesce(sum(quantity), 0) from books.usage_hourly where meter = 'cpu' and slice_start >= $since),
    (select coalesce(sum(quantity_delta), 0) from books.charges where meter = 'cpu' and slice_start >= $since),
    (select coalesce(sum(amount_delta), 0) from lake.main.charges where slice_start >= $since),
    (select coalesce(sum(amount), 0) from lake.main.ledger_entries
     where kind = 'usage' and account like 'revenue:%' and slice_start >= $since)
"""


@dataclass(frozen=True)
class Scene:
    """A project, whom to grant there, and from which hour on to sum."""

    directory: Path
    open: Callable[[Path], Project]
    account: str
    since: datetime


@dataclass
class Report:
    """What one process beside the run saw."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    broken: int = 0
    half: int = 0
    states: int = 0

    def spread(self) -> str:
        """How long things took."""
        ordered = sorted(self.seconds)
        shares = ", ".join(
            f"{share} % {ordered[min(len(ordered) - 1, len(ordered) * share // 100)]:.3f} s" for share in (50, 90, 99)
        )
        return f"{len(ordered)} times, {shares}, longest {ordered[-1]:.3f} s"

    def attempt(self, work: Callable[[], None]) -> None:
        """Do it, and keep how long it took and how it failed."""
        began = time.monotonic()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test names it
            self.errors.append(repr(error))
        self.seconds.append(time.monotonic() - began)


def top_up(scene: Scene, over: Event, results: Connection) -> None:
    """Grant a little every tenth of a second, as the command does, until it is over."""
    report = Report()
    with scene.open(scene.directory) as project:
        results.send(None)
        while not over.is_set():
            report.attempt(lambda: _grant(project, scene))
            time.sleep(max(0.0, BETWEEN_SECONDS - report.seconds[-1]))
    results.send(report)


def _grant(project: Project, scene: Scene) -> None:
    row = {
        "grant_id": str(uuid.uuid4()), "account_id": scene.account, "kind": "promotional", "amount": "0.01",
        "currency": "EUR", "effective_at": worlds.text(scene.since),
    }  # fmt: skip
    record(project.lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", row))


def read(scene: Scene, over: Event, results: Connection) -> None:
    """Sum the very hours that are being written, in a loop, until it is over."""
    report = Report()
    seen: set[tuple[int, int]] = set()
    settings = load_settings(scene.directory)
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True, threads=1) as lake:
        lake.connection.execute("select 1")
        results.send(None)
        while not over.is_set():
            report.attempt(lambda: _read_once(lake, scene, report, seen))
    report.states = len(seen)
    results.send(report)


def _read_once(lake: Lake, scene: Scene, report: Report, seen: set[tuple[int, int]]) -> None:
    row = lake.connection.execute(SUMS, {"since": scene.since}).fetchone()
    assert row is not None
    charges, revenue, used, charged, raw_charges, raw_revenue = row
    report.broken += charges + revenue != 0 or used != charged
    report.half += raw_charges + raw_revenue != 0
    seen.add((charges, used))


def beside(scene: Scene, work: Callable[[Project], None]) -> tuple[Report, Report]:
    """Do this work while one process grants and another reads; returns what they saw."""
    context = forking()
    over = context.Event()
    started = []
    for target in (top_up, read):
        listening, speaking = context.Pipe(duplex=False)
        process = context.Process(target=target, args=(scene, over, speaking))
        process.start()
        started.append((process, listening))
        assert listening.poll(LONGEST_SECONDS)
        listening.recv()
    try:
        with scene.open(scene.directory) as project:
            work(project)
    finally:
        over.set()
    reports = [listening.recv() for _, listening in started if listening.poll(LONGEST_SECONDS)]
    for process, _ in started:
        process.join(LONGEST_SECONDS)
    top_ups, reads = reports
    return top_ups, reads


def show(top_ups: Report, reads: Report) -> None:
    """Print the figures for the person who looks."""
    print(  # noqa: T201
        f"\ntop-ups: {top_ups.spread()}\nreads: {reads.spread()}, {reads.states} states of the books, "
        f"{reads.half} times in the middle of a run"
    )


def test_top_ups_and_readers_do_not_wait_for_a_run_and_an_upkeep(tmp_path: Path, world: worlds.World) -> None:
    directory = runs.make_project(tmp_path / "p")
    with runs.open_project(directory) as project:
        runs.take_books(project)
        runs.land(project, world.facts)
        runs.run(project, worlds.START)

    def work(project: Project) -> None:
        for hour in (16, worlds.HOURS):
            runs.land(project, world.arrived(hour))
            run_hourly(project, worlds.START + hour * worlds.HOUR)
            upkeep(project, ALL_THERE_IS, SystemClock().now() + timedelta(days=3))

    scene = Scene(directory, runs.open_project, "account-01", worlds.START)
    top_ups, reads = beside(scene, work)
    assert_undisturbed(top_ups, reads)
    assert reads.states > 2
    assert_booked(scene, top_ups, worlds.END)


def assert_undisturbed(top_ups: Report, reads: Report) -> None:
    """Nobody met an error or half a run; the figures are printed."""
    show(top_ups, reads)
    assert top_ups.errors == []
    assert reads.errors == []
    assert reads.broken == 0


def assert_booked(scene: Scene, top_ups: Report, until: datetime) -> None:
    """Every top-up that was acknowledged is there, and the next run books it."""
    with scene.open(scene.directory) as project:
        run_hourly(project, until)
        granted = "select count(*) from grants where reason = '' and amount = 0.01"
        booked = "select count(*) from ledger_entries where kind = 'grant' and account = 'promotion' and amount = 0.01"
        counts = [project.lake.connection.execute(query).fetchone() for query in (granted, booked)]
        assert counts == [(len(top_ups.seconds),)] * 2


@pytest.mark.soak
def test_top_ups_and_readers_beside_an_hour_of_twelve_million_records(tmp_path: Path) -> None:
    """The longest of each is printed, and to be compared with one second (figures are no assertions)."""
    sizes = Sizes()
    project_folder, file = tmp_path / "project", tmp_path / "hour.parquet"
    make_project(project_folder, sizes, print)
    write_records(file, sizes, dirty=True)
    scene = Scene(project_folder, open_project, "account-000007", MEASURED_HOUR)

    def work(project: Project) -> None:
        landed = project.settings.landing / "usage_records" / "hour.parquet"
        landed.parent.mkdir(parents=True, exist_ok=True)
        file.rename(landed)
        run_hourly(project, MEASURED_HOUR + worlds.HOUR)
        upkeep(project, ALL_THERE_IS, SystemClock().now() + timedelta(days=3))

    top_ups, reads = beside(scene, work)
    assert_undisturbed(top_ups, reads)
    assert reads.states > 1
    assert_booked(scene, top_ups, MEASURED_HOUR + worlds.HOUR)
