"""A commit under strace: data files, and the folders that name them, are on disk before the catalog names them.

DuckLake does not flush the Parquet files that it writes (design 3): after a power cut, a catalog that was flushed could
name a file that is empty. So the writer flushes them first.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from resources.settings import load_settings
from tests.faults import runs, worlds

CALLS: Final = "trace=fsync,fdatasync,pwrite64,write,flock"
LINE: Final = re.compile(r"^\d+ +(?P<call>\w+)\(\d+<(?P<path>[^>]+)>")
RESUMED: Final = re.compile(r"^(?P<process>\d+) +<\.\.\. \w+ resumed>")
ROOT: Final = Path(__file__).parents[2]
# What runs under strace. With an argument more, nothing is flushed: the check below has to see that.
SCRIPT: Final = """
import sys
from pathlib import Path
from resources import staging
from tests.faults import runs, worlds
if len(sys.argv) > 2:
    staging.flush = lambda files, root: None
with runs.open_project(Path(sys.argv[1])) as project:
    runs.run(project, worlds.END)
"""


@dataclass(frozen=True)
class Call:
    """One system call on a file."""

    name: str
    path: Path

    @property
    def flushes(self) -> bool:
        return self.name in ("fsync", "fdatasync")

    @property
    def writes(self) -> bool:
        return self.name in ("write", "pwrite64")


def traced_run(directory: Path, world: worlds.World, *arguments: str) -> list[Call]:
    """Bill a world in a process under strace; returns its calls in order."""
    settings = load_settings(runs.make_project(directory))
    settings.price_book.write_text(worlds.BOOKS[0], encoding="utf-8")
    runs.land_in(settings.landing, [*world.facts, *world.usage])
    trace = directory / "trace"
    command = [
        "strace",
        "-f",
        "-y",
        "-s",
        "0",
        "-e",
        CALLS,
        "-o",
        str(trace),
        sys.executable,
        "-W",
        "ignore",
        "-c",
        SCRIPT,
    ]
    ended = subprocess.run(
        [*command, str(directory), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "PTRACE_TRACEME" in ended.stderr or "ptrace" in ended.stderr.lower():
        pytest.skip("strace may not trace here: " + ended.stderr.splitlines()[0])
    assert ended.returncode == 0, ended.stderr
    found = (LINE.match(line) for line in trace.read_text(encoding="utf-8").splitlines())
    return [Call(match["call"], Path(match["path"])) for match in found if match]


def unflushed(calls: Sequence[Call], data: Path) -> list[str]:
    """Data files that the catalog may name before they, or the folders above them, are on disk."""
    written = {
        call.path for call in calls if call.writes and call.path.suffix == ".parquet" and data in call.path.parents
    }
    late = []
    # A file for no rows was deleted again, and never named.
    for file in sorted(path for path in written if path.exists()):
        whole = max(place for place, call in enumerate(calls) if call.writes and call.path == file)
        # The first time that the catalog is written after the file was: earlier it cannot name it.
        named = next(place for place, call in enumerate(calls) if place > whole and _writes_catalog(call))
        flushed = {call.path for call in calls[whole:named] if call.flushes}
        needed = [file, *(folder for folder in file.parents if folder == data or data in folder.parents)]
        late += [f"{file}: {path} is not flushed" for path in needed if path not in flushed]
    return late


def _writes_catalog(call: Call) -> bool:
    return (
        call.writes and call.path.name.startswith("catalog.sqlite") and not call.path.name.endswith((".lock", "-shm"))
    )


@pytest.fixture
def strace() -> None:
    """The tool itself."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (Debian: apt-get install strace)")


@pytest.fixture(scope="module")
def few_hours() -> worlds.World:
    """Enough for files of every table."""
    return worlds.make(hours=10)


@pytest.mark.usefixtures("strace")
def test_data_files_are_on_disk_before_the_catalog_names_them(tmp_path: Path, few_hours: worlds.World) -> None:
    calls = traced_run(tmp_path / "p", few_hours)
    data = tmp_path / "p" / "lake" / "data"
    tables = {path.relative_to(data).parts[1] for path in data.rglob("*.parquet")}
    assert {"usage_events", "usage_hourly", "charges", "ledger_entries"} <= tables
    assert unflushed(calls, data) == []
    # The catalog itself is flushed too, after its last write.
    last = max(place for place, call in enumerate(calls) if _writes_catalog(call))
    assert any(call.flushes and call.path.name.startswith("catalog.sqlite") for call in calls[last:])


@pytest.mark.usefixtures("strace")
def test_the_check_sees_files_that_were_not_flushed(tmp_path: Path, few_hours: worlds.World) -> None:
    calls = traced_run(tmp_path / "p", few_hours, "without-flush")
    assert unflushed(calls, tmp_path / "p" / "lake" / "data")
