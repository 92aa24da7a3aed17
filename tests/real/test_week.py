"""The real week: what the product billed equals the independent computation, to the last digit."""

import duckdb

from resources.lake import Lake
from tests.faults.books import books, differences
from tests.real import reference

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


def test_hour_by_hour_and_one_catch_up_run_give_the_same_books(hour_by_hour: Lake, caught_up: Lake) -> None:
    different = differences(books(caught_up), books(hour_by_hour))
    assert not different, different
