"""The real week as files that a collector and an operator would land, for the product to bill.

What belongs here: writing `<folder>/vm_samples/*.parquet` from the real file and the accounts, subscriptions and grants
around it. What does not: any import of the product, or any number that the product should compute.
"""

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from tests.real.reference import DATA_FILE, connect, statement

ACCOUNTS = 40
WEEK_START = datetime(2013, 8, 1, tzinfo=UTC)
WEEK_END = datetime(2013, 8, 8, tzinfo=UTC)
START = "2013-08-01T00:00:00Z"
SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
Files = Literal["hour", "day", "week"]
Row = Mapping[str, str]


def land_week(folder: Path, files: Files = "hour", data_file: Path = DATA_FILE) -> list[Path]:
    """Land the week under `folder`: reference data, then samples, one file per hour, day or week, in order of time."""
    write_rows(folder / "accounts" / "accounts.csv", accounts())
    write_rows(folder / "subscriptions" / "subscriptions.csv", subscriptions())
    write_rows(folder / "grants" / "grants.csv", grants())
    return land_samples(folder / "vm_samples", files, data_file)


def land_samples(folder: Path, files: Files = "hour", data_file: Path = DATA_FILE) -> list[Path]:
    """Land the samples alone. A file is named after the start of its span: `2013-08-01T00.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    landed = []
    with connect() as connection:
        connection.execute(statement("read_samples"), {"file": str(data_file)})
        span_start = WEEK_START
        while span_start < WEEK_END:
            span_end = span_start + SPANS[files]
            path = folder / f"{span_start:%Y-%m-%dT%H}.parquet"
            bound = {"span_start": span_start.isoformat(), "span_end": span_end.isoformat(), "file": str(path)}
            connection.execute(statement("land_samples"), bound)
            landed.append(path)
            span_start = span_end
    return landed


def accounts() -> Iterable[Row]:
    """Forty accounts in one seller, currency and zone."""
    for number in range(ACCOUNTS):
        yield {
            "account_id": f"account-{number:02d}",
            "effective_from": START,
            "name": f"Customer {number:02d}",
            "email": f"billing@customer-{number:02d}.example",
            "address": f"{number + 1} Harbour Street, 20457 Hamburg",
            "country": "DE",
            "tax_id": f"DE{100000000 + number}",
            "seller": "main",
            "currency": "EUR",
            "time_zone": "UTC",
            "mode": "postpaid",
            "tax_code": "VAT-19",
            "tax_rate": "19",
        }


def subscriptions() -> Iterable[Row]:
    """Every account is on the one plan, for the whole month."""
    for number in range(ACCOUNTS):
        yield {
            "subscription_id": f"subscription-{number:02d}",
            "account_id": f"account-{number:02d}",
            "service_id": "",
            "plan": "standard",
            "effective_from": START,
        }


def grants() -> Iterable[Row]:
    """Credit of every shape a lot can have.

    A promotion that ends in mid-week (used up by some, not by others), one that starts and ends within hours, paid
    credit without end, paid credit that ends and a top-up late in the week; every fourth account has no paid credit.
    """
    for number in range(ACCOUNTS):
        if number % 3 == 0:
            yield _promotional(number, "welcome", "40.00", START, "2013-08-04T12:00:00Z")
        if number % 5 == 0:
            yield _promotional(number, "outage", "10.00", "2013-08-03T10:30:00Z", "2013-08-05T17:20:00Z")
        if number % 4 != 3:
            yield _paid(number, "first", "50.00", "9.50", START, "")
        if number % 7 == 0:
            yield _paid(number, "voucher", "15.00", "2.85", START, "2013-08-06T00:00:00Z")
        if number % 4 == 1:
            yield _paid(number, "second", "20.00", "3.80", "2013-08-06T09:00:00Z", "")


def _promotional(number: int, name: str, amount: str, effective_at: str, expires_at: str) -> Row:
    return {
        "grant_id": f"promotion-{name}-{number:02d}",
        "account_id": f"account-{number:02d}",
        "kind": "promotional",
        "amount": amount,
        "currency": "EUR",
        "priority": "10",
        "effective_at": effective_at,
        "expires_at": expires_at,
        "receipt": "",
        "tax_paid": "",
        "tax_code": "",
        "gateway": "",
        "reason": name,
    }


def _paid(number: int, name: str, amount: str, tax_paid: str, effective_at: str, expires_at: str) -> Row:
    return {
        "grant_id": f"paid-{name}-{number:02d}",
        "account_id": f"account-{number:02d}",
        "kind": "paid",
        "amount": amount,
        "currency": "EUR",
        "priority": "20",
        "effective_at": effective_at,
        "expires_at": expires_at,
        "receipt": f"R-2013-{name}-{number:02d}",
        "tax_paid": tax_paid,
        "tax_code": "VAT-19",
        "gateway": "bank",
        "reason": "",
    }


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows of equal columns as CSV with a header."""
    written = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(written[0]))
        writer.writeheader()
        writer.writerows(written)
