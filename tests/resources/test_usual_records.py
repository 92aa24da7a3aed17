"""Nearly all records of a file go straight into the lake; the few others take a second look (`resources.ingest`).

Goal: whichever way a record takes, the same becomes of it. So the same files are taken twice, once with the short way
closed, and both lakes hold the same.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resources import ingest
from tests.resources.worlds import World, event, lines

TABLES = {
    "usage_events": "* exclude (run)",
    "rejected_events": "* exclude (run)",
    "ingested_hours": "hour, source, accepted",
    "ingested_files": "source, file, status, records, accepted, duplicates, refused, skipped, late",
}


def usual(number: int, **changes: object) -> dict[str, Any]:
    """One of many good records of the day."""
    return event(
        event_id=f"e{number}", timestamp=f"2026-10-15T{number % 12:02}:00:00Z", quantity=str(number), **changes
    )


def copies() -> list[object]:
    """A repeat, a conflict, a copy whose first is refused, another day's record, a bad line, and one of each fault."""
    return [
        usual(3), usual(4, dimensions={"zone": "b"}), event(event_id="e5x", quantity="-1"), event(event_id="e5x"),
        event(event_id="old", timestamp="2026-10-13T23:59:59Z"), "no json", event(event_id="u", account_id="nobody"),
        event(event_id="m", meter="nothing"), event(event_id="later", timestamp="2026-10-16T12:00:00Z"),
    ]  # fmt: skip


FILES = {
    "only usual": [lines(*map(usual, range(60)))],
    "some of all": [lines(*map(usual, range(60)), *copies())],
    "others first": [lines(*copies(), *map(usual, range(60)))],
    "copies of an earlier file": [lines(*map(usual, range(60))), lines(*map(usual, range(40, 120)), *copies())],
    "of two services": [lines(*(usual(n, service_id="a" if n % 2 else "b") for n in range(60)), *copies())],
    "a text with a quote": [lines(*(usual(n, service_id="it's", dimensions={"of": "it's"}) for n in range(60)))],
    "mostly others": [lines(usual(1), usual(2), *copies())],
    "nothing good": [lines("no json", event(account_id="nobody"))],
}


Tables = dict[str, list[tuple[Any, ...]]]


def take(folder: Path, contents: list[bytes]) -> Tables:
    """Take each content as a file of its own run; returns what the tables hold."""
    world = World(folder)
    for number, content in enumerate(contents):
        world.take(f"it's {number}.ndjson", content)
    found = {table: world.query(f"select {columns} from {table} order by all") for table, columns in TABLES.items()}
    world.project.close()
    return found


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tables]:
    """What the tables hold of each of the files, taken the usual way, once."""
    return cache(lambda name: take(tmp_path_factory.mktemp("taken") / "world", FILES[name]))


@pytest.mark.parametrize("name", FILES)
def test_both_ways_make_the_same(
    name: str, tmp_path: Path, taken: Callable[[str], Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = taken(name)
    monkeypatch.setattr(ingest, "MOST_UNUSUAL", 0)
    assert take(tmp_path / "long", FILES[name]) == short


@pytest.mark.parametrize("name", ["some of all", "copies of an earlier file", "nothing good"])
def test_hashes_sorted_in_parts_find_the_same(
    name: str, tmp_path: Path, taken: Callable[[str], Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = taken(name)
    monkeypatch.setattr(ingest, "MOST_HASHES", 7)
    assert take(tmp_path / "in parts", FILES[name]) == at_once


def test_the_short_way_is_taken(tmp_path: Path) -> None:
    world = World(tmp_path)
    row = world.take("hour.ndjson", FILES["some of all"][0])
    files = world.query("select count(distinct filename) from usage_events where filename like '%.parquet'")
    world.project.close()
    # The usual records have a file of their own; the other accepted ones, of two days, have one a day.
    assert files == [(3,)]
    assert (row["accepted"], row["duplicates"], row["refused"]) == (62, 1, 6)
