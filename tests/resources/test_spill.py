"""Goal: what does not fit into memory is beside the lake, in a folder for each connection, and does not stay there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from resources.lake import Lake, connect
from resources.project import Project
from resources.settings import load_settings
from resources.spill import INFIX, delete_left_spill, spill_folder
from resources.upkeep import Limits, upkeep
from tests.pipelines.tiny import make
from tests.resources.billed import sqlite_file

# Far more than the limit below lets be in memory.
TOO_MUCH = "create or replace temp table large as select range as a, md5(range::varchar) as b from range(2000000)"
LIMIT = "60MB"
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working folder in which nothing is left."""
    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


def lake_in(folder: Path) -> Lake:
    return Lake(folder / "lake's.sqlite", folder / "data", threads=1, memory_limit=LIMIT)


def spilled(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if INFIX in path.name)


def test_what_is_too_much_for_memory_is_beside_the_lake_until_it_closes(tmp_path: Path) -> None:
    with lake_in(tmp_path) as first, lake_in(tmp_path) as second:
        assert first.connection.execute("select 1").fetchone() == (1,)
        assert spilled(tmp_path) == [], "nothing is made where everything fits"
        for lake in (first, second):
            lake.connection.execute(TOO_MUCH)
        folders = spilled(tmp_path)
        assert len(folders) == 2, "one of each"
        assert all(sum(file.stat().st_size for file in folder.iterdir()) > 10_000_000 for folder in folders)
        first.close()
        assert len(spilled(tmp_path)) == 1
        assert second.connection.execute("select sum(a)::bigint, count(distinct b) from large").fetchone() == (
            1999999000000, 2000000,
        )  # fmt: skip
    assert spilled(tmp_path) == []


def test_without_a_lake_it_is_among_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with connect(threads=1, memory_limit=LIMIT) as connection:
        connection.execute(TOO_MUCH)
        assert len(spilled(tmp_path)) == 1
    assert spilled(tmp_path) == []


def bytes_allowed(connection: duckdb.DuckDBPyConnection) -> float:
    """What a connection may hold; DuckDB shows it with one decimal."""
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    amount, unit = (row or [""])[0].split()
    return float(amount) * UNITS[unit]


def test_without_a_limit_there_is_room_beside_duckdb() -> None:
    with duckdb.connect() as plain, connect(threads=1) as ours, connect(threads=1, memory_limit=LIMIT) as limited:
        assert bytes_allowed(ours) == pytest.approx(bytes_allowed(plain) / 2, rel=0.1)
        assert bytes_allowed(limited) == pytest.approx(60_000_000, rel=0.1)


VICTIM = f"""
import sys, time
from pathlib import Path
from resources.settings import load_settings
from resources.project import Project
with Project.open(load_settings(Path(sys.argv[1])).model_copy(update={{"memory_limit": "{LIMIT}"}})) as project:
    project.lake.connection.execute("{TOO_MUCH}")
    print("spilled", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Project, Path]:
    """A project, and the folder that a process left that was killed while it had spilled."""
    settings = make(tmp_path / "project")
    directory = settings.price_book.parent
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(directory)], stdout=subprocess.PIPE, text=True, cwd=tmp_path / "working",
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "spilled\n"
        process.send_signal(signal.SIGKILL)
    [left] = spilled(sqlite_file(settings.lake.catalog).parent)
    return Project.open(load_settings(directory)), left


def test_upkeep_deletes_what_a_killed_process_left_once_no_run_can_be_open(killed: tuple[Project, Path]) -> None:
    project, left = killed
    with project:
        assert project.lake.value("steps/writer/next_run") >= 1, "what was left harms nobody"
        longest = Limits().longest_run
        for hours, deleted in ((-1, 0), (1, 1), (1, 0)):
            now = datetime.now(UTC) + longest + timedelta(hours=hours)
            assert upkeep(project, now=now)["spill_folders_deleted"] == deleted
            assert left.exists() == (deleted == 0 and hours < 0)


def test_only_folders_of_this_lake_are_deleted(tmp_path: Path) -> None:
    catalog = tmp_path / "lake.sqlite"
    mine, other = spill_folder(catalog), spill_folder(tmp_path / "other.sqlite")
    recent = spill_folder(catalog)
    for folder in (mine, other, recent):
        folder.mkdir()
        (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    kept = tmp_path / "kept"
    kept.mkdir()
    spill_folder(catalog).symlink_to(kept)
    spill_folder(catalog).write_text("a file", encoding="utf-8")
    old = time.time() - 1000
    for path in (mine, *mine.iterdir(), other, *other.iterdir(), recent, kept):
        os.utime(path, (old, old))
    before = datetime.fromtimestamp(old + 500, UTC)
    assert delete_left_spill(catalog, before) == 1
    assert (mine.exists(), other.exists(), recent.exists(), kept.exists()) == (False, True, True, True)
    assert len(spilled(tmp_path)) == 4
