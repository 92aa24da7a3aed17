"""The real week: what the product billed equals the independent computation, to the last digit."""

from pathlib import Path

import duckdb
import pytest

from tests.faults.books import books, differences
from tests.real import billing, reference

SHOWN = 5


def test_quantities_per_machine_meter_and_hour(
    reference_week: duckdb.DuckDBPyConnection, billed_week: reference.Books
) -> None:
    different = reference.differing_quantities(reference_week, billed_week.quantities)
    assert not different, f"{len(different)} differ, the first: {different[:SHOWN]}"


def test_charges_per_account_price_machine_and_hour(
    reference_week: duckdb.DuckDBPyConnection, billed_week: reference.Books
) -> None:
    different = reference.differing_charges(reference_week, billed_week.charges)
    assert not different, f"{len(different)} differ, the first: {different[:SHOWN]}"


@pytest.mark.parametrize(
    ("hours", "at_once"),
    [(billing.SHORT_HOURS, billing.SHORT_AT_ONCE), pytest.param(billing.WEEK_HOURS, 1, marks=pytest.mark.soak)],
)
def test_hour_by_hour_and_one_catch_up_run_give_the_same_books(
    data_file: Path, tmp_path: Path, hours: int, at_once: int
) -> None:
    with billing.new_project(tmp_path / "hours") as one, billing.new_project(tmp_path / "at once") as other:
        billing.bill_by_the_hour(one, data_file, hours, at_once)
        billing.catch_up(other, data_file, hours)
        different = differences(books(other.lake), books(one.lake))
    assert not different, different
