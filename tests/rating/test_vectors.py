"""Goal: prices that look at the whole quantity agree with the examples that other engines publish.

The numbers are facts from the tests and documents of Lago, OpenMeter, Flexprice and Stripe: the running quantity
after each step, and what each step books.
"""

from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest

from rating.money import QUANTITY
from rating.pricebook import Price
from rating.pricing import total_cost
from tests.rating.reference import Document


def volume(*tiers: tuple[str | None, str, str], **others: str) -> Document:
    keys = ("up_to", "unit_price", "flat_fee")
    return {"model": "volume", "tiers": [dict(zip(keys, tier, strict=True)) for tier in tiers], **others}


def package(size: str, price: str, **others: str) -> Document:
    return {"model": "package", "package_size": size, "package_price": price, **others}


LAGO = volume(("100", "2", "10"), ("200", "1", "0"), (None, "0.5", "50"))
LAGO_GUIDE = volume(
    ("10000", "0.0010", "10"), ("50000", "0.0008", "10"), ("100000", "0.0006", "10"), (None, "0.0004", "10")
)
OPENMETER_TIERS = (("5", "0", "100"), ("10", "0", "150"), ("15", "10", "0"), (None, "5", "0"))
OPENMETER = volume(*OPENMETER_TIERS)
STRIPE = volume(("5", "7", "0"), ("10", "6.5", "0"), (None, "6", "0"))
FLEXPRICE = volume(("10", "50", "0"), ("20", "40", "0"), (None, "30", "0"))

VECTORS = {
    "lago, a fraction past a bound": (LAGO, ["100.5"], ["100.5"]),
    "lago, the last tier": (LAGO, ["300"], ["200"]),
    "lago, the guide": (LAGO_GUIDE, ["65000"], ["49"]),
    "lago, packages and what is included": (package("10", "100", included="200"), ["121"], ["0"]),
    "openmeter, a bound is inclusive": (OPENMETER, ["5"], ["100"]),
    "openmeter, the last tier": (OPENMETER, ["16"], ["80"]),
    "openmeter, a maximum": (volume(*OPENMETER_TIERS, maximum="100"), ["5"], ["100"]),
    "openmeter, inside a tier": (OPENMETER, ["12", "14"], ["120", "20"]),
    "openmeter, into a cheaper tier": (
        volume(("5", "0", "100"), ("15", "10", "0"), (None, "5", "0")),
        ["5", "6"],
        ["100", "-40"],
    ),
    "openmeter, no package": (package("10", "15"), ["0"], ["0"]),
    "openmeter, one package more": (package("10", "15"), ["17", "22"], ["30", "15"]),
    "openmeter, three packages at once": (package("10", "15"), ["1", "31"], ["15", "45"]),
    "flexprice, the first tier": (FLEXPRICE, ["5"], ["250"]),
    "stripe, the first tier": (STRIPE, ["5"], ["35"]),
    "stripe, the last tier": (STRIPE, ["25"], ["150"]),
}


@pytest.mark.parametrize(("document", "cumulative", "booked"), VECTORS.values(), ids=VECTORS)
def test_each_step_books_what_was_published(document: Document, cumulative: list[str], booked: list[str]) -> None:
    price = Price.model_validate({"id": "price", "meter": "cpu", **document})
    costs = total_cost(price, pl.Series([Decimal(text) for text in ("0", *cumulative)], dtype=QUANTITY)).to_list()
    assert [after - before for before, after in pairwise(costs)] == [Decimal(text) for text in booked]


STAIRS = {
    "model": "stairstep",
    "tiers": [{"up_to": "10", "flat_fee": "5"}, {"up_to": "20", "flat_fee": "8"}, {"flat_fee": "3"}],
}
EDGES = {
    "stairs: nothing at zero": (STAIRS, "0", "0"),
    "stairs: the first step at once": (STAIRS, "0.000000001", "5"),
    "stairs: a bound is inclusive": (STAIRS, "10", "5"),
    "stairs: just past a bound": (STAIRS, "10.000000001", "8"),
    "stairs: the last step may be lower": (STAIRS, "21", "3"),
    "stairs: what is included": ({**STAIRS, "included": "4"}, "14", "5"),
    "stairs: the cap": ({**STAIRS, "maximum": "6"}, "11", "6"),
    "packages: the first at once": (package("2.5", "4"), "0.000000001", "4"),
    "packages: just full": (package("2.5", "4"), "5", "8"),
    "packages: just past": (package("2.5", "4"), "5.000000001", "12"),
    "packages: just below": (package("0.3", "1"), "0.899999999", "3"),
    "packages: thirds": (package("0.333333333", "1"), "0.999999999", "3"),
    "packages: just past thirds": (package("0.333333333", "1"), "1", "4"),
    "packages: very many, just full": (package("0.000000003", "1"), "999999.999999999", "333333333333333"),
    "packages: very many, just past": (package("0.000000007", "1"), "999999.999999999", "142857142857143"),
    "packages: below zero": (package("10", "1"), "-25", "0"),
    "dynamic: amounts and a fifth": ({"model": "dynamic", "multiplier": "1.2"}, "12.345678901", "14.8148146812"),
    "dynamic: what is included": ({"model": "dynamic", "multiplier": "3", "included": "5"}, "7", "6"),
    "dynamic: below zero": ({"model": "dynamic", "multiplier": "1.2"}, "-1", "0"),
    "packages: the cap": (package("1", "1", maximum="2.5"), "3", "2.5"),
}


@pytest.mark.parametrize(("document", "quantity", "cost"), EDGES.values(), ids=EDGES)
def test_at_the_edges(document: Document, quantity: str, cost: str) -> None:
    price = Price.model_validate({"id": "price", "meter": "cpu", **document})
    assert total_cost(price, pl.Series([Decimal(quantity)], dtype=QUANTITY)).to_list() == [Decimal(cost)]
