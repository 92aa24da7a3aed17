"""Goal: whatever a meter makes of records, the books with corrections are those of records that had come so."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from pipelines.hourly import run_hourly
from resources.project import Project
from resources.settings import Settings, load_settings
from tests.faults.books import books
from tests.pipelines.answers import CLOCK, NOVEMBER
from tests.pipelines.tiny import land

METERS: Mapping[str, Mapping[str, object]] = {
    "plain": {"aggregation": "sum"},
    "rounded": {"aggregation": "sum", "rounding": {"mode": "ceil", "step": "7", "per": "slice"}},
    "whole": {"aggregation": "sum", "rounding": {"mode": "ceil", "step": "7", "per": "period"}},
    "calls": {"aggregation": "count"},
    "peak": {"aggregation": "max"},
    "seats": {"aggregation": "latest"},
    "users": {"aggregation": "unique_count", "of": "user"},
    "power": {"aggregation": "time_weighted", "max_gap": "90 min"},
    "odometer": {"aggregation": "counter"},
    "month_peak": {"aggregation": "max", "window": "period"},
    "month_seats": {"aggregation": "latest", "window": "period"},
    "month_users": {"aggregation": "unique_count", "of": "user", "window": "period"},
    "line": {"aggregation": "percentile", "percentile": "50"},
}
# What each meter's resources are read at: the second reading is voided, the third replaced; of `b` the first is voided.
READINGS = [("a", "01:10", 10), ("a", "02:20", 25), ("a", "02:40", 60), ("a", "05:00", 70)]
BEGINNINGS = [("b", "01:10", 5), ("b", "09:30", 9)]
VOIDED = {("a", "02:20"), ("b", "01:10")}
REPLACED = {("a", "02:40"): 31}
ACCOUNT = "account_id,effective_from,name,currency\nacme,2026-09-01T00:00:00Z,Acme,EUR\n"
SUBSCRIPTION = "subscription_id,account_id,plan,effective_from\ns,acme,standard,2026-09-01T00:00:00Z\n"
STAGES = (
    datetime(2026, 10, 5, 2, tzinfo=UTC),
    datetime(2026, 10, 5, 4, tzinfo=UTC),
    datetime(2026, 10, 8, tzinfo=UTC),
    NOVEMBER,
)


def make(directory: Path) -> Settings:
    """A project in which every meter costs 1 a unit."""
    meters = {name: {"unit": "unit", **meter} for name, meter in METERS.items()}
    prices = [{"id": name, "meter": name, "model": "unit", "unit_price": "1"} for name in METERS]
    book = {"version": "v", "effective_from": "2026-09-01T00:00:00Z", "currency": "EUR", "meters": meters}
    directory.mkdir()
    (directory / "meterbook.toml").write_text(
        'price_book = "prices.yaml"\nthreads = 1\n[seller]\nname = "S"\n', encoding="utf-8"
    )
    text = json.dumps({**book, "plans": {"standard": {"prices": prices}}})
    (directory / "prices.yaml").write_text(text, encoding="utf-8")
    settings = load_settings(directory)
    land(settings, "accounts/accounts.csv", ACCOUNT)
    land(settings, "subscriptions/subscriptions.csv", SUBSCRIPTION)
    return settings


def record(meter: str, resource: str, time: str, quantity: int) -> str:
    """A record as JSON; whoever reads tells users apart by it."""
    return json.dumps(
        {
            "event_id": f"{meter}-{resource}-{time}", "timestamp": f"2026-10-05T{time}:00Z", "account_id": "acme",
            "resource_id": f"{meter}-{resource}", "meter": meter, "quantity": str(quantity),
            "dimensions": {"user": f"u{time}"} if METERS[meter]["aggregation"] == "unique_count" else {},
        }
    )  # fmt: skip


def records(*, right: bool) -> str:
    """All records, as they came or as they should have."""
    every = [(meter, *reading) for meter in METERS for reading in (*READINGS, *BEGINNINGS)]
    if right:
        kept = [row for row in every if row[1:3] not in VOIDED]
        every = [(meter, name, time, REPLACED.get((name, time), value)) for meter, name, time, value in kept]
    return "\n".join(record(*row) for row in every)


def corrections() -> str:
    """What makes one of the other."""
    rows = ["source,event_id,timestamp,action,quantity,reason,by"]
    for meter in METERS:
        rows += [f"usage_records,{meter}-{name}-{time},,void,,wrong,me" for name, time in sorted(VOIDED)]
        rows += [
            f"usage_records,{meter}-{name}-{time},,replace,{value},wrong,me" for (name, time), value in REPLACED.items()
        ]
    return "\n".join(rows) + "\n"


def landed(directory: Path, *, right: bool) -> Path:
    """A project in which all records landed, as they came or as they should have."""
    land(make(directory), "usage_records/all.ndjson", records(right=right))
    return directory


def run(directory: Path, *until: datetime) -> None:
    """Bill up to these hours, one after the other."""
    with Project.open(load_settings(directory), CLOCK) as project:
        for hour in until:
            run_hourly(project, hour)


def issued(directory: Path) -> Mapping[str, pl.DataFrame]:
    """Issue the month, and prove what is issued; returns the books but for the records."""
    with Project.open(load_settings(directory), CLOCK) as project:
        issue(project, "issue", "2026-10")
        assert [finding.first_difference for finding in verify_invoice(project, "INV-2026-000001")] == [None] * 3
        return {name: frame for name, frame in books(project.lake).tables.items() if name != "usage_events"}


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pl.DataFrame]:
    """The books of the world in which all was right from the beginning."""
    directory = landed(tmp_path_factory.mktemp("right") / "project", right=True)
    run(directory, NOVEMBER)
    return issued(directory)


@pytest.fixture(scope="module")
def uncorrected(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Projects in which so many stages were billed of what came wrong: none, the first, the first two and so on."""
    folder = tmp_path_factory.mktemp("uncorrected")
    made = [landed(folder / "0", right=False)]
    for number, hour in enumerate(STAGES[:-1], start=1):
        made.append(folder / str(number))
        shutil.copytree(made[-2], made[-1])
        run(made[-1], hour)
    return made


@pytest.mark.parametrize("corrected", [1, 2, 3])
def test_every_aggregation_follows_corrections(
    tmp_path: Path, uncorrected: Sequence[Path], right: Mapping[str, pl.DataFrame], corrected: int
) -> None:
    directory = tmp_path / "project"
    shutil.copytree(uncorrected[corrected], directory)
    land(load_settings(directory), "corrections/all.csv", corrections())
    run(directory, *STAGES[corrected:])
    for name, frame in issued(directory).items():
        assert frame.rows() == right[name].rows(), name
