"""Goal: before a period is over people see what its percentiles come to so far; when it is over, that is what is posted."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.command.application import app, console
from pipelines.estimates import ESTIMATES, percentile_estimates
from pipelines.status import status_of
from resources.project import Project
from resources.settings import load_settings
from tests.assets.metered import (
    CALENDAR,
    END,
    HOUR,
    METERS,
    START,
    chances,
    corrections_file,
    meter,
    open_project,
    random_records,
    standing,
    usage_file,
)
from tests.assets.metering_reference import Record, Slice, estimates
from tests.faults import runs

PERCENTILES = {name: spec for name, spec in METERS.items() if spec["aggregation"] == "percentile"}
Key = tuple[str, str, str, str, datetime]


def by_period(found: dict[Slice, tuple[int, Decimal]]) -> dict[Key, tuple[int, Decimal, bool]]:
    """What the walk found, by account, resource, meter, dimensions and the start of the period."""
    return {
        (key.account, key.resource, key.meter, key.dimensions, CALENDAR.period_start(key.account, key.start)): (
            samples, quantity, samples >= METERS[key.meter].get("minimum_samples", 1),
        )
        for key, (samples, quantity) in found.items()
    }  # fmt: skip


def estimated(project: Project) -> dict[Key, tuple[int, Decimal, bool]]:
    """What the product says."""
    found = percentile_estimates(project.lake, 2**40)
    assert dict(found.schema) == ESTIMATES
    names = ("account_id", "resource_id", "meter", "dimensions", "period_start")
    assert found.select(names).is_unique().all()
    return {
        tuple(row[name] for name in names): (row["samples"], row["quantity"], row["is_enough"])
        for row in found.to_dicts()
    }


def spread(seed: int, count: int = 900) -> list[Record]:
    """Records of percentile meters; a third of them in the same few minutes, where pools sum them."""
    chance = chances(seed)
    records = random_records(chance, PERCENTILES, count)
    crowded = START + timedelta(hours=chance.randrange(40))
    return [
        replace(record, timestamp=crowded + timedelta(seconds=chance.randrange(900))) if place % 3 == 0 else record
        for place, record in enumerate(records)
    ]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 9))])
def test_estimates_are_those_of_a_walk_over_the_samples(tmp_path: Path, seed: int) -> None:
    """At hours before and after the month's end, in zones at half past; records of hours that are open do not count."""
    records = spread(seed)
    with open_project(tmp_path / "p", PERCENTILES) as project:
        runs.land(project, [usage_file("all", records)])
        # In Kolkata the month ends at 18:30, in the hour that ends at hour 31; in UTC at hour 36, in St. John's at 38:30.
        for hours in (1, 30, 31, 38, 60):
            until = START + hours * HOUR
            meter(project, until)
            expected = by_period(estimates(PERCENTILES, records, CALENDAR, until))
            assert estimated(project) == expected, hours
        assert {name for _, _, name, _, _ in expected} == set(PERCENTILES)
        assert {is_enough for _, _, is_enough in expected.values()} == {True, False}


def test_the_last_estimate_is_what_is_posted(tmp_path: Path) -> None:
    records = [record for record in spread(3) if record.account == "a"]
    end = datetime(2026, 11, 1, tzinfo=UTC)
    before = [replace(record, timestamp=min(record.timestamp, end - 2 * HOUR)) for record in records]
    with open_project(tmp_path / "p", PERCENTILES) as project:
        runs.land(project, [usage_file("all", before)])
        meter(project, end - HOUR)
        last = {key[:4]: quantity for key, (_, quantity, is_enough) in estimated(project).items() if is_enough}
        assert not standing(project)
        meter(project, end)
        posted = {
            (key.account, key.resource, key.meter, key.dimensions): value for key, value in standing(project).items()
        }
        assert posted == last
        assert last
        assert estimated(project) == {}


def test_corrected_and_late_records_count(tmp_path: Path) -> None:
    records = spread(4)
    until = START + 30 * HOUR
    voided, replaced = records[::5], [replace(record, quantity=record.quantity + 7) for record in records[1::5]]
    with open_project(tmp_path / "p", PERCENTILES) as project:
        runs.land(project, [usage_file("first", records[: len(records) // 2])])
        meter(project, until)
        runs.land(project, [usage_file("late", records[len(records) // 2 :]), corrections_file("c", voided, replaced)])
        meter(project, until)
        left = [record for place, record in enumerate(records) if place % 5 > 1] + replaced
        assert estimated(project) == by_period(estimates(PERCENTILES, left, CALENDAR, until))


def test_nothing_is_estimated_where_nothing_is_a_percentile_or_closed(tmp_path: Path) -> None:
    with open_project(tmp_path / "none", {"plain": METERS["plain"]}) as project:
        runs.land(project, [usage_file("all", random_records(chances(1), {"plain": METERS["plain"]}, 20))])
        assert percentile_estimates(project.lake).is_empty()
        meter(project, END)
        assert percentile_estimates(project.lake, 2**40).is_empty()
    with open_project(tmp_path / "empty", PERCENTILES) as project:
        assert percentile_estimates(project.lake).is_empty()
        meter(project, END)
        assert percentile_estimates(project.lake, 2**40).is_empty()


def sample(number: int, hours: int, resource: str, name: str, quantity: str) -> Record:
    return Record(f"e{number}", START + hours * HOUR, "a", resource, name, Decimal(quantity))


# p = 95: k = ceil(0.95 x 3) = 3, the largest, rounded up; p = 62.5: k = ceil(0.625 x 2) = 2 of (1 + 4, 2).
BY_HAND = [
    sample(1, 1, "r1", "burst", "2.5"), sample(2, 2, "r1", "burst", "9.25"), sample(3, 3, "r1", "burst", "1"),
    sample(4, 1, "r1", "line", "1"), sample(5, 1, "r2", "line", "4"), sample(6, 2, "r2", "line", "2"),
    sample(7, 20, "r1", "burst", "100"),
]  # fmt: skip


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A project with the samples above billed up to the tenth hour: the last of them does not count yet."""
    path = tmp_path_factory.mktemp("estimates") / "p"
    with open_project(path, PERCENTILES) as project:
        runs.land(project, [usage_file("all", BY_HAND)])
        runs.run(project, START + 10 * HOUR)
        yield str(project.settings.price_book.parent)


def ask(directory: str, *words: str) -> str:
    result = CliRunner().invoke(app, ["-C", directory, "estimate", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def told(directory: str, words: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(ask(directory, "--json", *words))
    return rows


def test_the_command_shows_what_is_worked_by_hand(directory: str) -> None:
    rows = told(directory, [])
    names = ("account_id", "resource_id", "meter", "period", "quantity", "samples", "minimum_samples", "is_enough")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("a", "r1", "burst", "2026-10", "10", 3, 2, True),
        ("a", "*", "line", "2026-10", "5", 2, 3, False),
    ]
    assert {row["until"] for row in rows} == {"2026-10-30T22:00:00+00:00"}
    assert [row["meter"] for row in told(directory, ["--meter", "line"])] == ["line"]
    assert told(directory, ["--account", "b"]) == []


def test_the_command_prints_a_table(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_width", 150)
    printed = ask(directory)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line.startswith("│")]
    assert rows == [
        ["a", "r1", "burst", "2026-10", "10", "x", "3", "2", "billed"],
        ["a", "*", "line", "2026-10", "5", "x", "2", "3", "too few samples"],
    ]
    assert "estimates, of samples until 2026-10-30 22:00 UTC" in printed
    assert "no percentile meter has samples" in ask(directory, "--account", "nobody")


def test_an_estimate_writes_nothing(directory: str) -> None:
    with Project.open(load_settings(Path(directory)), read_only=True) as project:
        query = "select max(snapshot_id) from ducklake_snapshots('lake')"
        before = project.lake.connection.execute(query).fetchall()
        assert percentile_estimates(project.lake).height == 2
        assert ("billed at the period's end", "burst, line; `meterbook estimate`") in status_of(project)["Money"]
        assert percentile_estimates(project.lake).equals(percentile_estimates(project.lake))
        assert project.lake.connection.execute(query).fetchall() == before
        assert project.lake.connection.execute("select count(*) from usage_events").fetchall() == [(7,)]
