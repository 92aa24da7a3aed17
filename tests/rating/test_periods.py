"""Goal: months lie between local midnights, and hours are cut where something changes inside them (semantics 2, 3)."""

from datetime import datetime, timedelta

import pytest

from rating.periods import cuts, periods
from tests.rating.worlds import Subscription, instant, subscriptions_frame

MONTHS = {
    "UTC": ("UTC", "2026-11-01 00:00", "2026-12-01 00:00", 720),
    "a half hour": ("Asia/Kolkata", "2026-10-31 18:30", "2026-11-30 18:30", 720),
    "three quarters": ("Asia/Kathmandu", "2026-10-31 18:15", "2026-11-30 18:15", 720),
    "west": ("America/New_York", "2026-11-01 04:00", "2026-12-01 05:00", 721),
}


@pytest.mark.parametrize(("zone", "start", "end", "hours"), MONTHS.values(), ids=MONTHS)
def test_a_month(zone: str, start: str, end: str, hours: int) -> None:
    inside = instant("2026-11-15 00:00")
    [row] = periods([zone], inside, inside + timedelta(hours=1)).rows()
    assert row == (zone, "2026-11", instant(start), instant(end))
    assert row[3] - row[2] == timedelta(hours=hours)


def test_the_clock_may_take_or_give_an_hour() -> None:
    months = periods(["Europe/Berlin"], instant("2026-03-15 00:00"), instant("2026-11-01 00:00"))
    hours = {row[1]: (row[3] - row[2]) // timedelta(hours=1) for row in months.rows()}
    assert (hours["2026-03"], hours["2026-04"], hours["2026-10"]) == (743, 720, 745)


def test_a_month_that_begins_without_a_midnight_begins_with_its_day() -> None:
    """Havana's clocks skipped the hour from 00:00 to 01:00 on 1 April 2012."""
    months = periods(["America/Havana"], instant("2012-03-31 00:00"), instant("2012-04-02 00:00"))
    assert months.select("period", "period_start").rows() == [
        ("2012-03", instant("2012-03-01 05:00")),
        ("2012-04", instant("2012-04-01 05:00")),
    ]
    assert months["period_end"][0] == months["period_start"][1]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Niue", "America/St_Johns"])
def test_months_follow_each_other_and_cover_the_span(zone: str) -> None:
    start, end = instant("2025-12-31 23:45"), instant("2027-01-01 00:15")
    months = periods([zone], start, end).sort("period_start")
    assert months["period_start"].to_list()[1:] == months["period_end"].to_list()[:-1]
    assert months["period_start"][0] <= start
    assert months["period_end"][-1] >= end


def test_several_zones_and_no_zone() -> None:
    start = instant("2026-11-15 00:00")
    assert periods(["UTC", "Asia/Kolkata", "UTC"], start, start + timedelta(days=1)).height == 2
    assert periods([], start, start + timedelta(days=1)).is_empty()


def found(subscriptions: list[Subscription], times: list[datetime], start: str, end: str) -> list[tuple[str, datetime]]:
    return cuts(subscriptions_frame(subscriptions), times, instant(start), instant(end)).rows()


def test_hours_are_cut_at_ends_of_periods_changes_and_versions_off_the_hour() -> None:
    subscriptions = [
        Subscription("a", instant("2026-11-10 10:15"), time_zone="Asia/Kolkata"),
        Subscription("b", instant("2026-11-10 11:00")),
    ]
    times = [instant("2026-11-20 07:45"), instant("2026-11-21 07:00")]
    assert found(subscriptions, times, "2026-10-31 00:00", "2026-12-01 00:00") == [
        ("a", instant("2026-10-31 18:30")),
        ("a", instant("2026-11-10 10:15")),
        ("a", instant("2026-11-20 07:45")),
        ("a", instant("2026-11-30 18:30")),
        ("b", instant("2026-11-20 07:45")),
    ]


def test_cuts_lie_inside_the_span_and_are_unique() -> None:
    subscription = Subscription("a", instant("2026-11-10 10:15"))
    times = [instant("2026-11-10 10:15"), instant("2026-11-10 10:30")]
    assert found([subscription], times, "2026-11-10 10:15", "2026-11-10 10:30") == [("a", instant("2026-11-10 10:15"))]
    assert found([], times, "2026-11-10 10:00", "2026-11-10 11:00") == []
