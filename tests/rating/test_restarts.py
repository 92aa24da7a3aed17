"""From where an account is computed again when its grants change (semantics 4)."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from rating.credits import POSITIONS
from rating.money import AMOUNT
from rating.restarts import forget_counted, forget_states, indebted, recut, restarts, together
from tests.rating.frames import TEXT, TIME, Columns, D, frame

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
HALF_PAST = NOON + timedelta(minutes=30)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
GRANTS: Columns = {"grant_id": TEXT, "account_id": TEXT, "effective_at": TIME, "run": pl.Int64()}
Row = tuple[str, str, datetime, int]

CASES: dict[str, tuple[list[Row], list[tuple[str, bool, datetime]]]] = {
    "a new grant, from the hour it starts in": ([("g", "a", HALF_PAST, 8)], [("a", False, NOON)]),
    "two new grants, from the earlier": (
        [("g", "a", HALF_PAST, 8), ("h", "a", NOON + timedelta(hours=5), 9)],
        [("a", False, NOON)],
    ),
    "an old grant touches nothing": ([("g", "a", NOON, 7)], []),
    "a restated grant, from the beginning": ([("g", "a", NOON, 3), ("g", "a", NOON, 8)], [("a", True, BEGINNING)]),
    "a new grant beside a restated one": (
        [("g", "a", NOON, 3), ("g", "a", NOON, 8), ("h", "a", NOON, 8)],
        [("a", True, BEGINNING)],
    ),
    "new and restated in one run": ([("g", "a", NOON, 8), ("g", "a", HALF_PAST, 9)], [("a", False, NOON)]),
    "a grant that moves touches both accounts": (
        [("g", "a", NOON, 3), ("g", "b", NOON, 8)],
        [("a", True, BEGINNING), ("b", True, BEGINNING)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_restarts(name: str) -> None:
    rows, expected = CASES[name]
    restarted = restarts(frame(GRANTS, *rows), after_run=7)
    assert restarted.select("account_id", "from_scratch", "restart_from").rows() == expected


def test_what_an_account_from_scratch_forgets() -> None:
    grants = [("g", "a", NOON, 3), ("g", "a", NOON, 8), ("h", "b", NOON, 8)]
    restarted = restarts(frame(GRANTS, *grants), after_run=7)
    one = D(1)
    positions = frame(POSITIONS, ("a", "g", one), ("b", "i", one), ("c", "j", one))
    assert forget_states(restarted, positions)["account_id"].to_list() == ["b", "c"]
    charges = frame({"account_id": TEXT, "counted": AMOUNT}, ("a", one), ("b", one), ("c", one))
    forgotten = forget_counted(restarted, charges)
    assert forgotten["counted"].to_list() == [D(0), one, one]
    assert forgotten.schema == charges.schema


CUTS: Columns = {"account_id": TEXT, "cut_at": TIME}


def test_cuts_that_came_or_went_restart_their_account() -> None:
    before = frame(CUTS, ("a", HALF_PAST), ("b", HALF_PAST), ("c", HALF_PAST))
    now = frame(CUTS, ("a", HALF_PAST), ("b", HALF_PAST + timedelta(minutes=15)), ("d", HALF_PAST))
    assert sorted(recut(before, now).rows()) == [(name, True, BEGINNING) for name in "bcd"]
    assert recut(before, before).height == 0


def test_the_earliest_restart_counts() -> None:
    granted = restarts(frame(GRANTS, ("g", "a", HALF_PAST, 8), ("h", "b", HALF_PAST, 8)), after_run=7)
    cut = recut(frame(CUTS), frame(CUTS, ("b", HALF_PAST), ("c", HALF_PAST)))
    assert together(granted, cut).rows() == [("a", False, NOON), ("b", True, BEGINNING), ("c", True, BEGINNING)]


def test_who_was_in_debt_and_has_a_scoped_lot_restarts() -> None:
    lots = frame({"account_id": TEXT, "scope": TEXT}, ("a", ""), ("a", "{}"), ("b", "{}"), ("c", ""))
    positions = frame(POSITIONS, ("a", "", D(0)), ("b", "x", D(3)), ("c", "", D(2)))
    assert indebted(positions, lots).rows() == [("a", True, BEGINNING)]
