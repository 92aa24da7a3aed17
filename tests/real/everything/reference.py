"""The week under the book of everything, metered and priced by plain SQL straight from the file.

What belongs here: giving the book to the statements of `sql/` as rows, and running them. What does not: any import of the
product. The statements were written from `semantics.md` alone; all arithmetic is in HUGEINT (whole billionths, whole
1e-18), which raises on overflow.

Tables made: `events` (what counts), `quantities(account, vm, meter, dimensions, slice_start, quantity)`,
`charges(account, price_id, vm, meter, dimensions, slice_start, kind, quantity, amount)`, and what led to them.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import yaml

from tests.real import reference as simple
from tests.real.everything import world
from tests.real.everything.world import statement

NINE: Final = 10**9
EIGHTEEN: Final = 10**18
MINUTE_MICROSECONDS: Final = 60_000_000
PER_UNIT: Final = {None: "", "GB-month": "month", "1000 request": "thousand"}
WHENS: Final[Mapping[str, Mapping[str, Any]]] = {
    "night": {"hours": "22:15-06:45", "days": ["mon", "wed", "fri", "sat"], "zone": "Europe/Berlin"},
    "weekend": {"hours": "09:30-18:15", "days": ["sat", "sun"]},
}
Row = Mapping[str, Any]


def book() -> dict[str, Any]:
    """The price book as it is written."""
    read: dict[str, Any] = yaml.safe_load(world.BOOK.read_text(encoding="utf-8"))
    return read


def compute(data_file: Path, numbers: Iterable[int] = world.ALL_ACCOUNTS) -> duckdb.DuckDBPyConnection:
    """Compute the week; the tables named above are in the connection returned."""
    connection = simple.connect()
    world.make_records(connection, data_file, numbers)
    for name in ("define_amounts", "define_half_even", "define_rounded"):
        connection.execute(statement(name))
    for table, rows in (
        ("accounts", _accounts()),
        ("meters", _meters()),
        ("prices", _prices()),
        ("tiers", _tiers()),
        ("plans", _plans()),
    ):
        _list(connection, table, list(rows))
    until = {"closed_until": world.CLOSED_UNTIL.isoformat()}
    for name, bound in (
        ("judge_records", {}),
        ("make_slices", {}),
        ("place_events", until),
        ("meter_gauges", until),
        ("meter_counters", {}),
        ("meter_records", {}),
        ("meter_percentiles", until),
        ("gather_quantities", {}),
        ("choose_prices", {}),
        ("fill_pools", {}),
        ("price_quantities", {}),
        ("show_quantities", {}),
        ("list_periods", {}),
        ("charge_fees", until),
        ("charge_percentages", {}),
        ("charge_true_ups", {**until, "grace_microseconds": _minutes(book()["grace"]) * MINUTE_MICROSECONDS}),
        ("show_charges", {}),
        ("list_tiers_met", {}),
    ):
        connection.execute(statement(name), bound)
    return connection


def differing(reference: duckdb.DuckDBPyConnection, ours: object, what: str) -> list[tuple[object, ...]]:
    """Rows of `what` (quantities, charges) where `ours`, a frame with their columns and types, says something else."""
    with reference.cursor() as cursor:
        cursor.execute("set TimeZone = 'UTC'")
        cursor.register("ours", ours)
        found, wanted = cursor.table("ours"), cursor.table(what)
        types = dict(zip(found.columns, map(str, found.types), strict=True))
        if types != dict(zip(wanted.columns, map(str, wanted.types), strict=True)):
            message = f"expected the columns {wanted.columns} of {wanted.types}, but these are {types}"
            raise TypeError(message)
        return cursor.execute(statement(f"compare_{what}")).fetchall()


def offered() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each price, with the account that it is agreed with, or ''."""
    yield from (("", price) for price in book()["plans"]["standard"]["prices"])
    for account, agreed in book()["accounts"].items():
        yield from ((account, price) for price in agreed["prices"]["standard"])


def _accounts() -> Iterator[Row]:
    for row, zone in world.zoned_accounts():
        number = int(row["account_id"].removeprefix("account-"))
        kind, percent = _percentage(book()["accounts"].get(row["account_id"], {}))
        yield {
            "account": row["account_id"],
            "zone": zone,
            "plan": world.plan_of(number),
            "since": world.SINCE,
            "agreed_kind": kind,
            "agreed_percent_billionths": percent,
        }


def _plans() -> Iterator[Row]:
    for name, plan in book()["plans"].items():
        kind, percent = _percentage(plan)
        yield {
            "plan": name,
            "price_id": plan["recurring"].get("id", "recurring"),
            "fee_atto": _whole(plan["recurring"]["amount"], EIGHTEEN),
            "bill": plan["recurring"]["bill"],
            "plan_kind": kind,
            "plan_percent_billionths": percent,
        }


def _percentage(terms: Mapping[str, Any]) -> tuple[str | None, int | None]:
    kind = next((kind for kind in ("discount", "surcharge") if kind in terms), None)
    return kind, _whole(terms[kind]) if kind else None


def _meters() -> Iterator[Row]:
    for name, meter in book()["meters"].items():
        rounding = meter.get("rounding", {})
        yield {
            "meter": name,
            "aggregation": meter["aggregation"],
            "window": meter.get("window", "hour"),
            "value": meter.get("value", "quantity"),
            "of": meter.get("of", ""),
            "series": "".join(meter.get("series", [])),
            "max_gap_microseconds": _minutes(meter.get("max_gap", "0 min")) * MINUTE_MICROSECONDS,
            "factor_billionths": _whole(meter.get("factor", "1")),
            "width_billionths": _whole(meter.get("width")),
            "rounding_mode": rounding.get("mode"),
            "rounding_step_billionths": _whole(rounding.get("step", "1")),
            "rounding_per": rounding.get("per"),
            "minimum_per_record_billionths": _whole(meter.get("minimum_per_record", "0")),
            "percentile_billionths": _whole(meter.get("percentile")),
            "minimum_samples": meter.get("minimum_samples", 1),
            "pooled": meter.get("pooled", False),
        }


def _prices() -> Iterator[Row]:
    for account, price in offered():
        where = price.get("where", {})
        yield {
            "price": f"{account}/{price['id']}",
            "account": account,
            "price_id": price["id"],
            "meter": price["meter"],
            "model": price["model"],
            "accumulate": price.get("accumulate", "account"),
            "where_region": where.get("region", ""),
            "where_tier": where.get("tier", ""),
            "when": next((name for name, when in WHENS.items() if when == price.get("when")), ""),
            "per_unit": PER_UNIT[price.get("unit")],
            "included_billionths": _whole(price.get("included", "0")),
            "unit_price_billionths": _whole(price.get("unit_price", price.get("multiplier"))),
            "package_size_billionths": _whole(price.get("package_size")),
            "package_price_atto": _whole(price.get("package_price"), EIGHTEEN),
            "pooled_meter": price.get("pooled", {}).get("meter", ""),
            "pooled_billionths": _whole(price.get("pooled", {}).get("quantity", "0")),
            "committed_billionths": _whole(price.get("commit", {}).get("quantity", "0")),
            "committed_price_billionths": _whole(price.get("commit", {}).get("unit_price", "0")),
            "minimum_atto": _whole(price.get("minimum", "0"), EIGHTEEN),
            "maximum_atto": _whole(price.get("maximum"), EIGHTEEN),
            "account_maximum_atto": _whole(price.get("account_maximum"), EIGHTEEN),
        }


def _tiers() -> Iterator[Row]:
    for account, price in offered():
        above: int | None = 0
        for number, tier in enumerate(price.get("tiers", []), start=1):
            up_to = _whole(tier.get("up_to"))
            yield {
                "price": f"{account}/{price['id']}",
                "tier": number,
                "above_billionths": above,
                "up_to_billionths": up_to,
                "unit_price_billionths": _whole(tier.get("unit_price", "0")),
                "flat_fee_atto": _whole(tier.get("flat_fee", "0"), EIGHTEEN),
            }
            above = up_to


def _whole(decimal: str | None, scale: int = NINE) -> int | None:
    return None if decimal is None else int(Decimal(decimal) * scale)


def _minutes(length: str) -> int:
    return int(length.removesuffix(" min"))


def _list(connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    """A table of these rows: whole numbers are HUGEINT, so that products have room."""
    kinds = {int: "hugeint", bool: "boolean", str: "varchar"}
    columns = {
        name: next((kinds[type(row[name])] for row in rows if row[name] is not None), "varchar") for name in rows[0]
    }
    defined = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create table {table} ({defined})")
    marks = ", ".join("?" for _ in columns)
    connection.executemany(f"insert into {table} values ({marks})", [list(row.values()) for row in rows])
