"""Two accounts and a few requests in the last days of October 2026: the smallest books in which everything happens.

What belongs here: the project and what lands in it. What does not: what is made of it.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from assets.invoices import issue, write_drafts
from pipelines.checks import CHECKS, Window
from pipelines.hourly import hourly_steps
from resources.clock import FixedClock
from resources.project import Project
from resources.settings import Settings, load_settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST_DAY = datetime(2026, 10, 30, tzinfo=UTC)
MONTH_END = datetime(2026, 11, 1, tzinfo=UTC)
# Long after all that happens, so that no record is refused as future.
CLOCK = FixedClock(datetime(2026, 11, 10, tzinfo=UTC))
PERIOD = "2026-10"

BOOK = """
version: "2026-10"
effective_from: 2026-10-01T00:00:00Z
currency: EUR
meters:
  requests: {unit: request, aggregation: sum}
plans:
  standard:
    prices:
      - id: requests
        meter: requests
        model: graduated
        included: "10"
        tiers: [{up_to: "100", unit_price: "0.02"}, {unit_price: "0.0123", flat_fee: "0.5"}]
"""
ACCOUNTS = """account_id,effective_from,name,currency,time_zone,tax_rate
first,2026-10-01T00:00:00Z,First,EUR,UTC,19
second,2026-10-01T00:00:00Z,Second,EUR,Europe/Berlin,7
"""
SUBSCRIPTIONS = """subscription_id,account_id,plan,effective_from
s-first,first,standard,2026-10-01T00:00:00Z
s-second,second,standard,2026-10-01T00:00:00Z
"""
GRANTS = """grant_id,account_id,kind,amount,currency,priority,effective_at,expires_at
welcome,first,promotional,1.50,EUR,1,2026-10-01T00:00:00Z,2026-10-31T12:00:00Z
"""


def make(directory: Path) -> Settings:
    """A project with its reference data landed, and no records."""
    return make_of(directory, BOOK, {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "grants": GRANTS})


def make_of(directory: Path, book: str, reference: Mapping[str, str]) -> Settings:
    """A project with this price book and reference data."""
    directory.mkdir(parents=True)
    text = 'price_book = "prices.yaml"\nthreads = 1\n[seller]\nname = "Seller"\n'
    (directory / "meterbook.toml").write_text(text, encoding="utf-8")
    (directory / "prices.yaml").write_text(book, encoding="utf-8")
    settings = load_settings(directory)
    for source, rows in reference.items():
        land(settings, f"{source}/{source}.csv", rows)
    return settings


def open_days(directory: Path, book: str, days: int) -> Project:
    """A project under another price book, with the records of its first days landed."""
    settings = make(directory)
    settings.price_book.write_text(book, encoding="utf-8")
    for number in range(days):
        land_day(settings, FIRST_DAY + number * DAY)
    return Project.open(settings, CLOCK)


def charged(project: Project, kinds: str) -> dict[str, Decimal]:
    """What charges of October come to, by account."""
    rows = project.lake.connection.execute(
        "select account_id, sum(amount_delta) from charges"
        f" where {kinds} and period_start < '2026-10-30' group by all order by all"
    )
    return dict(rows.fetchall())


def check_all(project: Project) -> None:
    """Every check of the books finds nothing, over all runs."""
    last = project.lake.value("steps/writer/next_run") - 1
    for check in CHECKS:
        assert check.find(project, Window(0, last)).is_empty(), check.name


def land_day(settings: Settings, day: datetime) -> None:
    """Land the records of a day: one an account and hour, a copy of one, a conflict and one of an unknown meter."""
    rows = [_record(account, day + number * HOUR, 3) for number in range(24) for account in ("first", "second")]
    odd = [rows[0], {**rows[1], "quantity": "4"}, {**rows[2], "meter": "nonsense", "event_id": "odd"}]
    lines = [json.dumps(row) for row in [*rows, *odd]]
    land(settings, f"usage_records/{day:%Y-%m-%d}.ndjson", "\n".join(lines))


def land_record(settings: Settings, name: str, hour: datetime, quantity: int = 5) -> None:
    """Land one more record, in a file of its own."""
    land(settings, f"usage_records/{name}.ndjson", json.dumps(_record("first", hour, quantity) | {"event_id": name}))


def _record(account: str, hour: datetime, quantity: int) -> dict[str, str]:
    return {
        "event_id": f"{account}-{hour:%dT%H}", "timestamp": (hour + 5 * timedelta(minutes=1)).isoformat(),
        "account_id": account, "resource_id": f"site-{account}", "meter": "requests", "quantity": str(quantity),
    }  # fmt: skip


def land(settings: Settings, name: str, text: str) -> None:
    """Land a file."""
    path = settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def bill(project: Project, until: datetime) -> str:
    """Run the hourly steps, without Dagster; returns the job."""
    job = f"until-{until:%Y-%m-%dT%H}"
    for step in hourly_steps(project, job, until).values():
        step()
    return job


def make_billed(directory: Path) -> Path:
    """A project with two days billed, a run a day, drafts of October, and the first account's invoice issued."""
    settings = make(directory)
    with Project.open(settings, CLOCK) as project:
        for day in (FIRST_DAY, FIRST_DAY + DAY):
            land_day(settings, day)
            bill(project, day + DAY)
        write_drafts(project, "drafts", PERIOD)
        issue(project, "issue", PERIOD, ["first"])
    return directory


@contextmanager
def a_copy(billed: Path, directory: Path) -> Iterator[Project]:
    """The same project elsewhere, open."""
    shutil.copytree(billed, directory)
    with Project.open(load_settings(directory), CLOCK) as project:
        yield project
