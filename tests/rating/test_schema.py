"""Goal: an editor accepts every good price book as it is typed, and marks what a schema can mark."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from rating.pricebook import price_book_schema
from tests.faults import worlds
from tests.pipelines import tiny
from tests.rating.json_schema import misfits
from tests.rating.reference import Document
from tests.rating.test_pricebook import BAD, CPU, DYNAMIC, GOOD, LATER, PACKAGE, STAIRS, VOLUME, drop, put
from tests.resources import worlds as landing

SCHEMA = price_book_schema()
EXAMPLE = (Path(__file__).parents[2] / "pricebook" / "example.yaml").read_text(encoding="utf-8")
GOOD_TEXTS = {
    "the example": EXAMPLE,
    "one price": tiny.BOOK,
    "landed files": landing.BOOK,
    "several currencies": worlds.BOOKS[0],
}

# What is wrong between parts of a book, which is refused when the book is loaded.
BEYOND_A_SCHEMA = {
    "max_gap longer than a day", "a dimension twice", "a price of another meter", "two prices of one id",
    "two prices of one meter", "a currency in the map that is none", "a cap that misses a currency", "tiers that fall",
    "tiers that stand still", "a first tier up to zero", "a last tier that ends", "stairs that fall",
    "a step of stairs that misses a currency", "a package whose cap misses a currency",
    "a dynamic price of quantities", "a unit price of amounts", "a cap of the account that misses a currency",
    "a unit of something else", "a unit that cannot be read",
    "a pool of a meter that is not there", "a pool and a commitment",
    "a minimum of each resource", "a minimum that misses a currency",
    "a minimum above the maximum", "a minimum above the maximum in one currency, written in two ways",
    "a minimum above the maximum, agreed with an account", "a grace of more than four weeks",
    "a commitment of each resource", "a commitment beside a minimum", "a commitment beside a maximum",
    "a commitment of amounts of money", "a commitment that is too dear", "a commitment that misses a currency",
    "a plan with both", "an account with both", "a fee with the id of a price", "a fee in fewer currencies than the prices",
}  # fmt: skip


class EditorLoader(yaml.SafeLoader):
    """An editor reads YAML 1.2, in which a time is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@pytest.mark.parametrize("text", GOOD_TEXTS.values(), ids=GOOD_TEXTS)
def test_good_books_fit(text: str) -> None:
    assert misfits(SCHEMA, yaml.load(text, Loader=EditorLoader)) == []  # noqa: S506 - a SafeLoader


@pytest.mark.parametrize("price", [STAIRS, PACKAGE, VOLUME, DYNAMIC], ids=lambda price: price["model"])
def test_every_model_fits(price: Document) -> None:
    document = deepcopy(GOOD)
    put(CPU, price)(document)
    assert misfits(SCHEMA, document) == []


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_marked_where_they_are(name: str) -> None:
    change, path, _, _ = BAD[name]
    document = deepcopy(GOOD)
    change(document)
    marked = {misfit.partition(": ")[0].removeprefix("(top).") for misfit in misfits(SCHEMA, document)}
    assert (marked == set()) == (name in BEYOND_A_SCHEMA)
    assert marked == set() or path in marked


@pytest.mark.parametrize("key", ["id", "meter", "model"])
def test_a_key_that_every_price_needs_is_marked(key: str) -> None:
    document = deepcopy(GOOD)
    drop(f"{CPU}.{key}")(document)
    assert misfits(SCHEMA, document) == [f"(top).{CPU}.{key}: required"]


def test_the_list_of_what_a_schema_cannot_say_is_current() -> None:
    assert BAD.keys() >= BEYOND_A_SCHEMA


@pytest.mark.parametrize("key", LATER)
def test_keys_of_later_work_are_marked(key: str) -> None:
    document = deepcopy(GOOD)
    put(f"{CPU}.{key}", "x")(document)
    assert misfits(SCHEMA, document) == [f"(top).{CPU}.{key}: may not be there"]


TIMES = {
    "2026-11-01T00:00:00Z": True,
    "2026-11-01T00:45+01:00": True,
    "2026-11-01 12:30:00Z": True,
    "2026-11-01": False,
    "2026-11-01T00:00:00": False,
    "2026-11-01T00:10:00Z": False,
}


@pytest.mark.parametrize(("text", "fits"), TIMES.items())
def test_times(text: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    document = {**GOOD, "effective_from": text}
    assert (misfits(SCHEMA, document) == []) == fits


@pytest.mark.parametrize(("name", "part"), [("PriceBook", SCHEMA), *SCHEMA["$defs"].items()])
def test_every_key_says_in_one_line_what_it_means(name: str, part: Document) -> None:
    unclear = [key for key, shape in part["properties"].items() if not re.fullmatch(r".+\.", shape["description"])]
    assert (name, unclear) == (name, [])
