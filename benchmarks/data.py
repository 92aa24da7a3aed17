"""What lands: the usage records of one hour, a price book, and accounts with their subscriptions and credit.

What belongs here: making those files, the same ones each time. What does not: what the lake holds before
(`history.py`), and measuring.
"""

from pathlib import Path

import polars as pl

from benchmarks.sizes import (
    LATE_ACCOUNTS_SHARE,
    LATE_BY_AT_MOST,
    MEASURED_HOUR,
    METERS,
    MONTH_START,
    RESOURCES_OF_ACCOUNT,
    Sizes,
)
from resources.catalogs import quoted
from resources.lake import connect

PRICE_BOOK = """\
version: "2026-11"
effective_from: 2026-11-01T00:00:00Z
currency: EUR
meters:
{meters}
plans:
  standard:
    prices:
{prices}
"""
TIERS = '[{up_to: "1000", unit_price: "0.0125"}, {up_to: "5000", unit_price: "0.0115"}, {unit_price: "0.0099"}]'

# The names of account and resource number n, and what each resource of an account uses in an hour of a meter: between
# 0.5 and 4 times the least, so that accounts stand in all tiers and a few pass one in any hour.
ACCOUNT_NAME = "'account-' || lpad(({number})::varchar, 6, '0')"
RESOURCE_NAME = "'machine-' || lpad(({number})::varchar, 7, '0')"
FACTOR = "(50 + hash({account}) % 350)"

# Which records are late: a tenth of those of every hundredth account, or one of a hundred of all accounts.
LATE_OF_FEW = f"account % {LATE_ACCOUNTS_SHARE} = 7 and hash(record) % 10 = 0"
LATE_OF_ALL = "hash(record) % 100 = 0"

# A line of the file repeats an earlier one (each 200th), contradicts an earlier one (each 1000th), or is the next
# record of the hour: five minutes after five minutes, resource after resource, meter after meter. Those that
# are late are so by up to 48 hours.
RECORDS = """
    with lines as (
        select
            line, line % 200 = 199 and {dirty} as repeats, line % 1000 = 500 and {dirty} as contradicts,
            line - 1 - (hash(line) % greatest(line // 2, 1))::bigint as earlier
        from (select range as line from range({records}))
    ),
    chosen as (
        select
            contradicts,
            case when not (repeats or contradicts) then line
                 when earlier % 200 = 199 or earlier % 1000 = 500 then earlier - 1 else earlier end as record
        from lines
    ),
    placed as (
        select
            contradicts, record, record // {series} as tick, (record % {series}) // {meters_count} as resource,
            record % {meters_count} as meter, md5(record::varchar) as digest
        from chosen
    ),
    owned as (select *, resource // {resources_of_account} as account from placed)
select
    substr(digest, 1, 8) || '-' || substr(digest, 9, 4) || '-4' || substr(digest, 14, 3) || '-a' || substr(digest, 18, 3)
        || '-' || substr(digest, 21, 12) as event_id,
    '{hour}'::timestamptz + to_minutes(5 * tick) + to_seconds(resource % 300)
        - to_hours(case when {late} then 1 + (hash(resource) % {late_hours})::bigint else 0 end) as "timestamp",
    {account_name} as account_id, {resource_name} as resource_id, {meters_list}[meter + 1] as meter,
    (({factor} + hash(record) % 100) / 1000 + if(contradicts, 1, 0))::decimal(18, 9) as quantity
from owned
"""


def write_records(path: Path, sizes: Sizes, *, dirty: bool, late: str = LATE_OF_FEW) -> None:
    """Write the hour's file: clean, or with 0.5 % repeats and 0.1 % conflicts. 0.1 % of its records are late, or as said."""
    path.parent.mkdir(parents=True, exist_ok=True)
    query = RECORDS.format(
        dirty=dirty,
        records=sizes.records,
        series=sizes.series,
        meters_count=len(METERS),
        resources_of_account=RESOURCES_OF_ACCOUNT,
        hour=MEASURED_HOUR.isoformat(),
        late=late,
        late_hours=LATE_BY_AT_MOST.total_seconds() // 3600,
        account_name=ACCOUNT_NAME.format(number="account"),
        resource_name=RESOURCE_NAME.format(number="resource"),
        meters_list=list(METERS),
        factor=FACTOR.format(account="account"),
    )
    with connect(threads=2, memory_limit="4GB") as connection:
        connection.execute(f"copy ({query}) to '{quoted(path)}' (format parquet, compression zstd)")


def price_book() -> str:
    """Five meters that add up, each priced by three tiers over the whole account."""
    meters = "\n".join(f"  {meter}: {{unit: unit, aggregation: sum}}" for meter in METERS)
    price = "      - {{id: {0}, meter: {0}, model: graduated, accumulate: account, tiers: {1}}}"
    prices = "\n".join(price.format(meter, TIERS) for meter in METERS)
    return PRICE_BOOK.format(meters=meters, prices=prices)


def write_price_book(path: Path) -> None:
    """Write the price book."""
    path.write_text(price_book(), encoding="utf-8")


def write_accounts(landing: Path, sizes: Sizes) -> None:
    """The accounts."""
    _write(
        landing / "accounts" / "all.csv",
        sizes,
        {
            "name": pl.format("Customer {}", NUMBER), "currency": EUR, "time_zone": pl.lit("UTC"),
            "mode": pl.lit("postpaid"), "effective_from": START,
        },
    )  # fmt: skip


def write_subscriptions_and_grants(landing: Path, sizes: Sizes) -> None:
    """One plan and two lots an account: a promotion that most have used up by now, and paid credit."""
    _write(
        landing / "subscriptions" / "all.csv",
        sizes,
        {
            "subscription_id": pl.format("subscription-{}", NUMBER), "service_id": EMPTY, "plan": pl.lit("standard"),
            "effective_from": START,
        },
    )  # fmt: skip
    common = {"currency": EUR, "effective_at": START}
    promotional = {
        "grant_id": pl.format("promotion-{}", NUMBER), "kind": pl.lit("promotional"), "amount": pl.lit("25.00"),
        "priority": pl.lit("10"), "expires_at": pl.lit("2026-12-01T00:00:00Z"), "receipt": EMPTY, "tax_paid": EMPTY,
        "tax_code": EMPTY, "gateway": EMPTY, "reason": pl.lit("welcome"),
    }  # fmt: skip
    paid = {
        "grant_id": pl.format("paid-{}", NUMBER), "kind": pl.lit("paid"), "amount": pl.lit("500.00"),
        "priority": pl.lit("20"), "expires_at": EMPTY, "receipt": pl.format("R-{}", NUMBER),
        "tax_paid": pl.lit("95.00"), "tax_code": pl.lit("VAT-19"), "gateway": pl.lit("bank"), "reason": EMPTY,
    }  # fmt: skip
    _write(landing / "grants" / "promotional.csv", sizes, promotional | common)
    _write(landing / "grants" / "paid.csv", sizes, paid | common)


NUMBER = pl.col("number")
START = pl.lit(MONTH_START.isoformat())
EUR = pl.lit("EUR")
EMPTY = pl.lit("")


def _write(path: Path, sizes: Sizes, columns: dict[str, pl.Expr]) -> None:
    """Write a row an account, with its `account_id`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = pl.int_range(sizes.accounts, eager=True).cast(pl.String).str.zfill(6).alias("number")
    account_id = pl.format("account-{}", NUMBER)
    number.to_frame().select(account_id=account_id, **columns).write_csv(path)
