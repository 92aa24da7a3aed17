"""Double entry: named cases, and every transaction sums to zero for any books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.credit_schemas import DRAWS, UNBILLED
from rating.errors import BalanceError, FrameError
from rating.ledger import (
    LEGS,
    expiry_legs,
    grant_legs,
    issue_legs,
    posted_hour,
    rollover_legs,
    settlement_legs,
    usage_legs,
)
from rating.money import AMOUNT
from tests.rating.frames import TEXT, TIME, Columns, D, frame

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
CHARGES: Columns = {"slice_start": TIME, "meter": TEXT, "currency": TEXT, "amount_delta": AMOUNT}
LOTS: Columns = {"lot": TEXT, "kind": TEXT, "currency": TEXT}
ACCOUNTS: Columns = {"account_id": TEXT, "currency": TEXT}
GRANTS: Columns = {
    "grant_id": TEXT,
    "account_id": TEXT,
    "kind": TEXT,
    "amount": AMOUNT,
    "currency": TEXT,
    "effective_at": TIME,
    "tax_paid": AMOUNT,
    "tax_code": TEXT,
    "gateway": TEXT,
    "void": pl.Boolean(),
}
INVOICES: Columns = {
    "account_id": TEXT,
    "currency": TEXT,
    "issued_at": TIME,
    "due": AMOUNT,
    "tax": AMOUNT,
    "tax_code": TEXT,
    "exact": AMOUNT,
}
PROMOTION = ("g", "acme", "promotional", D(10), "EUR", NOON, None, None, None, False)
TOP_UP = ("t", "acme", "paid", D(100), "EUR", NOON, D(19), "DE19", "bank", False)


def legs_of(legs: pl.DataFrame) -> dict[tuple[str, str], Decimal]:
    """Amount by account of the books and lot."""
    assert legs.schema == LEGS
    return {(row["account"], row["lot"]): row["amount"] for row in legs.iter_rows(named=True)}


def test_usage_is_drawn_from_credit_or_stays_unbilled() -> None:
    legs = usage_legs(
        frame(DRAWS, ("acme", NOON, "g", D("3")), ("acme", NOON, "t", D("1.5"))),
        frame(UNBILLED, ("acme", NOON, D("0.5")), ("bits", NOON, D("2"))),
        frame(CHARGES, (NOON, "cpu", "EUR", D("4")), (NOON, "cpu", "EUR", D("2")), (NOON, "out", "EUR", D("1"))),
        frame(LOTS, ("g", "promotional", "EUR"), ("t", "paid", "EUR")),
        frame(ACCOUNTS, ("acme", "EUR"), ("bits", "EUR")),
    )
    assert legs_of(legs) == {
        ("credit:acme:promotional", "g"): D("3"),
        ("credit:acme:paid", "t"): D("1.5"),
        ("unbilled:acme", ""): D("0.5"),
        ("unbilled:bits", ""): D("2"),
        ("revenue:cpu", ""): D("-6"),
        ("revenue:out", ""): D("-1"),
    }
    assert legs["kind"].unique().to_list() == ["usage"]


def test_charges_that_nothing_covers_are_refused() -> None:
    with pytest.raises(BalanceError, match=r"sum to -1\.0+ EUR"):
        usage_legs(
            frame(DRAWS),
            frame(UNBILLED, ("acme", NOON, D(1))),
            frame(CHARGES, (NOON, "cpu", "EUR", D(2))),
            frame(LOTS),
            frame(ACCOUNTS, ("acme", "EUR")),
        )


def test_a_draw_of_an_unknown_lot_is_refused() -> None:
    with pytest.raises(FrameError, match="usage legs"):
        usage_legs(
            frame(DRAWS, ("acme", NOON, "g", D(1))), frame(UNBILLED), frame(CHARGES), frame(LOTS), frame(ACCOUNTS)
        )


def test_promotion_is_granted_against_promotion() -> None:
    legs = grant_legs(frame(GRANTS, PROMOTION), frame(GRANTS))
    assert legs_of(legs) == {("promotion", "g"): D(10), ("credit:acme:promotional", "g"): D(-10)}


def test_top_up_is_net_and_owes_its_tax() -> None:
    """119.00 paid at 19 % grants 100.00 (semantics 4)."""
    assert legs_of(grant_legs(frame(GRANTS, TOP_UP), frame(GRANTS))) == {
        ("cash:bank", "t"): D(119),
        ("credit:acme:paid", "t"): D(-100),
        ("tax:DE19", "t"): D(-19),
    }


def test_void_reverses_and_repeating_does_nothing() -> None:
    voided = (*TOP_UP[:-1], True)
    booked = grant_legs(frame(GRANTS, TOP_UP), frame(GRANTS))
    reversed_legs = grant_legs(frame(GRANTS, voided), frame(GRANTS, TOP_UP))
    assert legs_of(reversed_legs) == {key: -amount for key, amount in legs_of(booked).items()}
    assert grant_legs(frame(GRANTS, TOP_UP), frame(GRANTS, TOP_UP)).height == 0
    assert grant_legs(frame(GRANTS, voided), frame(GRANTS, voided)).height == 0


def test_restated_grant_moves_by_its_difference() -> None:
    smaller = (*PROMOTION[:3], D(4), *PROMOTION[4:])
    legs = grant_legs(frame(GRANTS, smaller), frame(GRANTS, PROMOTION))
    assert legs_of(legs) == {("promotion", "g"): D(-6), ("credit:acme:promotional", "g"): D(6)}


def test_a_paid_grant_without_gateway_is_refused() -> None:
    for gateway in (None, ""):
        with pytest.raises(FrameError, match="grant legs"):
            grant_legs(frame(GRANTS, (*TOP_UP[:-2], gateway, False)), frame(GRANTS))


def test_expired_credit_goes_back_to_promotion_or_breakage() -> None:
    legs = expiry_legs(
        frame(DRAWS, ("acme", NOON, "g", D("2.5")), ("acme", NOON, "t", D("-1"))),
        frame(LOTS, ("g", "promotional", "EUR"), ("t", "paid", "EUR")),
    )
    assert legs_of(legs) == {
        ("credit:acme:promotional", "g"): D("2.5"),
        ("promotion", "g"): D("-2.5"),
        ("credit:acme:paid", "t"): D("-1"),
        ("breakage", "t"): D("1"),
    }


@pytest.mark.parametrize(("kind", "giver"), [("adjustment", "refund"), ("recurring", "promotion")])
def test_what_nobody_paid_for_comes_from_where_it_goes_back_to(kind: str, giver: str) -> None:
    granted = grant_legs(frame(GRANTS, (*PROMOTION[:2], kind, *PROMOTION[3:])), frame(GRANTS))
    assert legs_of(granted) == {(giver, "g"): D(10), (f"credit:acme:{kind}", "g"): D(-10)}
    expired = expiry_legs(frame(DRAWS, ("acme", NOON, "g", D(10))), frame(LOTS, ("g", kind, "EUR")))
    assert legs_of(expired) == {(giver, "g"): D(-10), (f"credit:acme:{kind}", "g"): D(10)}


def test_settlement_takes_off_what_is_unbilled() -> None:
    """Two lots that start at one instant make one leg of `unbilled`."""
    settled = frame(DRAWS, ("acme", NOON, "g", D("2.5")), ("acme", NOON, "t", D("1")))
    legs = settlement_legs(settled, frame(LOTS, ("g", "promotional", "EUR"), ("t", "paid", "EUR")))
    assert legs_of(legs) == {
        ("credit:acme:promotional", "g"): D("2.5"),
        ("credit:acme:paid", "t"): D("1"),
        ("unbilled:acme", ""): D("-3.5"),
    }
    assert legs["kind"].unique().to_list() == ["settlement"]


def test_rollover_moves_from_lot_to_lot() -> None:
    rolled = frame(DRAWS, ("acme", NOON, "g/1", D(3)), ("acme", NOON, "g/2", D(-3)))
    legs = rollover_legs(rolled, frame(LOTS, ("g/1", "recurring", "EUR"), ("g/2", "recurring", "EUR")))
    assert legs_of(legs) == {("credit:acme:recurring", "g/1"): D(3), ("credit:acme:recurring", "g/2"): D(-3)}
    with pytest.raises(BalanceError, match="sum to 3"):
        rollover_legs(rolled.head(1), frame(LOTS, ("g/1", "recurring", "EUR")))


def test_issue_moves_unbilled_to_receivable() -> None:
    """Net 63.45 rounded from 63.447, tax 12.06: half a cent of rounding is earned (semantics 5)."""
    issued_at = NOON + timedelta(minutes=7)
    legs = issue_legs(frame(INVOICES, ("acme", "EUR", issued_at, D("75.51"), D("12.06"), "DE19", D("63.447"))))
    assert legs_of(legs) == {
        ("receivable:acme", ""): D("75.51"),
        ("unbilled:acme", ""): D("-63.447"),
        ("tax:DE19", ""): D("-12.06"),
        ("rounding", ""): D("-0.003"),
    }
    assert legs["slice_start"].unique().to_list() == [NOON]


@pytest.mark.parametrize(
    ("slice_start", "expected"),
    [
        (NOON + timedelta(minutes=15), NOON),
        (NOON - timedelta(hours=3), NOON),
        (NOON + timedelta(hours=2, minutes=45), NOON + timedelta(hours=2)),
    ],
)
def test_posted_hour_is_open(slice_start: datetime, expected: datetime) -> None:
    starts = pl.DataFrame({"slice_start": [slice_start]}, schema={"slice_start": TIME})
    assert starts.select(posted_hour(pl.col("slice_start"), NOON)).item() == expected


AMOUNTS = st.integers(-(10**22), 10**22).map(lambda n: Decimal(n).scaleb(-18))
HOURS = st.integers(0, 2).map(lambda n: NOON + timedelta(hours=n))
CURRENCIES = st.sampled_from(["EUR", "JPY"])


def assert_balanced(legs: pl.DataFrame) -> None:
    sums: dict[tuple[object, ...], Decimal] = {}
    for leg in legs.iter_rows(named=True):
        key = (leg["slice_start"], leg["currency"], leg["kind"])
        sums[key] = sums.get(key, D(0)) + leg["amount"]
    assert set(sums.values()) <= {D(0)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(HOURS, CURRENCIES, st.sampled_from(["cpu", "out"]), AMOUNTS, AMOUNTS, AMOUNTS), max_size=8))
def test_usage_transactions_balance(rows: list[tuple[datetime, str, str, Decimal, Decimal, Decimal]]) -> None:
    """A charge is drawn from two lots and rests; whatever the split, slice, meter and currency, legs sum to zero."""
    numbered = [(f"{currency}{index}", *row) for index, row in enumerate(rows) for currency in [row[1]]]
    legs = usage_legs(
        frame(DRAWS, *[(a, h, f"{lot}{a}", d) for a, h, _, _, p, q, _ in numbered for lot, d in (("p", p), ("q", q))]),
        frame(UNBILLED, *[(a, h, r) for a, h, _, _, _, _, r in numbered]),
        frame(CHARGES, *[(h, m, c, p + q + r) for _, h, c, m, p, q, r in numbered]),
        frame(LOTS, *[(f"{lot}{row[0]}", kind, row[2]) for row in numbered for lot, kind in KINDS]),
        frame(ACCOUNTS, *[(row[0], row[2]) for row in numbered]),
    )
    assert_balanced(legs)
    assert (legs["amount"] != 0).all()


KINDS = (("p", "promotional"), ("q", "paid"))


@st.composite
def grant_rows(draw: st.DrawFn) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name in draw(st.sets(st.sampled_from("abcd"))):
        kind = draw(st.sampled_from(["paid", "promotional"]))
        paid = ("DE19", "bank") if kind == "paid" else (None, None)
        tax = abs(draw(AMOUNTS)) if kind == "paid" else None
        amount = abs(draw(AMOUNTS))
        rows.append((name, "acme", kind, amount, draw(CURRENCIES), draw(HOURS), tax, *paid, draw(st.booleans())))
    return rows


@settings(max_examples=60, deadline=None)
@given(grant_rows(), grant_rows(), grant_rows())
def test_grant_transactions_balance_and_add_up(
    first: list[tuple[object, ...]], second: list[tuple[object, ...]], third: list[tuple[object, ...]]
) -> None:
    """Booking in steps ends where booking the last state at once ends."""
    states = [frame(GRANTS), *(frame(GRANTS, *rows) for rows in (first, second, third))]
    steps = [grant_legs(now, before) for before, now in pairwise(states)]
    for legs in steps:
        assert_balanced(legs)
    key = ["account", "lot", "currency", "slice_start"]
    summed = pl.concat(steps).group_by(key).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0).sort(key)
    assert summed.equals(grant_legs(states[-1], states[0]).select(*key, "amount").sort(key))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(HOURS, CURRENCIES, AMOUNTS, AMOUNTS, AMOUNTS), max_size=6))
def test_expiry_and_issue_transactions_balance(rows: list[tuple[datetime, str, Decimal, Decimal, Decimal]]) -> None:
    lots = frame(LOTS, *[(str(i), ("paid", "promotional")[i % 2], row[1]) for i, row in enumerate(rows)])
    assert_balanced(expiry_legs(frame(DRAWS, *[("acme", row[0], str(i), row[2]) for i, row in enumerate(rows)]), lots))
    invoices = [(str(i), row[1], row[0], row[2], row[3], "DE19", row[4]) for i, row in enumerate(rows)]
    assert_balanced(issue_legs(frame(INVOICES, *invoices)))
