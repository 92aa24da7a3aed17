"""The week of real usage, metered and priced by plain SQL straight from the file.

What belongs here: running the statements of `sql/` and comparing their tables with the product's. What does not: any
import of the product. The statements were written from `semantics.md` alone, so that agreement means something.

Tables made: `records` (with a verdict each), `quantities(account, vm, meter, hour, quantity)`,
`charges(account, price_id, vm, slice_start, quantity, amount)`, `totals(account, price_id, quantity, amount)`.
All arithmetic is in HUGEINT (whole billionths, whole 1e-18), which raises on overflow.
"""

from pathlib import Path
from typing import NamedTuple

import duckdb

DATA_FILE = Path(__file__).parents[3] / "shared" / "data" / "vm-trace-2013-08-week1.parquet"
SQL_FOLDER = Path(__file__).parent / "sql"
CLOSED_UNTIL = "2013-08-08T00:00:00Z"


class Books(NamedTuple):
    """What the product says of the week: frames that DuckDB reads, with the columns that the comparisons name."""

    quantities: object
    charges: object


def statement(name: str) -> str:
    """The statement kept in `sql/<name>.sql`."""
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def connect() -> duckdb.DuckDBPyConnection:
    """A connection in memory that reads and writes instants in UTC."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return connection


def compute(data_file: Path = DATA_FILE, closed_until: str = CLOSED_UNTIL) -> duckdb.DuckDBPyConnection:
    """Compute the week; the tables named above are in the connection returned."""
    connection = connect()
    connection.execute(statement("define_billionths"))
    connection.execute(statement("judge_records"), {"file": str(data_file)})
    connection.execute(statement("list_meters"))
    connection.execute(statement("meter_quantities"), {"closed_until": closed_until})
    for name in (
        "list_prices",
        "list_tiers",
        "price_quantities",
        "show_quantities",
        "show_charges",
        "sum_charges",
    ):
        connection.execute(statement(name))
    return connection


def differing_quantities(reference: duckdb.DuckDBPyConnection, ours: object) -> list[tuple[object, ...]]:
    """Rows where `ours` (vm, meter, hour, quantity) says something else; `ours` is any frame DuckDB reads."""
    return _differing(reference, ours, "compare_quantities", {"quantity": "DECIMAL(38,9)"})


def differing_charges(reference: duckdb.DuckDBPyConnection, ours: object) -> list[tuple[object, ...]]:
    """Rows where `ours` (account, price_id, vm, slice_start, quantity, amount) says something else."""
    types = {"quantity": "DECIMAL(38,9)", "amount": "DECIMAL(38,18)"}
    return _differing(reference, ours, "compare_charges", types)


def _differing(
    reference: duckdb.DuckDBPyConnection, ours: object, comparison: str, types: dict[str, str]
) -> list[tuple[object, ...]]:
    """Compare in a cursor of its own; a float that merely looks equal is refused by its type."""
    with reference.cursor() as cursor:
        cursor.execute("set TimeZone = 'UTC'")
        cursor.register("ours", ours)
        relation = cursor.table("ours")
        found = dict(zip(relation.columns, map(str, relation.types), strict=True))
        wrong = {column: found.get(column) for column, wanted in types.items() if found.get(column) != wanted}
        if wrong:
            message = f"expected {types}, but these columns are {wrong}"
            raise TypeError(message)
        return cursor.execute(statement(comparison)).fetchall()
