"""Parquet files made ready before a commit: written in the table's layout, and flushed to disk.

What belongs here: files on their way into the lake. What does not: the commit itself (`writer.py`).
DuckLake registers a file without flushing it and without looking at what it holds (design 3), so both are done here.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl

from resources.catalogs import quoted
from resources.errors import LakeError
from resources.lake import Lake, Parameters
from resources.statements import statement

# The time by whose UTC day the rows of a table are laid out; the others have one folder.
DAY_OF = {
    "usage_events": "timestamp",
    "usage_hourly": "slice_start",
    "charges": "slice_start",
    "held_charges": "slice_start",
    "ledger_entries": "posted_hour",
}
# The lowest level of zstd takes as long as lz4 does, for half the size (`make bench`): less to write, and to flush. Frames
# are hourly quantities and charges, which late records make be read again: there lz4 takes three quarters of the time.
# A dictionary is tried for every column of text: this many entries are enough for the accounts of a row group, and soon
# given up for the ids of events.
FORMAT = (
    "format parquet, parquet_version v2, compression zstd, compression_level 1, dictionary_size_limit 4000, "
    "return_files true"
)

# A disk with less room than this, in bytes, is full: it may have held a part of what could not be written.
LITTLE_ROOM = 1024 * 1024


@dataclass(frozen=True)
class StagedFile:
    """A flushed Parquet file that no catalog knows yet."""

    table: str
    path: Path


@dataclass(frozen=True)
class Staged:
    """What one statement staged: how many rows, in which files."""

    rows: int
    files: list[StagedFile]


def stage_frame(lake: Lake, table: str, frame: pl.DataFrame, run: int) -> Staged:
    """Write a frame, with its run, as files of the table. Polars writes its own frames in a fifth of DuckDB's time."""
    stamped = frame.with_columns(run=pl.lit(run, pl.Int64))
    key = DAY_OF.get(table)
    days = stamped[key].dt.date() if key else pl.Series([None])
    written = []
    with _new_files(lake, table) as batch:
        for day in days.unique().sort():
            path = _folder(lake, table, day) / f"{batch}.parquet"
            part = stamped if day is None else stamped.filter(days == day)
            _write(part, path)
            written.append(path)
        return _staged(lake, table, frame.height, written)


def _write(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame; where the disk is full, say so: Polars names a full disk a fault of the format, at times."""
    try:
        frame.write_parquet(path, compression="lz4")
    except pl.exceptions.PolarsError as error:
        if shutil.disk_usage(path.parent).free >= LITTLE_ROOM:
            raise
        message = f"no space left on the disk of {path.parent}; make room, and run again ({error})"
        raise LakeError(message) from error


def stage_statement(lake: Lake, table: str, name: str, parameters: Parameters, run: int) -> Staged:
    """Write what `sql/<name>.sql` selects, with its run, as files of the table; no file for no rows."""
    return stage_query(lake, table, statement(name), {**parameters, "stamped_run": run})


def stage_query(lake: Lake, table: str, query: str, parameters: Parameters) -> Staged:
    """The same for the text of a query; `$stamped_run` is the run of its rows."""
    key = DAY_OF.get(table)
    folder = _folder(lake, table, None)
    with _new_files(lake, table) as batch:
        if key is None:
            rows, written = _copy_plain(lake.connection, query, parameters, folder / f"{batch}.parquet")
        else:
            rows, written = _copy_by_day(lake.connection, query, parameters, folder, batch, key)
        return _staged(lake, table, rows, written)


def stage_day(lake: Lake, table: str, name: str, run: int, day: datetime) -> Staged:
    """The same where all rows are of one day: then they need not be told apart, which takes a third of the time.

    The statement selects those of the day that begins at `$day`.
    """
    with _new_files(lake, table) as batch:
        path = _folder(lake, table, day.astimezone(UTC)) / f"{batch}.parquet"
        parameters = {"day": day, "stamped_run": run}
        rows, written = _copy_plain(lake.connection, statement(name), parameters, path)
        return _staged(lake, table, rows, written)


def _staged(lake: Lake, table: str, rows: int, written: list[Path]) -> Staged:
    key = DAY_OF.get(table)
    if key is not None:
        _check_days(lake.connection, written, key)
    flush(written, lake.data)
    return Staged(rows, [StagedFile(table, path) for path in written])


@contextlib.contextmanager
def _new_files(lake: Lake, table: str) -> Iterator[str]:
    """A name that no file has, with which the names of new files begin. If they do not come about, none is left.

    On a full disk, what each attempt leaves would take the room that the next one needs.
    """
    batch = str(uuid.uuid4())
    try:
        yield batch
    except BaseException:
        for path in (lake.data / "main" / table).rglob(f"*{batch}*"):
            path.unlink(missing_ok=True)
        raise


def _folder(lake: Lake, table: str, day: date | None) -> Path:
    """The table's folder, or its folder of a day; it is there."""
    folder = lake.data / "main" / table
    if day is not None:
        folder = folder / f"year={day.year}" / f"month={day.month}" / f"day={day.day}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copy_by_day(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Parameters, folder: Path, batch: str, key: str
) -> tuple[int, list[Path]]:
    days = ", ".join(f'{part}("{key}") as {part}' for part in ("year", "month", "day"))
    copy = (
        f"copy (select *, $stamped_run::bigint as run, {days} from ({query})) to '{quoted(folder)}' ({FORMAT}, "
        f"partition_by (year, month, day), filename_pattern '{batch}-{{uuid}}', append true)"
    )
    return _files_of(connection.execute(copy, dict(parameters)))


def _copy_plain(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Parameters, path: Path
) -> tuple[int, list[Path]]:
    copy = f"copy (select *, $stamped_run::bigint as run from ({query})) to '{quoted(path)}' ({FORMAT})"
    return _files_of(connection.execute(copy, dict(parameters)))


def _files_of(result: duckdb.DuckDBPyConnection) -> tuple[int, list[Path]]:
    rows, paths = result.fetchone() or (0, [])
    files = [Path(path) for path in paths]
    if rows:
        return rows, files
    for path in files:
        path.unlink(missing_ok=True)
    return 0, []


def _check_days(connection: duckdb.DuckDBPyConnection, files: list[Path], key: str) -> None:
    """A file with rows of another day than its folder's would be left out by queries of that day."""
    if not files:
        return
    bounds = connection.execute(
        "select file_name, min(stats_min_value)[:10], max(stats_max_value)[:10] from parquet_metadata($files) "
        "where path_in_schema = $key group by file_name",
        {"files": [str(path) for path in files], "key": key},
    ).fetchall()
    for name, first, last in bounds:
        year, month, day = (part.partition("=")[2] for part in Path(name).parts[-4:-1])
        folder_day = f"{int(year):04}-{int(month):02}-{int(day):02}"
        if not first == last == folder_day:
            message = f"{name} holds rows of {first} to {last}, but its folder is {folder_day}'s; nothing was committed"
            raise LakeError(message)


def flush(files: Iterable[Path], root: Path) -> None:
    """Force files, and the folders that name them up to `root`, to disk: a catalog must not outlive its files."""
    folders: set[Path] = set()
    for path in files:
        _flush_one(path)
        folders.update(folder for folder in path.parents if folder == root or root in folder.parents)
    for folder in sorted(folders, reverse=True):
        _flush_one(folder)


def _flush_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
