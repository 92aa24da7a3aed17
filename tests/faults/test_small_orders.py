"""Small worlds, each with one thing that is easily forgotten when it comes late: the same books as when it came early."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from pipelines.hourly import run_hourly
from resources.project import Project
from tests.faults import runs
from tests.faults.books import Books, assert_same, books

BEFORE: Final = datetime(2026, 10, 1, tzinfo=UTC)
AFTER: Final = datetime(2026, 11, 1, 10, tzinfo=UTC)
ACCOUNT: Final = "account_id,effective_from,name,currency,time_zone\na,2026-09-01T00:00:00Z,A,EUR,UTC\n"
SUBSCRIPTION: Final = "subscription_id,account_id,plan,effective_from\ns,a,p,2026-09-01T00:00:00Z\n"
RECORD_COLUMNS: Final = "event_id,timestamp,account_id,resource_id,meter,quantity"
GAUGE: Final = "{unit: h, aggregation: time_weighted, max_gap: 30 min}"
BOOK: Final = """
version: "{version}"
effective_from: {effective_from}
currency: EUR
meters:
  cpu: {gauge}
  requests: {{unit: request, aggregation: sum, allow_negative: true}}
plans:
  p:
    prices:
      - {{id: cpu, meter: cpu, model: unit, unit_price: "{price}"}}
      - {{id: requests, meter: requests, model: unit, unit_price: "{price}"}}
"""

Files = tuple[tuple[str, str], ...]
Begun = Callable[[Files, datetime], Path]


def book(version: str = "1", effective_from: str = "2026-09-01T00:00:00Z", gauge: str = GAUGE, price: str = "1") -> str:
    """A price book of one plan."""
    return BOOK.format(version=version, effective_from=effective_from, gauge=gauge, price=price)


def records(*rows: str) -> str:
    """A file of usage records."""
    return "\n".join([RECORD_COLUMNS, *rows, ""])


@dataclass(frozen=True)
class Case:
    """What lands at first, and what comes afterwards: files by their place, and price books."""

    first: dict[str, str]
    later: dict[str, str] = field(default_factory=dict)
    later_books: Sequence[str] = ()


ONE_USE: Final = records("1,2026-10-30T10:00:00Z,a,r,cpu,2", "2,2026-10-30T10:05:00Z,a,r,requests,2")
CASES: Final = {
    "a cut of an hour that sums to nothing": Case(
        {
            "usage_records/u.csv": records(
                "1,2026-10-30T10:10:00Z,a,r,requests,5", "2,2026-10-30T10:40:00Z,a,r,requests,-5"
            )
        },
        {"subscriptions/later.csv": "subscription_id,account_id,plan,effective_from\ns,a,,2026-10-30T10:30:00Z\n"},
    ),
    "a price book that is restated for a later month": Case(
        {"usage_records/u.csv": ONE_USE},
        later_books=[
            book("2", "2026-10-15T00:00:00Z", price="7"),
            book("2", "2026-11-15T00:00:00Z", price="7"),
        ],
    ),
    "a price book that meters otherwise": Case(
        {"usage_records/u.csv": ONE_USE},
        later_books=[book("2", "2026-11-15T00:00:00Z", gauge=GAUGE.replace("30 min", '15 min, factor: "3"'))],
    ),
    "credit that was over before it came, for an account without use": Case(
        {"usage_records/u.csv": ONE_USE, "accounts/b.csv": ACCOUNT.replace("\na,", "\nb,")},
        {
            "grants/g.csv": "grant_id,account_id,kind,amount,currency,effective_at,expires_at\n"
            "g,b,promotional,5,EUR,2026-10-30T00:00:00Z,2026-10-31T00:00:00Z\n"
        },
    ),
    "records of two sources that wait in files of one name": Case(
        {
            "usage_records/u.csv": records("1,2026-10-30T10:00:00Z,b,r,cpu,2", "1,2026-10-30T10:00:00Z,b,r,cpu,2"),
            "vm_samples/u.csv": "timestamp,vm,account_id,cores,memory_kib,disk_read_kibs,disk_write_kibs,net_rx_kibs,"
            "net_tx_kibs\n2026-10-30T10:00:00Z,v1,b,1,1,1,1,1,1\n2026-10-30T10:00:00Z,v2,b,1,1,1,1,1,1\n",
        },
        {
            "accounts/b.csv": ACCOUNT.replace("\na,", "\nb,"),
            "subscriptions/b.csv": SUBSCRIPTION.replace("\ns,a,", "\nt,b,"),
        },
    ),
}


def land(project: Project, files: dict[str, str]) -> None:
    for place, text in files.items():
        path = project.settings.landing / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """Makes a project in which one run billed these files: once, as cases that begin alike are given copies."""
    folder = tmp_path_factory.mktemp("begun")

    @cache
    def make(files: Files, until: datetime) -> Path:
        directory = folder / str(len(list(folder.iterdir())))
        with runs.opened(directory) as project:
            runs.price(project, book())
            land(project, {"accounts/a.csv": ACCOUNT, "subscriptions/s.csv": SUBSCRIPTION, **dict(files)})
            run_hourly(project, until)
        return directory

    return make


def bill(begun: Path, directory: Path, case: Case, until: datetime) -> Books:
    """The books of a copy of what begun so, when the hours are closed up to then before the rest comes."""
    shutil.copytree(begun, directory)
    with runs.open_project(directory) as project:
        for text in case.later_books:
            runs.price(project, text)
            run_hourly(project, until)
        land(project, {**case.first, **case.later})
        run_hourly(project, AFTER)
        return books(project.lake)


@pytest.mark.parametrize("name", CASES)
def test_what_comes_late_counts_as_if_it_had_come_early(tmp_path: Path, begun: Begun, name: str) -> None:
    case = CASES[name]
    early = bill(begun((), BEFORE), tmp_path / "early", case, BEFORE)
    late = bill(begun(tuple(case.first.items()), AFTER), tmp_path / "late", case, AFTER)
    assert_same(early, late, name)


def test_no_hour_is_closed_that_ends_after_until(tmp_path: Path) -> None:
    with runs.opened(tmp_path / "p") as project:
        runs.price(project, book())
        land(project, {"accounts/a.csv": ACCOUNT, "subscriptions/s.csv": SUBSCRIPTION, "usage_records/u.csv": ONE_USE})
        run_hourly(project, datetime(2026, 10, 30, 5, tzinfo=UTC))
        assert project.lake.connection.execute("from run_hours").fetchall() == []
