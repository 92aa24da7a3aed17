"""Goal: a fee costs its share of each period, once, whatever changes in it (semantics 3); against a walk in quarter hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.difference import difference
from rating.fees import UNCHARGED, compile_fees, fees_due, uncharged_fees
from rating.periods import INSTANT, cuts
from rating.pricebook import parse_price_book
from rating.schemas import DUE
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, book, instant, month, subscriptions_frame

QUARTER = timedelta(minutes=15)
EPOCH = instant("1970-01-01")
Charge = tuple[str, str, datetime, str, str, str, str, datetime, Decimal, Decimal]


def with_fees(version: str, effective_from: str, **fees: dict[str, Any]) -> Document:
    """A book whose plans have these fees and no prices."""
    document = book(version, effective_from, {plan: [] for plan in fees})
    return {**document, "plans": {plan: {"prices": [], "recurring": fee} for plan, fee in fees.items()}}


def due(
    books: Sequence[Document],
    subscriptions: Sequence[Subscription],
    until: str | datetime,
    first: datetime = EPOCH,
) -> pl.DataFrame:
    parsed = [parse_price_book(document, document["version"]) for document in books]
    accounts = sorted({row.account_id for row in subscriptions})
    touched = pl.DataFrame({"account_id": accounts}, schema={"account_id": pl.String}).with_columns(
        first_slice=pl.lit(first, INSTANT)
    )
    times = [document["effective_from"] for document in books]
    end = instant(until) if isinstance(until, str) else until
    known = subscriptions_frame(subscriptions)
    return fees_due(compile_fees(parsed), known, partial(cuts, known, times), touched, end)


def charges(frame: pl.DataFrame) -> list[Charge]:
    names = (
        "account_id", "service_id", "slice_start", "subscription_id", "plan", "price_id", "version", "period_start",
        "quantity", "amount",
    )  # fmt: skip
    return sorted(frame.select(names).rows())


@dataclass(frozen=True)
class Held:
    """What holds in a quarter of an hour."""

    subscription_id: str
    plan: str
    fee_id: str
    version: str
    amount: str
    bill: str
    period: tuple[datetime, datetime]


def walk(books: Sequence[Document], subscriptions: Sequence[Subscription], until: datetime) -> list[Charge]:
    """The same, a quarter of an hour after the other."""
    found = []
    for account, service in sorted({(row.account_id, row.service_id) for row in subscriptions}):
        rows = [row for row in subscriptions if (row.account_id, row.service_id) == (account, service)]
        start = at = min(row.effective_from for row in rows)
        before: Held | None = None
        while at <= until + timedelta(days=40):
            held = _held(books, rows, at)
            if held != before:
                if before is not None:
                    found.append(
                        _charge(account, service, before, start, at, _bounds(books, subscriptions, account, at))
                    )
                before, start = held, at
            at += QUARTER
    return sorted(charge for charge in found if charge[2] < until)


def _held(books: Sequence[Document], rows: Sequence[Subscription], at: datetime) -> Held | None:
    row = max((row for row in rows if row.effective_from <= at), key=lambda row: row.effective_from)
    begun = sorted((book for book in books if book["effective_from"] <= at), key=lambda book: book["effective_from"])
    said = [book["plans"].get(row.plan, {}).get("recurring") for book in begun]
    if row.plan is None or not said or said[-1] is None:
        return None
    first = len(said) - 1
    while first and said[first - 1] == said[-1]:
        first -= 1
    fee = said[-1]
    return Held(
        row.subscription_id, row.plan, fee.get("id", "recurring"), begun[first]["version"], fee["amount"],
        fee.get("bill", "advance"), month(at, row.time_zone),
    )  # fmt: skip


def _bounds(
    books: Sequence[Document], subscriptions: Sequence[Subscription], account: str, end: datetime
) -> list[datetime]:
    """Where slices of the account begin in the hour before `end`."""
    before = end - QUARTER
    hour = before.replace(minute=0)
    own = [row for row in subscriptions if row.account_id == account]
    times = [hour, *(row.effective_from for row in own), *(document["effective_from"] for document in books)]
    times += [start for row in own for start in month(before, row.time_zone)]
    return [time for time in times if hour <= time < end]


def _charge(account: str, service: str, held: Held, start: datetime, end: datetime, bounds: list[datetime]) -> Charge:
    first, last = held.period
    part = Decimal(int((end - start).total_seconds())), Decimal(int((last - first).total_seconds()))
    amount = (Decimal(held.amount) * part[0] / part[1]).quantize(Decimal("1e-18"), ROUND_HALF_EVEN)
    quantity = (part[0] / part[1]).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
    slice_start = start if held.bill == "advance" else max(bounds)
    return (
        account, service, slice_start, held.subscription_id, held.plan, held.fee_id, held.version, first, quantity, amount,
    )  # fmt: skip


FIVE = {"amount": "5.00"}
LATE_FIVE = {"amount": "5.00", "bill": "arrears"}


def test_a_month_in_advance_and_one_in_arrears() -> None:
    books = [with_fees("1", "2026-01-01", now=FIVE, then=LATE_FIVE)]
    rows = [
        Subscription("a", instant("2026-10-01"), "now"),
        Subscription("b", instant("2026-10-01"), "then", time_zone="Europe/Berlin"),
    ]
    found = due(books, rows, "2026-11-01").sort("account_id", "slice_start")
    assert found.select("account_id", "slice_start", "quantity", "amount").rows() == [
        ("a", instant("2026-10-01"), 1, 5),
        # From 00:00 UTC on, which is 02:00 in Berlin: 743 of 745 hours, for the clock goes back in October.
        ("b", instant("2026-10-31 22:00"), Decimal("0.997315436"), Decimal("4.986577181208053691")),
    ]
    assert found["meter"].unique().to_list() == [""]
    assert found["kind"].unique().to_list() == ["recurring"]


def test_the_first_hour_of_a_period_is_due_when_it_is_closed() -> None:
    books, rows = [with_fees("1", "2026-01-01", now=FIVE)], [Subscription("a", instant("2026-10-01"), "now")]
    assert due(books, rows, "2026-10-01").is_empty()
    assert due(books, rows, "2026-10-01 01:00").height == 1
    assert due(books, rows, "2026-11-01").height == 1
    assert due(books, rows, "2026-11-01 01:00").height == 2


def test_a_change_of_plan_gives_the_rest_back() -> None:
    books = [with_fees("1", "2026-01-01", small=FIVE, large={"amount": "31.00"})]
    before = [Subscription("a", instant("2026-10-01"), "small")]
    after = [*before, Subscription("a", instant("2026-10-11"), "large")]
    standing = due(books, before, "2026-10-12").select(*DUE)
    changed = difference(due(books, after, "2026-10-12"), standing).sort("plan")
    third = (Decimal(50) / 31).quantize(Decimal("1e-18"), ROUND_HALF_EVEN)
    assert changed.select("plan", "slice_start", "amount_delta").rows() == [
        ("large", instant("2026-10-11"), Decimal(21)),
        ("small", instant("2026-10-01"), third - 5),
    ]


def test_a_row_that_repeats_the_plan_changes_nothing() -> None:
    books = [with_fees("1", "2026-01-01", now=FIVE), with_fees("2", "2026-10-15", now=FIVE)]
    rows = [Subscription("a", instant("2026-10-01"), "now"), Subscription("a", instant("2026-10-11"), "now")]
    assert due(books, rows, "2026-10-31").select("version", "amount").rows() == [("1", 5)]


def test_nothing_is_due_without_a_fee_a_subscription_or_an_account() -> None:
    rows = [Subscription("a", instant("2026-10-01"), None), Subscription("b", instant("2026-10-01"), "other")]
    assert due([with_fees("1", "2026-01-01", now=FIVE)], rows, "2026-12-01").is_empty()
    assert due([book("1", "2026-01-01", {"now": []})], rows, "2026-12-01").is_empty()
    assert due([with_fees("1", "2026-01-01", now=FIVE)], [], "2026-12-01").is_empty()


def quarters(start: str, days: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, days * 96).map(lambda number: instant(start) + number * QUARTER)


FEES = st.sampled_from([FIVE, LATE_FIVE, {"amount": "7.77"}, {"amount": "0.000000001", "bill": "arrears", "id": "f"}])
PLANS = st.sampled_from(["now", "then", None])
BOOKS = st.lists(
    st.tuples(quarters("2026-10-20", 50), FEES, st.none() | FEES), max_size=3, unique_by=lambda row: row[0]
)
SUBSCRIBED = st.lists(
    st.tuples(st.sampled_from(["", "web"]), quarters("2026-10-20", 50), PLANS),
    min_size=1, max_size=6, unique_by=lambda row: row[:2],
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    later=BOOKS, subscribed=SUBSCRIBED, zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    hours=st.integers(0, 60 * 24), restart=st.integers(0, 60 * 24),
)  # fmt: skip
def test_fees_as_the_walk_finds_them(
    later: list[tuple[datetime, Any, Any]], subscribed: list[Any], zone: str, hours: int, restart: int
) -> None:
    books = [with_fees("0", "2026-01-01", now=FIVE, then=LATE_FIVE)]
    for number, (at, now, then) in enumerate(later, 1):
        plans = {"now": now} | ({"then": then} if then else {})
        books.append({**with_fees(str(number), "2026-01-01", **plans), "effective_from": at})
    rows = [Subscription("a", at, plan, service, f"s-{service}", time_zone=zone) for service, at, plan in subscribed]
    until, first = (instant("2026-10-20") + timedelta(hours=number) for number in (hours, restart))
    expected = walk(books, rows, until)
    assert charges(due(books, rows, until)) == expected
    # From any hour on, the fees of that time are the same: a run looks at its own hours only.
    assert charges(due(books, rows, until, first)) == [charge for charge in expected if charge[2] >= first]


# --- fees that have no amount in the currency of an account


def uncharged(
    books: Sequence[Document], rows: Sequence[Subscription], until: str | None = None
) -> list[tuple[Any, ...]]:
    """account, plan, fee, version, currency, since, until of what is not charged."""
    parsed = [parse_price_book(document, document["version"]) for document in books]
    found = uncharged_fees(parsed, subscriptions_frame(rows), instant(until) if until else None)
    assert dict(found.schema) == UNCHARGED
    assert found["subscription_id"].unique().to_list() in ([], ["s1"])
    return [tuple(row) for row in found.drop("service_id", "subscription_id").rows()]


def test_a_fee_without_the_currency_of_an_account_is_seen() -> None:
    november, tenth, december = instant("2026-11-01"), instant("2026-11-10"), instant("2026-12-01")
    books = [
        with_fees("1", "2026-10-01", standard={"amount": "5"}, large={"amount": {"EUR": "9", "USD": "10"}}),
        with_fees("2", "2026-11-01", standard={"amount": "6"}, large={"amount": "9"}),
        with_fees("3", "2026-12-01", standard={"amount": {"EUR": "6", "USD": "7"}}, large={"amount": "9"}),
    ]
    rows = [
        Subscription("a", instant("2026-10-05"), "standard", currency="USD"),
        Subscription("a", tenth, "large", currency="USD"),
        Subscription("b", instant("2026-10-05"), "large", currency="USD"),
        Subscription("b", december, None, currency="USD"),
        Subscription("c", instant("2026-10-05"), "standard", currency="EUR"),
        Subscription("d", december, "standard", currency="USD"),
        Subscription("e", instant("2026-10-05"), "none", currency="USD"),
    ]
    fee = "recurring"
    # Two books of which neither has the currency are one row: what the fee is in others is of no account.
    assert uncharged(books, rows) == [
        ("a", "large", fee, "2", "USD", tenth, None),
        ("a", "standard", fee, "1", "USD", instant("2026-10-05"), tenth),
        ("b", "large", fee, "2", "USD", november, december),
    ]
    assert uncharged(books, rows, "2026-11-01") == [("a", "standard", fee, "1", "USD", instant("2026-10-05"), tenth)]
    # And what is due is charged to none of them meanwhile.
    charged = {(account, plan) for account, _, _, _, plan, *_ in charges(due(books, rows, "2026-11-05"))}
    assert charged == {("b", "large"), ("c", "standard")}


def test_no_fee_and_no_subscription_are_nothing() -> None:
    assert uncharged([book("1", "2026-10-01", {"standard": []})], [Subscription("a", instant("2026-10-05"))]) == []
    assert uncharged([with_fees("1", "2026-10-01", standard={"amount": "5"})], []) == []
    assert uncharged([], [Subscription("a", instant("2026-10-05"))]) == []
