"""The papers of the accounts: who they are, what they subscribed to, what credit they were granted.

Here belongs the reference data as a provider's office would land it: text, effective-dated, one table a kind. Every
time is on a quarter hour (semantics 2). What the accounts use does not belong here.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

import polars as pl

from pipelines.synthetic.cloud import DAY, HOUR, QUARTER_HOUR, Cloud, joins_at
from pipelines.synthetic.companies import Company, address, companies, tax_id
from pipelines.synthetic.noise import between, draw, pick

SELLER = "example-cloud"
CURRENCY = "EUR"
PLANS = ("pro", "standard", "standard")

# The accounts that something happens to; a smaller cloud counts round.
CHANGES_PLAN = 7
MOVES_HOUSE = 4
HAS_PROMOTION_LEFT = 49  # a small account: most of its promotion is unused at its end

PROMOTIONAL_PRIORITY = 10
PAID_PRIORITY = 20
PAID_FIRST_PRIORITY = 5


def instant_text(instant: datetime) -> str:
    """Write an instant (UTC) as ISO 8601 with a Z, with its milliseconds where it has any."""
    precision = "milliseconds" if instant.microsecond else "seconds"
    return instant.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def member(cloud: Cloud, number: int) -> Company:
    """Return the company of this number, counting round in a cloud with fewer."""
    return companies(cloud)[number % cloud.accounts]


def member_since(cloud: Cloud, company: Company) -> datetime:
    """Say from when an account is there."""
    joined = joins_at(cloud, company.number)
    days_before = between(30, 900, cloud.seed, company.number, "since")
    quarter = between(32, 68, cloud.seed, company.number, "since quarter")
    return joined or cloud.start - days_before * DAY + quarter * QUARTER_HOUR


def _prepays(company: Company) -> bool:
    return company.number % 3 == 0


@cache
def accounts(cloud: Cloud) -> pl.DataFrame:
    """Return the accounts; one has a second row, from the day on which it moved."""
    rows = [_account(cloud, company, member_since(cloud, company)) for company in companies(cloud)]
    mover = member(cloud, MOVES_HOUSE)
    moved = _account(cloud, mover, max(cloud.month_start, cloud.start) + 14 * DAY)
    return pl.DataFrame([*rows, moved | {"address": address(cloud, mover, moved=True)}])


def _account(cloud: Cloud, company: Company, effective_from: datetime) -> dict[str, str]:
    mailbox = pick(("billing", "invoices", "accounts"), cloud.seed, company.number)
    return {
        "account_id": company.account_id,
        "effective_from": instant_text(effective_from),
        "name": company.name,
        "email": f"{mailbox}@{company.account_id}.example",
        "address": address(cloud, company),
        "country": company.country.code,
        "tax_id": tax_id(cloud, company),
        "seller": SELLER,
        "currency": CURRENCY,
        "time_zone": company.country.time_zone,
        "mode": "prepaid" if _prepays(company) else "postpaid",
        "tax_code": company.country.tax_code,
        "tax_rate": company.country.tax_rate,
    }


@cache
def subscriptions(cloud: Cloud) -> pl.DataFrame:
    """Return the subscriptions; one changes its plan in the middle of the month, off the whole hour."""
    rows = [
        _subscription(company, PLANS[company.number % len(PLANS)], member_since(cloud, company))
        for company in companies(cloud)
    ]
    changer = member(cloud, CHANGES_PLAN)
    changed_at = max(cloud.month_start, cloud.start) + 13 * DAY + 9 * HOUR + 3 * QUARTER_HOUR
    other_plan = "standard" if PLANS[changer.number % len(PLANS)] == "pro" else "pro"
    return pl.DataFrame([*rows, _subscription(changer, other_plan, changed_at)])


def _subscription(company: Company, plan: str, effective_from: datetime) -> dict[str, str]:
    return {
        "subscription_id": f"sub-{company.number + 1:04d}",
        "account_id": company.account_id,
        "service_id": "",
        "plan": plan,
        "effective_from": instant_text(effective_from),
    }


def promotion_ends_at(cloud: Cloud) -> datetime:
    """Say when the promotion ends whose rest a late record still draws on (semantics 4)."""
    return cloud.month_end - 3 * DAY + 22 * HOUR


@cache
def grants(cloud: Cloud) -> pl.DataFrame:
    """Return the grants: promotions that end in the month's last days, and paid top-ups with their receipts."""
    lucky = member(cloud, HAS_PROMOTION_LEFT)
    rows = [_promotion(lucky, "welcome-300", 300, cloud.start, promotion_ends_at(cloud))]
    for company in companies(cloud):
        if company.number % 4 == 1 and company != lucky:
            amount = pick((40, 80, 120), cloud.seed, company.number, "promotion")
            quarter_days_left = between(4, 16, cloud.seed, company.number, "promotion ends")
            granted_at = _granted_at(cloud, company)
            ends_at = max(granted_at + DAY, cloud.month_end - quarter_days_left * 6 * HOUR)
            rows.append(_promotion(company, f"autumn-{amount}", amount, granted_at, ends_at))
        rows.extend(_top_up(cloud, company, number) for number in range(_top_up_count(cloud, company)))
    return pl.DataFrame(rows).with_columns(pl.col("expires_at").cast(pl.String))


def _granted_at(cloud: Cloud, company: Company) -> datetime:
    return max(cloud.start, member_since(cloud, company))


def _top_up_count(cloud: Cloud, company: Company) -> int:
    if not _prepays(company):
        return 0
    return 1 + (draw(cloud.seed, company.number, "second top-up") < 0.4)  # noqa: PLR2004 - two in five come back


def _grant(company: Company, grant_id: str, effective_at: datetime) -> dict[str, str | None]:
    return {"grant_id": grant_id, "account_id": company.account_id, "effective_at": instant_text(effective_at)}


def _promotion(
    company: Company, campaign: str, amount: int, effective_at: datetime, expires_at: datetime
) -> dict[str, str | None]:
    return _ordered(
        _grant(company, f"promotion-{campaign}-{company.account_id}", effective_at)
        | {"kind": "promotional", "amount": f"{amount}.00", "priority": str(PROMOTIONAL_PRIORITY)}
        | {"expires_at": instant_text(expires_at), "receipt": "", "tax_paid": "0.00", "tax_code": "", "gateway": ""}
        | {"reason": f"promotion {campaign}"}
    )


def _top_up(cloud: Cloud, company: Company, number: int) -> dict[str, str | None]:
    """Return one top-up: its amount is net, and its receipt carries the tax (semantics 4)."""
    names = (cloud.seed, company.number, "top-up", number)
    amount = Decimal(pick((100, 150, 250, 400, 1000), *names))
    tax = (amount * Decimal(company.country.tax_rate) / 100).quantize(Decimal("0.01"))
    later = timedelta(days=between(5, 20, *names, "day")) * number + QUARTER_HOUR * between(0, 40, *names, "quarter")
    is_first_to_go = company.number % 9 == 0
    return _ordered(
        _grant(company, f"top-up-{company.account_id}-{number + 1}", _granted_at(cloud, company) + later)
        | {"kind": "paid", "amount": f"{amount}.00", "expires_at": None}
        | {"priority": str(PAID_FIRST_PRIORITY if is_first_to_go else PAID_PRIORITY)}
        | {"receipt": f"R-{cloud.start.year}-{company.number * 10 + number + 1:04d}", "tax_paid": str(tax)}
        | {"tax_code": company.country.tax_code, "gateway": pick(("card", "sepa", "bank-transfer"), *names, "gateway")}
        | {"reason": "top-up"}
    )


def _ordered(grant: dict[str, str | None]) -> dict[str, str | None]:
    columns = ("grant_id", "account_id", "kind", "amount", "currency", "priority", "effective_at", "expires_at")
    money_in = ("receipt", "tax_paid", "tax_code", "gateway", "reason")
    return {column: (grant | {"currency": CURRENCY})[column] for column in (*columns, *money_in)}
