"""Backups while a run is under way, and that what is restored is the same.

What belongs here: taking, restoring and comparing. What does not: when (`under_way.py`).
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.history import open_project
from benchmarks.measure import BenchmarkError
from resources.backup import backup, restore, restore_settings
from resources.settings import load_settings

# Appended and never changed: what a run wrote of them is there whole, or not at all.
FACTS: Final = (
    "accounts", "subscriptions", "grants", "price_books", "run_hours", "usage_events", "rejected_events", "usage_hourly",
    "charges", "ledger_entries",
)  # fmt: skip
# What changes with every run.
OTHERS: Final = ("runs", "step_heads", "rated_totals", "lot_positions", "ingested_files")
_CONTENT: Final = "select run, count(*), sum(hash(rows)::hugeint) from {table} as rows group by run order by run"
_BALANCES: Final = "select account, currency, sum(amount) from ledger_entries group by all order by all"

Books = dict[tuple[str, int], tuple[int, int]]


@dataclass(frozen=True)
class Kept:
    """Seconds of a backup beside the run and of restoring it, and of the backup after the run and of restoring that."""

    backup_beside: float
    restored_beside: float
    backup_after: float
    restored_after: float


def back_up(folder: Path, target: Path, begin: Path | None) -> float:
    """Back the project up, once the file is there that tells that the run began; returns the seconds."""
    settings = load_settings(folder)
    while begin is not None and not begin.exists():
        time.sleep(0.01)
    started = time.perf_counter()
    backup(settings, target)
    return time.perf_counter() - started


def restored(source: Path, folder: Path) -> float:
    """Restore a backup to a folder that is empty then; returns the seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.perf_counter()
    restore_settings(source, folder)
    restore(source, load_settings(folder))
    return time.perf_counter() - started


def check_part(folder: Path, restored_folder: Path) -> None:
    """What was restored of a backup beside a run is, for every run it knows of, what the project has."""
    whole, part = _content(folder, FACTS), _content(restored_folder, FACTS)
    wrong = [key for key, found in part.items() if whole.get(key) != found]
    if wrong or not part:
        raise BenchmarkError(f"what was restored differs from the project in {wrong[:5]}")


def check_whole(folder: Path, restored_folder: Path) -> None:
    """What was restored of a backup at rest is the project: every row, and every balance."""
    for name in (*FACTS, *OTHERS):
        if _content(folder, (name,)) != _content(restored_folder, (name,)):
            raise BenchmarkError(f"what was restored differs from the project in {name}")
    if _balances(folder) != _balances(restored_folder):
        raise BenchmarkError("what was restored has other balances than the project")


def _content(folder: Path, tables: tuple[str, ...]) -> Books:
    """How many rows each run wrote to each table, and a sum over what they say."""
    found: Books = {}
    with open_project(folder) as project:
        for table in tables:
            rows = project.lake.connection.execute(_CONTENT.format(table=table)).fetchall()
            found |= {(table, run): (count, content) for run, count, content in rows}
    return found


def _balances(folder: Path) -> list[tuple[object, ...]]:
    with open_project(folder) as project:
        return project.lake.connection.execute(_BALANCES).fetchall()
