"""Upkeep: what keeps the lake fast and small while it is used (design 3).

What belongs here: when rows are flushed, files merged and deleted, snapshots expired. What does not: deleting facts;
the books hold the same rows before and after.

Everything is done in bites. Each takes the writer's lock for itself, for well under a second, and rests afterwards for
as long as it worked, so that runs and top-ups get in between. A killed upkeep leaves files that nobody knows, which a
later one deletes; nothing else.

Three things of DuckLake 1.0 decide the rest:

- `delete_orphaned_files` would delete what a writer has staged and not yet committed: only files are deleted that are
  older than any run that can still be open.
- `older_than` counts the cutoff's whole day as older: snapshots are expired by number, files by days wholly past.
- A reader opens files as it comes to them: a file that was merged away is kept for longer than the longest query.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from resources.catalogs import beside
from resources.file_guard import deleting_files
from resources.lake import Lake
from resources.lock import writer_lock
from resources.project import Project
from resources.spill import delete_left_spill
from resources.staging import flush
from resources.writer import transaction

CATALOG = "__ducklake_metadata_lake"
LEAST_PAUSE_SECONDS = 0.02
SNAPSHOTS_A_BITE = 100


@dataclass(frozen=True)
class Limits:
    """How much is done at once, and how long things are kept.

    Attributes:
        flushed_rows: a table's rows stay in the catalog until there are so many of them.
        small_bytes: files below this are merged, up to twice this a bite: 0.2 s on one core, even of random ids.
        snapshots_kept: how far back `at (timestamp => ...)` reaches. The books need none: "as of run N" is a filter.
        longest_query: files that a query may still be reading are kept for at least this long.
        longest_run: files that no snapshot knows, and what was spilled from memory, may be a run's that is still open, up
            to this age.
    """

    flushed_rows: int = 1000
    small_bytes: int = 2_000_000
    snapshots_kept: timedelta = timedelta(days=7)
    longest_query: timedelta = timedelta(days=1)
    longest_run: timedelta = timedelta(days=2)


DEFAULTS = Limits()


@dataclass
class Done:
    """What an upkeep did."""

    rows_flushed: int = 0
    files_merged: int = 0
    files_written: int = 0
    snapshots_expired: int = 0
    files_deleted: int = 0
    orphans_deleted: int = 0
    spill_folders_deleted: int = 0
    files_kept_for_backup: bool = False
    bites: int = 0
    longest_lock_seconds: float = 0.0


@dataclass
class _Upkeep:
    lake: Lake
    limits: Limits
    now: datetime
    done: Done = field(default_factory=Done)

    def run(self) -> None:
        self._set_target_file_size()
        self._flush_rows()
        self._rewrite_files()
        self._merge_files()
        self._expire_snapshots()
        self._clean_up_files()
        self._delete_orphans()
        place = beside(self.lake.catalog, self.lake.data)
        self.done.spill_folders_deleted = delete_left_spill(place, self.now - self.limits.longest_run)

    def _set_target_file_size(self) -> None:
        wanted = 2 * self.limits.small_bytes
        if self.lake.value("steps/upkeep/target_file_size") != wanted:
            with self._bite():
                self.lake.run_statement("steps/upkeep/set_target_file_size", {"bytes": wanted})

    def _flush_rows(self) -> None:
        for table in self._tables_to_flush():
            flushed = self._write(table, "flush_table", {})
            self.done.rows_flushed += sum(rows for _, _, rows in flushed)

    def _tables_to_flush(self) -> list[str]:
        held = self.lake.frame("steps/upkeep/inlined_tables").rows()
        counts: dict[str, int] = {}
        for table, place in held:  # more than one place where a migration changed the table
            row = self.lake.connection.execute(f'select count(*) from {CATALOG}."{place}"').fetchone()
            counts[table] = counts.get(table, 0) + (row[0] if row else 0)
        return [table for table, count in counts.items() if count >= self.limits.flushed_rows]

    def _rewrite_files(self) -> None:
        """Checkpoints delete their old generation; flushed rows of it would stay in the file for ever."""
        for table in self._tables("tables_half_deleted", {"bite_bytes": 2 * self.limits.small_bytes}):
            self._write(table, "rewrite_table", {})

    def _merge_files(self) -> None:
        small = {"small_bytes": self.limits.small_bytes}
        for table in self._tables("tables_to_merge", small):
            while merged := self._write(table, "merge_table", small):
                self.done.files_merged += sum(before for _, _, before, _ in merged)

    def _tables(self, name: str, parameters: Mapping[str, Any]) -> list[str]:
        return self.lake.frame(f"steps/upkeep/{name}", parameters)["table_name"].to_list()

    def _write(self, table: str, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """A bite in which DuckLake writes files of a table: they are on disk before the catalog names them."""
        with self._bite():
            before = _written_files(self.lake.data, table)
            result = self.lake.run_statement(f"steps/upkeep/{name}", {"table": table, **parameters}).fetchall()
            written = _written_files(self.lake.data, table) - before
            flush(sorted(written), self.lake.data)
        self.done.files_written += len(written)
        return result

    def _expire_snapshots(self) -> None:
        cutoff = {"cutoff": self.now - self.limits.snapshots_kept}
        old = self.lake.frame("steps/upkeep/old_snapshots", cutoff)["snapshot_id"].to_list()
        for first in range(0, len(old), SNAPSHOTS_A_BITE):
            some = old[first : first + SNAPSHOTS_A_BITE]
            with self._bite():
                self.lake.run_statement("steps/upkeep/expire_snapshots", {"snapshots": some})
            self.done.snapshots_expired += len(some)

    def _clean_up_files(self) -> None:
        """Delete the files that merges and expired snapshots gave up, once no query can be reading them."""
        cutoff = {"cutoff": self.now - self.limits.longest_query}
        for day in self.lake.frame("steps/upkeep/days_to_clean_up", cutoff)["day"]:
            self.done.files_deleted += self._delete("clean_up_files", {"day": day})

    def _delete_orphans(self) -> None:
        cutoff = {"cutoff": self.now - self.limits.longest_run}
        self.done.orphans_deleted += self._delete("delete_orphans", cutoff)

    def _delete(self, name: str, parameters: Mapping[str, Any]) -> int:
        """A bite that deletes files, unless a backup is copying them: then a later upkeep does it."""
        with self._bite(), deleting_files(self.lake) as may_delete:
            if may_delete:
                return len(self.lake.run_statement(f"steps/upkeep/{name}", parameters).fetchall())
        self.done.files_kept_for_backup = True
        return 0

    @contextlib.contextmanager
    def _bite(self) -> Iterator[None]:
        with writer_lock(self.lake):
            began = time.monotonic()
            with transaction(self.lake):
                yield
            held = time.monotonic() - began
        self.done.bites += 1
        self.done.longest_lock_seconds = max(self.done.longest_lock_seconds, held)
        time.sleep(max(held, LEAST_PAUSE_SECONDS))


def _written_files(data: Path, table: str) -> set[Path]:
    """The files that DuckLake itself wrote for a table; the writer's own are named otherwise."""
    return set((data / "main" / table).rglob("ducklake-*.parquet"))


def upkeep(project: Project, limits: Limits = DEFAULTS, now: datetime | None = None) -> dict[str, Any]:
    """Flush, merge, expire and delete what is due; safe beside runs, commands, readers and a second upkeep.

    Returns what was done (see `Done`). `now` is the machine's time, by which DuckLake stamps snapshots and the disk
    stamps files, whatever the project's clock says; tests give a later one.
    """
    work = _Upkeep(project.lake, limits, now or datetime.now(UTC))
    work.run()
    return asdict(work.done)
