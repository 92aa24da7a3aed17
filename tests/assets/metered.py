"""Records of every kind of meter, and projects that meter them in one way or another.

What belongs here: the meters, random records that are hard to meter, landing and reading. What does not: what they come
to (`metering_reference.py`).

In the days around the end of October 2026: accounts in zones at half past, plans changed at a quarter, records on
boundaries, several at one instant, resources that change hands.
"""

import json
import random
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

from assets.due_usage import KEY
from assets.usage_hourly import meter_from_records
from pipelines.hourly import hourly_steps
from resources.facts import closed_until, facts_as_of
from resources.project import Project
from tests.assets.metering_reference import Calendar, Record, Slice, Spec
from tests.faults import runs
from tests.faults.worlds import File, text

START: Final = datetime(2026, 10, 30, 12, tzinfo=UTC)
HOURS: Final = 60
HOUR: Final = timedelta(hours=1)
END: Final = START + HOURS * HOUR
CHANGES: Final = {"a": (START + timedelta(hours=20, minutes=15),), "c": (datetime(2026, 10, 31, 18, 45, tzinfo=UTC),)}
CALENDAR: Final = Calendar({"a": "UTC", "b": "Asia/Kolkata", "c": "America/St_Johns"}, CHANGES)
METERS: Final[dict[str, Spec]] = {
    "plain": {"aggregation": "sum", "allow_negative": True},
    "worth": {"aggregation": "sum", "value": "amount"},
    "calls": {"aggregation": "count"},
    "peak": {"aggregation": "max", "allow_negative": True},
    "seats": {"aggregation": "latest"},
    "users": {"aggregation": "unique_count", "of": "user"},
    "power": {"aggregation": "time_weighted", "max_gap": "90 min", "series": ["user"], "factor": "0.3"},
    "odometer": {"aggregation": "counter", "series": ["region", "user"]},
    "octets": {"aggregation": "counter", "width": "4096"},
    "month_peak": {"aggregation": "max", "window": "period", "allow_negative": True},
    "month_seats": {"aggregation": "latest", "window": "period"},
    "month_users": {"aggregation": "unique_count", "of": "user", "window": "period"},
    "burst": {
        "aggregation": "percentile",
        "percentile": "95",
        "rounding": {"mode": "ceil", "step": "1", "per": "period"},
        "minimum_samples": 2,
    },
    "line": {"aggregation": "percentile", "percentile": "62.5", "pooled": True, "minimum_samples": 3},
    "minutes": {
        "aggregation": "sum",
        "rounding": {"mode": "ceil", "step": "1", "per": "record"},
        "minimum_per_record": "60",
    },
    "tens": {
        "aggregation": "sum",
        "rounding": {"mode": "half_up", "step": "0.3", "per": "slice"},
        "allow_negative": True,
    },
    "whole": {"aggregation": "sum", "rounding": {"mode": "floor", "step": "100", "per": "period"}},
    "near": {
        "aggregation": "max",
        "window": "period",
        "rounding": {"mode": "half_up", "step": "0.5", "per": "record"},
        "allow_negative": True,
    },
    "held": {
        "aggregation": "time_weighted",
        "max_gap": "90 min",
        "rounding": {"mode": "ceil", "step": "10", "per": "period"},
    },
    "ticks": {"aggregation": "counter", "rounding": {"mode": "ceil", "step": "7", "per": "period"}},
}


def book(meters: Mapping[str, Spec]) -> str:
    """A price book with these meters, each of which costs one a unit."""
    prices = [
        {"id": name, "meter": name, "model": "dynamic", "multiplier": "1"}
        if spec.get("value") == "amount"
        else {"id": name, "meter": name, "model": "unit", "unit_price": "1"}
        for name, spec in meters.items()
    ]
    document = {
        "version": "1", "effective_from": "2026-01-01T00:00:00Z", "currency": "EUR",
        "meters": {name: {"unit": "x", **spec} for name, spec in meters.items()},
        "plans": {"one": {"prices": prices}, "two": {"prices": prices}},
    }  # fmt: skip
    return str(yaml.safe_dump(document))


def reference_files() -> list[File]:
    """The accounts, and their plans with the changes."""
    accounts = [
        {"account_id": name, "effective_from": "2026-01-01T00:00:00Z", "name": name, "currency": "EUR", "time_zone": zone}
        for name, zone in CALENDAR.zones.items()
    ]  # fmt: skip
    plans = [
        {"subscription_id": name, "account_id": name, "service_id": "", "plan": plan, "effective_from": text(moment)}
        for name in CALENDAR.zones
        for plan, moment in [
            ("one", datetime(2026, 1, 1, tzinfo=UTC)),
            *(("two", cut) for cut in CHANGES.get(name, ())),
        ]
    ]
    return [_lines("accounts", "accounts", accounts), _lines("subscriptions", "plans", plans)]


def corrections_file(name: str, voided: Iterable[Record], replaced: Iterable[Record]) -> File:
    """Corrections: records that do not count, and records with another quantity."""
    rows = [
        {
            "source": record.source, "event_id": record.event_id, "timestamp": record.timestamp.isoformat(), "action": action,
            "reason": "test", "by": "test",
        } | ({"quantity": str(record.quantity)} if action == "replace" else {})
        for action, records in (("void", voided), ("replace", replaced))
        for record in records
    ]  # fmt: skip
    return _lines("corrections", name, rows)


def usage_file(name: str, records: Iterable[Record]) -> File:
    """Records as lines of JSON."""
    rows = [
        {
            "event_id": record.event_id, "timestamp": record.timestamp.isoformat(), "account_id": record.account,
            "resource_id": record.resource, "meter": record.meter, "quantity": str(record.quantity),
            "dimensions": json.loads(record.dimensions),
        } | ({} if record.amount is None else {"amount": str(record.amount)})
        for record in records
    ]  # fmt: skip
    return _lines("usage_records", name, rows)


def _lines(source: str, name: str, rows: Iterable[Mapping[str, object]]) -> File:
    return File(source, f"{name}.ndjson", "".join(json.dumps(row) + "\n" for row in rows).encode())


def chances(seed: int) -> random.Random:
    """Chances that are always the same for a seed."""
    return random.Random(seed)  # noqa: S311 - a world that is always the same


def random_records(chance: random.Random, meters: Mapping[str, Spec], count: int, resources: int = 3) -> list[Record]:
    """Records of any of the meters at any time, often on a boundary or at the instant of another."""
    names, records = list(meters), list[Record]()
    for number in range(count):
        meter = chance.choice(names)
        moment = START + timedelta(seconds=chance.randrange(HOURS * 3600))
        if chance.random() < 0.2:
            moment = moment.replace(minute=chance.choice([0, 15, 30, 45]), second=0)
        if records and chance.random() < 0.1:
            moment = chance.choice(records[-20:]).timestamp
        signed = meters[meter].get("allow_negative") and chance.random() < 0.2
        dimensions = {
            name: chance.choice(values) for name, values in (("region", "xy"), ("user", "pqé")) if chance.random() < 0.7
        }
        records.append(
            Record(
                f"e{number}", moment, chance.choice("abc"), f"r{chance.randrange(resources)}", meter,
                Decimal(chance.randrange(1, 5000)).scaleb(-chance.choice([0, 2, 9])) * (-1 if signed else 1),
                chance.choice([Decimal("0.25"), Decimal(3), *([] if meters[meter].get("value") else [None])]),
                json.dumps(dimensions, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
            )
        )  # fmt: skip
    return records


def open_project(directory: Path, meters: Mapping[str, Spec] = METERS) -> Project:
    """A project with the book and the reference data landed."""
    project = runs.open_project(runs.make_project(directory))
    runs.price(project, book(meters))
    runs.land(project, reference_files())
    return project


def meter(project: Project, until: datetime) -> None:
    """Run the hourly steps up to the one that meters."""
    steps = hourly_steps(project, f"run-{uuid.uuid4()}", until)
    for name in ("price_book", "accounts", "usage_events", "usage_hourly"):
        steps[name]()


def standing(project: Project) -> dict[Slice, Decimal]:
    """What `usage_hourly` says now."""
    query = (
        f"select {', '.join(KEY)}, sum(quantity) as quantity from usage_hourly group by all having sum(quantity) <> 0"
    )
    return _by_slice(project.lake.connection.execute(query).fetchall())


def short(project: Project) -> dict[Slice, int]:
    """The percentiles of too few samples, as operators see them."""
    query = "select account_id, service_id, resource_id, meter, dimensions, slice_start, samples from books.short_percentiles"
    found = _by_slice(project.lake.connection.execute(query).fetchall())
    return {key: int(samples) for key, samples in found.items()}


def from_records(project: Project) -> dict[Slice, Decimal]:
    """What `meterbook verify` holds it against."""
    run = 2**40
    until = closed_until(project.lake, run)
    assert until is not None
    due = meter_from_records(project.lake, facts_as_of(project.lake, run), run, until)
    assert due.select(KEY).is_unique().all()
    return _by_slice(due.select(*KEY, "quantity").rows())


def _by_slice(rows: Iterable[tuple[object, ...]]) -> dict[Slice, Decimal]:
    return {
        Slice(str(account), str(resource), str(meter), str(dimensions), start.astimezone(UTC)): Decimal(str(quantity))
        for account, _, resource, meter, dimensions, start, quantity in rows
        if isinstance(start, datetime)
    }
