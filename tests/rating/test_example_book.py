"""Goal: the example price book is a good one, and says what its comments promise."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import yaml

from rating.money import QUANTITY
from rating.pricebook import parse_price_book
from rating.pricing import compile_prices, total_cost

FILE = Path(__file__).parents[2] / "pricebook" / "example.yaml"


def test_it_is_good_and_every_plan_prices_every_meter() -> None:
    book = parse_price_book(yaml.safe_load(FILE.read_text(encoding="utf-8")), FILE.name)
    for plan in book.plans.values():
        assert {price.meter for price in plan.prices} == set(book.meters)
    assert compile_prices([book]).height == len(book.plans) * len(book.meters)


def test_on_pro_a_machine_of_eight_cores_reaches_its_cap_in_a_month() -> None:
    book = parse_price_book(yaml.safe_load(FILE.read_text(encoding="utf-8")), FILE.name)
    cpu = next(price for price in book.plans["pro"].prices if price.id == "cpu")
    costs = total_cost(cpu, pl.Series([2 * 720, 8 * 720], dtype=pl.Int64).cast(QUANTITY))
    assert costs.to_list() == [Decimal("17.136"), Decimal(65)]
