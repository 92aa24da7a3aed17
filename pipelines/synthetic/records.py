"""The backup records: what nightly backups and an object store say they moved, in GB.

Here belongs the second kind of usage, which is counted and not sampled (the meter `backup`, aggregation `sum`). How
the records are written to files is `landing.py`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pipelines.synthetic.cloud import HOUR, Cloud, days, joins_at
from pipelines.synthetic.companies import Company, companies
from pipelines.synthetic.noise import between, draw, identifier
from pipelines.synthetic.reference import instant_text, member

METER = "backup"
REGION = "eu-central"
NIGHTLY, OBJECT_STORE = "usage_records", "cloudevents"

# Fourteen nights at 37 GB pass 500 GB, twelve do not: two late nights push this account over the tier's bound.
CROSSES_TIER = 1
TIER_BOUND_GB = 500
NIGHTLY_GB_BEFORE_TIER = ("18.500", "18.500")


@dataclass(frozen=True)
class Record:
    """One usage record as text, before it takes the form of a file."""

    source: str
    event_id: str
    timestamp: str | None
    account_id: str
    service_id: str
    resource_id: str
    meter: str
    quantity: str | None
    dimensions: str


@dataclass(frozen=True)
class TimedRecord:
    """A record that is well formed, with the instant that its text says."""

    instant: datetime
    record: Record


@cache
def records(cloud: Cloud) -> tuple[TimedRecord, ...]:
    """Return all backup records of the cloud, in time."""
    found = [
        record for midnight in days(cloud) for record in (*_nightly(cloud, midnight), *_object_store(cloud, midnight))
    ]
    return tuple(sorted(found, key=lambda timed: (timed.instant, timed.record.event_id)))


def records_between(cloud: Cloud, source: str, start: datetime, end: datetime) -> list[TimedRecord]:
    """Return the records of one source in [start, end), in time."""
    return [timed for timed in records(cloud) if timed.record.source == source and start <= timed.instant < end]


def _is_there(cloud: Cloud, company: Company, instant: datetime) -> bool:
    joined = joins_at(cloud, company.number)
    return joined is None or joined <= instant


def _nightly(cloud: Cloud, midnight: datetime) -> Iterator[TimedRecord]:
    """Yield the backups of one night: two vaults of every fifth account."""
    for company in companies(cloud)[1::5]:
        for vault in range(2):
            names = (cloud.seed, company.number, "vault", vault, midnight)
            instant = midnight + HOUR + timedelta(seconds=between(0, 7_000, *names))
            quantity = f"{2 + company.number % 7 + 6 * draw(*names, 'GB'):.3f}"
            if company == member(cloud, CROSSES_TIER):
                quantity = NIGHTLY_GB_BEFORE_TIER[vault]
            if _is_there(cloud, company, instant):
                yield _timed(NIGHTLY, company, instant, f"vault-{vault + 1}", quantity, names)


def _object_store(cloud: Cloud, midnight: datetime) -> Iterator[TimedRecord]:
    """Yield what the object store moved on one day: four records of every fourth account."""
    for company in companies(cloud)[2::4]:
        for quarter in range(4):
            names = (cloud.seed, company.number, "bucket", quarter, midnight)
            instant = midnight + quarter * 6 * HOUR + timedelta(seconds=between(60, 6 * 3_600 - 1, *names))
            quantity = f"{0.2 + 3 * draw(*names, 'GB') ** 2:.3f}"
            if _is_there(cloud, company, instant):
                yield _timed(OBJECT_STORE, company, instant, "archive", quantity, names)


def _timed(
    source: str, company: Company, instant: datetime, name: str, quantity: str, names: tuple[object, ...]
) -> TimedRecord:
    is_nightly = source == NIGHTLY
    record = Record(
        source=source,
        event_id=identifier(source, *names),
        timestamp=instant_text(instant),
        account_id=company.account_id,
        service_id="backup" if is_nightly else "",
        resource_id=f"{company.account_id}-{name}",
        meter=METER,
        quantity=quantity,
        dimensions=json.dumps({"region": REGION, "tier": "vault" if is_nightly else "archive"}),
    )
    return TimedRecord(instant, record)
