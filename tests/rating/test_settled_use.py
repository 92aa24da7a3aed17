"""Settlements are stated with the use that they paid for, against playing it one by one (semantics 5)."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.credit_schemas import STATED_DEBTS
from rating.settled_use import settled_use
from tests.rating.frames import TEXT, TIME, Columns, frame

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
MONEY = pl.Decimal(38, 18)
SETTLED: Columns = {"account_id": TEXT, "slice_start": TIME, "lot": TEXT, "kind": TEXT, "amount": MONEY}
OPEN: Columns = {"account_id": TEXT, "slice_start": TIME, "amount": MONEY}
Found = list[tuple[str, datetime, str, Decimal]]


def at(hour: int) -> datetime:
    return BEGIN + timedelta(hours=hour)


def matched(
    settled: list[tuple[str, int, str, str]],
    opened: list[tuple[str, int, str]],
    stated: list[tuple[str, int, str]] | None = None,
) -> Found:
    found = settled_use(
        frame(SETTLED, *((account, at(hour), lot, "paid", Decimal(amount)) for account, hour, lot, amount in settled)),
        frame(OPEN, *((account, at(hour), Decimal(amount)) for account, hour, amount in opened)),
        frame(STATED_DEBTS, *((account, at(hour), at(1), Decimal(amount)) for account, hour, amount in stated or [])),
    )
    return sorted(found.select("account_id", "slice_start", "lot", "amount").rows())


@pytest.mark.parametrize(
    ("settled", "opened", "expected"),
    [
        ([], [("a", 1, "5")], []),
        ([("a", 9, "g", "5")], [("a", 1, "5")], [("a", 1, "g", "5")]),
        ([("a", 9, "g", "7")], [("a", 1, "5"), ("a", 2, "5")], [("a", 1, "g", "5"), ("a", 2, "g", "2")]),
        ([("a", 8, "g", "3"), ("a", 9, "h", "4")], [("a", 1, "5"), ("a", 2, "5")],
         [("a", 1, "g", "3"), ("a", 1, "h", "2"), ("a", 2, "h", "2")]),
        # What is given back cancels the oldest, so less of the first is left to settle.
        ([("a", 9, "g", "6")], [("a", 1, "10"), ("a", 2, "-4")], [("a", 1, "g", "6")]),
        # What finds no use stays at the start of the lot.
        ([("a", 9, "g", "6")], [("a", 1, "4")], [("a", 1, "g", "4"), ("a", 9, "g", "2")]),
        ([("a", 9, "g", "6")], [("b", 1, "6")], [("a", 9, "g", "6")]),
        ([("a", 9, "g", "-1")], [("a", 1, "5")], [("a", 9, "g", "-1")]),
    ],
)  # fmt: skip
def test_oldest_first(
    settled: list[tuple[str, int, str, str]],
    opened: list[tuple[str, int, str]],
    expected: list[tuple[str, int, str, str]],
) -> None:
    assert matched(settled, opened) == [(name, at(hour), lot, Decimal(amount)) for name, hour, lot, amount in expected]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ([("a", 3, "5")], [("a", 4, "g", "4")]),
        ([("a", 3, "3")], [("a", 1, "g", "2"), ("a", 4, "g", "2")]),
        # A document that gives back what another had stated opens that again.
        ([("a", 3, "5"), ("a", 3, "-2")], [("a", 1, "g", "2"), ("a", 4, "g", "2")]),
        # A lot that starts with the books that were stated settles before the document.
        ([("a", 9, "5")], [("a", 1, "g", "4")]),
        ([("b", 3, "5")], [("a", 1, "g", "4")]),
    ],
)
def test_what_documents_state_is_passed_over(
    stated: list[tuple[str, int, str]], expected: list[tuple[str, int, str, str]]
) -> None:
    found = matched([("a", 9, "g", "4")], [("a", 1, "5"), ("a", 4, "6")], stated)
    assert found == [(name, at(hour), lot, Decimal(amount)) for name, hour, lot, amount in expected]


def one_by_one(settled: list[tuple[str, int, str, str]], opened: list[tuple[str, int, str]]) -> dict[str, Decimal]:
    """Pay cent by cent what was open, oldest first: sums by account and hour of the use."""
    waiting: dict[str, list[int]] = defaultdict(list)
    for account, hour, amount in sorted(opened, key=lambda row: row[:2]):
        waiting[account] += [hour] * int(amount)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for account, hour, _, amount in sorted(settled, key=lambda row: row[:3]):
        for _ in range(int(amount)):
            used = waiting[account].pop(0) if waiting[account] else hour
            paid[f"{account} {used}"] += 1
    return dict(paid)


ACCOUNT, AMOUNT = st.sampled_from("abc"), st.integers(1, 9).map(str)


@given(
    settled=st.lists(
        st.tuples(ACCOUNT, st.integers(20, 29), st.sampled_from("gh"), AMOUNT), unique_by=lambda row: row[:3]
    ),
    opened=st.lists(st.tuples(ACCOUNT, st.integers(0, 9), AMOUNT), unique_by=lambda row: row[:2]),
)
def test_cent_by_cent(settled: list[tuple[str, int, str, str]], opened: list[tuple[str, int, str]]) -> None:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for account, start, _, amount in matched(settled, opened):
        found[f"{account} {(start - BEGIN) // timedelta(hours=1)}"] += amount
    assert found == one_by_one(settled, opened)
