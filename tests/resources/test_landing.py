"""Landed files: found, passed over, read when they hold still, and never lost from sight (semantics 2)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import polars as pl
import pytest

from resources.landing import LandedFile, landed_files
from tests.resources.test_sources import csv, parquet, row
from tests.resources.worlds import World, event, lines


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    yield made
    made.project.close()


def test_files_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    names = [
        "a/b.csv",
        "a.csv",
        "a/.hidden/x.csv",
        ".x.csv",
        "b/.csv",
        "Z.csv",
        "ä.csv",
        "a b.csv",
        "deep/er/still/x.parquet",
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "gone.csv").symlink_to(folder / "nowhere.csv")
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    expected = ["Z.csv", "a b.csv", "a.csv", "a/b.csv", "deep/er/still/x.parquet", "ä.csv"]
    assert [file.name for file in landed_files(tmp_path, "mine")] == expected
    assert landed_files(tmp_path, "not landed yet") == []


FORMATS = {
    "x.csv": ("csv", None), "x.CSV.GZ": ("csv", "gzip"), "x.ndjson.zst": ("json", "zstd"), "x.json": ("json", None),
    "x.jsonl": ("json", None), "2026.10.15.parquet": ("parquet", None), "x.parquet.gz": (None, "gzip"), "x": (None, None),
    "x.csv.bak": (None, None), "x.gz": (None, "gzip"), "x.csv.gz.zst": (None, "zstd"), "x.gz.csv": ("csv", None),
}  # fmt: skip


def test_the_ending_tells_the_format() -> None:
    found = {name: LandedFile("s", name, Path("/landing/s", name), 0, 0) for name in FORMATS}
    assert {name: (file.format, file.compression) for name, file in found.items()} == FORMATS


def written(ending: str, event_id: str, aside: Path) -> bytes:
    """A file with one record, in the format of an ending."""
    if ending == "ndjson":
        return lines(event(event_id=event_id))
    quoted_id = f'"{event_id}"'
    return csv(row(quoted_id)) if ending == "csv" else parquet(aside, event_id=pl.lit(event_id))


@pytest.mark.parametrize("ending", ["parquet", "ndjson", "csv"])
@pytest.mark.parametrize("together", [True, False])
def test_a_name_that_looks_like_a_pattern_is_one_file(
    world: World, tmp_path: Path, ending: str, *, together: bool
) -> None:
    """DuckDB takes `*`, `?` and `[1]` for patterns: what lands under such a name is read alone, and nothing twice."""
    names = ["a1", "a[1]", "a?", "a*", "b*/x", "b1/x", "c{1,2}", "c1"]
    for name in names:
        world.land(f"{name}.{ending}", written(ending, name, tmp_path / "aside.parquet"))
        if not together:
            world.run()
    world.run()
    assert world.accepted() == sorted(names)
    assert {name: world.counts(name) for name in world.files()} == dict.fromkeys(
        (f"{name}.{ending}" for name in names), (1, 0, 0, 0)
    )


def test_the_same_content_under_another_name_is_skipped(world: World) -> None:
    content = lines(event(), event(event_id="e2"), event(quantity="x"))
    for name in ("b.ndjson", "a.ndjson", "sub/c.ndjson"):
        world.land(name, content)
    report = world.run()
    assert {name: world.counts(name) for name in world.files()} == {
        "a.ndjson": (2, 0, 1, 0), "b.ndjson": (0, 0, 0, 3), "sub/c.ndjson": (0, 0, 0, 3),
    }  # fmt: skip
    assert {name: report[name] for name in ("records", "accepted", "refused", "skipped")} == {
        "records": 9, "accepted": 2, "refused": 1, "skipped": 6,
    }  # fmt: skip
    world.take("d.ndjson", content)
    assert world.counts("d.ndjson") == (0, 0, 0, 3)
    assert world.refused() == [("a.ndjson", 3, "quantity_unreadable")]


def test_the_same_content_is_another_source_s_own(world: World) -> None:
    world.land("a.ndjson", lines(event()))
    world.take("a.ndjson", lines(event()), source="vm_samples")
    assert world.query("select source, skipped from ingested_files where source not in ('accounts') order by all") == [
        ("usage_records", 0), ("vm_samples", 0),
    ]  # fmt: skip


def test_a_file_is_read_once_however_often_the_pipeline_runs(world: World) -> None:
    world.take("a.ndjson", lines(event()))
    world.run()
    path = world.landing / "usage_records" / "a.ndjson"
    os.utime(path)
    world.run()
    rows = world.query(
        "select records, accepted, skipped from ingested_files where source = 'usage_records' order by run"
    )
    assert rows == [(1, 1, 0), (1, 0, 1)], "touched, it is looked at again, and skipped"


def test_a_file_that_is_replaced_under_its_name_is_read(world: World) -> None:
    world.take("a.ndjson", lines(event(), event(event_id="e2")))
    world.take("a.ndjson", lines(event(), event(event_id="e3"), event(event_id="e2", quantity="7")))
    assert world.counts("a.ndjson") == (1, 1, 1, 0)
    assert world.accepted() == ["e1", "e2", "e3"]


# --- files that do not hold still


def change_while_reading(world: World, path: Path, *contents: bytes | None) -> None:
    """Give a file these contents (None: take it away), one each time that a step has staged something."""
    waiting = list(contents)

    def watch(step: str, moment: str) -> None:
        if step == "usage_events" and moment == "staged" and waiting:
            content = waiting.pop(0)
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)

    world.project.lake.watch = watch


CHANGES: dict[str, tuple[bytes | None, list[str]]] = {
    "appended": (lines(event(), event(event_id="e2"), event(event_id="e3")), ["e1", "e2", "e3"]),
    "replaced by as many bytes": (lines(event(), event(event_id="e9")), ["e1", "e9"]),
    "cut off": (lines(event())[:-20], []),
    "emptied": (b"", []),
    "gone": (None, []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_while_it_is_read(world: World, name: str) -> None:
    later, accepted = CHANGES[name]
    path = world.land("a.ndjson", lines(event(), event(event_id="e2")))
    world.land("b.ndjson", lines(event(event_id="good")))
    change_while_reading(world, path, later)
    world.run()
    assert "changed while it was read" in world.file("a.ndjson")["error"]
    assert (world.accepted(), world.counts("b.ndjson")) == (["good"], (1, 0, 0, 0))
    world.run()
    assert world.accepted() == sorted([*accepted, "good"])


def test_a_file_that_is_touched_while_it_is_read_is_not_lost(world: World) -> None:
    content = lines(event())
    path = world.land("a.ndjson", content)
    change_while_reading(world, path, content)
    world.run()
    world.run()
    assert world.accepted() == ["e1"]


def test_a_file_that_never_holds_still_does_not_hold_up_the_run(world: World) -> None:
    path = world.land("a.ndjson", lines(event()))
    world.land("b.csv", csv(row("good")))
    change_while_reading(
        world, path, *(lines(*(event(event_id=f"e{place}") for place in range(size))) for size in range(2, 40))
    )
    world.run()
    assert world.accepted() == ["good"]
    assert world.query("select file, status from ingested_files where source = 'usage_records' order by all") == [
        ("a.ndjson", "failed"), ("b.csv", "taken"),
    ]  # fmt: skip
    world.project.lake.watch = lambda _step, _moment: None
    world.run()
    assert "e0" in world.accepted()


# --- files that cannot be read


def test_one_unreadable_file_in_a_full_folder(world: World, tmp_path: Path) -> None:
    """Reading /proc/self/mem from its beginning is an input error for anybody, also for root."""
    for number in range(30):
        world.land(f"{number:02}.csv", csv(row(f"c{number}")))
    (world.landing / "usage_records" / "13.5.csv").symlink_to("/proc/self/mem")
    world.land("99.parquet", parquet(tmp_path / "p.parquet"))
    report = world.run()
    assert report["failed_files"].keys() == {"usage_records/13.5.csv"}
    assert "cannot be read (Input/output error)" in world.file("13.5.csv")["error"]
    assert len(world.accepted()) == 31
    world.run()
    assert len(world.query("from ingested_files where status = 'failed'")) == 1, "said once"
    (world.landing / "usage_records" / "13.5.csv").unlink()
    world.take("13.5.csv", csv(row("mended")))
    assert "mended" in world.accepted()


# It goes to the folder while it may, and gives up its rights then.
READ_AS_NOBODY = """
    import os, sys
    from pathlib import Path
    from resources.landing import landed_files
    from resources.new_files import choose
    class Known:
        passes_over = records_taken = lambda *_: None
        has_error = lambda *_: False
    os.chdir(sys.argv[1])
    os.setgid(65534)
    os.setuid(65534)
    new = choose(landed_files(Path(), "mine"), Known(), lambda file: file.format)
    print([file.name for file in new.readable], sorted(new.errors.items()))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root can")
def test_files_and_folders_without_permission(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for name in ("a.csv", "b.csv", "closed/c.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(csv(row(name)))
    tmp_path.chmod(0o755)
    (folder / "a.csv").chmod(0)
    (folder / "closed").chmod(0)
    command = [sys.executable, "-c", dedent(READ_AS_NOBODY), str(tmp_path)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    assert found.stdout.startswith("['b.csv'] [('a.csv', 'cannot be read (Permission denied); make it readable"), (
        found.stderr
    )
    assert "('closed/', 'cannot be read (Permission denied); make it readable" in found.stdout


def test_a_name_that_is_not_utf_8(world: World) -> None:
    path = Path(os.fsdecode(os.fsencode(world.landing / "usage_records") + b"/caf\xe9.csv"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(csv(row("x")))
    world.land("b.csv", csv(row("good")))
    report = world.run()
    assert report["failed_files"] == {"usage_records/caf\\xe9.csv": "its name is not UTF-8; rename it"}
    path.rename(path.with_name("café.csv"))
    world.run()
    assert world.accepted() == ["good", "x"]
