"""Which slices are prepaid, and what a change of mode cuts and restarts (semantics 4)."""

from datetime import UTC, datetime, timedelta

import pytest

from rating.modes import mode_changes, remoded, with_modes
from tests.rating.frames import TEXT, TIME, Columns, frame

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODES: Columns = {"account_id": TEXT, "effective_from": TIME, "mode": TEXT}
CHARGES: Columns = {"account_id": TEXT, "slice_start": TIME}
A_CHANGES = (("a", NOON - HOUR, "postpaid"), ("a", NOON + HOUR / 4, "prepaid"), ("a", NOON + HOUR, "prepaid"))


@pytest.mark.parametrize(
    ("start", "expected"),
    [(NOON - 5 * HOUR, False), (NOON, False), (NOON + HOUR / 4, True), (NOON + 2 * HOUR, True)],
)
def test_the_mode_at_the_start_of_the_slice_holds(start: datetime, *, expected: bool) -> None:
    modes = frame(MODES, *A_CHANGES, ("b", NOON, "prepaid"))
    marked = with_modes(frame(CHARGES, ("a", start), ("b", start), ("c", start)), modes).sort("account_id")
    assert marked["prepaid"].to_list() == [expected, True, False]
    assert with_modes(frame(CHARGES, ("c", start)), frame(MODES))["prepaid"].to_list() == [False]


def test_a_change_cuts_the_hour() -> None:
    modes = frame(MODES, *A_CHANGES, ("b", NOON, "prepaid"))
    assert mode_changes(modes).rows() == [("a", NOON + HOUR / 4)]


def test_a_change_of_what_is_posted_restarts() -> None:
    before, now = frame(MODES, ("b", NOON, "prepaid")), frame(MODES, *A_CHANGES, ("b", NOON, "prepaid"))
    assert remoded(before, now, NOON + HOUR).rows() == [("a", True, datetime(1970, 1, 1, tzinfo=UTC))]
    assert remoded(now, now, NOON + HOUR).is_empty()
    assert remoded(before, now, NOON - HOUR).is_empty()
