"""What a period would cost under another price book: what was really used, rated under other prices. It writes nothing.

What belongs here: loading a period, rating it anew, and comparing. What does not: what a quantity costs (`rating/`), and
printing (`pipelines/command/prices.py`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from assets.charge_kinds import due_of_all_kinds, of_all_meters
from assets.true_ups import due_of_minimums
from rating import rate
from rating.errors import MeterbookError
from rating.money import QUANTITY, ZERO_AMOUNT, ZERO_QUANTITY
from rating.periods import instant, periods
from rating.pricebook import PriceBook, effective_books
from rating.pricing import compile_prices
from rating.proration import subscription_spans
from rating.schemas import TOTALS, no_rows
from rating.sums import sum_by
from resources.facts import Facts, closed_until, facts_as_of
from resources.lake import Lake

NEWEST: Final = 2**62
# How a meter is called, and which records it takes, does not change what was metered.
NOT_METERING: Final = {"title", "allow_negative"}


class SimulationError(MeterbookError):
    """What was asked for cannot be simulated; the message says what to change."""


@dataclass(frozen=True)
class Simulation:
    """What changes under another price book; all money is exact and without tax.

    Attributes:
        run: the newest whole run: the books as of it are compared.
        accounts: account_id, currency, now, then, difference: those that are charged now or would be.
        prices: plan, price_id, currency, now, then, difference.
        totals: currency, now, then, difference.
        unpriced: meter, reason, quantity, slices: what the book has no price for.
    """

    run: int
    accounts: pl.DataFrame
    prices: pl.DataFrame
    totals: pl.DataFrame
    unpriced: pl.DataFrame


def simulate(lake: Lake, book: PriceBook, period: str) -> Simulation:
    """Rate what was used in a month (`2026-10`, in each account's zone) under a book, which counts as in force all month.

    Raises:
        SimulationError: the book lacks a plan that is subscribed to, or meters otherwise.
    """
    run = int(lake.value("steps/invoices/complete_run", {"run": NEWEST}))
    facts = facts_as_of(lake, run)
    bounds = _bounds(lake, run, period)
    _check_plans(book, facts, bounds)
    _check_meters(book, facts)
    if bounds.is_empty():
        return _compared(
            run, pl.DataFrame(schema=_CHARGED), pl.DataFrame(schema=_CHARGED), pl.DataFrame(schema=_UNPRICED)
        )
    first, until = instant(bounds["period_start"], "min"), instant(bounds["period_end"], "max")
    with lake.registered(periods_to_simulate=bounds):
        span = {"run": run, "first": first, "until": until}
        usage = lake.frame("steps/simulate/usage", span).with_columns(
            pl.col("quantity").cast(QUANTITY), counted=ZERO_QUANTITY
        )
        now = lake.frame("steps/simulate/charges", span)
    in_force = book.model_copy(update={"effective_from": min(book.effective_from, first)})
    rated = rate(usage, compile_prices([in_force]), facts.subscriptions, no_rows(TOTALS), cut=facts.cuts)
    due = _due_in(facts.under([in_force]), rated.due, bounds, closed_until(lake, run) or first)
    then = sum_by(due, list(_KEY), "amount")
    return _compared(run, now, then, rated.unpriced)


def _due_in(facts: Facts, usage: pl.DataFrame, bounds: pl.DataFrame, closed: datetime) -> pl.DataFrame:
    """The charges of use with all that comes beside them in the period, as far as its hours are closed."""
    accounts = bounds.select("account_id", first_slice="period_start")
    # Whenever it is booked: what differs is what is due.
    whole = due_of_all_kinds(facts, usage, of_all_meters(facts, accounts), closed).whole
    true_ups = due_of_minimums(facts, whole, accounts, closed)
    return pl.concat([whole, true_ups]).join(bounds, on=["account_id", "period_start"], how="semi")


def _bounds(lake: Lake, run: int, period: str) -> pl.DataFrame:
    """The period of every account in its zone: account_id, period_start, period_end."""
    start = datetime.fromisoformat(f"{period}-01T00:00:00+00:00")
    accounts = lake.frame("steps/invoices/accounts_now", {"snapshot_run": run}).select("account_id", "time_zone")
    months = periods(accounts["time_zone"].unique(), start - timedelta(days=2), start + timedelta(days=2))
    of_period = months.filter(pl.col("period") == period)
    return accounts.join(of_period, on="time_zone").select("account_id", "period_start", "period_end")


def _check_plans(book: PriceBook, facts: Facts, bounds: pl.DataFrame) -> None:
    """Every plan that is in force in the period must be in the book: else what is used under it would cost nothing."""
    spans = subscription_spans(facts.subscriptions).join(bounds, on="account_id")
    until = pl.col("subscribed_to").fill_null(pl.col("period_end"))
    held = spans.filter((pl.col("subscribed_from") < pl.col("period_end")) & (until > pl.col("period_start")))
    lacking = held.filter(~pl.col("plan").is_in(sorted(book.plans))).sort("plan", "account_id")
    if lacking.height:
        by_plan = lacking.group_by("plan", maintain_order=True).agg(pl.col("account_id").unique(maintain_order=True))
        named = "; ".join(f"{plan!r}, subscribed to by {_some(accounts)}" for plan, accounts in by_plan.iter_rows())
        raise SimulationError(f"price book {book.version!r} lacks the plan {named}; add it to the book")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")  # noqa: PLR2004


def _check_meters(book: PriceBook, facts: Facts) -> None:
    """What was metered is rated: a meter that measures otherwise would have other quantities."""
    standing = {name: meter for other in effective_books(facts.books) for name, meter in other.meters.items()}
    for name, meter in book.meters.items():
        before = standing[name].model_dump(exclude=NOT_METERING) if name in standing else None
        after = meter.model_dump(exclude=NOT_METERING)
        differing = [key for key in after if before is not None and before[key] != after[key]]
        if differing:
            mend = "leave it as it is, or rate raw records with `meterbook quote`"
            raise SimulationError(f"meters.{name}.{differing[0]} is not what was metered by; {mend}")


_KEY: Final = ("account_id", "currency", "plan", "price_id")
_CHARGED: Final = {**dict.fromkeys(_KEY, pl.String()), "amount": pl.Decimal(38, 18)}
_UNPRICED: Final = {"meter": pl.String(), "reason": pl.String(), "quantity": QUANTITY}


def _compared(run: int, now: pl.DataFrame, then: pl.DataFrame, unpriced: pl.DataFrame) -> Simulation:
    rows = pl.concat(
        [
            now.select(*_KEY, now="amount", then=ZERO_AMOUNT, difference=-pl.col("amount")),
            then.select(*_KEY, now=ZERO_AMOUNT, then="amount", difference="amount"),
        ]
    )

    def by(*keys: str) -> pl.DataFrame:
        return sum_by(rows, keys, "now", "then", "difference").sort(keys)

    left_out = sum_by(unpriced.with_columns(slices=1), ("meter", "reason"), "quantity", "slices").sort(
        "meter", "reason"
    )
    return Simulation(run, by("account_id", "currency"), by("plan", "price_id", "currency"), by("currency"), left_out)
