"""Goal: the instants at which prices begin and end to hold are those of the clock, quarter hour by quarter hour."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.periods import cuts
from rating.pricebook.conditions import QUARTERS_OF_WEEK
from rating.windows import quarter_of_week, window_changes
from tests.rating.test_choosing import PRICE, ZONES, slow, whens
from tests.rating.worlds import DAYS, Subscription, book, holds, instant, prices_frame, subscriptions_frame

QUARTER = timedelta(minutes=15)
STARTS = ("2026-10-31 12:00", "2026-10-03 06:15", "2026-04-04 00:00", "2026-03-29 00:45", "2026-12-31 12:00")


def changes(
    when: dict[str, object], zone: str, start: datetime, end: datetime, later: tuple[Subscription, ...] = ()
) -> list[datetime]:
    prices = prices_frame([book("1", "2026-01-01", {"standard": [{**PRICE, "when": when}]})])
    first = Subscription("a", instant("2026-01-01"), time_zone=zone)
    return window_changes(prices, subscriptions_frame([first, *later]), start, end)["cut_at"].to_list()


@slow
@given(whens, st.sampled_from(ZONES), st.sampled_from(STARTS), st.integers(0, 4 * 24 * 8))
def test_they_are_what_the_clock_shows(when: dict[str, object], zone: str, start: str, quarters: int) -> None:
    first = instant(start)
    walked = [first + number * QUARTER for number in range(quarters)]
    price = {"when": when}
    expected = [at for at in walked if holds(price, at, zone) != holds(price, at - QUARTER, zone)]
    assert changes(when, zone, first, first + quarters * QUARTER) == expected


@pytest.mark.parametrize("zone", ZONES)
def test_a_quarter_of_the_week_is_that_of_the_clock(zone: str) -> None:
    times = pl.datetime_range(instant("2026-10-02"), instant("2026-11-03"), "15m", time_unit="us", eager=True)
    found = times.to_frame("at").select(quarter_of_week(pl.col("at"), zone)).to_series()
    for at, quarter in zip(times, found, strict=True):
        local = at.astimezone(ZoneInfo(zone))
        assert quarter == (local.weekday() * 24 + local.hour) * 4 + local.minute // 15


def test_only_while_the_account_subscribes_to_the_plan_and_the_price_is_in_the_book() -> None:
    priced = {"standard": [{**PRICE, "when": {"hours": "08:15-08:45"}}], "pro": [PRICE]}
    books = [
        book("1", "2026-01-01", priced),
        book("2", "2026-11-04", {"standard": [PRICE], "pro": [PRICE]}),
        book("3", "2026-11-06", {"standard": [PRICE], "pro": [PRICE]}, accounts={"b": {"pro": priced["standard"]}}),
    ]
    subscriptions = [
        Subscription("a", instant("2026-01-01")),
        Subscription("b", instant("2026-11-02")),
        Subscription("b", instant("2026-11-03"), plan="pro"),
        Subscription("c", instant("2026-01-01"), plan="pro"),
    ]
    found = cuts(
        subscriptions_frame(subscriptions), [], instant("2026-11-01"), instant("2026-11-07"),
        window_changes(prices_frame(books), subscriptions_frame(subscriptions), instant("2026-11-01"), instant("2026-11-07")),
    )  # fmt: skip
    days = {"a": ("01", "02", "03"), "b": ("02", "06")}
    assert found.rows() == [
        (name, instant(f"2026-11-{day} 08:{minute}"))
        for name, which in days.items()
        for day in which
        for minute in (15, 45)
    ]


def test_an_hour_is_cut_where_the_clock_is_off_it() -> None:
    when: dict[str, object] = {"hours": "08:00-20:00"}
    start, end = instant("2026-11-02"), instant("2026-11-03")
    assert changes(when, "Asia/Kathmandu", start, end) == [instant("2026-11-02 02:15"), instant("2026-11-02 14:15")]
    assert changes({"days": list(DAYS)}, "UTC", start, end) == changes(when, "UTC", start, start) == []


def test_the_clock_of_every_zone_that_a_book_may_name_is_known() -> None:
    times = pl.Series("at", [instant("2026-11-02")]).to_frame()
    known = available_timezones() - {"Factory", "localtime"}
    assert all(times.select(quarter_of_week(pl.col("at"), zone)).item() < QUARTERS_OF_WEEK for zone in known)


def test_without_such_prices_there_are_none() -> None:
    prices = prices_frame([book("1", "2026-01-01", {"standard": [PRICE]})])
    subscriptions = subscriptions_frame([Subscription("a", instant("2026-01-01"))])
    assert window_changes(prices, subscriptions, instant("2026-11-01"), instant("2026-12-01")).is_empty()
    timed = prices_frame([book("1", "2026-01-01", {"standard": [{**PRICE, "when": {"days": ["mon"]}}]})])
    assert window_changes(timed, subscriptions.clear(), instant("2026-11-01"), instant("2026-12-01")).is_empty()
