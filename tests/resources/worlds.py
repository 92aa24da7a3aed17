"""A tiny project to land files in: what the tests of ingest and of reference data share.

What belongs here: landing files, running ingest and reading what became of them. What does not: any expectation.
"""

import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assets.accounts import take_accounts
from assets.price_book import take_book
from assets.usage_events import take_usage
from resources.clock import FixedClock
from resources.file_rows import COUNTS
from resources.project import Project
from resources.settings import load_settings
from resources.starter import write_project
from tests.real.landing import write_rows

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
BOOK = """
version: "2026-10"
effective_from: 2026-10-01T00:00:00Z
currency: EUR
meters:
  requests: {unit: request, aggregation: sum}
  balance: {unit: GB, aggregation: sum, allow_negative: true}
  resold: {unit: EUR, aggregation: sum, value: amount}
  returned: {unit: EUR, aggregation: sum, value: amount, allow_negative: true}
  cpu: {unit: vCPU-hour, aggregation: time_weighted, max_gap: 10 min}
  memory: {unit: GB-hour, aggregation: time_weighted, max_gap: 10 min, factor: "0.000001024"}
  storage: {unit: GB-hour, aggregation: time_weighted, max_gap: 10 min}
  disk_io: {unit: GB, aggregation: time_weighted, max_gap: 10 min, factor: "0.000001024", time_unit: 1 second}
  network_in: {unit: GB, aggregation: time_weighted, max_gap: 10 min, factor: "0.000001024", time_unit: 1 second}
  network_out: {unit: GB, aggregation: time_weighted, max_gap: 10 min, factor: "0.000001024", time_unit: 1 second}
plans:
  standard:
    prices: [{id: requests, meter: requests, model: unit, unit_price: "0.01"}]
"""
EVENT = {
    "event_id": "e1", "timestamp": "2026-10-15T10:00:00Z", "account_id": "acme", "resource_id": "r1",
    "meter": "requests", "quantity": "1",
}  # fmt: skip
ACCOUNT = {"account_id": "acme", "effective_from": "2026-10-01T00:00:00Z", "name": "Acme", "currency": "EUR"}

Row = Mapping[str, Any]


def event(**changes: object) -> dict[str, Any]:
    """A good record in the native columns, with changes; None takes a key away."""
    return {key: value for key, value in {**EVENT, **changes}.items() if value is not None}


def lines(*records: object) -> bytes:
    """Records as lines of JSON; text stands as it is."""
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return "".join(f"{text}\n" for text in texts).encode()


@cache
def _template() -> TemporaryDirectory[str]:
    """A project with its tables made, its price book and two accounts taken: made once, copied by every test."""
    folder = TemporaryDirectory()
    directory = Path(folder.name) / "world"
    directory.mkdir()
    (directory / "meterbook.toml").write_text('[seller]\nname = "Seller"\n', encoding="utf-8")
    (directory / "pricebook.yaml").write_text(BOOK, encoding="utf-8")
    accounts = [{**ACCOUNT, "account_id": name} for name in ("acme", "beta")]
    write_rows(directory / "landing" / "accounts" / "accounts.csv", accounts)
    with Project.open(load_settings(directory), FixedClock(NOW)) as project:
        take_book(project, "template")
        take_accounts(project, "template")
    return folder


class World:
    """A project in a folder, its clock, and what landed in it so far."""

    def __init__(self, directory: Path, *, template: bool = True) -> None:
        if template:
            shutil.copytree(Path(_template().name) / "world", directory, dirs_exist_ok=True)
        else:
            write_project(directory)
        self.project = Project.open(load_settings(directory), FixedClock(NOW))
        self.landing = self.project.settings.landing
        self.runs = 0
        self.has_book = True
        self.has_accounts = False
        self.reference: dict[str, Any] = {}

    def add_accounts(self, *names: str) -> None:
        """Land accounts; the next run takes them."""
        path = self.landing / "accounts" / f"{'-'.join(names)}.csv"
        write_rows(path, [{**ACCOUNT, "account_id": name} for name in names])
        self.has_accounts = True

    def land(self, name: str, content: bytes, source: str = "usage_records") -> Path:
        """Land a file as a careful collector does: it appears whole."""
        path = self.landing / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(self.runs * 10**9 + path.stat().st_mtime_ns,) * 2)
        return path

    def run(self) -> dict[str, Any]:
        """Run ingest as the hourly job does: price book, accounts, usage."""
        self.runs += 1
        job = f"job-{self.runs}"
        if not self.has_book:
            take_book(self.project, job)
            self.has_book = True
        if self.has_accounts:
            self.reference = take_accounts(self.project, job)
        return take_usage(self.project, job)

    def take(self, name: str, content: bytes, source: str = "usage_records") -> dict[str, Any]:
        """Land one file, run, and return its newest row of `ingested_files`."""
        self.land(name, content, source)
        self.run()
        return self.file(name)

    def wait(self, by: timedelta) -> None:
        """Let time pass."""
        self.project.clock = FixedClock(self.project.clock.now() + by)

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the lake."""
        return self.project.lake.connection.execute(text).fetchall()

    def files(self) -> dict[str, dict[str, Any]]:
        """The newest row of `ingested_files` of each usage file, by name; its counts always add up."""
        found = self.project.lake.connection.execute("select * from ingested_files order by run, rowid").pl()
        newest = {row["file"]: row for row in found.iter_rows(named=True) if row["source"] not in REFERENCE}
        for row in newest.values():
            assert row["records"] == sum(row[name] for name in COUNTS[1:5]), row
            assert (row["status"] == "failed") == (row["error"] is not None), row
        return newest

    def file(self, name: str) -> dict[str, Any]:
        """The newest row of one file."""
        return self.files()[name]

    def counts(self, name: str) -> tuple[int, int, int, int]:
        """What became of a file's records: accepted, duplicates, refused, skipped."""
        row = self.file(name)
        return row["accepted"], row["duplicates"], row["refused"], row["skipped"]

    def accepted(self, column: str = "event_id") -> list[Any]:
        """One column of all accepted records, in order."""
        return [row[0] for row in self.query(f"select {column} from usage_events order by all")]

    def refused(self) -> list[tuple[Any, ...]]:
        """What is refused as of now: (file, row, reason)."""
        newest = (
            "from rejected_events qualify 1 = row_number() over "
            '(partition by source, file, "row", meter, record order by run desc)'
        )
        return self.query(f'select file, "row", reason from ({newest}) order by all')

    def reasons(self) -> list[str]:
        """The reasons alone."""
        return [reason for _, _, reason in self.refused()]

    def records(self) -> list[str]:
        """Refused records as they came."""
        return [row[0] for row in self.query('select record from rejected_events order by run, file, "row"')]

    def quantity(self) -> Decimal:
        """The quantity of the only accepted record."""
        (value,) = self.accepted("quantity")
        return Decimal(value)


REFERENCE = ("accounts", "subscriptions", "grants", "corrections", "alert_rules")
