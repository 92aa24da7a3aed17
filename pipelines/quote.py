"""What a file of usage would cost under a plan of a price book: no project is needed, and none is touched.

What belongs here: billing the file in a temporary project, and taking what it is charged apart. What does not: metering
and pricing, which are those of the books (`pipelines/hourly.py`, `assets/`), and printing (`pipelines/command/quotes.py`).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl

from assets.charges import rate_usage
from assets.due_usage import Window
from assets.invoices import draft
from assets.ledger_entries import post_charges
from assets.usage_hourly import close_hours
from documents.content import WITHOUT_QUANTITY, describe_lines
from pipelines.hourly import run_hourly
from rating.errors import MeterbookError
from rating.invoicing import LINE_KEY
from rating.money import ZERO_AMOUNT
from rating.periods import instant, periods, time_zones
from rating.pricebook import PriceBook
from rating.sums import sum_by
from resources.clock import FixedClock
from resources.errors import ReferenceDataError, UnreadableFileError
from resources.facts import EPOCH, facts_as_of
from resources.landing import LandedFile, landed_files
from resources.price_books import read_price_book
from resources.project import Project
from resources.raw_files import UNREADABLE, define_macros, open_files, reason_of
from resources.reference import said, take
from resources.settings import FILE_NAME, LakeSettings, Settings, load_settings
from resources.sources import Source, sources
from resources.writer import Step, converge, record

HOUR: Final = timedelta(hours=1)
NEWEST: Final = 2**62
# One wrong year among the timestamps would have hours metered by the million.
LONGEST: Final = timedelta(days=3660)
SETTINGS: Final = '[seller]\nname = "Quote"\n'


class QuoteError(MeterbookError):
    """What was asked for cannot be quoted; the message says what to ask for instead."""


@dataclass(frozen=True)
class Terms:
    """By what to price: a plan of a book, in one currency, by the calendar months of one zone."""

    book: PriceBook
    plan: str
    currency: str
    time_zone: str


@dataclass(frozen=True)
class Span:
    """The accounts (account_id) of a file, its first and last record, and the calendar months that are billed.

    `until` ends the hours that are metered: the last record's, or its month's where there are percentiles. `months` are
    rows of `rating.periods.periods`, from the first record's month to the last one's.
    """

    accounts: pl.DataFrame
    first: datetime
    last: datetime
    until: datetime
    months: pl.DataFrame

    @property
    def begin(self) -> datetime:
        """The start of the first month."""
        return instant(self.months["period_start"], "min")

    @property
    def end(self) -> datetime:
        """The end of the last month."""
        return instant(self.months["period_end"], "max")


@dataclass(frozen=True)
class Quote:
    """What a file costs; all money is exact and in the currency of the terms.

    Attributes:
        records: how many were read (`records`), and what became of them.
        refused: reason, records.
        parts: a row a price and tier: meter, title, price_id, tier, kind, description, quantity, unit, unit_price, amount.
            Their amounts sum to `total`, which is what the books charge.
        accounts: account_id, amount, for each account that the file names.
        unpriced: meter, unit, quantity, slices: what the plan has no price for.
    """

    terms: Terms
    span: Span
    records: dict[str, int]
    refused: pl.DataFrame
    parts: pl.DataFrame
    accounts: pl.DataFrame
    unpriced: pl.DataFrame
    total: Decimal


def read_terms(price_book: Path, plan: str, currency: str | None, time_zone: str) -> Terms:
    """Read and check what to price by; without a currency it is the book's.

    Raises:
        PriceBookError: the book is wrong; it has every problem.
        QuoteError: the book has no such plan, the plan is not sold in the currency, or there is no such zone.
    """
    book = read_price_book(price_book)
    if plan not in book.plans:
        raise QuoteError(f"{price_book} has no plan {plan!r}; its plans: {', '.join(sorted(book.plans)) or 'none'}")
    chosen = currency or book.currency
    sold = {price.id: _currencies(book, price.money()) for price in book.plans[plan].prices}
    if fee := book.plans[plan].recurring:
        sold[fee.id] = set(book.resolve(fee.amount))
    lacking = [f"{name} (sold in {', '.join(sorted(there))})" for name, there in sold.items() if chosen not in there]
    if lacking:
        mend = "add that currency to the book, or name another with --currency"
        raise QuoteError(f"{price_book}: plan {plan!r} has no price in {chosen!r} for {', '.join(lacking)}; {mend}")
    if time_zone not in time_zones():
        raise QuoteError(f"--time-zone {time_zone!r}: {said('time_zone_unknown')}")
    return Terms(book, plan, chosen, time_zone)


def _currencies(book: PriceBook, money: Iterator[tuple[str, dict[str, Decimal]]]) -> set[str]:
    return {currency for _, amounts in money for currency in book.resolve(amounts)}


def quote(file: Path, source: str, terms: Terms, progress: Callable[[str], None] = lambda _words: None) -> Quote:
    """Bill a file of usage, in the columns of a source, and take apart what it costs.

    All accounts that the file names are on the plan from the start of the first record's month to the end of the last
    one's, and the book holds from then on, whenever it begins. So what counts by the month is whole: included, maximum and
    tiers, and what is due beside use (fees, minimums, commitments) of every account and month, as when the month and its
    grace are over. Hours are metered up to the end of the last record's; a gauge is not carried beyond that. (Where the book
    has a percentile, which is billed when a month is over, up to the end of the last record's month.) Nothing is used
    when the file has no records. Everything is in a temporary directory meanwhile.

    Raises:
        QuoteError: there is no such file or source, or no record in it that could be billed.
        UnreadableFileError: the file cannot be read whole.
    """
    kind = _source(source)
    if not file.is_file():
        raise QuoteError(f"{file} is {'not a file' if file.exists() else 'not there'}; name a file of usage records")
    with TemporaryDirectory(prefix="meterbook-quote-") as folder, _opened(Path(folder)) as project:
        project.progress = progress
        progress("looking for accounts")
        span = _span(_named_accounts(project, kind, file), file, terms)
        _write_book(project.settings.price_book, terms.book, span.begin)
        _subscribe(project, span, terms)
        project.clock = FixedClock(span.until + HOUR)
        reports = run_hourly(project, span.until)
        if failed := reports["usage_events"]["failed_files"]:
            raise UnreadableFileError(f"{file}: {', '.join(failed.values())}")
        at_end = _end_months(project, terms, span)
        progress("adding up")
        return _taken_apart(project, terms, span, reports["usage_events"], [reports["charges"], at_end])


def _source(name: str) -> Source:
    known = {source.name: source for source in sources()}
    if name not in known:
        raise QuoteError(f"there is no source {name!r}; the sources: {', '.join(sorted(known))}")
    return known[name]


@contextmanager
def _opened(directory: Path) -> Iterator[Project]:
    """A project in `directory` alone, whatever a person's environment says of their own."""
    (directory / FILE_NAME).write_text(SETTINGS, encoding="utf-8")
    places: dict[str, Any] = {name: directory / name for name in ("landing", "documents", "dagster_home", "price_book")}
    lake = LakeSettings(catalog=directory / "lake.sqlite", data=directory / "data")
    settings: Settings = load_settings(directory).model_copy(update={**places, "lake": lake})
    with Project.open(settings) as project:
        yield project


def _named_accounts(project: Project, source: Source, file: Path) -> pl.DataFrame:
    """Land the file, and read whom it names: account_id, first, last."""
    landed = _land(file, project.settings.landing, source)
    try:
        define_macros(project.lake)
        open_files(project.lake, source, [landed])
        return project.lake.frame("steps/quote/named_accounts")
    except UNREADABLE as error:
        raise UnreadableFileError(f"{file}: {reason_of(error)}") from error


def _land(file: Path, landing: Path, source: Source) -> LandedFile:
    """Land a link to the file: its endings tell the format, and the rest of its name may be any."""
    path = landing / source.name / f"usage{''.join(file.suffixes[-2:])}"
    path.parent.mkdir(parents=True)
    path.symlink_to(file.resolve())
    return landed_files(landing, source.name)[0]


def _span(named: pl.DataFrame, file: Path, terms: Terms) -> Span:
    first, last = named["first"].min(), named["last"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise QuoteError(f"{file} has no record with an account and a time; is it of the source that you name?")
    if last - first > LONGEST:
        mend = "a quote takes ten years at most; take out what has a wrong time"
        raise QuoteError(f"{file}: its records reach from {first:%Y-%m-%d} to {last:%Y-%m-%d}; {mend}")
    until = last.replace(minute=0, second=0, microsecond=0) + HOUR
    months = periods([terms.time_zone], first, last + timedelta(microseconds=1)).sort("period_start")
    if any(meter.aggregation == "percentile" for meter in terms.book.meters.values()):
        until = max(until, _whole_hour(instant(months["period_end"], "max")))
    return Span(named.select("account_id"), first, last, until, months)


def _whole_hour(moment: datetime) -> datetime:
    """The end of the hour that holds the moment, or ends at it."""
    return -(-(moment - EPOCH) // HOUR) * HOUR + EPOCH


def _write_book(path: Path, book: PriceBook, begin: datetime) -> None:
    """Write the book as one that holds from `begin` on, if it does not begin before."""
    held = book.model_copy(update={"effective_from": min(book.effective_from, begin)})
    document = held.model_dump(mode="json", exclude_none=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")  # JSON is YAML


def _subscribe(project: Project, span: Span, terms: Terms) -> None:
    """Make the accounts, each with one subscription to the plan, which ends with the last month."""
    account, begin, end = pl.col("account_id"), pl.lit(span.begin.isoformat()), pl.lit(span.end.isoformat())
    who = {"name": account, "currency": pl.lit(terms.currency), "time_zone": pl.lit(terms.time_zone)}
    begun = {"subscription_id": account, "plan": pl.lit(terms.plan), "effective_from": begin}
    ended = {**begun, "plan": pl.lit(None, pl.String), "effective_from": end}
    accounts = span.accounts.with_columns(effective_from=begin, **who)
    subscriptions = pl.concat([span.accounts.with_columns(**begun), span.accounts.with_columns(**ended)])
    for kind, rows in (("accounts", accounts), ("subscriptions", subscriptions)):
        record(project.lake, "reference", "quote", partial(_take_all, kind, rows))


def _take_all(kind: str, rows: pl.DataFrame, step: Step) -> None:
    refused = take(step, kind, rows).refused
    if refused.height:
        row = refused.row(0, named=True)
        raise ReferenceDataError(f"account {row['account_id']}: {said(row['refusal'])}")


def _end_months(project: Project, terms: Terms, span: Span) -> dict[str, Any]:
    """Charge what is due when the months and their grace are over; returns the report of the charges.

    The hours until then are closed without being metered: a gauge is not carried into them.
    """
    window = Window(span.until, max(span.until, _whole_hour(span.end + terms.book.grace)))
    job = "months-end"
    converge(project.lake, "usage_hourly", job, lambda step: close_hours(step, window))
    report = rate_usage(project, job)
    post_charges(project, job)
    return report


def _taken_apart(
    project: Project, terms: Terms, span: Span, taken: dict[str, Any], rated: Sequence[dict[str, Any]]
) -> Quote:
    """Read from the books what was charged, and what its parts are on invoices, before they are rounded."""
    facts = facts_as_of(project.lake, NEWEST)
    lines = draft(
        project.lake, project.settings, NEWEST, span.months["period"][-1], issued_at=project.clock.now()
    ).lines
    exact = lines.drop("amount").rename({"exact": "amount"})
    units = facts.meters.select("meter", "unit")
    unpriced = project.lake.frame("steps/quote/unpriced").join(units, on="meter", how="left", maintain_order="left")
    counts = ("records", "accepted", "duplicates", "refused")
    return Quote(
        terms=terms, span=span, records={name: taken[name] for name in counts},
        refused=project.lake.frame("steps/status/refused"),
        parts=_parts(describe_lines(exact, facts.prices, facts.fees, facts.percentages, facts.meters)),
        accounts=_accounts(exact, span.accounts),
        unpriced=unpriced.select("meter", "unit", "quantity", "slices"),
        total=sum((Decimal(report["charged"].get(terms.currency, 0)) for report in rated), Decimal(0)),
    )  # fmt: skip


def _accounts(lines: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """What each account that the file names is charged, which may be nothing."""
    amounts = sum_by(lines, ["account_id"], "amount")
    return named.join(amounts, on="account_id", how="left", maintain_order="left").with_columns(
        pl.col("amount").fill_null(ZERO_AMOUNT)
    )


def _parts(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines of all accounts and months together, by meter, in the order of the tiers; what a cap takes off is last.

    Fees come after the meters: `meter` has the plan, as on documents. A discount or surcharge follows what it is on.
    """
    words = ["place", "meter", "title", "unit", "description"]
    summed = sum_by(lines, [*LINE_KEY, "unit_price", *words], "quantity", "amount")
    is_fee = pl.col("meter").str.contains(":", literal=True)
    last = pl.col("kind").is_in(WITHOUT_QUANTITY) & (pl.col("kind") != "cap")
    ordered = summed.sort(is_fee, "meter", last, pl.col("kind") == "cap", "place")
    return ordered.select(
        "meter", "title", "price_id", "tier", "kind", "description", "quantity", "unit", "unit_price", "amount"
    )
