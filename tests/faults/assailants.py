"""What the rounds of faults let loose: runs and top-ups in processes of their own, and what is done to them.

What belongs here: those processes, and each fault as something that begins and ends. What does not: how rounds follow one
another and what must hold afterwards (`test_rounds.py`).
"""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from pipelines.hourly import run_hourly
from resources.clock import FixedClock
from resources.project import Project
from resources.reference import take_or_refuse
from resources.settings import load_settings
from resources.writer import record
from tests.faults import runs, worlds
from tests.postgres_server import Server

# A process that met an error ends with this, and has written the error down.
FAILED: Final = 3
BETWEEN_TOP_UPS_SECONDS: Final = 0.3
# The longest that a catalog is kept locked: longer than a connection to either kind of catalog waits before it tries again.
LONGEST_LOCK_SECONDS: Final = 6.0
HOLD: Final = f"""
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout={LONGEST_LOCK_SECONDS}, isolation_level=None)
connection.execute("begin immediate")
time.sleep(float(sys.argv[2]))
connection.execute("rollback")
"""
# What an error must speak of where a fault may end a run.
SPEAKS_OF: Final = {
    "locked": ("lock", "gave up on the catalog"),
    "disk": ("no space left", "disk is full", "disk full", "disk i/o"),
    # The last is what DuckDB says to whoever asks on in a transaction whose connection is gone.
    "ended": ("terminat", "closed the connection", "connection", "writer's lock", "transaction is aborted"),
}


def top_up_row(number: int) -> dict[str, str]:
    """The top-up of a number: always the same, so that it may be tried again."""
    return {
        "grant_id": f"top-up-{number:05d}", "account_id": worlds.ACCOUNTS[number % len(worlds.ACCOUNTS)],
        "kind": "promotional", "amount": "0.01",
        "currency": worlds.CURRENCIES.get(worlds.ACCOUNTS[number % len(worlds.ACCOUNTS)], "EUR"),
        "effective_at": worlds.text(worlds.START + (number % 7) * worlds.HOUR), "priority": "50",
    }  # fmt: skip


def grant(project: Project, number: int) -> None:
    """Take a top-up, as the command does; the one of a number that was taken changes nothing."""
    record(project.lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", top_up_row(number)))


# Processes speak by files: a lock that several share (an Event has one) is never let go by one that is killed holding it.
def run_to(directory: Path, until: datetime, now: datetime, begun: Path, outcome: Path) -> None:
    """Run the hourly steps, by a clock that stands at `now`; says when they begin."""
    with _outcome(outcome), Project.open(load_settings(directory), FixedClock(now)) as project:
        begun.touch()
        run_hourly(project, until)


def top_up(directory: Path, over: Path, taken: Path, errors: Path) -> None:
    """Top up until it is over, from the first number on that is not among `taken`, and try again whatever is refused.

    It is over when there is a file `over`. Numbers that were acknowledged are appended to `taken`, errors to `errors`.
    """
    number = len(numbers_in(taken))
    with contextlib.ExitStack() as open_lake:
        project = None
        while not over.exists():
            try:
                project = project or open_lake.enter_context(runs.open_project(directory))
                grant(project, number)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test reads it
                _append(errors, " ".join(f"{type(error).__name__}: {error}".split()))
            else:
                _append(taken, str(number))
                number += 1
            time.sleep(BETWEEN_TOP_UPS_SECONDS)


def numbers_in(taken: Path) -> list[int]:
    """The top-ups that were acknowledged."""
    return [int(line) for line in taken.read_text(encoding="utf-8").split()] if taken.exists() else []


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@contextlib.contextmanager
def _outcome(path: Path) -> Iterator[None]:
    """Write an error down, and end with it."""
    try:
        yield
    except Exception as error:
        path.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        raise SystemExit(FAILED) from error


@contextlib.contextmanager
def locked_file(catalog: Path, chance: random.Random) -> Iterator[None]:
    """A process that writes to the SQLite catalog, and takes its time."""
    # In a process of its own: a second SQLite in this one would drop the locks of the first.
    command = [sys.executable, "-I", "-c", HOLD, str(catalog), f"{chance.uniform(0.5, LONGEST_LOCK_SECONDS):.2f}"]
    with subprocess.Popen(command) as holder:
        try:
            yield
        finally:
            holder.wait()


@contextlib.contextmanager
def locked_tables(server: Server, database: str, chance: random.Random) -> Iterator[None]:
    """Somebody in PostgreSQL who locks the tables of the catalog, and takes his time."""
    tables = "lock table ducklake_snapshot, ducklake_data_file, ducklake_metadata in access exclusive mode"
    seconds = chance.uniform(0.5, LONGEST_LOCK_SECONDS)
    with subprocess.Popen(
        server.command(f"begin; {tables}; select pg_sleep({seconds:.2f}); rollback", database),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as holder:
        try:
            yield
        finally:
            holder.wait()


@contextlib.contextmanager
def ended_connections(server: Server, database: str, chance: random.Random) -> Iterator[None]:
    """A server that ends all connections to the catalog, several times."""
    ends = "; ".join(
        f"select pg_sleep({chance.uniform(0.05, 0.7):.2f}); "
        f"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{database}'"
        for _ in range(4)
    )
    with subprocess.Popen(server.command(ends, "postgres"), stdout=subprocess.DEVNULL) as ender:
        try:
            yield
        finally:
            ender.wait()


@contextlib.contextmanager
def full_disk(disk: Path, room_kib: int, whole_kib: int) -> Iterator[None]:
    """A disk that has little room left, and then room again."""
    while not _resize(disk, _used_kib(disk) + room_kib):
        time.sleep(0.001)  # it grew in between
    try:
        yield
    finally:
        assert _resize(disk, whole_kib)


def _used_kib(disk: Path) -> int:
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // 1024


def _resize(disk: Path, kib: int) -> bool:
    command = ["mount", "-o", f"remount,size={kib}k", str(disk)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
