"""Goal: everything at once in one small world: run by run, late, corrected and put right is the same as all at once."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from pipelines.rerate import Request, rerate
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.settings import Settings
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import HOUR, MONTH_END, check_all, land

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


@pytest.fixture(scope="module")
def by_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Run by run: files as they come, a wrong book, a plan that changed a while ago, corrections, then the right book."""
    with make(tmp_path_factory.mktemp("together") / "by_runs") as project:
        settings, seen = project.settings, FIRST
        for until in CLOSED:
            land_records(settings, f"{until:%dT%H}", (one for one in records() if seen <= one.landed() < until))
            if until == SECOND_BOOK_AT + HOUR:
                settings.price_book.write_text(WRONG, encoding="utf-8")
            if until == SECOND_BOOK_AT + 2 * HOUR:
                land(settings, "subscriptions/change.csv", CHANGE)
            if until == FIRST + 16 * HOUR:
                land(settings, "corrections/all.csv", CORRECTIONS)
            tiny.bill(project, until)
            seen = until
        check_all(project)
        settings.price_book.write_text(RIGHT, encoding="utf-8")
        assert not rerate(
            project, Request(settings.price_book, "2026-10", "a typing error", "finance")
        ).changed.is_empty()
        land_records(settings, "last", (one for one in records() if one.landed() >= seen))
        tiny.bill(project, UNTIL)
        yield project


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The same facts, closed in one run under the books that are right."""
    with make(tmp_path_factory.mktemp("together") / "once") as project:
        tiny.bill(project, FIRST)
        project.settings.price_book.write_text(RIGHT, encoding="utf-8")
        land(project.settings, "subscriptions/change.csv", CHANGE)
        land(project.settings, "corrections/all.csv", CORRECTIONS)
        land_records(project.settings, "all", records())
        tiny.bill(project, UNTIL)
        yield project


def test_run_by_run_is_all_at_once(by_runs: Project, at_once: Project) -> None:
    assert_same(books(at_once.lake), books(by_runs.lake))


def test_all_is_met(at_once: Project) -> None:
    """Each kind of charge is there, and each price; caps are reached, and joining a pool gives back."""
    query = at_once.lake.connection.execute
    charged = "from charges group by all having sum(amount_delta) <> 0"
    assert {kind for (kind,) in query(f"select kind {charged}").fetchall()} == KINDS
    prices = {"out", "cpu", "cpu-night", "cpu-us", "disk", "recurring", "base"}
    assert {price for (price,) in query(f"select price_id {charged}").fetchall()} == prices
    assert {plan for (plan,) in query(f"select plan {charged}").fetchall()} == {"standard", "large"}
    of_first = (
        "from charges where account_id = 'first' and period_start < '2026-10-15' and kind = 'usage' and price_id ="
    )
    assert query(f"select sum(amount_delta) {of_first} 'disk'").fetchall() == [(Decimal("1.6"),)]
    given_back = query(f"select count(*) {of_first} 'out' and quantity_delta = 0 and amount_delta < 0").fetchone()
    assert given_back is not None
    assert given_back[0] > 0


def test_checks_are_green_and_invoices_are_proved(by_runs: Project, at_once: Project) -> None:
    check_all(at_once)
    write_drafts(by_runs, "drafts", tiny.PERIOD)
    assert issue(by_runs, "issue", tiny.PERIOD)["issued"] == 2
    for (number,) in by_runs.lake.connection.execute("select number from invoices").fetchall():
        assert [finding.first_difference for finding in verify_invoice(by_runs, number)] == [None] * 3
    check_all(by_runs)


def test_a_rebuild_appends_nothing(by_runs: Project) -> None:
    rows = "select count(*), sum(amount_delta) from charges"
    before = by_runs.lake.connection.execute(rows).fetchone()
    rebuild_caches(by_runs.lake)
    tiny.bill(by_runs, UNTIL)
    assert by_runs.lake.connection.execute(rows).fetchone() == before
