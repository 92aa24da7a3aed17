"""Goal: use that comes to less than a minimum is charged up to it, once, when the grace of its period is over."""

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rating.periods import INSTANT, cuts
from rating.pricebook import parse_price_book
from rating.true_ups import SPENT_KEY, compile_graces, compile_minimums, true_ups_due
from tests.rating.frames import frame
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, book, instant, subscriptions_frame

D = Decimal
OCTOBER, NOVEMBER = instant("2026-10-01"), instant("2026-11-01")
SPENT = {**dict.fromkeys(SPENT_KEY, pl.String()), "period_start": INSTANT, "amount": pl.Decimal(38, 18)}
SUBSCRIBED = (Subscription("a", instant("2026-09-01")),)


def price(minimum: str | None = "31.00", **more: Any) -> Document:  # noqa: ANN401 (any key of a price)
    terms = {} if minimum is None else {"minimum": minimum}
    return {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "1", **terms, **more}


def said(version: str, start: str, minimum: str | None = "31.00", **more: Any) -> Document:  # noqa: ANN401
    return {**book(version, start, {"standard": [price(minimum)]}), **more}


def due(
    books: list[Document], spent: dict[str, str], until: str, subscriptions: tuple[Subscription, ...] = SUBSCRIBED
) -> list[tuple[Any, ...]]:
    parsed = [parse_price_book(document, document["version"]) for document in books]
    rows = [(account, "s1", "standard", "cpu", "EUR", OCTOBER, D(amount)) for account, amount in spent.items()]
    accounts = sorted({row.account_id for row in subscriptions})
    touched = frame({"account_id": pl.String(), "first_slice": INSTANT}, *((account, OCTOBER) for account in accounts))
    known, times = subscriptions_frame(subscriptions), [document["effective_from"] for document in books]
    found = true_ups_due(
        compile_minimums(parsed), compile_graces(parsed), known, partial(cuts, known, times),
        frame(SPENT, *rows), touched, instant(until),
    )  # fmt: skip
    return sorted(found.select("account_id", "slice_start", "meter", "version", "kind", "amount").rows())


def test_the_rest_is_charged_in_the_last_slice_when_the_grace_is_over() -> None:
    books = [said("1", "2026-01-01")]
    last = instant("2026-10-31 23:00")
    assert due(books, {"a": "30"}, "2026-11-02") == [("a", last, "cpu", "1", "minimum", 1)]
    assert due(books, {"a": "30"}, "2026-11-01 23:00") == []
    assert due(books, {"a": "31"}, "2026-11-02") == []
    assert due(books, {"a": "40"}, "2026-11-02") == []
    assert due(books, {}, "2026-11-02")[0][-1] == 31


def test_the_grace_is_that_of_the_book_that_holds_at_the_end_of_the_period() -> None:
    books = [said("1", "2026-01-01", grace="2 h"), said("2", "2026-11-01", grace="50 h")]
    assert due(books, {}, "2026-11-03 01:00") == []
    assert len(due(books, {}, "2026-11-03 02:00")) == 1
    assert len(due(books[:1], {}, "2026-11-01 02:00")) == 1


def test_a_part_of_the_period_has_a_part_of_the_minimum() -> None:
    rows = (Subscription("a", instant("2026-10-11")), Subscription("a", instant("2026-10-21 06:15"), "other"))
    share = D(31) * (10 * 96 + 25) / (31 * 96)
    expected = [("a", instant("2026-10-21 06:00"), "cpu", "1", "minimum", share.quantize(D("1e-18"), ROUND_HALF_EVEN))]
    assert due([said("1", "2026-01-01")], {}, "2026-11-02", rows) == expected


def test_each_version_counts_for_its_time() -> None:
    books = [said("1", "2026-01-01"), said("2", "2026-10-11", "62.00"), said("3", "2026-10-21", None)]
    # Ten days of 31.00 and ten of 62.00 a month; the price stays in force, so the charge is in its last slice.
    assert due(books, {"a": "5"}, "2026-11-02") == [("a", instant("2026-10-31 23:00"), "cpu", "3", "minimum", 25)]


def test_what_an_account_agreed_on_holds_in_place_of_its_plans() -> None:
    agreed = {"a": {"prices": {"standard": [price("62.00")]}}, "b": {"prices": {"standard": [price(None)]}}}
    rows = tuple(Subscription(account, instant("2026-09-01")) for account in "abc")
    assert [(row[0], row[-1]) for row in due([said("1", "2026-01-01", accounts=agreed)], {}, "2026-11-02", rows)] == [
        ("a", 62), ("c", 31),
    ]  # fmt: skip


@given(st.decimals(0, 50, places=18), st.integers(0, 31 * 96 - 1))
def test_any_use_and_any_beginning(spent: Decimal, quarters: int) -> None:
    rows = (Subscription("a", OCTOBER + quarters * timedelta(minutes=15)),)
    share = (D(31) * (31 * 96 - quarters) / (31 * 96)).quantize(D("1e-18"), ROUND_HALF_EVEN)
    found = due([said("1", "2026-01-01")], {"a": f"{spent:f}"}, "2026-11-02", rows)
    assert [row[-1] for row in found] == ([share - spent] if share > spent else [])
