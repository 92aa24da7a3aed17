"""Five machine-hours of the real week, worked by hand (semantics 2, "time_weighted").

Goal: the independent SQL and the product both give what a person gets with pencil and paper. `hand_worked_hours.py`
holds the rows and the working; here the same sums are done once more in plain Decimal.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pytest

from tests.real import reference
from tests.real.hand_worked_hours import MACHINE_HOURS, MachineHour

NINTH = Decimal("0.000000001")
KIB_TO_GB = Decimal("0.000001024")
HOUR = Decimal(3600)

CASES = [pytest.param(case, id=case.name) for case in MACHINE_HOURS]


def nine_decimals(value: float) -> Decimal:
    """The float's exact value, to nine decimals, half away from zero (no value here is negative)."""
    return Decimal(value).quantize(NINTH, ROUND_HALF_UP)


def work(case: MachineHour) -> dict[str, Decimal]:
    """Value x seconds, summed; times the factor, over the time unit; rounded once, half-even."""
    with localcontext() as context:
        context.prec = 60
        sums = dict.fromkeys(case.expected, Decimal(0))
        for row in case.rows:
            sums["cpu"] += row.cores * row.seconds
            sums["memory"] += nine_decimals(row.memory) * row.seconds
            sums["disk_io"] += (nine_decimals(row.disk_read) + nine_decimals(row.disk_write)) * row.seconds
            sums["network_in"] += nine_decimals(row.net_received) * row.seconds
            sums["network_out"] += nine_decimals(row.net_sent) * row.seconds
        quantities = {
            "cpu": sums["cpu"] / HOUR,
            "memory": sums["memory"] * KIB_TO_GB / HOUR,
            "disk_io": sums["disk_io"] * KIB_TO_GB,
            "network_in": sums["network_in"] * KIB_TO_GB,
            "network_out": sums["network_out"] * KIB_TO_GB,
        }
        return {meter: quantity.quantize(NINTH, ROUND_HALF_EVEN) for meter, quantity in quantities.items()}


def instants(case: MachineHour) -> Iterator[datetime]:
    """The full instant of each row: those of the hour before stand first."""
    for row in case.rows:
        hours, minutes, seconds = map(int, row.at.split(":"))
        yield case.hour.replace(hour=0) + timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize("case", CASES)
def test_plain_arithmetic_gives_the_quantities_worked_by_hand(case: MachineHour) -> None:
    assert work(case) == {meter: Decimal(text) for meter, text in case.expected.items()}


@pytest.mark.parametrize("case", CASES)
def test_the_rows_listed_are_all_the_rows_that_the_file_has_there(
    case: MachineHour, reference_week: duckdb.DuckDBPyConnection
) -> None:
    listed = [(at.timestamp(), *row[1:-1]) for at, row in zip(instants(case), case.rows, strict=True)]
    found = reference_week.execute(
        "select ts, cores, mem_kb_cap, disk_r_kbs, disk_w_kbs, net_rx_kbs, net_tx_kbs "
        "from read_parquet($file, file_row_number = true) "
        "where vm = $vm and ts >= $first and ts < $end order by file_row_number",
        {
            "file": str(reference.DATA_FILE),
            "vm": case.vm,
            "first": listed[0][0],
            "end": (case.hour + timedelta(hours=1)).timestamp(),
        },
    ).fetchall()
    assert found == listed


@pytest.mark.parametrize("case", CASES)
def test_the_independent_sql_agrees(case: MachineHour, reference_week: duckdb.DuckDBPyConnection) -> None:
    assert quantities_of(case, reference_week, "quantities") == case.expected


@pytest.mark.parametrize("case", CASES)
def test_the_product_agrees(case: MachineHour, billed_week: reference.Books) -> None:
    with reference.connect() as connection:
        connection.register("billed", billed_week.quantities)
        assert quantities_of(case, connection, "billed") == case.expected


def quantities_of(case: MachineHour, connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The machine-hour's quantities in a table of (vm, meter, hour, quantity), to the last digit, as text."""
    found = (
        connection.table(table)
        .filter(f"vm = '{case.vm}' and hour = '{case.hour.isoformat()}'::timestamptz")
        .aggregate("meter, sum(quantity)::varchar", "meter")
        .fetchall()
    )
    return dict(found)
