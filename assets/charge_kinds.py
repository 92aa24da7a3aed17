"""Charges beside those of use: which recurring fees a run has to look at, and all that is due (semantics 3).

What belongs here: that a fee is looked at when its period begins or ends, or when what it rests on changes. What does
not: what it comes to (`rating/fees.py`, `rating/percentages.py`), and appending it (`charges.py`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from rating.fees import NO_METER, fees_due
from rating.held import hold_back
from rating.hourly_commitments import commitments_due, hourly_commitments
from rating.percentages import percentages_due
from rating.periods import INSTANT, periods
from resources.facts import EPOCH, Facts, closed_before
from resources.writer import Step

_AN_INSTANT = timedelta(microseconds=1)


def fees_touched(step: Step, facts: Facts, restarted: pl.DataFrame, window: tuple[datetime, datetime]) -> pl.DataFrame:
    """(account_id, meter, first_slice) of the accounts whose fees have to be worked out; the meter is `NO_METER`.

    `restarted` (account_id, first_slice) are accounts whose subscriptions or prices changed; `window` is from the first
    hour that closed since the last run to the end of the last one. In most hours nothing begins or ends, and only
    `restarted` is looked at.
    """
    first, last = window
    if facts.fees.is_empty() or (step.head and first >= last):
        begun = facts.subscriptions["account_id"].clear()
    elif closed_before(step) is None:  # what came before the first hour of the books is due with it
        having = facts.subscriptions["plan"].is_in(facts.fees["plan"].unique().implode())
        begun, first = facts.subscriptions.filter(having)["account_id"], EPOCH
    else:
        begun = _with_bounds(facts.subscriptions, facts.fees, first, last)["account_id"]
    accounts = begun.unique().to_frame().with_columns(first_slice=pl.lit(first, INSTANT))
    every = pl.concat([accounts, restarted.select("account_id", pl.col("first_slice").cast(INSTANT))])
    return every.select("account_id", meter=pl.lit(NO_METER), first_slice="first_slice")


def _with_bounds(subscriptions: pl.DataFrame, fees: pl.DataFrame, first: datetime, last: datetime) -> pl.DataFrame:
    """The subscriptions with a period, a plan or a fee that begins or ends from `first` to `last`, both included."""

    def inside(times: pl.Expr) -> pl.Expr:
        return (times >= first) & (times <= last)

    if fees.select((inside(pl.col("effective_from")) | inside(pl.col("effective_to"))).any()).item():
        return subscriptions
    months = periods(subscriptions["time_zone"].unique(), first, last + _AN_INSTANT)
    zones = months.filter(inside(pl.col("period_start")))["time_zone"].unique()
    return subscriptions.filter(pl.col("time_zone").is_in(zones.implode()) | inside(pl.col("effective_from")))


def due_of_fees(facts: Facts, touched: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The recurring charges that should stand before `until`, of the accounts that `touched` has with `NO_METER`."""
    accounts = touched.filter(pl.col("meter") == NO_METER).select("account_id", "first_slice")
    return fees_due(facts.fees, facts.subscriptions, facts.cuts, accounts, until)


def due_of_commitments(facts: Facts, touched: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The commitments by the hour that should stand before `until`, of the accounts and meters in `touched`."""
    return commitments_due(facts.prices, facts.subscriptions, facts.cuts, touched, until)


def commitments_touched(
    step: Step, facts: Facts, restarted: pl.DataFrame, window: tuple[datetime, datetime]
) -> pl.DataFrame:
    """(account_id, meter, first_slice) of the accounts whose commitments by the hour have to be worked out.

    Of all that subscribe to a plan with one, the hours that closed (`window` is as for `fees_touched`); of `restarted`
    everything from their period on, and what was charged so before.
    """
    terms, first = hourly_commitments(facts.prices).select("plan", "meter").unique(), window[0]
    having = facts.subscriptions.join(terms, on="plan").select("account_id", "meter").unique()
    begun = having.clear() if step.head and window[0] >= window[1] else having
    if closed_before(step) is None:  # what came before the first hour of the books is due with it
        first = EPOCH
    parts = [begun.with_columns(first_slice=pl.lit(first, INSTANT))]
    if restarted.height:
        again = restarted.select("account_id", pl.col("first_slice").cast(INSTANT))
        with step.lake.registered(accounts_to_use=restarted):
            bounds = {"run": step.run, "first": restarted["first_slice"].min()}
            charged = step.lake.frame("steps/charges/meters_committed", bounds)
        parts.append(pl.concat([charged, having]).unique().join(again, on="account_id"))
    return pl.concat(parts)


def of_all_meters(facts: Facts, accounts: pl.DataFrame) -> pl.DataFrame:
    """(account_id, meter, first_slice) of everything that is charged by time, of accounts (account_id, first_slice)."""
    meters = hourly_commitments(facts.prices).select("meter").unique()
    none = pl.DataFrame({"meter": [NO_METER]})
    return accounts.join(pl.concat([none, meters]), how="cross").select("account_id", "meter", "first_slice")


@dataclass(frozen=True)
class Due:
    """What should stand (`DUE`): as charges, and as what is held back until periods are over."""

    booked: pl.DataFrame
    held: pl.DataFrame

    @property
    def whole(self) -> pl.DataFrame:
        """What all of it costs, whenever it is booked."""
        return pl.concat([self.booked, self.held]) if self.held.height else self.booked


def due_of_all_kinds(facts: Facts, usage: pl.DataFrame, touched: pl.DataFrame, until: datetime) -> Due:
    """What should stand of the touched accounts and meters.

    Charges of use (`rating.Rated.due`), fees, percentages on both, and commitments by the hour.
    """
    booked, held = hold_back(usage, facts.bookings, facts.modes)
    charges = pl.concat([booked, due_of_fees(facts, touched, until), due_of_commitments(facts, touched, until)])
    return Due(
        booked=pl.concat([charges, percentages_due(charges, facts.percentages)]),
        held=pl.concat([held, percentages_due(held, facts.percentages)]),
    )
