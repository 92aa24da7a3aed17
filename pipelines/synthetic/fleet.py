"""The machines: who has which one, from when to when, of what size, and how busy it usually is.

Here belong the few hundred rows that the samples are made from. The samples themselves are `samples.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import polars as pl

from pipelines.synthetic.cloud import DAY, HOUR, SAMPLE_INTERVAL, Cloud, joins_at, minute_between
from pipelines.synthetic.companies import Company, companies
from pipelines.synthetic.noise import between, draw, key, pick

KIBIBYTES_PER_GIBIBYTE = 1024 * 1024

# What a machine does decides how its load moves over the day and the week (`rhythm.py`).
ROLES = ("web", "db", "batch", "dev", "office")
CORE_COUNTS = (1, 2, 2, 4, 4, 8, 16)
STORAGE_SIZES_GB = (20, 40, 40, 80, 160, 320)
RATE_COLUMNS = ("disk_read_kibs", "disk_write_kibs", "net_rx_kibs", "net_tx_kibs")
FULL_RATES_KIBS = {
    "web": (40, 60, 50, 160),
    "db": (260, 190, 40, 60),
    "batch": (300, 240, 30, 20),
    "dev": (40, 30, 12, 10),
    "office": (40, 40, 15, 18),
}

# Shares of machines. Those that neither come nor go while we look are the rest.
SHARE_MADE = 0.12
SHARE_DELETED = 0.10
SHARE_SHORT_LIVED = 0.06
SHARE_RESIZED = 0.12
SHARE_OF_RESIZES_UP = 0.7
SHARE_OF_DELETED_WITH_LAST_ZERO = 0.5


@dataclass(frozen=True)
class Size:
    """What is provisioned for a machine, and so billed."""

    cores: int
    memory_kib: int
    storage_gb: int


@dataclass(frozen=True)
class Span:
    """A half-open time in which a machine has one size."""

    valid_from: datetime
    valid_to: datetime
    size: Size


SWITCHED_OFF = Size(0, 0, 0)


@cache
def machines(cloud: Cloud) -> pl.DataFrame:
    """Return one row per machine and span of one size."""
    rows = [
        row
        for number, (company, is_first) in enumerate(_owners(cloud))
        for row in _machine_rows(cloud, number, company, is_first=is_first)
    ]
    times = {name: pl.Datetime("us", "UTC") for name in ("valid_from", "valid_to")}
    sizes = {"cores": pl.Int32, "memory_kib": pl.Int64, "storage_gb": pl.Int32}
    return pl.DataFrame(rows, schema_overrides={"key": pl.UInt64, **times, **sizes})


def _owners(cloud: Cloud) -> list[tuple[Company, bool]]:
    """Say whose each machine is, and whether it is the account's first: a few have many, nobody has none."""
    weights = [1 / (company.number + 3) for company in companies(cloud)]
    spare = max(cloud.machines - cloud.accounts, 0)
    counts = [1 + round(spare * weight / sum(weights)) for weight in weights]
    return [
        (company, number == 0)
        for company, count in zip(companies(cloud), counts, strict=True)
        for number in range(count)
    ]


def _machine_rows(cloud: Cloud, number: int, company: Company, *, is_first: bool) -> list[dict[str, object]]:
    role = "web" if is_first else pick(ROLES, cloud.seed, number, "role")
    vm = f"{company.account_id}-{role}-{number:04d}"
    made_at, deleted_at = _lifetime(cloud, vm, joins_at(cloud, company.number), is_first=is_first)
    steady = {
        "vm": vm,
        "account_id": company.account_id,
        "time_zone": company.country.time_zone,
        "role": role,
        "key": key(cloud.seed, vm),
        "phase_ms": between(1_000, 240_000, cloud.seed, vm, "phase"),
    }
    return [
        steady
        | {"valid_from": span.valid_from, "valid_to": span.valid_to}
        | vars(span.size)
        | _full_rates(cloud, vm, role, span.size)
        for span in _spans(cloud, vm, made_at, deleted_at)
    ]


def _lifetime(cloud: Cloud, vm: str, joined: datetime | None, *, is_first: bool) -> tuple[datetime, datetime | None]:
    """Say when a machine is made and deleted. An account's first stays, so that no account stands empty."""
    earliest = joined or cloud.start - DAY
    chance = draw(cloud.seed, vm, "lifetime")
    made_at = max(earliest, minute_between(cloud, 0.05, 0.8, vm, "made"))
    if is_first or chance >= SHARE_MADE + SHARE_DELETED + SHARE_SHORT_LIVED:
        return earliest, None
    if chance < SHARE_MADE:
        return made_at, None
    if chance < SHARE_MADE + SHARE_DELETED:
        return earliest, max(earliest + HOUR, minute_between(cloud, 0.2, 0.95, vm, "deleted"))
    return made_at, made_at + timedelta(minutes=between(40, 3 * 24 * 60, cloud.seed, vm, "short life"))


def _spans(cloud: Cloud, vm: str, made_at: datetime, deleted_at: datetime | None) -> list[Span]:
    """Return the sizes of one machine, in time."""
    size, since, until = _first_size(cloud, vm), made_at, deleted_at or cloud.end
    spans: list[Span] = []
    for number in range(2):
        resized_at = minute_between(cloud, 0.1, 0.9, vm, "resized", number)
        if draw(cloud.seed, vm, "is resized", number) < SHARE_RESIZED and since + HOUR < resized_at < until - HOUR:
            spans.append(Span(since, resized_at, size))
            is_larger = draw(cloud.seed, vm, "larger", number) < SHARE_OF_RESIZES_UP
            size, since = _resized(size, is_larger=is_larger), resized_at
    spans.append(Span(since, until, size))
    if deleted_at is not None and draw(cloud.seed, vm, "last zero") < SHARE_OF_DELETED_WITH_LAST_ZERO:
        # Half of the collectors send one last sample of zeros; the others fall silent, and `max_gap` ends the bill.
        spans.append(Span(deleted_at, deleted_at + SAMPLE_INTERVAL, SWITCHED_OFF))
    return spans


def _first_size(cloud: Cloud, vm: str) -> Size:
    cores = pick(CORE_COUNTS, cloud.seed, vm, "cores")
    gibibytes = cores * pick((2, 4, 8), cloud.seed, vm, "memory")
    return Size(cores, gibibytes * KIBIBYTES_PER_GIBIBYTE, pick(STORAGE_SIZES_GB, cloud.seed, vm, "storage"))


def _resized(size: Size, *, is_larger: bool) -> Size:
    # Cores and memory go both ways; a disk never shrinks.
    if is_larger:
        return Size(size.cores * 2, size.memory_kib * 2, size.storage_gb * 2)
    return Size(max(size.cores // 2, 1), max(size.memory_kib // 2, KIBIBYTES_PER_GIBIBYTE), size.storage_gb)


def _full_rates(cloud: Cloud, vm: str, role: str, size: Size) -> dict[str, float]:
    """Return what a machine reads, writes, receives and sends at full load, in KiB/s."""
    return {
        column: round(rate * size.cores**0.5 * (0.4 + 1.2 * draw(cloud.seed, vm, column)), 1)
        for column, rate in zip(RATE_COLUMNS, FULL_RATES_KIBS[role], strict=True)
    }
