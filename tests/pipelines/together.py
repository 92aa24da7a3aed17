"""One small world in which everything meets: two zones, every kind of price and charge, changes of all sorts.

What belongs here: its books, its records, and billing it all at once. What does not: any expectation.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from resources.project import Project
from resources.settings import Settings
from tests.pipelines import tiny
from tests.pipelines.tiny import HOUR, MONTH_END, land

# The second account is in India, where November begins at 18:30 UTC; it changes its plan at 08:15, and the book at 10:00.
FIRST = datetime(2026, 10, 31, 3, tzinfo=UTC)
UNTIL = MONTH_END + 5 * HOUR
SECOND_BOOK_AT = FIRST + 7 * HOUR
# An hour at a time where most happens. India's October is trued up in the run that closes 21:00, UTC's in the last but one.
CLOSED = [FIRST + number * HOUR for number in (2, 6, 8, 9, 10, 16, 18, 23, 26)]
LATE_BY = 6 * HOUR
BOOK = """
version: "1"
effective_from: 2026-10-01T00:00:00Z
currency: EUR
grace: 2 hours
meters:
  cpu: {unit: vCPU-hour, aggregation: sum}
  out: {unit: GB, aggregation: sum}
  disk: {unit: GB-hour, aggregation: time_weighted, max_gap: 2 hours}
plans:
  standard:
    recurring: {amount: "7.77", interval: month, bill: advance}
    discount: "12.5"
    prices: &prices
      - id: out
        meter: out
        model: unit
        unit_price: "0.75"
        included: "2"
        maximum: "23"
        pooled: {meter: cpu, quantity: "120"}
      - id: cpu
        meter: cpu
        model: graduated
        included: "1.5"
        minimum: "11"
        tiers: [{up_to: "7", unit_price: "0.02"}, {unit_price: "0.0123", flat_fee: "0.5"}]
      - {id: cpu-night, meter: cpu, when: {hours: "22:15-06:45", zone: Asia/Kolkata}, model: unit, unit_price: "0.007"}
      - id: cpu-us
        meter: cpu
        where: {region: us}
        model: volume
        commit: {quantity: "12.5", per: period, unit_price: "0.03"}
        tiers: [{up_to: "3", unit_price: "0.04"}, {unit_price: "0.031", flat_fee: "0.1"}]
      - id: disk
        meter: disk
        unit: GB-month
        model: unit
        unit_price: "9"
        accumulate: resource
        maximum: "1.1"
        account_maximum: "1.6"
  large:
    recurring: {id: base, amount: "3.10", interval: month, bill: arrears}
    surcharge: "3.3"
    prices: *prices
accounts:
  second:
    prices:
      standard:
        - {id: cpu-night, meter: cpu, when: {hours: "22:15-06:45", zone: Asia/Kolkata}, model: unit, unit_price: "0.0055"}
"""
WRONG = (
    BOOK.replace('version: "1"', 'version: "2"')
    .replace("2026-10-01T00:00:00Z", f"{SECOND_BOOK_AT:%Y-%m-%dT%H:%M:%SZ}")
    .replace('"120"', '"200"')
    .replace('"12.5", per', '"310", per')
    .replace('minimum: "11"', 'minimum: "13"')
)
RIGHT = WRONG.replace('"0.02"', '"0.021"').replace('discount: "12.5"', 'discount: "7"').replace('"0.75"', '"0.6"')
ACCOUNTS = """account_id,effective_from,name,currency,time_zone,tax_rate
first,2026-10-01T00:00:00Z,First,EUR,UTC,19
second,2026-10-01T00:00:00Z,Second,EUR,Asia/Kolkata,7
"""
SUBSCRIPTIONS = """subscription_id,account_id,plan,effective_from
s-first,first,standard,2026-10-01T00:00:00Z
s-second,second,standard,2026-10-01T00:00:00Z
"""
CHANGE = "subscription_id,account_id,plan,effective_from\ns-second,second,large,2026-10-31T08:15:00Z\n"
GRANTS = """grant_id,account_id,kind,amount,currency,priority,effective_at,expires_at
welcome,first,promotional,8.50,EUR,1,2026-10-01T00:00:00Z,2026-10-31T20:00:00Z
short,second,promotional,2.50,EUR,1,2026-10-31T06:20:00Z,2026-10-31T09:40:00Z
"""
REFERENCE = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "grants": GRANTS}
# The machine would have joined the pool by its first record, which does not count; another used a tenth of what it said.
CORRECTIONS = """source,event_id,timestamp,action,quantity,reason,by
usage_records,first-m1-cpu-31T0540,,void,,sent twice,support
usage_records,second-m2-out-31T0710,,replace,0.9,meter was wrong,support
"""
KINDS = {"usage", "recurring", "discount", "surcharge", "minimum", "commitment"}


class Record(NamedTuple):
    """One record of a machine: even ones are in the USA."""

    at: datetime
    account: str
    machine: int
    meter: str
    quantity: str

    def landed(self) -> datetime:
        """When its file comes: every fifth is late."""
        return self.at + (LATE_BY if (self.at.hour + self.machine) % 5 == 0 else timedelta())

    def line(self) -> str:
        """As it lands."""
        resource = f"{self.account}-m{self.machine}"
        row = {
            "event_id": f"{resource}-{self.meter}-{self.at:%dT%H%M}", "timestamp": self.at.isoformat(),
            "account_id": self.account, "resource_id": resource, "meter": self.meter, "quantity": self.quantity,
            "dimensions": {"region": "us" if self.machine % 2 == 0 else "eu"},
        }  # fmt: skip
        return json.dumps(row)


def records() -> Iterator[Record]:
    """Machines that begin one after another, with cpu, traffic and a disk now and then."""
    minute = timedelta(minutes=1)
    for account in ("first", "second"):
        for machine in range(4):
            for number in range((UNTIL - FIRST) // HOUR):
                hour = FIRST + number * HOUR
                if number >= machine * 2 and (number + machine) % 2:
                    yield Record(hour + 40 * minute, account, machine, "cpu", "0.733333333")
                if (number * 3 + machine) % 4 == 0:
                    yield Record(hour + 10 * minute, account, machine, "out", "9" if number == 4 else "2.123456789")
                if (number + 2 * machine) % 3 == 0:
                    yield Record(
                        hour + (7 + machine) * minute, account, machine, "disk", str(30 + 9 * machine + number)
                    )


def make(directory: Path) -> Project:
    return Project.open(tiny.make_of(directory, BOOK, REFERENCE), tiny.CLOCK)


def land_records(settings: Settings, name: str, chosen: Iterable[Record]) -> None:
    lines = [record.line() for record in chosen]
    if lines:
        land(settings, f"usage_records/{name}.ndjson", "\n".join(lines))


@contextmanager
def billed_at_once(directory: Path) -> Iterator[Project]:
    """All facts closed in one run, under the books that are right."""
    with make(directory) as project:
        tiny.bill(project, FIRST)
        project.settings.price_book.write_text(RIGHT, encoding="utf-8")
        land(project.settings, "subscriptions/change.csv", CHANGE)
        land(project.settings, "corrections/all.csv", CORRECTIONS)
        land_records(project.settings, "all", records())
        tiny.bill(project, UNTIL)
        yield project
