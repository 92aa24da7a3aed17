"""Very much usage is written as it comes and rated in parts, and makes the same books as little usage at once."""

import json
from pathlib import Path

import pytest

from assets import charges, usage_hourly
from resources.account_rows import Range
from resources.project import Project
from resources.settings import Settings
from resources.writer import Step
from tests.faults import runs, worlds
from tests.faults.books import Books, assert_same, books
from tests.pipelines import tiny

FIVE = "abcde"


def billed(directory: Path, world: worlds.World) -> tuple[Books, int]:
    """The books of the world whose hours close in two runs, and how many files of charges there are."""
    project_directory = runs.make_project(directory)
    with runs.open_project(project_directory) as project:
        runs.take_books(project)
        runs.land_in(project_directory / "landing", [*world.facts, *world.usage])
        for until in (worlds.START + 30 * worlds.HOUR, worlds.END):
            runs.run(project, until)
        rows = project.lake.connection.execute("select count(*) from charges").fetchone()
        return books(project.lake), rows[0] if rows else 0


@pytest.mark.soak
def test_many_records_make_the_same_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.make(hours=8)
    few, rows = billed(tmp_path / "few", world)
    for most in (100, 2000):
        monkeypatch.setattr(usage_hourly, "MOST_RECORDS", most)
        many, again = billed(tmp_path / str(most), world)
        assert_same(few, many)
        assert again == rows > 100


def test_parts_make_the_same_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.make()
    at_once, rows = billed(tmp_path / "at once", world)
    monkeypatch.setattr(charges, "MOST_ROWS", rows // 9)
    monkeypatch.setattr(charges, "FEW_HOURS", 0)
    parted, again = billed(tmp_path / "in parts", world)
    assert_same(at_once, parted)
    assert again == rows > 1000


def land_uses(settings: Settings, hour: int, uses: dict[str, int]) -> None:
    at = (tiny.FIRST_DAY + hour * tiny.HOUR).isoformat()
    used = {"timestamp": at, "resource_id": "site", "meter": "requests"}
    records = [{**used, "event_id": f"{hour}{name}", "account_id": name, "quantity": n} for name, n in uses.items()]
    tiny.land(settings, f"usage_records/{hour}.ndjson", "\n".join(json.dumps(record) for record in records))


def test_totals_of_those_without_use_are_kept_before_between_and_after_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [f"{name},2026-10-01T00:00:00Z,{name},EUR,UTC,19\n" for name in FIVE]
    subscriptions = [f"s-{name},{name},standard,2026-10-01T00:00:00Z\n" for name in FIVE]
    reference = {
        "accounts": "".join([tiny.ACCOUNTS.splitlines(keepends=True)[0], *accounts]),
        "subscriptions": "".join([tiny.SUBSCRIPTIONS.splitlines(keepends=True)[0], *subscriptions]),
    }
    settings = tiny.make_of(tmp_path / "five", tiny.BOOK, reference)
    parts: list[object] = []
    rate_part = charges._rate_part

    def rate_told(step: Step, rating: charges.Rating, accounts: Range | None) -> charges.Part:
        parts.append(accounts)
        return rate_part(step, rating, accounts)

    monkeypatch.setattr(charges, "MOST_ROWS", 1)
    monkeypatch.setattr(charges, "FEW_HOURS", 0)
    monkeypatch.setattr(charges, "_rate_part", rate_told)
    with Project.open(settings, tiny.CLOCK) as project:
        for hour, uses in enumerate((dict(zip(FIVE, range(11, 16), strict=True)), {"b": 100, "d": 200})):
            land_uses(settings, hour, uses)
            tiny.bill(project, tiny.FIRST_DAY + (hour + 1) * tiny.HOUR)
        assert parts == [("", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", None), ("", "d"), ("d", None)]
        totals = project.lake.connection.execute("select account_id, quantity from rated_totals").fetchall()
        assert sorted(totals) == [("a", 11), ("b", 112), ("c", 13), ("d", 214), ("e", 15)]
        tiny.check_all(project)
