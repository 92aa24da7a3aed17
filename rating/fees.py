"""Recurring fees: what a subscription costs by time, whatever is used (semantics 3).

What belongs here: fees as columns, and the charges that are due of them. What does not: how a price book writes a fee
(`rating/pricebook/terms.py`), and what is appended (`difference.py`).

A fee is due for a *stretch*: the time within one period in which one subscription held one version of one fee. It costs
the stretch's seconds over the period's, so the stretches of a period sum to the fee, and a change of plan or of the book
needs no case of its own: the stretch before it is shorter than what was charged, and the difference is given back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from rating.money import AMOUNT, AMOUNT_LIMIT, divide_amount_half_even, divide_quantity_half_even
from rating.periods import INSTANT, instant, periods
from rating.pricebook import PriceBook
from rating.pricebook.standing import standing
from rating.schemas import DUE, check_bound, no_rows

RECURRING: Final = "recurring"
FEES: Final = {
    "plan": pl.String(),
    "price_id": pl.String(),
    "version": pl.String(),
    "effective_from": INSTANT,
    "effective_to": INSTANT,
    "currency": pl.String(),
    "bill": pl.String(),
    "fee": AMOUNT,
    "title": pl.String(),
    "plan_title": pl.String(),
}
UNCHARGED: Final = {
    "account_id": pl.String(),
    "service_id": pl.String(),
    "subscription_id": pl.String(),
    "plan": pl.String(),
    "price_id": pl.String(),
    "version": pl.String(),
    "currency": pl.String(),
    "since": INSTANT,
    "until": INSTANT,
}
Cut = Callable[[datetime, datetime], pl.DataFrame]
# A charge that is not of a meter has none.
NO_METER: Final = ""
_HOUR: Final = timedelta(hours=1)
_INSTANT_BEFORE: Final = timedelta(microseconds=1)
_TIMELINE: Final = ("account_id", "service_id")


def compile_fees(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row (`FEES`) per plan, fee id, version and currency; `price_id` is the fee's id, `fee` a whole period's."""
    rows = [
        (*span.key[:2], span.version, span.effective_from, span.effective_to, span.key[2], *vars(span.value).values())
        for span in standing(books, _fees_of)
    ]
    return pl.DataFrame(rows, schema=FEES, orient="row")


def uncharged_fees(
    books: Sequence[PriceBook], subscriptions: pl.DataFrame, until: datetime | None = None
) -> pl.DataFrame:
    """The fees that an account is not charged, because they have no amount in its currency: `UNCHARGED`, a row a version.

    A plan's fee has an amount in each currency of its prices (or the book is refused); so these accounts have a plan that
    is not sold in their currency at all. Their usage is unpriced. `since` and `until` bound the time for which the
    subscription had the fee, an `until` of null is open. What begins at or after the `until` asked for is left out.
    """
    spans = standing(books, _currencies_of_fees)
    rows = [(*span.key, span.version, span.effective_from, span.effective_to, sorted(span.value)) for span in spans]
    known = {"plan": pl.String(), "price_id": pl.String(), "version": pl.String()}
    held = {"sold_from": INSTANT, "sold_to": INSTANT, "currencies": pl.List(pl.String())}
    sold = pl.DataFrame(rows, schema={**known, **held}, orient="row")
    both = (
        subscribed(subscriptions).join(sold, on="plan").filter(~pl.col("currencies").list.contains(pl.col("currency")))
    )
    bounded = both.with_columns(
        since=pl.max_horizontal("subscribed_from", "sold_from"), until=pl.min_horizontal("subscribed_to", "sold_to")
    ).filter(pl.col("until").is_null() | (pl.col("since") < pl.col("until")))
    begun = bounded if until is None else bounded.filter(pl.col("since") < until)
    return begun.select(pl.col(name).cast(dtype) for name, dtype in UNCHARGED.items()).sort(*UNCHARGED)


def _currencies_of_fees(book: PriceBook) -> dict[tuple[str, str], frozenset[str]]:
    fees = {name: plan.recurring for name, plan in book.plans.items() if plan.recurring}
    return {(name, fee.id): frozenset(book.resolve(fee.amount)) for name, fee in fees.items()}


@dataclass(frozen=True)
class _Fee:
    """What a book says of a fee in one currency, in the order of the last columns of `FEES`; a title makes no version."""

    bill: str
    amount: Decimal
    title: str | None = field(compare=False)
    plan_title: str = field(compare=False)


def _fees_of(book: PriceBook) -> dict[tuple[str, str, str], _Fee]:
    fees = [(name, plan, plan.recurring) for name, plan in book.plans.items() if plan.recurring]
    return {
        (name, fee.id, currency): _Fee(fee.bill, amount, fee.title, plan.title or f"plan {name}")
        for name, plan, fee in fees
        for currency, amount in book.resolve(fee.amount).items()
    }


def fees_due(
    fees: pl.DataFrame,
    subscriptions: pl.DataFrame,
    cut: Cut,
    touched: pl.DataFrame,
    until: datetime,
) -> pl.DataFrame:
    """The recurring charges (`DUE`) that should stand before `until`, of each account from its `first_slice` on.

    `fees` as `compile_fees` makes them, `subscriptions` as for `rate`; `cut` tells where slices are cut within a time
    (`rating.periods.cuts`), `touched` (account_id, first_slice) has a row an account. A fee in advance is charged in the
    first slice of its stretch, one in arrears in the last. The quantity is the part of a period, half-even at the ninth
    decimal; the amount is rounded once, half-even at the 18th.

    Raises:
        OutOfBoundsError: an amount is too large to be added up.
    """
    held = stretches(fees, subscriptions, touched, until)
    if held.is_empty():
        return no_rows(DUE)
    placed = pl.concat(
        [
            held.filter(pl.col("bill") == "advance").with_columns(slice_start="start"),
            in_last_slice(held.filter(pl.col("bill") == "arrears"), cut),
        ]
    ).filter((pl.col("slice_start") >= pl.col("first_slice")) & (pl.col("slice_start") < until))
    made = {
        "resource_id": pl.lit(""),
        "meter": pl.lit(NO_METER),
        "dimensions": pl.lit("{}"),
        "kind": pl.lit(RECURRING),
        "quantity": divide_quantity_half_even(SECONDS_HELD, SECONDS_OF_PERIOD),
        "amount": share_of_period(pl.col("fee")),
    }
    due = placed.select(made.get(name, pl.col(name)).alias(name) for name in DUE)
    check_bound(due, "amount", AMOUNT_LIMIT, ("account_id", "plan", "price_id", "slice_start"))
    return due


# Of a stretch, and of the period that it is in.
SECONDS_HELD: Final = (pl.col("end") - pl.col("start")).dt.total_seconds()
SECONDS_OF_PERIOD: Final = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds()


def share_of_period(amount: pl.Expr) -> pl.Expr:
    """What a stretch costs of what a whole period does: seconds over seconds, half-even at the 18th decimal."""
    return divide_amount_half_even(amount * SECONDS_HELD, SECONDS_OF_PERIOD)


def stretches(fees: pl.DataFrame, subscriptions: pl.DataFrame, touched: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """Which subscription held which fee, from `start` to `end`, cut at the bounds of periods.

    `fees` have plan, currency, effective_from and effective_to, and what they are about; the others as for `fees_due`.
    """
    sold = fees.rename({"effective_from": "sold_from", "effective_to": "sold_to"})
    held = subscribed(subscriptions.join(touched, on="account_id", how="semi"))
    known = held.join(sold, on=["plan", "currency"]).join(touched.select("account_id", "first_slice"), on="account_id")
    both = known.with_columns(
        start=pl.max_horizontal("subscribed_from", "sold_from"), end=pl.min_horizontal("subscribed_to", "sold_to")
    ).filter((pl.col("start") < until) & (pl.col("end").is_null() | (pl.col("end") > pl.col("start"))))
    if both.is_empty():
        return both.with_columns(period_start="start", period_end="end")
    first = instant(both.select(pl.max_horizontal("start", "first_slice")).to_series(), "min")
    months = periods(both["time_zone"].unique(), min(first, until - _INSTANT_BEFORE), until).drop("period")
    by_month = both.join(months, on="time_zone").filter(
        (pl.col("period_start") < pl.col("end").fill_null(pl.col("period_end")))
        & (pl.col("period_end") > pl.max_horizontal("start", "first_slice"))
    )
    # A horizontal minimum passes over nulls: an end of null is still open.
    return by_month.with_columns(
        start=pl.max_horizontal("start", "period_start"), end=pl.min_horizontal("end", "period_end")
    ).filter(pl.col("start") < pl.col("end"))


def subscribed(subscriptions: pl.DataFrame) -> pl.DataFrame:
    """From when to when each plan was subscribed to: a row that only repeats what holds begins nothing new."""
    said = ("subscription_id", "plan", "currency", "time_zone")
    ordered = subscriptions.sort(*_TIMELINE, "effective_from", "subscription_id")
    repeats = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in (*_TIMELINE, *said))
    changes = ordered.filter(~repeats)
    return changes.select(
        *_TIMELINE, *said,
        subscribed_from="effective_from", subscribed_to=pl.col("effective_from").shift(-1).over(_TIMELINE),
    ).filter(pl.col("plan").is_not_null())  # fmt: skip


def in_last_slice(held: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Add the start of the last slice before each stretch's end: its hour's, or the last cut in that hour."""
    hour = (pl.col("end") - _INSTANT_BEFORE).dt.truncate("1h")
    if held.is_empty():
        return held.with_columns(slice_start=hour)
    known = cut(instant(held["end"], "min") - _HOUR, instant(held["end"], "max"))
    numbered = held.with_columns(hour=hour).with_row_index("stretch")
    inside = (
        numbered.select("stretch", "account_id", "hour", "end")
        .join(known.with_columns(hour=pl.col("cut_at").dt.truncate("1h")), on=["account_id", "hour"])
        .filter(pl.col("cut_at") < pl.col("end"))
        .group_by("stretch")
        .agg(pl.col("cut_at").max())
    )
    last = numbered.join(inside, on="stretch", how="left", maintain_order="left")
    return last.with_columns(slice_start=pl.max_horizontal("hour", "cut_at")).drop("stretch", "hour", "cut_at")
