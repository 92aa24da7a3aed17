"""What expires, and differences between what is due and what stands."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from rating.credits import DRAWS, POSITIONS
from rating.errors import OutOfBoundsError
from rating.money import AMOUNT
from rating.postings import draw_difference, expiries, rollovers, unbilled_difference
from rating.sums import sum_by
from tests.rating.frames import TEXT, TIME, Columns, D, frame

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
LOTS: Columns = {
    "account_id": TEXT, "lot": TEXT, "amount": AMOUNT, "effective_at": TIME, "expires_at": TIME, "series": TEXT,
    "roll_over": AMOUNT,
}  # fmt: skip
MORNING = NOON - timedelta(hours=6)

EXPIRIES = {
    "nothing drawn": (D(10), NOON, None, D(10)),
    "partly drawn": (D(10), NOON, D("3.5"), D("6.5")),
    "offered more than it holds": (D(10), NOON, D(25), None),
    "offered less than nothing": (D(10), NOON, D(-4), D(10)),
    "voided": (D(0), NOON, D(5), None),
    "ends later": (D(10), NOON + timedelta(seconds=1), None, None),
    "never ends": (D(10), None, None, None),
}


@pytest.mark.parametrize("name", EXPIRIES)
def test_expiry(name: str) -> None:
    """What is unused of a lot at its end (semantics 4), for hours closed until noon."""
    amount, expires_at, position, unused = EXPIRIES[name]
    lots = frame(LOTS, ("a", "x", amount, MORNING, expires_at, "", D(0)))
    known = [] if position is None else [("a", "x", position)]
    due = expiries(lots, frame(POSITIONS, *known), NOON)
    assert due.schema == DRAWS
    assert due.rows() == ([] if unused is None else [("a", NOON, "x", unused)])


ROLLED = {
    "all that fits the maximum": ("10", "4", "6", "0"),
    "no more than the maximum, the rest expires": ("10", "1", "7", "2"),
    "nothing is left": ("10", "12", "0", "0"),
}


@pytest.mark.parametrize("name", ROLLED)
def test_rollover(name: str) -> None:
    """What a period's lot leaves goes to the next one, up to the maximum; the rest of it expires (semantics 4)."""
    amount, position, moves, expires = (D(text) for text in ROLLED[name])
    night = NOON + timedelta(hours=6)
    first = ("a", "g/1", amount, MORNING, NOON, "g", D(7))
    lots = frame(LOTS, first, ("a", "g/2", amount, NOON, night, "g", D(7)), ("a", "h", D(1), NOON, None, "", D(0)))
    known = frame(POSITIONS, ("a", "g/1", position))
    rolled = {row[2]: row[1::2] for row in rollovers(lots, known, NOON).iter_rows()}
    assert rolled == ({"g/1": (NOON, moves), "g/2": (NOON, -moves)} if moves else {})
    assert expiries(lots, known, NOON).rows() == ([("a", NOON, "g/1", expires)] if expires else [])
    assert rollovers(lots, known, NOON - timedelta(hours=1)).is_empty()


def draws(*rows: tuple[str, int, str, str]) -> pl.DataFrame:
    shaped = [(account, NOON + timedelta(hours=hour), lot, D(amount)) for account, hour, lot, amount in rows]
    return frame(DRAWS, *shaped)


def test_draw_difference_appends_what_is_missing_and_takes_back_what_is_wrong() -> None:
    due = draws(("a", 0, "x", "3"), ("a", 1, "x", "2"), ("a", 2, "y", "1"))
    standing = draws(("a", 0, "x", "3"), ("a", 1, "x", "5"), ("a", 1, "x", "-1"), ("a", 3, "x", "4"))
    difference = draw_difference(due, standing).sort("slice_start")
    assert difference.equals(draws(("a", 1, "x", "-2"), ("a", 2, "y", "1"), ("a", 3, "x", "-4")))
    assert draw_difference(due, due).height == 0
    assert draw_difference(due, DRAWS.to_frame()).equals(due)


def test_unbilled_difference() -> None:
    due, standing = draws(("a", 0, "", "3")).drop("lot"), draws(("a", 0, "", "5")).drop("lot")
    assert unbilled_difference(due, standing)["amount"].to_list() == [D(-2)]


def test_sums_do_not_wrap_around() -> None:
    """Polars 2.1 wraps in the sum of a group; ours says so instead."""
    large = pl.DataFrame({"key": ["a"] * 3, "amount": [D("9e19")] * 3}, schema={"key": TEXT, "amount": AMOUNT})
    assert large.group_by("key").agg(pl.col("amount").sum())["amount"].item() != D("27e19")
    with pytest.raises(OutOfBoundsError, match="magnitudes of 'amount'"):
        sum_by(large, ["key"], "amount")
