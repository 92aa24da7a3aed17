"""Balances of accounts as they move: credit, what is unbilled, what the billing period has cost, and when credit runs out.

What belongs here: adding what is new to what was known. What does not: which thresholds that crosses (`rating/alerts.py`).
The balance of an account is its credit less what is unbilled (semantics 4): what an invoice states is asked for by its own
terms. Scopes are not looked at, and credit that expires later counts until it does.
"""

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from rating.alert_schemas import BALANCES, BALANCES_SCHEMA
from rating.money import AMOUNT_DIGITS, ZERO_AMOUNT, divide_half_even, multiply
from rating.periods import periods
from rating.schemas import check_frame
from rating.sums import sum_by

_AN_INSTANT: Final = timedelta(microseconds=1)
_KEY: Final = ("account_id", "currency", "period_start")
_MONEY: Final = ("credit", "unbilled", "spent")
# Further away than this, the hour at which a balance runs out says nothing.
_LONGEST: Final = timedelta(days=3650)


def current_periods(accounts: pl.DataFrame, closed_until: datetime) -> pl.DataFrame:
    """The billing period that holds the last closed hour, by account: account_id, period (`2026-11`), period_start.

    `accounts` has account_id and time_zone.
    """
    zones = accounts["time_zone"].unique()
    found = periods(zones, closed_until - _AN_INSTANT, closed_until).select("time_zone", "period", "period_start")
    return (
        accounts.select("account_id", "time_zone").join(found, on="time_zone", maintain_order="left").drop("time_zone")
    )


def move_balances(
    known: pl.DataFrame, posted: pl.DataFrame, charged: pl.DataFrame, current: pl.DataFrame
) -> pl.DataFrame:
    """Balances (`BALANCES`) with what is new: the sums of all entries, and of the charges of the current period.

    `known` is what was kept; `posted` (account_id, currency, credit, unbilled) and `charged` (account_id, currency,
    period_start, spent) are sums of what came since; `current` (account_id, period_start) is each account's period now. A
    period that begins has had no charges before, since all slices of closed hours lie in a current or an earlier one.
    """
    check_frame(known, BALANCES_SCHEMA, "balances")
    none = {name: ZERO_AMOUNT.alias(name) for name in _MONEY}
    start = current.select("account_id", now="period_start")
    booked = posted.with_columns(none["spent"]).join(start, on="account_id").with_columns(period_start="now")
    rated = charged.with_columns(none["credit"], none["unbilled"]).join(start, on="account_id")
    before = known.join(start, on="account_id")
    every = pl.concat([frame.select(*BALANCES.names(), "now") for frame in (before, booked, rated)])
    is_now = pl.col("period_start") == pl.col("now")
    moved = every.with_columns(period_start="now", spent=pl.when(is_now).then("spent").otherwise(ZERO_AMOUNT))
    return sum_by(moved, _KEY, *_MONEY).select(BALANCES.names()).sort(_KEY)


def hours_until_empty(balance: Decimal, burned: Decimal, hours: int) -> Decimal | None:
    """How many hours the balance lasts at the rate of the last `hours`, half-even at the 18th decimal; None: for ever."""
    if burned <= 0:
        return None
    return max(Decimal(0), divide_half_even(multiply(balance, Decimal(hours)), burned, AMOUNT_DIGITS))


def runs_out_at(closed_until: datetime, hours_left: Decimal | None) -> datetime | None:
    """The end of the hour in which the balance runs out; None where it does not, or not within ten years."""
    if hours_left is None or hours_left > _LONGEST // timedelta(hours=1):
        return None
    return closed_until + timedelta(hours=math.ceil(hours_left))
