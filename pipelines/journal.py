"""The journal of the books as text, month by month (complete runs only).

What belongs here: what is asked of the lake, and what stands at each month's end. What does not: the text
(`documents/beancount.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from documents.beancount import EXACT_BELOW, OPENING, assertions, dates, header, openings, transactions
from rating.errors import MeterbookError
from rating.money import AMOUNT
from rating.statements import Grain
from rating.sums import sum_by
from resources.lake import Lake

NEWEST: Final = 2**62
DAY: Final = timedelta(days=1)
STANDING: Final = {"account": pl.String(), "currency": pl.String(), "amount": AMOUNT}


class JournalError(MeterbookError):
    """A journal of no days, or of no postings; the message says what to give."""


@dataclass(frozen=True)
class Scope:
    """What of the journal is told: days of UTC, [first, until), summed by hour, day or month, of each customer or all as one."""

    first: date | None = None
    until: date | None = None
    grain: Grain = Grain.DAY
    each: bool = True


@dataclass(frozen=True)
class _Journal:
    """A scope with its days, and what the statements are asked."""

    first: date
    until: date
    grain: Grain
    asked: dict[str, Any]
    is_exact: bool


def beancount_lines(lake: Lake, scope: Scope) -> Iterator[pl.Series]:
    """The journal as lines of Beancount text, a part at a time: it is never whole in memory.

    Every account is opened when it is first posted to. What stood before the first day is one transaction on the day before.
    At each month's end, and at the end, the balance of every account and currency is asserted.

    Raises:
        JournalError: there are no postings, or no day lies in the scope.
    """
    run = int(lake.value("steps/invoices/complete_run", {"run": NEWEST}))
    currencies = lake.frame("steps/export/span", {"run": run})
    journal = _journal(currencies, scope, run)
    known = sorted(currencies["currency"])
    yield header(_remarks(journal, scope, run), known, journal.first - DAY, is_exact=journal.is_exact)
    standing = pl.DataFrame(schema=STANDING)
    if scope.first is not None:
        standing = lake.frame("steps/export/balances", {**journal.asked, "first": _instant(journal.first)})
        yield from _opening(standing, journal)
    for first, until in _months(journal.first, journal.until):
        for part in _parts(lake, journal, first, until):
            dated = _posted(lake, journal, *part)
            yield openings(_new_accounts(dated, standing))
            yield transactions(dated, is_exact=journal.is_exact)
            standing = sum_by(pl.concat([standing, dated.select(standing.columns)]), ("account", "currency"), "amount")
        yield assertions(standing, until, is_exact=journal.is_exact)


def _parts(lake: Lake, journal: _Journal, first: date, until: date) -> Iterator[tuple[date, date]]:
    """The days of a month on which something was posted, or the whole month where transactions are monthly."""
    days = lake.frame("steps/export/days", {"run": journal.asked["run"], **_between(first, until)})["day"]
    if journal.grain is Grain.MONTH and days.len():
        yield first, until
    else:
        yield from ((day, day + DAY) for day in days)


def _posted(lake: Lake, journal: _Journal, first: date, until: date) -> pl.DataFrame:
    asked = {**journal.asked, "grain": str(journal.grain), **_between(first, until)}
    moment, at = dates(pl.col("posted"), journal.grain, until - DAY)
    return lake.frame("steps/export/postings", asked).with_columns(date=moment, at=at)


def _between(first: date, until: date) -> dict[str, datetime]:
    return {"first": _instant(first), "until": _instant(until)}


def _journal(currencies: pl.DataFrame, scope: Scope, run: int) -> _Journal:
    if currencies.is_empty():
        raise JournalError("nothing is posted yet; run `meterbook run` first")
    spans = currencies.select(
        pl.col("first").min().dt.date(), pl.col("last").max().dt.date(), pl.col("magnitude").max()
    )
    begun, last, magnitude = spans.row(0)
    first, until = scope.first or begun, scope.until or last + DAY
    if first >= until:
        raise JournalError(
            f"no day lies from {first} to {until}; --to is the day after the last one, and later than --from"
        )
    return _Journal(first, until, scope.grain, {"run": run, "each": scope.each}, is_exact=magnitude < EXACT_BELOW)


def _remarks(journal: _Journal, scope: Scope, run: int) -> list[str]:
    customers = "each customer has his accounts" if scope.each else "all customers are together"
    return [
        f"The journal of Meterbook as of run {run}, from {journal.first} to before {journal.until}, in days of UTC.",
        f"One transaction for each {journal.grain}, kind and currency; {customers}.",
    ]


def _opening(standing: pl.DataFrame, journal: _Journal) -> Iterator[pl.Series]:
    """What stood before, on the day before: it balances, because every transaction did."""
    before = journal.first - DAY
    dated = standing.with_columns(date=pl.lit(before), at=pl.lit(""), kind=pl.lit(OPENING))
    yield openings(standing.select("account", opened=pl.lit(before)).unique())
    yield transactions(dated, is_exact=journal.is_exact)


def _new_accounts(dated: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    new = dated.join(standing, on="account", how="anti")
    return new.group_by("account").agg(opened=pl.col("date").min())


def _months(first: date, until: date) -> Iterator[tuple[date, date]]:
    """The calendar months of [first, until), the first and the last cut short."""
    while first < until:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(following, until)
        first = following


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
