"""What the tests of documents share: two versions of a price, usage under them, and documents issued in a row."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from rating.credit_schemas import CREDIT_PAID, INVOICED, OTHERS, STATED, USED
from rating.invoicing import Drafts, draft_invoices
from rating.money import AMOUNT, QUANTITY
from tests.rating.frames import Columns, D, frame

OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
CURRENCY = {"acme": "EUR", "bits": "JPY", "kite": "KWD"}
RATE = {"acme": D("19"), "bits": D("10"), "kite": D("0")}

TIERS: Columns = {
    "tier_1_above": QUANTITY,
    "tier_1_width": QUANTITY,
    "tier_1_unit_price": QUANTITY,
    "tier_1_flat_fee": AMOUNT,
    "tier_2_above": QUANTITY,
    "tier_2_width": QUANTITY,
    "tier_2_unit_price": QUANTITY,
    "tier_2_flat_fee": AMOUNT,
}


@dataclass(frozen=True)
class Version:
    """A graduated price of two tiers, with what is included, a fee on the second tier and a cap."""

    name: str
    effective_from: datetime
    prices: tuple[str, str]
    included: str = "0"
    maximum: str | None = None
    fee: str = "0"
    bound: str = "10"

    def columns(self) -> tuple[object, ...]:
        first, second = map(D, self.prices)
        maximum = None if self.maximum is None else D(self.maximum)
        zero, bound = D(0), D(self.bound)
        return ("graduated", D(self.included), maximum, zero, bound, first, zero, bound, None, second, D(self.fee))

    def parts(self, quantity: Decimal) -> dict[tuple[int, str], Decimal]:
        """C(Q) by tier and kind."""
        charged = max(quantity - D(self.included), D(0))
        first = min(charged, D(self.bound))
        parts = {
            (1, "usage"): first * D(self.prices[0]),
            (2, "usage"): (charged - first) * D(self.prices[1]),
            (2, "flat_fee"): D(self.fee) if charged > D(self.bound) else D(0),
        }
        cost = sum(parts.values(), D(0))
        parts[0, "cap"] = min(cost, D(self.maximum)) - cost if self.maximum is not None else D(0)
        return parts


OLD = Version("2026-10", OCTOBER, ("0.3333", "0.1"), included="2", maximum="9", fee="0.125")
NEW = Version("2026-11", datetime(2026, 10, 15, tzinfo=UTC), ("0.25017", "0.2"), maximum="12")
VERSIONS = (OLD, NEW)

Used = dict[tuple[str, datetime, str, str, int], Decimal]  # account, period, price id, resource, number of version
Paid = dict[tuple[str, datetime, str], Decimal]  # account, period, kind of lot


def usage_frame(used: Used) -> pl.DataFrame:
    rows = []
    for (account, period, price, resource, number), quantity in used.items():
        version = VERSIONS[number]
        scope = (account, "s", "standard", price, version.name, version.effective_from, resource, price, period)
        rows.append((*scope, quantity, *version.columns()))
    return frame({**USED, **TIERS}, *rows)


def accounts_frame(period: datetime, accounts: tuple[str, ...] = tuple(CURRENCY)) -> pl.DataFrame:
    rows = [
        (account, f"{period:%Y-%m}", period, period, CURRENCY[account], "VAT", RATE[account]) for account in accounts
    ]
    return frame(INVOICED, *rows)


@dataclass
class Issued:
    """Drafts and issues documents one after the other, keeping every line that was stated."""

    stated: pl.DataFrame = field(default_factory=STATED.to_frame)

    def draft(self, used: Used, paid: Paid, period: datetime) -> Drafts:
        drawn = frame(CREDIT_PAID, *((*key, amount) for key, amount in paid.items()))
        return draft_invoices(usage_frame(used), OTHERS.to_frame(), drawn, self.stated, accounts_frame(period))

    def issue(self, drafts: Drafts) -> None:
        issuable = drafts.lines.join(drafts.invoices.filter("can_issue"), on="account_id", how="semi")
        self.stated = pl.concat([self.stated, issuable.select(STATED.keys())])
