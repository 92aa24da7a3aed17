"""Which minimums, commitments and held charges a run has to look at, and what is due of them (semantics 3).

What belongs here: that a period is looked at when its grace is over, and again when it is charged late or restated. What
does not: what they come to (`rating/true_ups.py`, `rating/held.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from rating import difference
from rating.held import HELD, closings_due, sum_held
from rating.hourly_commitments import HOURLY_COMMITMENT
from rating.money import AMOUNT
from rating.periods import INSTANT, instant, periods
from rating.pricebook.fields import LONGEST_GRACE
from rating.schemas import CHARGE_KEY, DUE, no_rows
from rating.sums import sum_by
from rating.true_ups import SPENT_KEY, true_ups_due, with_grace
from resources.facts import EPOCH, Facts, closed_before
from resources.writer import Step

_DAY = timedelta(days=1)
_AN_INSTANT = timedelta(microseconds=1)
# No period is shorter, whatever the clocks do in it.
_SHORTEST = timedelta(days=27)


# What this run's other charges come to, of prices that have a minimum or a commitment.
SPENT = {name: DUE[name] for name in SPENT_KEY} | {"amount": AMOUNT}
NOTHING = {name: DUE[name] for name in CHARGE_KEY} | {"quantity_delta": DUE["quantity"], "amount_delta": DUE["amount"]}


def spent_on_minimums(facts: Facts, changed: pl.DataFrame) -> pl.DataFrame:
    """What charges come to by price and period (`SPENT`), of the prices that have a minimum or a commitment."""
    if facts.minimums.is_empty():
        return no_rows(SPENT)
    having = _counting(changed).join(facts.minimums, on=["plan", "price_id"], how="semi")
    return sum_by(_sums(having), SPENT_KEY, "amount")


@dataclass(frozen=True)
class Period:
    """What a run charged, as it counts when periods end: on minimums and commitments (`SPENT`), and held back (`HELD`)."""

    spent: pl.DataFrame
    held: pl.DataFrame

    @classmethod
    def of(cls, facts: Facts, changed: pl.DataFrame, held: pl.DataFrame) -> "Period":
        """Of differences of charges, and of what is held back."""
        kept = sum_held(held.rename({"amount_delta": "amount"})) if held.height else no_rows(HELD)
        return cls(spent_on_minimums(facts, pl.concat([changed, held]) if held.height else changed), kept)

    @classmethod
    def of_all(cls, parts: Sequence["Period"]) -> "Period":
        """Of parts of the accounts."""
        return cls(
            pl.concat([no_rows(SPENT), *(part.spent for part in parts)]),
            pl.concat([no_rows(HELD), *(part.held for part in parts)]),
        )


def true_ups(step: Step, facts: Facts, restarted: pl.DataFrame, period: Period, closed: datetime) -> pl.DataFrame:
    """What to append of true-ups, after this run's other charges, which come to `period`.

    `restarted` (account_id, first_slice) are accounts whose subscriptions or prices changed, from the start of a period.
    """
    touched = _touched(step, facts, restarted, period, closed)
    if touched.is_empty():
        return no_rows(NOTHING)
    bounds = {"run": step.run, "first": touched["first_slice"].min()}
    prices = facts.minimums.select("plan", "price_id").unique()
    with step.lake.registered(accounts_to_true_up=touched, prices_to_true_up=prices):
        standing = step.lake.frame("steps/charges/standing_true_ups", bounds)
        before = step.lake.frame("steps/charges/spent", bounds)
        held = step.lake.frame("steps/charges/held", bounds)
    of_minimums = due_of_minimums(facts, pl.concat([_sums(before), period.spent]), touched, closed)
    of_held = due_of_closings(facts, pl.concat([sum_held(held), period.held]), touched, closed)
    due = pl.concat([of_minimums, of_held])
    return difference(due, standing.select(pl.col(name).cast(dtype) for name, dtype in DUE.items()))


def due_of_closings(facts: Facts, held: pl.DataFrame, touched: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The charges that should book before `until` what is held back (HELD_KEY, amount)."""
    own = sum_held(held)
    return closings_due(facts.bookings, facts.graces, facts.subscriptions, facts.cuts, own, touched, until)


def due_of_minimums(facts: Facts, charges: pl.DataFrame, touched: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The true-ups that should stand before `until`, given what every price came to (`SPENT_KEY`, amount)."""
    amounts = _counting(charges).select(*SPENT_KEY, pl.col("amount").cast(AMOUNT)).cast({"period_start": INSTANT})
    spent = sum_by(amounts, SPENT_KEY, "amount")
    return true_ups_due(facts.minimums, facts.graces, facts.subscriptions, facts.cuts, spent, touched, until)


def _counting(charges: pl.DataFrame) -> pl.DataFrame:
    """The charges that count on a minimum or a commitment of a period: those by the hour are no use."""
    return charges.filter(pl.col("kind") != HOURLY_COMMITMENT) if "kind" in charges.columns else charges


def _sums(charges: pl.DataFrame) -> pl.DataFrame:
    amounts = charges.select(*SPENT_KEY, amount=pl.col("amount_delta").cast(AMOUNT))
    return amounts.cast({"period_start": INSTANT})


def _touched(step: Step, facts: Facts, restarted: pl.DataFrame, period: Period, closed: datetime) -> pl.DataFrame:
    parts: list[pl.DataFrame] = [restarted.select("account_id", pl.col("first_slice").cast(INSTANT))]
    if not (facts.minimums.is_empty() and facts.bookings.is_empty()):
        charged = [frame.select("account_id", "period_start") for frame in (period.spent, period.held)]
        parts += [
            _charged_late(facts, pl.concat(charged), closed),
            _ended(step, facts, closed),
            _of_changed_grace(step, facts),
        ]
    return pl.concat(parts).group_by("account_id").agg(pl.col("first_slice").min())


def _charged_late(facts: Facts, charged: pl.DataFrame, closed: datetime) -> pl.DataFrame:
    """The accounts and periods that are charged though their grace is over: in the steady state there are none."""
    late = charged.filter(pl.col("period_start") < closed - _SHORTEST)
    if late.is_empty():
        return late.select("account_id", first_slice="period_start")
    over = _over(facts, instant(late["period_start"], "min"), closed).filter(pl.col("booked_at") <= closed)
    in_zone = late.select("account_id", "period_start").unique().join(facts.zones, on="account_id")
    return in_zone.join(over, on=["time_zone", "period_start"], how="semi").select(
        "account_id", first_slice="period_start"
    )


def _ended(step: Step, facts: Facts, closed: datetime) -> pl.DataFrame:
    """The accounts with a period whose grace ended in the hours that closed since the step's last run."""
    before = closed_before(step)
    if before is None:
        every = _having(facts).select("account_id").unique()
        return every.with_columns(first_slice=pl.lit(EPOCH, INSTANT))
    over = _over(facts, before - LONGEST_GRACE - _DAY, closed)
    now = over.filter((pl.col("booked_at") > before) & (pl.col("booked_at") <= closed))
    if now.is_empty():
        return now.select(account_id="time_zone", first_slice="period_start")
    return _having(facts).join(now, on="time_zone").select("account_id", first_slice="period_start")


def _of_changed_grace(step: Step, facts: Facts) -> pl.DataFrame:
    """The accounts and periods that end as a new book begins: its grace is theirs, though its prices are not."""
    changed: datetime | None = step.lake.value("steps/charges/changed_books", step.bounds())
    having = _having(facts)
    if changed is None:
        return having.select("account_id", first_slice=pl.lit(EPOCH, INSTANT)).clear()
    ended = periods(having["time_zone"].unique(), changed - _AN_INSTANT, changed)
    return having.join(ended, on="time_zone").select("account_id", first_slice="period_start")


def _having(facts: Facts) -> pl.DataFrame:
    """The accounts that ever had a plan with a minimum, a commitment or held charges, with their time zones."""
    plans = pl.concat([facts.minimums["plan"], facts.bookings["plan"]]).unique().implode()
    return facts.subscriptions.filter(pl.col("plan").is_in(plans)).select("account_id", "time_zone").unique()


def _over(facts: Facts, first: datetime, until: datetime) -> pl.DataFrame:
    """The periods of each zone in [first, until), with the time at which their true-ups are booked."""
    return with_grace(periods(facts.zones["time_zone"].unique(), first, max(first + _DAY, until)), facts.graces)
