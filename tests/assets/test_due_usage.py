"""Goal: whatever the aggregation, order and grouping of records, slices hold what a walk over all records says."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from pipelines.charge_proof import charges_that_do_not_sum
from resources.rebuild import rebuild_caches
from tests.assets.metered import (
    CALENDAR,
    END,
    HOUR,
    HOURS,
    METERS,
    START,
    chances,
    corrections_file,
    from_records,
    meter,
    open_project,
    random_records,
    reference_files,
    short,
    standing,
    usage_file,
)
from tests.assets.metering_reference import Record, Slice, metered, short_percentiles
from tests.faults import runs

RECORDS = 1300


def of_meter(found: dict[Slice, Decimal], meter: str) -> dict[Slice, Decimal]:
    return {key: value for key, value in found.items() if key.meter == meter}


def assert_metered(found: dict[Slice, Decimal], records: list[Record]) -> None:
    expected = metered(METERS, records, CALENDAR, END)
    for name in METERS:
        assert of_meter(found, name) == of_meter(expected, name), name
        assert of_meter(found, name), name


def test_one_run_over_all(tmp_path: Path) -> None:
    records = random_records(chances(1), METERS, RECORDS)
    with open_project(tmp_path / "p") as project:
        runs.land(project, [usage_file("all", records)])
        runs.run(project, END)
        assert_metered(standing(project), records)
        assert_metered(from_records(project), records)
        found = short(project)
        assert found == short_percentiles(METERS, records, CALENDAR, END)
        assert {key.meter for key in found} == {"burst", "line"}
        assert charges_that_do_not_sum(project.lake, 0, 2**40).is_empty()
        issue(project, "issue", "2026-10")
        numbers = [number for (number,) in project.lake.connection.execute("select number from invoices").fetchall()]
        assert len(numbers) == len(CALENDAR.zones)
        for number in numbers:
            assert {finding.first_difference for finding in verify_invoice(project, number)} == {None}


@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 15))])
def test_records_in_any_order(tmp_path: Path, seed: int) -> None:
    """Batches of records of all hours, and runs that close some: late records in each, and hours taken back in none."""
    chance = chances(seed)
    records = random_records(chance, METERS, RECORDS)
    shuffled = chance.sample(records, len(records))
    with open_project(tmp_path / "p") as project:
        for number, hours in enumerate([20, 5, 34, 47, HOURS]):
            runs.land(project, [usage_file(f"batch-{number}", shuffled[number::5])])
            meter(project, START + hours * HOUR)
        assert_metered(standing(project), records)
        assert_metered(from_records(project), records)
        rebuild_caches(project.lake)
        runs.run(project, END)
        assert short(project) == short_percentiles(METERS, records, CALENDAR, END)
        assert_metered(standing(project), records)


def test_plans_and_zones_that_come_late(tmp_path: Path) -> None:
    """Slices are cut again where boundaries are set later."""
    records = random_records(chances(4), METERS, RECORDS)
    accounts, plans = reference_files()
    with open_project(tmp_path / "p") as project:
        (project.settings.landing / plans.source / plans.name).unlink()
        runs.land(project, [usage_file("all", records)])
        meter(project, END)
        runs.land(project, [accounts, plans])
        meter(project, END)
        assert_metered(standing(project), records)


def test_corrected_records(tmp_path: Path) -> None:
    """Records that are void or another quantity change whatever they changed: what follows them, and their period."""
    records = random_records(chances(5), METERS, 2 * RECORDS)
    voided, replaced = records[::7], [replace(record, quantity=abs(record.quantity) + 2) for record in records[1::7]]
    with open_project(tmp_path / "p") as project:
        runs.land(project, [usage_file("all", records)])
        meter(project, START + 40 * HOUR)
        runs.land(project, [corrections_file("some", voided[::2], replaced)])
        meter(project, END)
        runs.land(project, [corrections_file("more", voided[1::2], [])])
        meter(project, END)
        left = [record for place, record in enumerate(records) if place % 7 > 1] + replaced
        assert_metered(standing(project), left)
