"""The lakes of these benchmarks: accounts with their lots, and charges as rating would have left them.

What belongs here: making them, the same ones each time. What does not: records and quantities, of which posting knows
nothing, and measuring.

Facts and charges are appended by steps of the writer that runs use, so files, heads and hours are as runs leave them.
Accounts are prepaid, so that all lots may pay. Of each account's three lots the first is used up within hours, for a
quarter of the accounts the second too, and one account of a hundred is in debt.
"""

import shutil
from datetime import datetime
from pathlib import Path

import polars as pl

from assets.ledger_entries import post_charges
from assets.price_book import take_book
from benchmarks.credit.sizes import CHARGES_OF_ACCOUNT, CreditSizes
from benchmarks.data import ACCOUNT_NAME, write_price_book
from benchmarks.history import SETTINGS, open_project
from benchmarks.sizes import HOUR, MEASURED_HOUR, METERS, MONTH_END
from resources.project import Project
from resources.writer import Step, converge

ACCOUNTS = """
select {account} as account_id, $start::timestamptz as effective_from, 'Customer ' || range as "name", '' as email,
    '' as address, 'DE' as country, '' as tax_id, '' as seller, 'EUR' as currency, 'UTC' as time_zone, 'prepaid' as mode,
    'standard' as tax_code, 0::decimal(9, 4) as tax_rate, false as void, 0::decimal(38, 18) as overdraft_limit
from range({accounts})
"""
SUBSCRIPTIONS = """
select {account} as subscription_id, {account} as account_id, '' as service_id, 'standard' as plan,
    $start::timestamptz as effective_from, false as void
from range({accounts})
"""
# One row a lot: a promotion, an adjustment and paid credit; or paid credit alone, spread over the time until the end.
GRANTS = """
select
    kind || '-' || range as grant_id, {account} as account_id, kind, amount::decimal(38, 18) as amount, 'EUR' as currency,
    priority::integer as priority, effective_at::timestamptz as effective_at, expires_at::timestamptz as expires_at,
    '' as receipt, 0::decimal(38, 18) as tax_paid, '' as tax_code, 'bank' as gateway, 'benchmark' as reason,
    false as void, '' as scope, '' as every, 0::decimal(38, 18) as roll_over, 'benchmark' as "by"
from ({lots})
"""
THREE_LOTS = """
select range, range as owner, unnest([
    {{kind: 'promotional', amount: '3', priority: 10, effective_at: $start, expires_at: '{month_end}'}},
    {{kind: 'adjustment', amount: if(range % 100 = 7, 1, 1 + range % 40)::varchar, priority: 20,
      effective_at: $start, expires_at: null}},
    {{kind: 'paid', amount: if(range % 100 = 7, '0.5', '500'), priority: 30, effective_at: $start, expires_at: null}}
], recursive := true)
from range({accounts})
"""
MANY_LOTS = """
select range, 0 as owner, 'paid' as kind, '{amount}' as amount, 30 as priority,
    date_trunc('minute', $start::timestamptz + to_seconds((range * {apart})::bigint)) as effective_at, null as expires_at
from range({lots})
"""
# A charge of each meter for each account, or of the first ones. What an account pays is between 5 and 40 cents a charge.
CHARGES = """
select
    {account} as account_id, '' as service_id, 'machine-1' as resource_id, {meters}[charge + 1] as meter,
    '{{}}' as dimensions, hour as slice_start, {account} as subscription_id, 'standard' as plan,
    {meters}[charge + 1] as price_id, '2026-11' as version, 'EUR' as currency, 'usage' as kind,
    date_trunc('month', hour) as period_start, 1::decimal(38, 9) as quantity_delta,
    ((50 + hash(range, charge, hour) % 350)::decimal(9, 0) * 0.000987654321::decimal(12, 12))::decimal(38, 18) as amount_delta
from range({accounts}), (select range as charge from range({charges})), (select unnest($hours::timestamptz[]) as hour)
order by account_id, hour
"""
# What a charge is on average; the credit of many lots covers a little more.
MEAN_CHARGE = 0.2225


def make_accounts(folder: Path, accounts: int, start: datetime, lots: str) -> None:
    """Make a project with its price book, accounts, subscriptions and grants, as of `start`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "meterbook.toml").write_text(SETTINGS, encoding="utf-8")
    write_price_book(folder / "pricebook.yaml")
    with open_project(folder) as project:
        take_book(project, "reference")

        def work(step: Step) -> None:
            queries = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS}
            for table, query in queries.items():
                step.append(table, _rows(step, query, accounts=accounts, start=start))
            step.append(
                "grants", _rows(step, GRANTS.replace("{lots}", lots), accounts=accounts, start=start, owner="owner")
            )

        converge(project.lake, "reference", "facts", work)


def _rows(step: Step, query: str, *, accounts: int, owner: str = "range", **parameters: datetime) -> pl.DataFrame:
    account = ACCOUNT_NAME.format(number=owner)
    text = query.replace("{account}", account).replace("{accounts}", str(accounts))
    return step.lake.connection.execute(text, parameters).pl()


def three_lots() -> str:
    """The query of three lots for each account."""
    return THREE_LOTS.format(month_end=MONTH_END.isoformat(), accounts="{accounts}")


def many_lots(sizes: CreditSizes) -> str:
    """The query of as many lots of one account, each in time to pay what follows."""
    span = sizes.slices * HOUR
    amount = MEAN_CHARGE * CHARGES_OF_ACCOUNT * sizes.slices / sizes.lots * 1.1
    return MANY_LOTS.format(amount=f"{amount:.9f}", apart=span.total_seconds() / sizes.lots, lots=sizes.lots)


def charge(folder: Path, job: str, accounts: int, hours: list[datetime], *, charges: int, closes: bool) -> None:
    """Charge every account for these hours in one run, which closes them, or is late."""
    with open_project(folder) as project:
        _charge(project, job, accounts, hours, charges=charges, closes=closes)


def _charge(project: Project, job: str, accounts: int, hours: list[datetime], *, charges: int, closes: bool) -> None:
    text = CHARGES.format(
        account=ACCOUNT_NAME.format(number="range"), meters=list(METERS), accounts=accounts, charges=charges
    )
    if closes:
        closed = pl.DataFrame({"hour": hours}, schema={"hour": pl.Datetime("us", "UTC")})
        converge(project.lake, "usage_hourly", job, lambda step: step.append("run_hours", closed))

    def work(step: Step) -> None:
        step.append("charges", step.lake.connection.execute(text, {"hours": hours}).pl())

    converge(project.lake, "charges", job, work)


def bill_hour(folder: Path, accounts: int, hour: datetime) -> None:
    """One hour as a run leaves it."""
    job = f"history-{hour.isoformat()}"
    with open_project(folder) as project:
        _charge(project, job, accounts, [hour], charges=CHARGES_OF_ACCOUNT, closes=True)
        post_charges(project, job)


def make_million(folder: Path, sizes: CreditSizes) -> None:
    """Make the lake of a million accounts, posted up to the measured hour."""
    make_accounts(folder, sizes.accounts, sizes.history_start, three_lots())
    for hour in hours_between(sizes.history_start, MEASURED_HOUR):
        bill_hour(folder, sizes.accounts, hour)


def make_one(folder: Path, sizes: CreditSizes) -> None:
    """Make the lake of one account with many lots, charged for all its hours, of which none is posted yet."""
    make_accounts(folder, 1, sizes.year_start, many_lots(sizes))
    hours = hours_between(sizes.year_start, MEASURED_HOUR)
    charge(folder, "year", 1, hours, charges=CHARGES_OF_ACCOUNT, closes=True)


def hours_between(start: datetime, end: datetime) -> list[datetime]:
    """The hours from `start` until `end`."""
    return [start + HOUR * number for number in range((end - start) // HOUR)]
