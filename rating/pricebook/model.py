"""The price book: meters, plans and prices, frozen and valid once built (semantics 1 and 3).

What belongs here: the shape of the book and the rules between its fields. What does not: reading single
values (`fields.py`), turning errors into text (`parse.py`), rules between books (`succession.py`), and
what a price costs (`rating/pricing.py`).
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from rating.errors import Problem
from rating.pricebook.fields import (
    BOOK_CURRENCY,
    Currency,
    Duration,
    Factor,
    FixedAmount,
    Instant,
    Name,
    PackageSize,
    Quantity,
    Text,
    UnitPrice,
    refuse_all,
)

ModelName = Literal["unit", "graduated", "volume", "stairstep", "package"]
# The keys that each model needs; it may have none that only others need.
KEYS_OF_MODEL: Final[dict[ModelName, tuple[str, ...]]] = {
    "unit": ("unit_price",),
    "graduated": ("tiers",),
    "volume": ("tiers",),
    "stairstep": ("tiers",),
    "package": ("package_size", "package_price"),
}


class _Part(BaseModel):
    """What all parts of a book share: frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Meter(_Part):
    """What is measured, in which unit, and how records become an hour's quantity (semantics 2)."""

    unit: Text
    aggregation: Literal["sum", "time_weighted"]
    title: Text | None = None
    max_gap: Duration | None = None
    factor: Factor = Decimal(1)
    time_unit: Duration = timedelta(hours=1)
    series: tuple[Text, ...] = ()
    allow_negative: bool = False

    @property
    def max_gap_microseconds(self) -> int | None:
        """How long a sample holds at most."""
        return None if self.max_gap is None else self.max_gap // timedelta(microseconds=1)

    @property
    def time_unit_microseconds(self) -> int:
        """The time by which value x time is divided."""
        return self.time_unit // timedelta(microseconds=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all(list(_meter_problems(self)))
        return self


class Tier(_Part):
    """A step of a price: up to and including `up_to`, or without end; `stairstep` has a fee and no unit price."""

    up_to: Quantity | None = None
    unit_price: UnitPrice | None = None
    flat_fee: FixedAmount | None = None


class Price(_Part):
    """What the use of one meter costs in one plan: total cost as a function of the quantity so far."""

    id: Name
    meter: Name
    model: ModelName
    accumulate: Literal["account", "resource"] = "account"
    included: Quantity = Decimal(0)
    maximum: FixedAmount | None = None
    unit_price: UnitPrice | None = None
    tiers: tuple[Tier, ...] | None = None
    package_size: PackageSize | None = None
    package_price: FixedAmount | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([*_model_problems(self), *_tier_problems(self.tiers), *_tier_key_problems(self)])
        return self

    def money(self) -> Iterator[tuple[str, dict[str, Decimal]]]:
        """Every amount of money in the price, by its path."""
        amounts = [(name, getattr(self, name)) for name in ("unit_price", "package_price", "maximum")]
        for position, tier in enumerate(self.tiers or ()):
            amounts += [(f"tiers[{position}].{name}", getattr(tier, name)) for name in ("unit_price", "flat_fee")]
        yield from ((path, money) for path, money in amounts if money is not None)


class Plan(_Part):
    """The prices that a subscription gives."""

    title: Text | None = None
    prices: tuple[Price, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([*_repeats(self, "id", "give each price of a plan its own id"), *_repeats(self, "meter", _TIE)])
        return self


class PriceBook(_Part):
    """All prices from one instant on, until the next book."""

    version: Text
    effective_from: Instant
    currency: Currency
    meters: dict[Name, Meter]
    plans: dict[Name, Plan]

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([*_meter_references(self), *_currency_problems(self)])
        return self

    def prices(self) -> Iterator[tuple[str, str, Price]]:
        """Every price with its plan and its path."""
        for name, plan in self.plans.items():
            for position, price in enumerate(plan.prices):
                yield name, f"plans.{name}.prices[{position}]", price

    def resolve(self, money: dict[str, Decimal]) -> dict[str, Decimal]:
        """Name the currency of an amount that is written without one."""
        return {currency if currency != BOOK_CURRENCY else self.currency: value for currency, value in money.items()}


_TIE: Final = "price a meter once in a plan; telling prices apart by `where` is not supported yet"


def _meter_problems(meter: Meter) -> Iterator[Problem]:
    """A gauge says how long a sample holds; the keys of a gauge mean nothing elsewhere."""
    if meter.aggregation == "time_weighted" and meter.max_gap is None:
        yield Problem("max_gap", "is missing", "say how long a sample holds at most: max_gap: 10 min")
    for name in ("max_gap", "factor", "time_unit", "series"):
        default = Meter.model_fields[name].default
        if meter.aggregation != "time_weighted" and getattr(meter, name) != default:
            mend = "leave it out, or make the aggregation time_weighted"
            yield Problem(name, f"has no meaning for aggregation {meter.aggregation}", mend)
    if len(set(meter.series)) < len(meter.series):
        yield Problem("series", "names a dimension twice", "name each dimension once")


def _model_problems(price: Price) -> Iterator[Problem]:
    """Each model has its own keys, all of them and no others."""
    for key in dict.fromkeys(key for keys in KEYS_OF_MODEL.values() for key in keys):
        models = [model for model, keys in KEYS_OF_MODEL.items() if key in keys]
        present = getattr(price, key) is not None
        if price.model in models and not present:
            yield Problem(key, "is missing", f"a {price.model} price needs it")
        if price.model not in models and present:
            mend = f"leave it out, or use model: {' or '.join(models)}"
            yield Problem(key, f"does not belong to model {price.model}", mend)


def _tier_problems(tiers: tuple[Tier, ...] | None) -> Iterator[Problem]:
    """Tiers rise, and only the last is without end."""
    if tiers is None:
        return
    if not tiers:
        yield Problem("tiers", "is empty", 'give at least one tier: tiers: [{unit_price: "0.012"}]')
        return
    for position, tier in enumerate(tiers[:-1]):
        if tier.up_to is None:
            mend = "give every tier but the last an up_to"
            yield Problem(f"tiers[{position}].up_to", "only the last tier may be without end", mend)
    if tiers[-1].up_to is not None:
        mend = "leave up_to out of the last tier, so that every quantity has a price"
        yield Problem(f"tiers[{len(tiers) - 1}].up_to", "the last tier ends", mend)
    bounds = [(position, tier.up_to) for position, tier in enumerate(tiers) if tier.up_to is not None]
    for (_, below), (position, bound) in pairwise([(-1, Decimal(0)), *bounds]):
        if bound <= below:
            what = f"{bound} is not above {below}, where the tier begins"
            yield Problem(f"tiers[{position}].up_to", what, "write the tiers in rising order")


def _tier_key_problems(price: Price) -> Iterator[Problem]:
    """A step of stairs has a fee and nothing else; any other tier prices its units, and may have a fee."""
    needed = "flat_fee" if price.model == "stairstep" else "unit_price"
    for position, tier in enumerate(price.tiers or ()):
        if getattr(tier, needed) is None:
            mend = f'a tier of a {price.model} price needs it, in quotes: {needed}: "0.012"'
            yield Problem(f"tiers[{position}].{needed}", "is missing", mend)
        if price.model == "stairstep" and tier.unit_price is not None:
            mend = "leave it out, or use model: graduated or volume"
            yield Problem(f"tiers[{position}].unit_price", "does not belong to model stairstep", mend)


def _repeats(plan: Plan, field: str, mend: str) -> Iterator[Problem]:
    """Find a value that two prices of a plan share."""
    first: dict[str, int] = {}
    for position, price in enumerate(plan.prices):
        value = getattr(price, field)
        if value in first:
            what = f"{value!r} stands already in prices[{first[value]}]"
            yield Problem(f"prices[{position}].{field}", what, mend)
        first.setdefault(value, position)


def _meter_references(book: PriceBook) -> Iterator[Problem]:
    """Every price is of a meter of the same book."""
    for _, path, price in book.prices():
        if price.meter not in book.meters:
            known = ", ".join(sorted(book.meters)) or "none"
            yield Problem(f"{path}.meter", f"no meter {price.meter!r}", f"use a meter of this book: {known}")


def _currency_problems(book: PriceBook) -> Iterator[Problem]:
    """All amounts of one price name the same currencies: otherwise a cap would hold in one only."""
    for _, path, price in book.prices():
        amounts = [(name, set(book.resolve(money))) for name, money in price.money()]
        everywhere = set[str]().union(*(currencies for _, currencies in amounts))
        for name, currencies in amounts:
            for currency in sorted(everywhere - currencies):
                mend = f"add {currency}, or take it out of the other amounts of this price"
                yield Problem(f"{path}.{name}", f"has no amount in {currency}", mend)
