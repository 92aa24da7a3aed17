"""Goal: a line says how its model counts."""

import polars as pl
import pytest

from documents.content import describe_prices
from tests.rating.reference import Document
from tests.rating.worlds import book, prices_frame

TIERS = [{"up_to": "10", "unit_price": "2"}, {"up_to": "25", "unit_price": "2"}, {"unit_price": "1"}]
STAIRS = [{"up_to": "10", "flat_fee": "2"}, {"flat_fee": "3"}]
WORDS = {
    "unit": ({"model": "unit", "unit_price": "1"}, [("GB", "per GB")]),
    "graduated": (
        {"model": "graduated", "tiers": TIERS},
        [("GB", "first 10 GB"), ("GB", "next 15 GB"), ("GB", "above 25 GB")],
    ),
    "volume": (
        {"model": "volume", "tiers": TIERS},
        [("GB", "all, up to 10 GB"), ("GB", "all, up to 25 GB"), ("GB", "all, above 25 GB")],
    ),
    "stairstep": ({"model": "stairstep", "tiers": STAIRS}, [("GB", "all, up to 10 GB"), ("GB", "all, above 10 GB")]),
    "package": (
        {"model": "package", "package_size": "100", "package_price": "1"},
        [("package", "packages of 100 GB")],
    ),
    "another unit": ({"model": "unit", "unit_price": "1", "unit": "1000 GB"}, [("1000 GB", "per 1000 GB")]),
    "dynamic": ({"model": "dynamic", "multiplier": "1.2"}, [("GB", "per GB")]),
}


@pytest.mark.parametrize(("price", "words"), WORDS.values(), ids=WORDS)
def test_the_usage_of_each_model_has_its_words(price: Document, words: list[tuple[str, str]]) -> None:
    document = book("1", "2026-01-01", {"standard": [{"id": "p", "meter": "m", **price}]})
    document["meters"]["m"]["unit"] = "GB"
    prices = prices_frame([document])
    meters = pl.DataFrame({"meter": ["m"], "title": ["Traffic"]})
    described = describe_prices(prices, meters).filter(kind="usage").sort("tier")
    assert described.select("unit", "description").rows() == words
