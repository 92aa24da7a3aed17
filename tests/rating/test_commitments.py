"""Goal: a committed quantity is paid once, used or not, and what is left of it is charged when the period is over."""

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import rate
from rating.percentages import compile_percentages, percentages_due
from rating.periods import INSTANT, cuts
from rating.pricebook import parse_price_book, price_spans
from rating.schemas import TOTALS, no_rows
from rating.sums import sum_by
from rating.true_ups import SPENT_KEY, compile_graces, compile_minimums, true_ups_due
from tests.rating import reference
from tests.rating.frames import frame
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, Use, book, instant, prices_frame, subscriptions_frame, usage_frame

D = Decimal
OCTOBER = instant("2026-10-01")
END = instant("2026-11-02")
QUARTERS = 31 * 96
SUBSCRIBED = (Subscription("a", instant("2026-09-01")),)


def price(quantity: str | None = "310", **more: Any) -> Document:  # noqa: ANN401 (any key of a price)
    terms = {} if quantity is None else {"commit": {"quantity": quantity, "per": "period", "unit_price": "0.1"}}
    return {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "0.25", **terms, **more}


def said(version: str, start: str, quantity: str | None = "310", **more: Any) -> Document:  # noqa: ANN401
    return {**book(version, start, {"standard": [price(quantity)]}), **more}


def charged(
    books: list[Document], uses: list[Use], subscriptions: tuple[Subscription, ...] = SUBSCRIBED
) -> list[tuple[Any, ...]]:
    """What use, percentages and true-ups come to (kind, version, amount), as the engine works it out."""
    parsed = [parse_price_book(document, document["version"]) for document in books]
    known, times = subscriptions_frame(subscriptions), [document["effective_from"] for document in books]
    rated = rate(usage_frame(uses), prices_frame(books), known, no_rows(TOTALS)).due
    due = pl.concat([rated, percentages_due(rated, compile_percentages(parsed))])
    accounts = sorted({row.account_id for row in subscriptions})
    touched = frame({"account_id": pl.String(), "first_slice": INSTANT}, *((account, OCTOBER) for account in accounts))
    trued = true_ups_due(
        compile_minimums(parsed), compile_graces(parsed), known, partial(cuts, known, times),
        sum_by(due, SPENT_KEY, "amount"), touched, END,
    )  # fmt: skip
    every = pl.concat([due, trued]).filter(pl.col("amount") != 0)
    sums = sum_by(every, ("account_id", "kind", "version"), "amount")
    return sorted(sums.rows())


def used(*quantities: str, start: str = "2026-10-05") -> list[Use]:
    return [Use(instant(start) + number * timedelta(hours=1), D(text)) for number, text in enumerate(quantities)]


def test_what_is_not_used_is_charged_at_the_end() -> None:
    assert charged([said("1", "2026-01-01")], used("100", "60")) == [
        ("a", "commitment", "1", 15),
        ("a", "usage", "1", 16),
    ]
    assert charged([said("1", "2026-01-01")], []) == [("a", "commitment", "1", 31)]
    assert charged([said("1", "2026-01-01")], used("310")) == [("a", "usage", "1", 31)]
    assert charged([said("1", "2026-01-01")], used("300", "14")) == [("a", "usage", "1", 32)]


def test_use_after_a_discount_is_compared() -> None:
    books = [said("1", "2026-01-01")]
    books[0]["plans"]["standard"]["discount"] = "10"
    assert charged(books, used("310")) == [
        ("a", "commitment", "1", D("3.1")),
        ("a", "discount", "1", D("-3.1")),
        ("a", "usage", "1", 31),
    ]


def test_a_part_of_the_period_has_a_part_of_the_quantity() -> None:
    """Ten days and a quarter of an hour, then another plan, and eleven days later back again."""
    rows = (
        Subscription("a", OCTOBER),
        Subscription("a", instant("2026-10-11 00:15"), "other"),
        Subscription("a", instant("2026-10-22")),
    )
    share = (D(310) * (20 * 96 + 1) / QUARTERS).quantize(D("1e-9"), ROUND_HALF_EVEN)
    books = [said("1", "2026-01-01")]
    assert charged(books, [], rows) == [("a", "commitment", "1", share * D("0.1"))]
    assert charged(books, used(f"{share}"), rows) == [("a", "usage", "1", share * D("0.1"))]
    more = share + D("0.000000004")
    assert charged(books, used(f"{more}"), rows) == [("a", "usage", "1", share * D("0.1") + D("1e-9"))]


def test_each_version_counts_for_its_time() -> None:
    books = [said("1", "2026-01-01"), said("2", "2026-10-11", "620"), said("3", "2026-10-21", None)]
    # Ten days of 310 and ten of 620 a month at 0.1, and then none; the charge is in the last slice.
    assert charged(books, []) == [("a", "commitment", "3", 30)]
    # Each version's own quantity is a part of the whole time in force: within it all of this use is committed.
    assert charged(books, used("50")) == [("a", "commitment", "3", 25), ("a", "usage", "1", 5)]


def test_a_minimum_before_a_commitment_adds_to_it() -> None:
    minimum = {**book("1", "2026-01-01", {"standard": [price(None, minimum="62.00")]})}
    books = [minimum, said("2", "2026-10-11")]
    assert charged(books, []) == [("a", "commitment", "2", 41)]


def test_what_an_account_agreed_on_holds_in_place_of_its_plans() -> None:
    agreed = {"a": {"prices": {"standard": [price("620")]}}, "b": {"prices": {"standard": [price(None)]}}}
    rows = tuple(Subscription(account, instant("2026-09-01"), subscription_id=account) for account in "abc")
    assert charged([said("1", "2026-01-01", accounts=agreed)], [], rows) == [
        ("a", "commitment", "1", 62), ("c", "commitment", "1", 31),
    ]  # fmt: skip


def test_two_ways_to_write_a_currency_are_one_version() -> None:
    named = price()
    named["commit"] = {**named["commit"], "unit_price": {"EUR": "0.10"}}
    named["unit_price"] = {"EUR": "0.25"}
    books = [said("1", "2026-01-01"), book("2", "2026-10-11", {"standard": [named]}), said("3", "2026-10-21", "311")]
    parsed = [parse_price_book(document, document["version"]) for document in books]
    assert [span.book.version for span in price_spans(parsed)] == ["1", "3"]


MODELS: list[Document] = [
    {"model": "unit", "unit_price": "0.25"},
    {"model": "graduated", "tiers": [{"up_to": "40", "unit_price": "0.3", "flat_fee": "2"}, {"unit_price": "0.01"}]},
    {"model": "volume", "tiers": [{"up_to": "40", "unit_price": "0.3"}, {"unit_price": "0.01", "flat_fee": "1"}]},
    {"model": "stairstep", "tiers": [{"up_to": "40", "flat_fee": "3"}, {"flat_fee": "8"}]},
    {"model": "package", "package_size": "7", "package_price": "1.5"},
]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.integers(0, QUARTERS - 1),
    st.lists(st.decimals(0, 200, places=9), max_size=4),
    st.sampled_from(("0", "20")),
)
def test_any_use_and_any_beginning(model: Document, quarters: int, quantities: list[Decimal], included: str) -> None:
    """All that a period costs is what use costs, and at least the share of the quantity at its unit price."""
    begin = OCTOBER + quarters * timedelta(minutes=15)
    terms = {"id": "cpu", "meter": "cpu", "included": included, **model, "commit": price()["commit"]}
    last = instant("2026-10-31 23:45")
    uses = [Use(last, quantity, resource_id=f"r{number}") for number, quantity in enumerate(quantities)]
    found = charged([book("1", "2026-01-01", {"standard": [terms]})], uses, (Subscription("a", begin),))
    free, committed = (
        (D(text) * (QUARTERS - quarters) / QUARTERS).quantize(D("1e-9"), ROUND_HALF_EVEN) for text in (included, "310")
    )
    cost = reference.total_cost(terms, sum(quantities, D(0)), free, None, committed)
    amounts = {row[1]: row[-1] for row in found}
    assert amounts.get("usage", 0) == cost
    assert amounts.get("commitment", 0) == max(committed * D("0.1") - cost, 0)
