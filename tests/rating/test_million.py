"""Goal: C(Q) is exact for very many pairs of a price and a quantity, against a reference that imports only `decimal`.

A third of the quantities lie within a nano of a bound, at zero, or at 1e12.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import polars as pl

from rating.money import QUANTITY
from rating.pricebook import Price
from rating.pricebook.model import KEYS_OF_MODEL, ModelName
from rating.pricing import total_cost
from tests.rating import reference
from tests.rating.reference import ZERO, Document

NANO = Decimal("1e-9")
LARGEST = Decimal("1e12")
QUANTITIES_OF_A_PRICE = 1000
MODELS: tuple[ModelName, ...] = tuple(KEYS_OF_MODEL)


def nanos(random: Random, most: int) -> Decimal:
    """A decimal with up to nine digits, small ones as often as large ones."""
    return Decimal(random.randrange(int(most * 10 ** random.randint(0, 9)) + 1)).scaleb(-random.randint(0, 9))


def money(random: Random) -> str:
    return f"{min(nanos(random, 1000), Decimal(999)):.9f}"


def price_of(random: Random, model: ModelName) -> Document:
    """A price of a model, with `included`, `maximum`, both or neither."""
    price: Document = {"model": model}
    if random.random() < 0.5:
        price["included"] = f"{min(nanos(random, 10**5), Decimal(10**6)):.9f}"
    if random.random() < 0.5:
        price["maximum"] = f"{min(nanos(random, 10**6), Decimal(10**9)):.9f}"
    if model in ("unit", "dynamic"):
        return {**price, KEYS_OF_MODEL[model][0]: money(random)}
    if model == "package":
        # No smaller, so that the largest quantity is still below 1e15 packages.
        size = Decimal("0.01") + min(nanos(random, 1000), Decimal(10**6))
        return {**price, "package_size": f"{size:.9f}", "package_price": money(random)}
    bounds = sorted({min(nanos(random, 10**6), LARGEST).quantize(NANO) for _ in range(random.randrange(6))} - {ZERO})
    tiers: list[Document] = [*({"up_to": f"{bound:f}"} for bound in bounds), {}]
    for tier in tiers:
        if model != "stairstep":
            tier["unit_price"] = money(random)
        if model == "stairstep" or random.random() < 0.5:
            tier["flat_fee"] = money(random)
    return {**price, "tiers": tiers}


def edges_of(price: Document) -> list[Decimal]:
    """Where something begins or ends: zero, what is included, bounds, full packages, and 1e12."""
    included = Decimal(price.get("included", "0"))
    bounds = [Decimal(tier["up_to"]) for tier in price.get("tiers", ()) if "up_to" in tier]
    full = [Decimal(price.get("package_size", "0")) * count for count in (1, 2, 3, 1000, 999_999)]
    return [ZERO, LARGEST, *(included + edge for edge in (ZERO, *bounds, *full))]


def quantities_of(random: Random, price: Document) -> Iterator[Decimal]:
    """A third at the edges, give or take a nano; the others anywhere."""
    edges = edges_of(price)
    for number in range(QUANTITIES_OF_A_PRICE):
        if number % 3 == 0:
            yield random.choice(edges) + random.randint(-1, 1) * NANO
        else:
            yield min(nanos(random, 10 ** random.randint(0, 9)), LARGEST).quantize(NANO)


def expected(price: Document, quantity: Decimal) -> Decimal:
    maximum = price.get("maximum")
    return reference.total_cost(
        price, quantity, Decimal(price.get("included", "0")), None if maximum is None else Decimal(maximum)
    )


def compare(pairs: int, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same pairs each time
    for number in range(pairs // QUANTITIES_OF_A_PRICE):
        document = price_of(random, MODELS[number % len(MODELS)])
        quantities = list(quantities_of(random, document))
        price = Price.model_validate({"id": "price", "meter": "meter", **document})
        found = total_cost(price, pl.Series(quantities, dtype=QUANTITY)).to_list()
        wanted = [expected(document, quantity) for quantity in quantities]
        assert found == wanted, (
            document,
            next(of for of in zip(quantities, found, wanted, strict=True) if of[1] != of[2]),
        )


def test_a_million_pairs() -> None:
    compare(1_000_000, seed=2026)
