"""Goal: a quantity that is committed by the hour is paid in every slice, used or not, and the model counts what is above it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import difference, rate
from rating.errors import PriceBookError
from rating.hourly_commitments import commitments_due, cuts_of
from rating.periods import INSTANT
from rating.pricebook import parse_price_book
from rating.schemas import TOTALS, no_rows
from rating.sums import sum_by
from tests.rating import reference
from tests.rating.frames import frame
from tests.rating.reference import Document
from tests.rating.test_commitments import MODELS
from tests.rating.worlds import Subscription, Use, book, instant, prices_frame, subscriptions_frame, usage_frame

D = Decimal
FIRST = instant("2026-10-05")
HOUR = timedelta(hours=1)
SUBSCRIBED = (Subscription("a", instant("2026-09-01")),)
COMMIT = {"quantity": "10", "per": "hour", "unit_price": "0.1"}


def price(**more: Any) -> Document:  # noqa: ANN401 (any key of a price)
    return {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "0.25", "commit": COMMIT, **more}


def said(*prices: Document, version: str = "1", start: str = "2026-01-01") -> Document:
    return book(version, start, {"standard": list(prices or [price()])})


def committed(
    books: list[Document],
    until: datetime,
    subscriptions: tuple[Subscription, ...] = SUBSCRIBED,
    since: datetime = FIRST,
) -> list[tuple[Any, ...]]:
    """What is due by time alone: account, slice, quantity, amount."""
    known, prices = subscriptions_frame(subscriptions), prices_frame(books)
    accounts = sorted({row.account_id for row in subscriptions})
    touched = frame(
        {"account_id": pl.String(), "meter": pl.String(), "first_slice": INSTANT},
        *((account, "cpu", since) for account in accounts),
    )
    due = commitments_due(prices, known, cuts_of(prices, known), touched, until)
    assert set(due["kind"]) <= {"hourly_commitment"}
    return sorted(due.select("account_id", "slice_start", "quantity", "amount").rows())


def used(books: list[Document], uses: list[Use], subscriptions: tuple[Subscription, ...] = SUBSCRIBED) -> pl.DataFrame:
    return rate(usage_frame(uses), prices_frame(books), subscriptions_frame(subscriptions), no_rows(TOTALS)).due


def amounts(due: pl.DataFrame) -> list[tuple[Any, ...]]:
    rows = due.filter((pl.col("quantity") != 0) | (pl.col("amount") != 0))
    return sorted(rows.select("slice_start", "resource_id", "kind", "quantity", "amount").rows())


def test_every_hour_is_charged_whether_or_not_there_is_use() -> None:
    hours = [FIRST + number * HOUR for number in range(3)]
    assert committed([said()], FIRST + 3 * HOUR) == [("a", hour, 10, 1) for hour in hours]
    assert committed([said()], FIRST) == []
    assert committed([said(price(commit=None))], FIRST + HOUR) == []


def test_use_above_it_costs_what_the_model_says_and_the_resources_share_it() -> None:
    uses = [Use(FIRST, D(7), resource_id="r1"), Use(FIRST, D(5), resource_id="r2"), Use(FIRST + HOUR, D(4))]
    assert amounts(used([said()], uses)) == [
        (FIRST, "r1", "committed", 7, 0), (FIRST, "r2", "committed", 3, 0), (FIRST, "r2", "usage", 2, D("0.5")),
        (FIRST + HOUR, "r1", "committed", 4, 0),
    ]  # fmt: skip


def test_included_and_tiers_count_the_use_above_it() -> None:
    tiers = [{"up_to": "5", "unit_price": "1"}, {"unit_price": "2"}]
    terms = price(model="graduated", unit_price=None, tiers=tiers, included="3")
    uses = [Use(FIRST + number * HOUR, D(16)) for number in range(2)]
    of_month = D(3)
    assert [row[-1] for row in amounts(used([said(terms)], uses)) if row[2] == "usage"] == [6 - of_month, 2 + 2 * 4]


def test_a_part_of_an_hour_has_a_part_of_the_quantity() -> None:
    """The subscription begins at :15, the price changes at :30 of the next hour, and the plan ends at :45 of the third."""
    rows = (Subscription("a", FIRST + HOUR / 4), Subscription("a", FIRST + 2.75 * HOUR, None))
    later = price(commit={**COMMIT, "quantity": "3", "unit_price": "0.7"})
    books = [said(), said(later, version="2", start="2026-10-05 01:30")]
    quarter = HOUR / 4
    assert committed(books, FIRST + 9 * HOUR, rows) == [
        ("a", FIRST + quarter, D("7.5"), D("0.75")), ("a", FIRST + HOUR, D(5), D("0.5")),
        ("a", FIRST + HOUR + 2 * quarter, D("1.5"), D("1.05")), ("a", FIRST + 2 * HOUR, D("2.25"), D("1.575")),
    ]  # fmt: skip
    uses = [Use(at, D(8)) for at in (FIRST + quarter, FIRST + HOUR, FIRST + HOUR + 2 * quarter, FIRST + 2 * HOUR)]
    usage = [row for row in amounts(used(books, uses, rows)) if row[2] == "usage"]
    assert [row[3] for row in usage] == [D("0.5"), 3, D("6.5"), D("5.75")]


def test_a_price_of_some_hours_is_committed_in_them() -> None:
    terms = price(when={"hours": "08:30-10:00"})
    assert committed([said(terms)], FIRST + 12 * HOUR) == [
        ("a", FIRST + 8.5 * HOUR, 5, D("0.5")), ("a", FIRST + 9 * HOUR, 10, 1),
    ]  # fmt: skip


def test_another_unit_is_that_of_the_price() -> None:
    terms = price(unit="20 minute", commit={**COMMIT, "quantity": "6"})
    assert committed([said(terms)], FIRST + HOUR) == [("a", FIRST, 6, D("0.6"))]
    # Two hours are six times twenty minutes; a third one is above.
    rows = amounts(used([said(terms)], [Use(FIRST, D(3))]))
    assert [(row[2], row[3], row[4]) for row in rows] == [("committed", 2, 0), ("usage", 1, D("0.75"))]


def test_what_an_account_agreed_on_holds_in_place_of_its_plans() -> None:
    plain = {key: value for key, value in price().items() if key != "commit"}
    document = book("1", "2026-01-01", {"standard": [price()]}, accounts={"b": {"standard": [plain]}})
    rows = tuple(Subscription(account, instant("2026-09-01"), subscription_id=account) for account in "abc")
    assert [row[0] for row in committed([document], FIRST + HOUR, rows)] == ["a", "c"]


def test_services_of_one_subscription_share_it() -> None:
    uses = [Use(FIRST, D(8), service_id="s2"), Use(FIRST, D(8), service_id="s1")]
    rows = [row for row in used([said()], uses).iter_rows(named=True) if row["kind"] == "usage" and row["quantity"]]
    assert [(row["service_id"], row["quantity"]) for row in rows] == [("s2", 6)]


SLICES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(("r1", "r2", "r3")), st.decimals(-3, 20, places=9)), max_size=8,
    unique_by=lambda use: use[:2],
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(MODELS), SLICES, SLICES, st.sampled_from(("0", "4")), st.decimals("0.000000001", 12, places=9))
def test_any_use_in_any_order_is_what_a_slow_walk_says(
    model: Document, first: list[Any], late: list[Any], included: str, quantity: Decimal
) -> None:
    terms = {
        "id": "cpu",
        "meter": "cpu",
        "included": included,
        **model,
        "commit": {**COMMIT, "quantity": f"{quantity:f}"},
    }
    books, known = [said(terms)], subscriptions_frame(SUBSCRIBED)

    def as_uses(rows: list[Any]) -> list[Use]:
        sums: dict[tuple[int, str], Decimal] = {}
        for hour, resource, amount in rows:
            sums[hour, resource] = sums.get((hour, resource), D(0)) + amount
        return [Use(FIRST + hour * HOUR, amount, resource_id=name) for (hour, name), amount in sums.items()]

    def rated(uses: list[Use], totals: pl.DataFrame) -> Any:  # noqa: ANN401
        return rate(usage_frame(uses), prices_frame(books), known, totals)

    before, whole = as_uses(first), as_uses(first + late)
    stood = rated(before, no_rows(TOTALS))
    kept = {use.key: use.quantity for use in before}
    again = rated(
        [
            Use(use.slice_start, use.quantity, resource_id=use.resource_id, counted=kept.get(use.key, D(0)))
            for use in whole
        ],
        stood.totals,
    )
    # What a run appends after late use makes the same of it as all at once, and that is what walking through it says.
    changes = difference(again.due, stood.due).rename({"quantity_delta": "quantity", "amount_delta": "amount"})
    columns = ["slice_start", "resource_id", "kind", "quantity", "amount"]
    both = pl.concat([stood.due.select(columns), changes.select(columns)])
    summed = sum_by(both, columns[:3], "quantity", "amount")
    expected = walked(terms, whole, D(included), quantity)
    assert amounts(summed) == expected == amounts(rated(whole, no_rows(TOTALS)).due)


def walked(terms: Document, uses: list[Use], included: Decimal, quantity: Decimal) -> list[tuple[Any, ...]]:
    """Slice by slice and resource by resource, in decimals."""
    rows, running = [], D(0)
    plain = {name: value for name, value in terms.items() if name != "commit"}
    in_slice: dict[datetime, Decimal] = {}
    for use in sorted(uses, key=lambda use: use.key[::-1]):
        begun = in_slice.get(use.slice_start, D(0))
        ended = in_slice[use.slice_start] = begun + use.quantity
        within = min(max(ended, D(0)), quantity) - min(max(begun, D(0)), quantity)
        after = running + use.quantity - within
        costs = [reference.total_cost(plain, at, included, None) for at in (running, after)]
        for kind, amount, cost in (("committed", within, D(0)), ("usage", after - running, costs[1] - costs[0])):
            if amount or cost:
                rows.append((use.slice_start, use.resource_id, kind, amount, cost))
        running = after
    return sorted(rows)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"accumulate": "resource"}, "has no meaning where quantities accumulate by resource"),
        ({"minimum": "5"}, "stands beside a commitment"),
        ({"maximum": "5"}, "stands beside a commitment"),
        ({"pooled": {"meter": "cpu", "quantity": "5"}}, "a price with a commit has no pool"),
        ({"commit": {**COMMIT, "per": "day"}}, "'day' is not a known per"),
        ({"commit": {**COMMIT, "quantity": "0"}}, "commit.quantity"),
        ({"commit": {"quantity": "1", "per": "hour"}}, "commit.unit_price"),
    ],
)
def test_what_makes_no_sense_is_refused(more: Document, problem: str) -> None:
    with pytest.raises(PriceBookError, match=problem):
        parse_price_book({**said(price(**more)), "effective_from": "2026-01-01T00:00:00Z"}, "book")


def test_a_share_is_rounded_once() -> None:
    """A quarter of six billionths is one and a half: half-even, two."""
    rows = (Subscription("a", FIRST + 0.75 * HOUR),)
    found = committed([said(price(commit={**COMMIT, "quantity": "0.000000006"}))], FIRST + HOUR, rows)
    assert found == [("a", FIRST + 0.75 * HOUR, D("2e-9"), D("2e-10"))]
