"""The price book: plans and prices, frozen and valid once built (semantics 1 to 3).

What belongs here: the shape of the book and the rules between its fields. What does not: reading single
values (`fields.py`), meters (`meters.py`), turning errors into text (`parse.py`), rules between books (`succession.py`), and
what a price costs (`rating/pricing.py`).

The docstrings of the parts and of their keys are what editors and `docs/pricebook.md` say: after a change, `make docs`.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from rating.errors import Problem, UnitError
from rating.pricebook.booking import Book, booking_problems
from rating.pricebook.choice import Offer, agreement_problems, tie_problems
from rating.pricebook.commitment import Commit, commitment_problems
from rating.pricebook.conditions import When, Where
from rating.pricebook.fields import (
    BOOK_CURRENCY,
    Currency,
    Discount,
    FixedAmount,
    Grace,
    Instant,
    Name,
    PackageSize,
    Quantity,
    Surcharge,
    Text,
    UnitPrice,
    refuse_all,
)
from rating.pricebook.meters import Meter
from rating.pricebook.part import Part
from rating.pricebook.pooled import Pooled, pool_problems
from rating.pricebook.terms import Recurring, percentage_problems
from rating.units import conversion

ModelName = Literal["unit", "graduated", "volume", "stairstep", "package", "dynamic"]
# The keys that each model needs; it may have none that only others need.
KEYS_OF_MODEL: Final[dict[ModelName, tuple[str, ...]]] = {
    "unit": ("unit_price",),
    "graduated": ("tiers",),
    "volume": ("tiers",),
    "stairstep": ("tiers",),
    "package": ("package_size", "package_price"),
    "dynamic": ("multiplier",),
}
_OF_QUANTITIES: Final = tuple(model for model in KEYS_OF_MODEL if model != "dynamic")
# The keys that each tier of a model needs.
KEYS_OF_TIER: Final[dict[ModelName, tuple[str, ...]]] = {
    "graduated": ("unit_price",),
    "volume": ("unit_price",),
    "stairstep": ("flat_fee",),
}


class Tier(Part):
    """A step of a price: up to and including `up_to`, or without end; `stairstep` has a fee and no unit price."""

    up_to: Quantity | None = None
    """Where the tier ends, inclusive; the next one begins just past it, and the last has none."""
    unit_price: UnitPrice | None = None
    """What one unit costs that the tier prices."""
    flat_fee: FixedAmount | None = None
    """A fixed fee: of each tier that the quantity entered (`graduated`), or of the one that holds it (the others)."""


class Price(Part):
    """What the use of one meter costs in one plan: total cost as a function of the quantity so far."""

    id: Name
    """The price's name, once in a plan; a price that keeps it in a later book goes on counting where it stood."""
    meter: Name
    """The meter of this book whose quantity is priced: once in a plan, or by prices that `where` or `when` tell apart."""
    unit: Text | None = None
    """The unit that is priced, if not the meter's: `GB-month` on a meter of `GB-hour`, `1000 request` on one of `request`."""
    where: Where | None = None
    """For which dimensions of the records the price is: it holds before prices of the meter with fewer of them."""
    when: When | None = None
    """At which hours and days the price holds, before prices of the meter with as many dimensions that always hold."""
    model: ModelName
    """How the quantity of a billing period becomes a cost; each model has its own keys."""
    accumulate: Literal["account", "resource"] = "account"
    """Whose quantity is counted: that of all resources of the account together, or of each resource by itself."""
    included: Quantity = Decimal(0)
    """The quantity of each period that costs nothing; it is taken off before the model prices the rest."""
    pooled: Pooled | None = None
    """What each resource in use adds to `included`, where `accumulate` is `account`: a pool that all of them share."""
    maximum: FixedAmount | None = None
    """The most that a period costs: for the account, or for each resource where `accumulate` is `resource`."""
    account_maximum: FixedAmount | None = None
    """The most that a period costs for all resources of the account together, where `accumulate` is `resource`."""
    minimum: FixedAmount | None = None
    """The least that a period costs the account after discounts; what use falls short of it is charged at the end."""
    commit: Commit | None = None
    """A quantity of each period that is paid even if it is not used; use above it costs what the model says."""
    book: Book | None = None
    """When `volume` or `stairstep` is booked: `hourly`, or at the period's `close`, which is the default while prepaid."""
    unit_price: UnitPrice | None = None
    """What one unit costs."""
    tiers: tuple[Tier, ...] | None = None
    """The tiers in rising order; only the last is without end."""
    package_size: PackageSize | None = None
    """How much one package holds."""
    package_price: FixedAmount | None = None
    """What each package costs that is begun."""
    multiplier: UnitPrice | None = None
    """What one unit of the amounts costs that the records carry: `"1.2"` adds a fifth to them."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        of_tiers = [*_tier_problems(self.tiers), *_tier_key_problems(self)]
        of_account = [*_minimum_problems(self), *pool_problems(self.pooled, self.accumulate), *_both_problems(self)]
        of_commitment = commitment_problems(self.commit, self.model, self.accumulate, self.minimum, self.maximum)
        of_booking = [*_cap_problems(self), *booking_problems(self)]
        refuse_all([*_model_problems(self), *of_booking, *of_tiers, *of_account, *of_commitment])
        return self

    def money(self) -> Iterator[tuple[str, dict[str, Decimal]]]:
        """Every amount of money in the price, by its path."""
        names = ("unit_price", "package_price", "multiplier", "maximum", "account_maximum", "minimum")
        amounts = [(name, getattr(self, name)) for name in names]
        amounts.append(("commit.unit_price", self.commit and self.commit.unit_price))
        for position, tier in enumerate(self.tiers or ()):
            amounts += [(f"tiers[{position}].{name}", getattr(tier, name)) for name in ("unit_price", "flat_fee")]
        yield from ((path, money) for path, money in amounts if money is not None)


class Plan(Part):
    """The prices that a subscription gives."""

    title: Text | None = None
    """What people call the plan."""
    prices: tuple[Price, ...]
    """What the use of each meter costs; a meter without a price is reported as unpriced, not billed."""
    recurring: Recurring | None = None
    """The fee for having the plan."""
    discount: Discount | None = None
    """What is taken off every charge of the plan, the fee included, in percent: `"10"` for a tenth."""
    surcharge: Surcharge | None = None
    """What is added to every charge of the plan, the fee included, in percent; a plan has one of the two."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([*_repeats(self.prices, "prices"), *percentage_problems(self.discount, self.surcharge)])
        return self


class Account(Part):
    """What is agreed with one account."""

    prices: dict[Name, tuple[Price, ...]] = Field(default_factory=dict)
    """By plan: each replaces the plan's price of its id whole, for this account alone, or is one more; a list for each plan."""
    discount: Discount | None = None
    """What is taken off every charge of the account, in percent, in place of its plan's discount or surcharge."""
    surcharge: Surcharge | None = None
    """What is added to every charge of the account, in percent, in place of its plan's discount or surcharge."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([problem for plan, prices in self.prices.items() for problem in _repeats(prices, f"prices.{plan}")])
        refuse_all(list(percentage_problems(self.discount, self.surcharge)))
        return self


class PriceBook(Part):
    """All prices from one instant on, until the next book."""

    version: Text
    """The book's own name; a later book of the same name replaces it."""
    effective_from: Instant
    """From when the book holds, until the next one begins: with its time zone, and on a quarter of an hour."""
    currency: Currency
    """The currency of amounts that name none."""
    meters: dict[Name, Meter]
    """What is measured, by the name that records say."""
    plans: dict[Name, Plan]
    """What accounts can subscribe to, by name."""
    accounts: dict[Text, Account] = Field(default_factory=dict)
    """What is agreed with single accounts, by account id; an account that is not known yet changes nothing."""
    grace: Grace = timedelta(hours=24)
    """How long after a period its minimums and commitments are due: late records until then count, later ones restate them."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        of_prices = [*_meter_references(self), *_value_problems(self), *_unit_problems(self), *_currency_problems(self)]
        refuse_all([*of_prices, *_bound_problems(self), *_choice_problems(self), *_fee_problems(self)])
        return self

    def prices(self) -> Iterator[tuple[str, str, Price]]:
        """Every price with its plan and its path: those of plans, then those agreed with accounts."""
        yield from ((offer.plan, offer.path, price) for offer, price in self.offers())

    def offers(self) -> Iterator[tuple[Offer, Price]]:
        """Every price with its plan, its path, and the account with which it is agreed: those of plans come first."""
        for name, plan in self.plans.items():
            for position, price in enumerate(plan.prices):
                yield Offer(f"plans.{name}.prices[{position}]", name, "", price), price
        for account_id, account in self.accounts.items():
            for name, agreed in account.prices.items():
                for position, price in enumerate(agreed):
                    yield Offer(f"accounts.{account_id}.prices.{name}[{position}]", name, account_id, price), price

    def resolve(self, money: dict[str, Decimal]) -> dict[str, Decimal]:
        """Name the currency of an amount that is written without one."""
        return {currency if currency != BOOK_CURRENCY else self.currency: value for currency, value in money.items()}


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


def _cap_problems(price: Price) -> Iterator[Problem]:
    """Where the account's quantity is counted, its cap is `maximum`, and a resource has none of its own."""
    if price.account_maximum is not None and price.accumulate != "resource":
        mend = "use maximum, which caps the account here; or accumulate: resource, and maximum to cap each resource"
        yield Problem("account_maximum", f"has no meaning for accumulate {price.accumulate}", mend)


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
    for position, tier in enumerate(price.tiers or ()):
        for needed in KEYS_OF_TIER.get(price.model, ()):
            if getattr(tier, needed) is None:
                mend = f'a tier of a {price.model} price needs it, in quotes: {needed}: "0.012"'
                yield Problem(f"tiers[{position}].{needed}", "is missing", mend)
        if price.model == "stairstep" and tier.unit_price is not None:
            mend = "leave it out, or use model: graduated or volume"
            yield Problem(f"tiers[{position}].unit_price", "does not belong to model stairstep", mend)


def _repeats(prices: Sequence[Price], path: str) -> Iterator[Problem]:
    """Find an id that two prices of a list share."""
    first: dict[str, int] = {}
    for position, price in enumerate(prices):
        if price.id in first:
            what = f"{price.id!r} stands already in {path}[{first[price.id]}]"
            yield Problem(f"{path}[{position}].id", what, "give each price of a plan its own id")
        first.setdefault(price.id, position)


def _both_problems(price: Price) -> Iterator[Problem]:
    """A pool grows within the period, and a commitment is for the whole of it: what the two are together nobody said."""
    if price.pooled is not None and price.commit is not None:
        yield Problem("pooled", "a price with a commit has no pool", "leave one of them out, or make them two prices")


def _minimum_problems(price: Price) -> Iterator[Problem]:
    """A minimum is the account's: a resource that is not used is not known to be there."""
    if price.minimum is not None and price.accumulate != "account":
        mend = "leave it out, or let the price accumulate by account"
        yield Problem("minimum", f"has no meaning where quantities accumulate by {price.accumulate}", mend)


def _bound_problems(book: PriceBook) -> Iterator[Problem]:
    """The least that a price costs is not above the most; the two may be written in different ways, so the book judges."""
    for _, path, price in book.prices():
        least, most = book.resolve(price.minimum or {}), book.resolve(price.maximum or {})
        above = sorted(currency for currency in least.keys() & most.keys() if least[currency] > most[currency])
        for currency in above:
            what = f"{least[currency]:f} {currency} is above the maximum, {most[currency]:f}"
            yield Problem(
                f"{path}.minimum", what, "lower it, or raise the maximum; for a fixed amount make them the same"
            )


def _choice_problems(book: PriceBook) -> Iterator[Problem]:
    """There is never a doubt which price of a meter holds."""
    offers = [offer for offer, _ in book.offers()]
    yield from agreement_problems(offers, book.plans)
    yield from tie_problems(offers)


def _fee_problems(book: PriceBook) -> Iterator[Problem]:
    """Charges are known by plan and id, so a fee has an id of its own; and it is due in every currency of its plan."""
    for name, plan in book.plans.items():
        of_plan = [price for other, _, price in book.prices() if other == name]
        if plan.recurring is None:
            continue
        if plan.recurring.id in {price.id for price in of_plan}:
            what = f"{plan.recurring.id!r} is the id of a price"
            yield Problem(f"plans.{name}.recurring.id", what, "give the fee an id of its own")
        sold = set[str]().union(*(book.resolve(money) for price in of_plan for _, money in price.money()))
        for currency in sorted(sold - set(book.resolve(plan.recurring.amount))):
            what = f"has no amount in {currency}, in which the plan has prices"
            yield Problem(f"plans.{name}.recurring.amount", what, f'add {currency}; "0" where nothing is due')


def _meter_references(book: PriceBook) -> Iterator[Problem]:
    """Every price is of a meter of the same book."""
    for _, path, price in book.prices():
        if price.meter not in book.meters:
            known = ", ".join(sorted(book.meters)) or "none"
            yield Problem(f"{path}.meter", f"no meter {price.meter!r}", f"use a meter of this book: {known}")
        if price.pooled is not None and price.pooled.meter not in book.meters:
            known = ", ".join(sorted(book.meters)) or "none"
            what = f"no meter {price.pooled.meter!r}"
            yield Problem(f"{path}.pooled.meter", what, f"use a meter of this book: {known}")


def _value_problems(book: PriceBook) -> Iterator[Problem]:
    """Amounts of money are priced by `dynamic` alone, and nothing else is."""
    for _, path, price in book.prices():
        meter = book.meters.get(price.meter)
        if meter is None or (price.model == "dynamic") == (meter.value == "amount"):
            continue
        if price.model == "dynamic":
            mend = f"add value: amount to the meter, or use model: {' or '.join(_OF_QUANTITIES)}"
            yield Problem(f"{path}.model", f"dynamic prices amounts, and meter {price.meter!r} has quantities", mend)
        else:
            mend = "use model: dynamic, or take value: amount out of the meter"
            what = f"meter {price.meter!r} has amounts of money, and {price.model} prices quantities"
            yield Problem(f"{path}.model", what, mend)


def _unit_problems(book: PriceBook) -> Iterator[Problem]:
    """A price's unit fits its meter's."""
    for _, path, price in book.prices():
        meter = book.meters.get(price.meter)
        if meter is None or price.unit is None:
            continue
        try:
            conversion(meter.unit, price.unit)
        except UnitError as error:
            mend = f"use a unit of the same kind, or leave it out to price each {meter.unit}"
            yield Problem(f"{path}.unit", str(error), mend)


def _currency_problems(book: PriceBook) -> Iterator[Problem]:
    """All amounts of one price name the same currencies: otherwise a cap would hold in one only."""
    for _, path, price in book.prices():
        amounts = [(name, set(book.resolve(money))) for name, money in price.money()]
        everywhere = set[str]().union(*(currencies for _, currencies in amounts))
        for name, currencies in amounts:
            for currency in sorted(everywhere - currencies):
                mend = f"add {currency}, or take it out of the other amounts of this price"
                yield Problem(f"{path}.{name}", f"has no amount in {currency}", mend)
