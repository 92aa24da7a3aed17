"""A disk that fills up: the error says so, nothing of the books is lost, and with space the next run completes.

The lake lies on a small tmpfs. Its size is raised bit by bit, so that the runs break off in one step after the other.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import pytest

from pipelines.hourly import hourly_steps
from rating.errors import MeterbookError
from tests.faults import runs, worlds
from tests.faults.books import Books, assert_same, books

FIRST_KIB: Final = 700
MORE_KIB: Final = 300
MOST_KIB: Final = 16384
SPEAKS_OF_IT: Final = ("no space left", "disk is full", "disk full")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[int], None]]]:
    """A folder on a disk of its own, and a way to give it another size in KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FIRST_KIB}k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here (it takes root): {getattr(error, 'stderr', error)}")

    def resize(kib: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kib}k", str(folder)], check=True)

    yield folder, resize
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def broken_off(directory: Path, number: int) -> tuple[str, str]:
    """Run the hourly steps until one fails; returns its name and its error, or nothing."""
    step_name = "opening the lake"
    try:
        with runs.open_project(directory) as project:
            for name, step in hourly_steps(project, f"job-{number}", worlds.END).items():
                step_name = name
                step()
    except (duckdb.Error, MeterbookError, OSError, pl.exceptions.PolarsError) as error:
        return step_name, str(error)
    return "", ""


def test_a_full_disk_breaks_runs_off_and_no_books(
    tmp_path: Path, world: worlds.World, unbroken: Books, small_disk: tuple[Path, Callable[[int], None]]
) -> None:
    folder, resize = small_disk
    directory = runs.make_project(tmp_path / "p")
    with (directory / "meterbook.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'[lake]\ncatalog = "{folder}/catalog.sqlite"\ndata = "{folder}/data"\n')
    (directory / "prices.yaml").write_text(worlds.BOOKS[0], encoding="utf-8")
    runs.land_in(directory / "landing", [*world.facts, *world.usage])
    failed: list[tuple[str, str]] = []
    for number, kib in enumerate(range(FIRST_KIB, MOST_KIB, MORE_KIB)):
        resize(kib)
        step, error = broken_off(directory, number)
        if not step:
            break
        failed.append((step, error))
    print(f"\n{len(failed)} runs broken off, in {sorted({step for step, _ in failed})}, up to {kib} KiB")  # noqa: T201 - figures
    for step, error in failed:
        assert any(words in error.lower() for words in SPEAKS_OF_IT), f"{step}: {error}"
    assert len({step for step, _ in failed}) > 2
    resize(8 * MOST_KIB)
    with runs.open_project(directory) as project:
        runs.take_books(project)
        runs.run(project, worlds.END)
        assert_same(unbroken, books(project.lake))
        _no_staged_file_is_left_behind(project.lake.data, project.lake.connection)


def _no_staged_file_is_left_behind(data: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """A run that fails takes its files with it: a full disk must not fill up further with each attempt."""
    files = connection.execute("select path from __ducklake_metadata_lake.ducklake_data_file").fetchall()
    assert {path.name for path in data.rglob("*.parquet")} - {Path(path).name for (path,) in files} == set()
