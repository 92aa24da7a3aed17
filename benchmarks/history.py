"""The lake before the measured hour: the month's earlier hours as hourly quantities, charges and ledger entries.

What belongs here: making a project whose lake is as thousands of hourly runs would have left it. What does not: what
lands in the measured hour (`data.py`).

Two things are shorter than in production, and neither is read by the measured run: there are no records behind the
quantities, and all hours of the month up to the last 48 are one increment per account and meter in the month's first
hour. The last 48 hours are whole, an increment and a charge for every resource and meter, an hour a run. Only the
quantities are made here; they are rated and posted by the steps themselves, so the running totals, the positions of the
lots and the heads are what hourly runs leave.
"""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from assets.accounts import take_accounts
from assets.charges import rate_usage
from assets.ledger_entries import post_charges
from assets.price_book import take_book
from benchmarks.data import (
    ACCOUNT_NAME,
    FACTOR,
    RESOURCE_NAME,
    write_accounts,
    write_price_book,
    write_subscriptions_and_grants,
)
from benchmarks.sizes import HOUR, MEASURED_HOUR, METERS, MONTH_START, RECORDS_OF_SERIES, RESOURCES_OF_ACCOUNT, Sizes
from resources.clock import FixedClock
from resources.project import Project
from resources.settings import load_settings
from resources.writer import Step, converge

SETTINGS = """\
price_book = "pricebook.yaml"
threads = 2
memory_limit = "4GB"
[seller]
name = "Benchmark"
"""
# What a resource uses of a meter in an hour: about what its twelve records of the measured hour sum to.
OF_AN_HOUR = "({hours} * ({records} * {factor} + hash(range) % 1200) / 1000)::decimal(38, 9)"
QUANTITIES = """
select
    {account_name} as account_id, '' as service_id, {resource_name} as resource_id, {meters}[meter + 1] as meter,
    '{{}}' as dimensions, $slice_start::timestamptz as slice_start, {quantity} as quantity
from (
    select range, range // {meters_count} as resource, range % {meters_count} as meter, range // {series_of_account} as account
    from range({series})
)
where resource % {one_resource_of} = 0
"""


def open_project(folder: Path, **changed: str) -> Project:
    """The project of a folder with its settings, or some of them changed, five minutes past the measured hour."""
    settings = load_settings(folder).model_copy(update=changed)
    return Project.open(settings, FixedClock(MEASURED_HOUR + HOUR * 65 / 60))


def make_project(folder: Path, sizes: Sizes, show: Callable[[str], None]) -> None:
    """Make a project with its lake as of the beginning of the measured hour."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "meterbook.toml").write_text(SETTINGS, encoding="utf-8")
    write_price_book(folder / "pricebook.yaml")
    with open_project(folder) as project:
        take_book(project, "reference")
        for write in (write_accounts, write_subscriptions_and_grants):
            write(project.settings.landing, sizes)
            take_accounts(project, "reference")
        _bill(project, sizes, MONTH_START, sizes.history_start)
        for hour in _hours(sizes.history_start, MEASURED_HOUR):
            show(f"history: {hour:%d %B %H:%M}")
            _bill(project, sizes, hour, hour + HOUR)


def _bill(project: Project, sizes: Sizes, start: datetime, end: datetime) -> None:
    """Close hours in one run, with all their use in the first of them."""
    job = f"history-{start.isoformat()}"
    converge(project.lake, "usage_hourly", job, lambda step: _append_quantities(step, sizes, start, end))
    rate_usage(project, job)
    post_charges(project, job)


def _append_quantities(step: Step, sizes: Sizes, start: datetime, end: datetime) -> None:
    hours = (end - start) // HOUR
    folded = hours > 1
    factor = FACTOR.format(account="account")
    resources = RESOURCES_OF_ACCOUNT if folded else 1
    query = QUANTITIES.format(
        account_name=ACCOUNT_NAME.format(number="account"),
        resource_name=RESOURCE_NAME.format(number="resource"),
        meters=list(METERS),
        meters_count=len(METERS),
        series_of_account=len(METERS) * RESOURCES_OF_ACCOUNT,
        series=sizes.series,
        one_resource_of=resources,
        quantity=OF_AN_HOUR.format(hours=hours * resources, records=RECORDS_OF_SERIES, factor=factor),
    )
    step.append("usage_hourly", step.lake.connection.execute(query, {"slice_start": start}).pl())
    step.append("run_hours", _hours(start, end).alias("hour").to_frame())


def _hours(start: datetime, end: datetime) -> pl.Series:
    return pl.datetime_range(start, end, "1h", closed="left", time_unit="us", eager=True)
