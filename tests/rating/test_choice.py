"""Goal: a book never leaves in doubt which price of a meter holds, and says so where it would (semantics 3)."""

import json
from copy import deepcopy
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given

from rating.errors import PriceBookError
from rating.pricebook import parse_price_book, price_book_schema
from tests.rating.json_schema import misfits
from tests.rating.reference import Document
from tests.rating.test_choosing import PRICE, conditions, slow
from tests.rating.worlds import book, fits, holds, instant

SCHEMA = price_book_schema()
FIRST: Document = {**PRICE, "id": "first"}
SECOND = "plans.standard.prices[1]"
GOLD: Document = {"where": {"tier": "gold"}}
DAY: Document = {"when": {"hours": "08:00-20:00"}}


def document(*prices: Document) -> Document:
    return book("1", "2026-01-01", {"standard": list(prices)}) | {"effective_from": "2026-01-01T00:00:00Z"}


def problems(*prices: Document) -> list[str]:
    try:
        parse_price_book(document(*prices), "prices.yaml")
    except PriceBookError as error:
        return [str(problem) for problem in error.problems]
    return []


BAD: dict[str, tuple[Document, str]] = {
    "no dimensions": ({"where": {}}, "where: it names no dimension; leave it out"),
    "dimensions as a list": ({"where": ["eu"]}, "where: ['eu'] is not a mapping; name dimensions"),
    "a dimension that is yes": (
        {"where": {"ssd": True}},
        "where: 'ssd': True is not a dimension with its value; both are text",
    ),
    "a dimension without a name": ({"where": {" ": "x"}}, "where: ' ': 'x' is not a dimension"),
    "hours and days of nothing": ({"when": {}}, "when.hours: neither hours nor days are given; give hours"),
    "no days": ({"when": {"days": []}}, "when.hours: neither hours nor days are given"),
    "a day twice": ({"when": {"days": ["mon", "mon"]}}, "when.days: names a day twice; name each day once"),
    "a day that is none": ({"when": {"days": ["monday"]}}, "when.days[0]: 'monday' is not a known 0; use 'mon'"),
    "hours off the quarter": (
        {"when": {"hours": "08:10-20:00"}},
        "when.hours: '08:10-20:00' are off the quarter hour; slices",
    ),
    "hours that are none": (
        {"when": {"hours": "8-20"}},
        "when.hours: '8-20' are not hours of the day; write two times",
    ),
    "an hour past the day": (
        {"when": {"hours": "08:00-24:15"}},
        "when.hours: '08:00-24:15' are not hours of the day; a day",
    ),
    "hours from 24:00": (
        {"when": {"hours": "24:00-06:00"}},
        "when.hours: '24:00-06:00' are not hours of the day; a day",
    ),
    "hours of 60 minutes": (
        {"when": {"hours": "08:60-09:00"}},
        "when.hours: '08:60-09:00' are not hours of the day; write",
    ),
    "hours without length": (
        {"when": {"hours": "08:00-08:00"}},
        "when.hours: '08:00-08:00' begin where they end; leave",
    ),
    "a zone that is none": (
        {"when": {"days": ["mon"], "zone": "Mars"}},
        "when.zone: 'Mars' is not a time zone; write its name",
    ),
    "a zone of no place": (
        {"when": {"days": ["mon"], "zone": "localtime"}},
        "when.zone: 'localtime' is not a time zone; write its name",
    ),
    "an unknown key": ({"when": {"day": ["mon"]}}, "when.day: unknown key 'day'; did you mean days?"),
}
BEYOND_A_SCHEMA = {
    "hours and days of nothing", "no days", "a day twice", "hours without length", "a zone that is none",
    "a zone of no place",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_condition_is_refused(name: str) -> None:
    change, message = BAD[name]
    [found] = problems({**PRICE, **change})
    assert found.startswith(f"plans.standard.prices[0].{message}")
    assert bool(misfits(SCHEMA, document({**PRICE, **change}))) == (name not in BEYOND_A_SCHEMA)


TIES = {
    "neither says anything": (
        {},
        {},
        f"{SECOND}.meter: 'cpu' is priced already by plans.standard.prices[0]; price a meter once",
    ),
    "other dimensions": (
        GOLD,
        {"where": {"region": "eu"}},
        f"{SECOND}.where: could hold for the same usage as plans.standard.prices[0]; give a key of both another value",
    ),
    "the same dimensions": (
        GOLD,
        GOLD,
        f"{SECOND}.where: could hold for the same usage as plans.standard.prices[0]; give",
    ),
    "hours that overlap": (
        DAY,
        {"when": {"hours": "19:45-08:00"}},
        f"{SECOND}.when: holds at times of plans.standard.prices[0] too, for the same dimensions; let one end where",
    ),
    "hours of another zone": (
        DAY,
        {"when": {"hours": "20:00-08:00", "zone": "UTC"}},
        (
            f"{SECOND}.when: holds at times of plans.standard.prices[0] too, for the same dimensions; let one end where the "
            "other begins, in the same zone"
        ),
    ),
    "hours of the night after": (
        {"when": {"hours": "22:00-06:00", "days": ["sun"]}},
        {"when": {"hours": "05:45-06:00", "days": ["mon"]}},
        f"{SECOND}.when: holds at times of plans.standard.prices[0] too",
    ),
}


@pytest.mark.parametrize(("first", "second", "message"), TIES.values(), ids=TIES)
def test_prices_that_could_tie_are_refused(first: Document, second: Document, message: str) -> None:
    [found] = problems({**FIRST, **first}, {**PRICE, **second})
    assert found.startswith(message)


NO_TIES = {
    "one key more": (GOLD, {"where": {"region": "eu", "size": "2"}}),
    "another value": (GOLD, {"where": {"tier": "silver"}}),
    "hours and always": (DAY, {}),
    "hours side by side": (DAY, {"when": {"hours": "20:00-08:00"}}),
    "hours of other dimensions": ({**DAY, **GOLD}, DAY),
    "other days": ({"when": {"days": ["mon"]}}, {"when": {"days": ["tue"]}}),
}


@pytest.mark.parametrize(("first", "second"), NO_TIES.values(), ids=NO_TIES)
def test_prices_that_cannot_tie_stand_beside_each_other(first: Document, second: Document) -> None:
    prices = {**FIRST, **first}, {**PRICE, **second}
    assert problems(*prices) == []
    assert misfits(SCHEMA, document(*prices)) == []
    read = parse_price_book(document(*deepcopy(prices)), "prices.yaml")
    assert parse_price_book(json.loads(json.dumps(read.model_dump(mode="json", exclude_none=True))), "again") == read


TEXTS = [
    json.dumps({key: value for key, value in (("region", region), ("tier", tier)) if value})
    for region, tier in product(("", "eu", "us"), ("", "gold", "silver"))
]
WEEK = [instant("2026-11-02") + timedelta(minutes=15 * number) for number in range(7 * 96)]


@slow
@given(conditions, conditions)
def test_prices_are_refused_if_some_usage_could_have_both(first: Document, second: Document) -> None:
    zones = {one["when"].get("zone") for one in (first, second) if "when" in one}
    ranks = {(len(one.get("where", {})), "when" in one) for one in (first, second)}
    dimensions = any(fits(first, text) and fits(second, text) for text in TEXTS)
    times = len(zones) > 1 or any(holds(first, at, "UTC") and holds(second, at, "UTC") for at in WEEK)
    refused = problems({**FIRST, **first}, {**PRICE, **second}) != []
    assert refused == (len(ranks) == 1 and dimensions and times)
