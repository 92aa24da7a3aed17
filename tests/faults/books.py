"""The books of a lake, table by table, as sums that must not depend on how they came about (design 1).

What belongs here: what two lakes must agree on, and saying clearly where they do not. What does not: making lakes
(`runs.py`). Numbers of runs, posted hours, files and rows are left out: they tell how the books came about.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from resources.lake import Lake

SHOWN: Final = 4
TABLES: Final = {
    "usage_events": (
        'source, event_id, "timestamp", account_id, service_id, resource_id, meter, dimensions',
        "sum(quantity) as quantity, sum(amount) as amount, count(*) as copies",
        "",
    ),
    "usage_hourly": (
        "account_id, service_id, resource_id, meter, dimensions, slice_start",
        "sum(quantity) as quantity",
        "having sum(quantity) <> 0",
    ),
    "charges": (
        (
            "account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, "
            "version, currency, kind, period_start"
        ),
        "sum(quantity_delta) as quantity, sum(amount_delta) as amount",
        "having sum(quantity_delta) <> 0 or sum(amount_delta) <> 0",
    ),
    "held_charges": (
        (
            "account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, "
            "version, currency, kind, period_start"
        ),
        "sum(amount_delta) as amount",
        "having sum(amount_delta) <> 0",
    ),
    "ledger_entries": (
        "account, account_id, lot, currency, slice_start, kind",
        "sum(amount) as amount",
        "having sum(amount) <> 0",
    ),
}


@dataclass(frozen=True, repr=False)
class Books:
    """For each table its sums by key."""

    tables: dict[str, pl.DataFrame]

    def __repr__(self) -> str:
        return f"<Books of {self.heights()} rows>"

    def heights(self) -> dict[str, int]:
        """How many rows each table has."""
        return {name: frame.height for name, frame in self.tables.items()}


def books(lake: Lake) -> Books:
    """The books as the lake holds them now."""
    read = {}
    for name, (keys, sums, condition) in TABLES.items():
        query = f"select {keys}, {sums} from {name} group by all {condition} order by all"
        read[name] = lake.connection.execute(query).pl()
    return Books(read)


def differences(expected: Books, found: Books) -> str:
    """Where two books differ: a few rows of each table that does; empty where they are the same."""
    return "\n".join(_different(name, frame, found.tables[name]) for name, frame in expected.tables.items()).strip()


def _different(name: str, expected: pl.DataFrame, found: pl.DataFrame) -> str:
    columns = [column.strip(' "') for column in TABLES[name][0].split(",")]
    missing = expected.join(found, on=expected.columns, how="anti", nulls_equal=True)
    surplus = found.join(expected, on=expected.columns, how="anti", nulls_equal=True)
    if missing.is_empty() and surplus.is_empty() and expected.height == found.height:
        return ""
    both = pl.concat([missing.with_columns(books=pl.lit("expected")), surplus.with_columns(books=pl.lit("found"))])
    first = both.sort(*columns, "books").head(2 * SHOWN)
    title = f"{name}: {missing.height} rows expected that are not there, {surplus.height} there that are not expected"
    rows = [", ".join(str(value) for value in row if value not in ("", "{}")) for row in first.iter_rows()]
    return "\n    ".join([title, *rows])


def assert_same(expected: Books, found: Books, what: str = "") -> None:
    """Fail, with the rows that differ, unless the books are the same."""
    different = differences(expected, found)
    assert not different, f"{what}\n{different}"
