"""Slices of each aggregation, worked by hand (semantics 2, "Aggregations").

Goal: the independent SQL and the product both give what a person gets with pencil and paper, from records that are all
listed.
"""

from decimal import Decimal
from typing import Final

import duckdb
import pytest

from resources.lake import Lake
from tests.real.everything.hand_worked_slices import (
    PERCENTILE,
    PERCENTILE_LARGEST,
    PERCENTILE_SAMPLES,
    SERIES,
    WORKED,
    Worked,
)

CASES: Final = [pytest.param(case, id=case.name) for case in WORKED]
# What a record says to its meter, as it was landed.
SAID: Final = {
    "requests": "1",
    "resold": "decimal_of_billionths(amount_billionths)",
    "levels": "json_extract_string(dimensions, '$.level')",
    "levels_month": "json_extract_string(dimensions, '$.level')",
}


def test_every_aggregation_is_worked(computed: duckdb.DuckDBPyConnection) -> None:
    meters = {case.meter for case in WORKED} | {"memory", "line"}
    aggregations = computed.execute("select distinct aggregation from meters").fetchall()
    worked = computed.execute(
        "select distinct aggregation from meters where list_contains($meters, meter)", {"meters": list(meters)}
    ).fetchall()
    assert sorted(worked) == sorted(aggregations)


@pytest.mark.parametrize("case", CASES)
def test_the_records_listed_are_all_that_there_are(case: Worked, computed: duckdb.DuckDBPyConnection) -> None:
    said = SAID.get(case.meter, "decimal_of_billionths(value_billionths)")
    found = computed.execute(
        f"select strftime(make_timestamptz(instant_microseconds), '%d %H:%M:%S') as at_, ({said})::decimal(38, 9) "
        "from events where meter = $meter and vm = $vm and at_ >= $since and at_ < $until order by at_",
        {"meter": case.meter, "vm": case.vm, "since": case.since, "until": case.until},
    ).fetchall()
    assert found == [(at, Decimal(value)) for at, value in case.records]


@pytest.mark.parametrize("case", CASES)
def test_the_independent_sql_agrees(case: Worked, computed: duckdb.DuckDBPyConnection) -> None:
    found = computed.execute(
        "select quantity from quantities where meter = $meter and vm = $vm and slice_start = $slice_start::timestamptz",
        {"meter": case.meter, "vm": case.vm, "slice_start": case.slice_start},
    ).fetchall()
    assert found == [(Decimal(case.expected),)]


@pytest.mark.parametrize("case", CASES)
def test_the_product_agrees(case: Worked, billed: Lake) -> None:
    assert list(product_says(billed, case.meter, case.vm, case.slice_start).values()) == [Decimal(case.expected)]


def test_two_series_in_half_an_hour(computed: duckdb.DuckDBPyConnection, billed: Lake) -> None:
    start = "2013-03-31T18:30:00Z"
    by_hand = {dimensions: Decimal(quantity) for dimensions, quantity in SERIES.items()}
    assert product_says(billed, "memory", "vm-0130", start) == by_hand
    found = computed.execute(
        "select dimensions, quantity from quantities where meter = 'memory' and vm = 'vm-0130' "
        "and slice_start = $start::timestamptz",
        {"start": start},
    ).fetchall()
    assert dict(found) == by_hand


def test_the_95th_percentile(computed: duckdb.DuckDBPyConnection, billed: Lake) -> None:
    values = computed.execute(
        "select decimal_of_billionths(value_billionths), count(*) from placed where meter = 'line' and vm = 'vm-0170' "
        "and period_end = epoch_us('2013-03-31T18:30:00Z'::timestamptz) group by all order by 1 desc"
    ).fetchall()
    assert sum(count for _, count in values) == PERCENTILE_SAMPLES
    assert values[: len(PERCENTILE_LARGEST)] == [(Decimal(value), count) for value, count in PERCENTILE_LARGEST]
    assert list(product_says(billed, "line", "vm-0170", "2013-03-31T18:00:00Z").values()) == [Decimal(PERCENTILE)]


def product_says(lake: Lake, meter: str, vm: str, slice_start: str) -> dict[str, Decimal]:
    """What the product metered, by dimensions."""
    found = lake.connection.execute(
        "select dimensions, sum(quantity)::decimal(38, 9) from usage_hourly where meter = $meter and resource_id = $vm "
        "and slice_start = $slice_start::timestamptz group by all",
        {"meter": meter, "vm": vm, "slice_start": slice_start},
    ).fetchall()
    return {str(dimensions): Decimal(quantity) for dimensions, quantity in found}
