"""Goal: a percentage of each charge, rounded once, from the one who has the say; against decimals row by row."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rating.percentages import compile_percentages, percentages_due
from rating.pricebook import parse_price_book
from rating.schemas import DUE
from tests.rating.frames import frame
from tests.rating.reference import Document
from tests.rating.worlds import book, instant

D = Decimal
HOUR = timedelta(hours=1)
START = instant("2026-10-01")


def percentages(*books: Document) -> pl.DataFrame:
    return compile_percentages([parse_price_book(document, document["version"]) for document in books])


def said(version: str, hour: int, plans: dict[str, Any], accounts: dict[str, Any] | None = None) -> Document:
    document = book(version, "2026-01-01", {})
    named = {name: {"prices": [], **terms} for name, terms in plans.items()}
    return {**document, "effective_from": START + hour * HOUR, "plans": named, "accounts": accounts or {}}


def charge(
    amount: str | Decimal, account: str = "a", plan: str = "p", hour: int = 0, kind: str = "usage"
) -> tuple[Any, ...]:
    return (
        account, "", "r", "m", "{}", START + hour * HOUR, "s", plan, "price", "v1", "EUR", kind, START, D(1), D(amount),
    )  # fmt: skip


def found(rows: list[tuple[Any, ...]], *books: Document) -> list[tuple[Any, ...]]:
    due = percentages_due(frame(DUE, *rows), percentages(*books))
    return sorted(due.select("account_id", "plan", "slice_start", "kind", "version", "quantity", "amount").rows())


def test_of_a_plan_and_of_an_account() -> None:
    books = [
        said("1", 0, {"p": {"discount": "10"}, "q": {"surcharge": "2.5"}, "r": {}}, {"b": {"discount": "15"}, "c": {}})
    ]
    rows = [
        charge("2"),
        charge("2", plan="q"),
        charge("2", plan="r"),
        charge("2", "b"),
        charge("2", "b", "r"),
        charge("2", "c"),
    ]
    assert found(rows, *books) == [
        ("a", "p", START, "discount", "1", 0, D("-0.2")),
        ("a", "q", START, "surcharge", "1", 0, D("0.05")),
        ("b", "p", START, "discount", "1", 0, D("-0.3")),
        ("b", "r", START, "discount", "1", 0, D("-0.3")),
        ("c", "p", START, "discount", "1", 0, D("-0.2")),
    ]


def test_an_account_without_a_discount_has_none_whatever_its_plan_says() -> None:
    assert found([charge("2")], said("1", 0, {"p": {"discount": "10"}}, {"a": {"discount": "0"}})) == []


def test_a_percentage_holds_from_its_book_on() -> None:
    books = [said("1", 1, {"p": {"discount": "10"}}), said("2", 3, {"p": {"discount": "10"}}), said("3", 4, {"p": {}})]
    rows = [charge("1", hour=hour) for hour in range(6)]
    assert [(row[2], row[4]) for row in found(rows, *books)] == [(START + hour * HOUR, "1") for hour in (1, 2, 3)]


def test_ties_are_rounded_half_even_and_what_is_nothing_is_left_out() -> None:
    books = [said("1", 0, {"p": {"discount": "10"}})]
    rows = [
        charge(f"{digits}e-18", account) for account, digits in (("a", "5"), ("b", "15"), ("c", "-25"), ("d", "26"))
    ]
    assert [(row[0], row[-1]) for row in found(rows, *books)] == [
        ("b", D("-2e-18")), ("c", D("2e-18")), ("d", D("-3e-18")),
    ]  # fmt: skip


def test_a_fee_has_it_and_a_percentage_has_none_of_its_own() -> None:
    rows = [charge("1", kind="recurring"), charge("1", kind="discount", hour=1), charge("1", kind="minimum", hour=2)]
    assert [row[2] for row in found(rows, said("1", 0, {"p": {"surcharge": "1"}}))] == [START]


AMOUNTS = st.decimals(-(10**18), 10**18, places=18, allow_nan=False)
PERCENTS = st.decimals(0, 100, places=9, allow_nan=False)


@given(st.lists(st.tuples(AMOUNTS, st.integers(0, 5)), max_size=6), st.none() | PERCENTS, st.none() | PERCENTS)
def test_every_charge_as_decimals_have_it(rows: list[tuple[D, int]], discount: D | None, agreed: D | None) -> None:
    plan = {} if discount is None else {"discount": f"{discount:f}"}
    accounts = {} if agreed is None else {"a": {"surcharge": f"{agreed:f}"}}
    expected: dict[datetime, D] = {}
    for amount, hour in rows:
        factor = agreed if agreed is not None else -(discount or D(0))
        rounded = (amount * factor / 100).quantize(D("1e-18"), ROUND_HALF_EVEN)
        expected[START + hour * HOUR] = expected.get(START + hour * HOUR, D(0)) + rounded
    made: dict[datetime, D] = dict.fromkeys(expected, D(0))
    for row in found([charge(amount, hour=hour) for amount, hour in rows], said("1", 0, {"p": plan}, accounts)):
        made[row[2]] += row[-1]
    assert made == expected
