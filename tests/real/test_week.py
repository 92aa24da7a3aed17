"""The real week: what the product billed equals the independent computation, to the last digit."""

import duckdb

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
