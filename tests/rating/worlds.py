"""Small worlds for the tests of rating: accounts, subscriptions, books and usage, and a slow way to rate them.

The slow way goes record by record and asks for everything anew each time. It shares no line with the engine;
it imports the standard library and the reference of the cost function.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from rating.pricebook import parse_price_book
from rating.pricing import compile_prices
from rating.schemas import SUBSCRIPTIONS, USAGE
from tests.rating.reference import ZERO, Document, total_cost


def instant(text: str) -> datetime:
    """Read '2026-11-01 00:30' as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Subscription:
    """A change of what an account or one of its services subscribes to."""

    account_id: str
    effective_from: datetime
    plan: str | None = "standard"
    service_id: str = ""
    subscription_id: str = "s1"
    currency: str = "EUR"
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Use:
    """An increment of usage."""

    slice_start: datetime
    quantity: Decimal
    account_id: str = "a"
    service_id: str = ""
    resource_id: str = "r1"
    meter: str = "cpu"
    dimensions: str = "{}"
    counted: Decimal = ZERO

    @property
    def key(self) -> tuple[str, str, str, str, str, datetime]:
        """What names the increment."""
        return (
            self.account_id,
            self.service_id,
            self.resource_id,
            self.meter,
            self.dimensions,
            self.slice_start,
        )


# How many of these a price may count instead of the meter's hours are in one hour; a month has as many as it has.
UNITS = {"3 hour": Fraction(1, 3), "20 minute": Fraction(3), "day": Fraction(1, 24), "month": None}


def in_unit(quantity: Decimal, unit: str | None, start: datetime, end: datetime) -> Decimal:
    """Hours in the unit of a price, rounded once."""
    if unit is None:
        return quantity
    ratio = UNITS[unit] or Fraction(3600, int((end - start).total_seconds()))
    return (quantity * ratio.numerator / ratio.denominator).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


def book(
    version: str,
    effective_from: str,
    plans: dict[str, list[Document]],
    currency: str = "EUR",
    accounts: dict[str, dict[str, list[Document]]] | None = None,
) -> Document:
    """A price book document with meters that sum; `accounts` has what is agreed with each, by plan."""
    lists = [*plans.values(), *(prices for agreed in (accounts or {}).values() for prices in agreed.values())]
    every = [price for prices in lists for price in prices]
    amounts = {price["meter"] for price in every if price["model"] == "dynamic"}
    meters = {
        meter: {"unit": "hour", "aggregation": "sum", "value": "amount" if meter in amounts else "quantity"}
        for meter in sorted({price["meter"] for price in every})
    }
    return {
        "version": version,
        "effective_from": instant(effective_from),
        "currency": currency,
        "meters": meters,
        "plans": {name: {"prices": prices} for name, prices in plans.items()},
        "accounts": {name: {"prices": agreed} for name, agreed in (accounts or {}).items()},
    }


def prices_frame(books: Sequence[Document]) -> pl.DataFrame:
    """The compiled prices of book documents."""
    return compile_prices([parse_price_book(document, document["version"]) for document in books])


def subscriptions_frame(subscriptions: Sequence[Subscription]) -> pl.DataFrame:
    """The subscriptions as the engine takes them."""
    return pl.DataFrame([vars(row) for row in subscriptions], schema=dict(SUBSCRIPTIONS))


def usage_frame(uses: Sequence[Use]) -> pl.DataFrame:
    """The usage as the engine takes it."""
    return pl.DataFrame([vars(use) for use in uses], schema=dict(USAGE))


def counted(uses: Sequence[Use]) -> list[Use]:
    """The same uses, all of them counted in the totals."""
    return [replace(use, counted=use.quantity) for use in uses]


@dataclass(frozen=True)
class World:
    """Books and subscriptions, and what usage costs in them, slowly."""

    books: tuple[Document, ...]
    subscriptions: tuple[Subscription, ...]

    def charges(self, uses: Sequence[Use]) -> dict[tuple[Any, ...], Decimal]:
        """What each use costs, by its key; uses without a price are left out."""
        ordered = sorted(filter(None, (self.situation(use) for use in uses)), key=lambda found: found[0])
        quantities: dict[tuple[Any, ...], Decimal] = {}
        spent: dict[tuple[Any, ...], Decimal] = {}
        amounts = {}
        for _, scope, use, price, share, period in ordered:
            before = quantities.get(scope, ZERO)
            after = quantities[scope] = before + use.quantity
            before, after = (in_unit(quantity, price.get("unit"), *period) for quantity in (before, after))
            amount = _cost(price, after, share) - _cost(price, before, share)
            strand = (*scope[:4], scope[5])
            spent_before = spent.get(strand, ZERO)
            spent[strand] = spent_before + amount
            cap = _prorated(price.get("account_maximum"), share)
            amounts[use.key] = _at_most(spent[strand], cap) - _at_most(spent_before, cap)
        return amounts

    def situation(self, use: Use) -> tuple[Any, ...] | None:
        """What holds for a use: its place in the order of events, its scope, its price, its share."""
        row = self.subscription(use.account_id, use.service_id, use.slice_start)
        price = row and self._price(row, use)
        if not row or not price:
            return None
        start, end = month(use.slice_start, row.time_zone)
        resource = use.resource_id if price.get("accumulate") == "resource" else ""
        scope = (use.account_id, row.subscription_id, row.plan, price["id"], resource, start)
        order = (use.slice_start, row.plan, price["id"], use.service_id, use.resource_id, use.meter, use.dimensions)
        return order, scope, use, price, self.share(row, price["id"], start, end), (start, end)

    def subscription(self, account: str, service: str, at: datetime) -> Subscription | None:
        """The service's own subscription if it has one in force, else the account's."""
        for wanted in (service, ""):
            row = self._in_force(account, wanted, at)
            if row is not None and row.plan is not None:
                return row
        return None

    def _in_force(self, account: str, service: str, at: datetime) -> Subscription | None:
        rows = [row for row in self.subscriptions if (row.account_id, row.service_id) == (account, service)]
        rows = [row for row in rows if row.effective_from <= at]
        return max(rows, key=lambda row: row.effective_from, default=None)

    def _price(self, row: Subscription, use: Use) -> Document | None:
        """The price of the meter that holds for the use."""
        offered = [price for price in self.prices(row, use.slice_start) if price["meter"] == use.meter]
        fitting = [
            price for price in offered if fits(price, use.dimensions) and holds(price, use.slice_start, row.time_zone)
        ]
        return max(fitting, key=lambda price: (len(price.get("where", {})), "when" in price), default=None)

    def prices(self, row: Subscription, at: datetime) -> list[Document]:
        """All prices of the newest book that has begun: those of the plan, or the account's own in their place."""
        begun = [document for document in self.books if document["effective_from"] <= at]
        if not begun:
            return []
        newest = max(begun, key=lambda document: document["effective_from"])
        of_plan = newest["plans"].get(row.plan, {"prices": []})["prices"]
        own = newest.get("accounts", {}).get(row.account_id, {"prices": {}})["prices"].get(row.plan, [])
        replaced = [price["id"] for price in own]
        return [*own, *(price for price in of_plan if price["id"] not in replaced)]

    def share(self, row: Subscription, price_id: str, start: datetime, end: datetime) -> tuple[int, int]:
        """For how many of the period's seconds the plan and the price id were in force; a quarter hour each."""
        inside = 0
        at = start
        while at < end:
            held = self._in_force(row.account_id, row.service_id, at)
            same = held and (held.subscription_id, held.plan) == (row.subscription_id, row.plan)
            inside += 900 if same and price_id in [price["id"] for price in self.prices(row, at)] else 0
            at += timedelta(minutes=15)
        return inside, int((end - start).total_seconds())


def fits(price: Document, dimensions: str) -> bool:
    """Whether the dimensions have all that the price's `where` names."""
    found = json.loads(dimensions)
    return all(found.get(key) == value for key, value in price.get("where", {}).items())


def holds(price: Document, at: datetime, zone: str) -> bool:
    """Whether the clock shows the hours and days of the price's `when`; hours past midnight are of the day before."""
    when = price.get("when")
    if when is None:
        return True
    local = at.astimezone(ZoneInfo(when.get("zone", zone)))
    chosen = when.get("days", DAYS)
    today, yesterday = (DAYS[number] in chosen for number in (local.weekday(), (local.weekday() - 1) % 7))
    begin, end = when.get("hours", "00:00-24:00").split("-")
    clock = f"{local:%H:%M}"
    if begin < end:
        return today and begin <= clock < end
    return (today and clock >= begin) or (yesterday and clock < end)


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def month(at: datetime, zone: str) -> tuple[datetime, datetime]:
    """The calendar month of an instant in a zone."""
    start = at.astimezone(ZoneInfo(zone)).replace(day=1, hour=0, minute=0)
    end = (start + timedelta(days=32)).replace(day=1)
    return start.astimezone(UTC), end.astimezone(UTC)


def _cost(price: Document, quantity: Decimal, share: tuple[int, int]) -> Decimal:
    """C(Q) with the share of the period, each rounded once."""
    part, whole = share
    texts = (price.get("included", "0"), price.get("commit", {}).get("quantity", "0"))
    included, committed = ((Decimal(text) * part / whole).quantize(Decimal("1e-9"), ROUND_HALF_EVEN) for text in texts)
    return total_cost(price, quantity, included, _prorated(price.get("maximum"), share), committed)


def _prorated(cap: str | None, share: tuple[int, int]) -> Decimal | None:
    """A cap's share of the period, rounded once."""
    part, whole = share
    return None if cap is None else (Decimal(cap) * part / whole).quantize(Decimal("1e-18"), ROUND_HALF_EVEN)


def _at_most(amount: Decimal, cap: Decimal | None) -> Decimal:
    return amount if cap is None else min(amount, cap)
