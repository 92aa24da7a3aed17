"""The lots of recurring grants (semantics 4)."""

from datetime import UTC, datetime, timedelta

from rating.recurring import recurring_lots
from tests.rating.frames import TEXT, TIME, Columns, frame

GRANTS: Columns = {
    "grant_id": TEXT, "account_id": TEXT, "time_zone": TEXT, "effective_at": TIME, "expires_at": TIME,
}  # fmt: skip
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
STARTS = datetime(2026, 10, 12, 9, 30, tzinfo=UTC)
# November begins in Berlin an hour before it does in UTC.
NOVEMBER, DECEMBER = datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)


def lots(since: datetime, until: datetime, expires_at: datetime | None = None) -> list[tuple[object, ...]]:
    grants = frame(GRANTS, ("g", "a", "Europe/Berlin", STARTS, expires_at))
    made = recurring_lots(grants, since, until).sort("effective_at")
    return made.select("grant_id", "series", "effective_at", "expires_at").rows()


OCTOBER_LOT = ("g/2026-10-01", "g", STARTS, NOVEMBER)
NOVEMBER_LOT = ("g/2026-11-01", "g", NOVEMBER, DECEMBER)


def test_a_lot_for_each_period_that_began() -> None:
    """The first begins with the grant, the others between local midnights; a period that begins just now has begun."""
    assert lots(LONG_AGO, STARTS - timedelta(hours=1)) == []
    assert lots(LONG_AGO, STARTS) == [OCTOBER_LOT]
    assert lots(LONG_AGO, NOVEMBER - timedelta(hours=1)) == [OCTOBER_LOT]
    assert lots(LONG_AGO, NOVEMBER) == [OCTOBER_LOT, NOVEMBER_LOT]


def test_what_began_since() -> None:
    assert lots(STARTS, NOVEMBER) == [NOVEMBER_LOT]
    assert lots(NOVEMBER, NOVEMBER + timedelta(days=3)) == []


def test_a_grant_that_ends_ends_its_lot_and_makes_no_more() -> None:
    ends = NOVEMBER + timedelta(days=2)
    assert lots(LONG_AGO, DECEMBER, ends) == [OCTOBER_LOT, (*NOVEMBER_LOT[:3], ends)]
    assert lots(LONG_AGO, DECEMBER, NOVEMBER) == [OCTOBER_LOT]


def test_no_grants() -> None:
    assert recurring_lots(frame(GRANTS), LONG_AGO, DECEMBER).is_empty()
