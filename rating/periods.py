"""Billing periods and the cuts of slices.

What belongs here: calendar months in an account's zone as instants of UTC, and the boundaries that cut a
UTC hour into slices (semantics 2, slice). What does not: which prices hold in them.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from rating.errors import FrameError

INSTANT: Final = pl.Datetime("us", "UTC")
PERIOD_SCHEMA: Final = {
    "time_zone": pl.String(),
    "period": pl.String(),
    "period_start": INSTANT,
    "period_end": INSTANT,
}


def time_zones() -> frozenset[str]:
    """The names of the IANA database that are zones of a place; Polars knows no others."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


def instant(times: pl.Series, at: str) -> datetime:
    """The first or the last of some times; there is at least one."""
    value = times.min() if at == "min" else times.max()
    if not isinstance(value, datetime):
        message = f"the column {times.name!r} holds no times"
        raise FrameError(message)
    return value


def periods(time_zones: Iterable[str], start: datetime, end: datetime) -> pl.DataFrame:
    """The calendar months of each zone that touch [start, end), between local midnights (semantics 3).

    A month ends where the next begins, so it is an hour longer or shorter when the clock changes in it.
    """
    months = [_months(zone, start, end) for zone in sorted(set(time_zones))]
    return pl.concat([pl.DataFrame(schema=PERIOD_SCHEMA), *months]).filter(
        (pl.col("period_end") > start) & (pl.col("period_start") < end)
    )


def _months(zone: str, start: datetime, end: datetime) -> pl.DataFrame:
    """The months of one zone around [start, end)."""
    first = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    # Two months more: one because a month's end is the next one's start, one to be past `end` in any zone.
    last = end.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=62)
    midnights = pl.datetime_range(
        pl.lit(first).dt.truncate("1mo"), pl.lit(last).dt.truncate("1mo"), "1mo", time_unit="us", eager=True
    ).alias("midnight")
    return midnights.to_frame().select(
        time_zone=pl.lit(zone),
        period=pl.col("midnight").dt.strftime("%Y-%m"),
        period_start=_instant(pl.col("midnight"), zone),
        period_end=_instant(pl.col("midnight").shift(-1), zone),
    )[:-1]


def local_midnight(day: date, zone: str) -> datetime:
    """The instant at which a day begins in a zone."""
    midnight = pl.lit(datetime.combine(day, datetime.min.time()), pl.Datetime("us"))
    return instant(pl.select(_instant(midnight, zone).alias(str(day))).to_series(), "min")


def _instant(local: pl.Expr, zone: str) -> pl.Expr:
    """The instant of a local time: the earlier of two, and where the clock skips midnight, the day's start."""
    strict = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    skipped = (local + timedelta(hours=1)).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(strict, skipped).dt.convert_time_zone("UTC").cast(INSTANT)


def cuts(
    subscriptions: pl.DataFrame,
    price_times: Iterable[datetime],
    start: datetime,
    end: datetime,
    changes: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every boundary of a slice inside [start, end) that is off the whole hour, by account.

    The boundaries are ends of periods, changes of subscription, times of price versions, and the `changes` of accounts
    (account_id, cut_at) when a price begins or ends to hold by the clock (`windows.py`); they lie on quarter hours, and the
    hour that holds one is cut there (semantics 2, slice).
    """
    at = pl.col("cut_at").cast(INSTANT)
    is_cut = (at.dt.truncate("1h") != at) & (at >= start) & (at < end)
    month_starts = periods(subscriptions["time_zone"].unique(), start, end).select("time_zone", cut_at="period_start")
    times = pl.Series("cut_at", list(price_times), dtype=INSTANT).to_frame()
    # Nearly all times lie on the hour or outside: what is left of them is joined with accounts, not the other way round.
    every = [
        subscriptions.join(month_starts.filter(is_cut), on="time_zone").select("account_id", "cut_at"),
        subscriptions.select("account_id", cut_at="effective_from").filter(is_cut),
        subscriptions.select("account_id").join(times.filter(is_cut), how="cross"),
        *([] if changes is None else [changes.filter(is_cut)]),
    ]
    boundaries = pl.concat([frame.with_columns(at) for frame in every])
    return boundaries.unique().sort("account_id", "cut_at")


def in_periods(rows: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """Add time_zone, period_start and period_end to rows (account_id, slice_start): the billing period that holds the slice.

    `zones` (account_id, time_zone) says in which zone an account's periods begin; rows of other accounts are left out.
    """
    located = rows.join(zones.select("account_id", "time_zone"), on="account_id")
    first, last = rows["slice_start"].min(), rows["slice_start"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        nothing = pl.lit(None, INSTANT)
        return located.with_columns(period_start=nothing, period_end=nothing)
    months = periods(zones["time_zone"].unique(), first, last + timedelta(microseconds=1))
    joined = located.join(months.select("time_zone", "period_start", "period_end"), on="time_zone")
    inside = (pl.col("period_start") <= pl.col("slice_start")) & (pl.col("slice_start") < pl.col("period_end"))
    return joined.filter(inside)
