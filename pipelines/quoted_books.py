"""The books of a quote: a project in a temporary directory, in which a file of usage is billed.

What belongs here: whom and which months the file names, and putting it, the price book and its accounts where a run takes
them from. What does not: metering and pricing, which are those of all books (`pipelines/hourly.py`, `assets/`), and taking
apart what is charged (`quote.py`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl

from assets.charges import rate_usage
from assets.due_usage import Window
from assets.ledger_entries import post_charges
from assets.usage_hourly import close_hours
from pipelines.hourly import run_hourly
from pipelines.quote_terms import QuoteError, Terms
from rating.periods import instant, periods
from rating.pricebook import PriceBook
from resources.clock import FixedClock
from resources.errors import ReferenceDataError, UnreadableFileError
from resources.facts import EPOCH
from resources.landing import LandedFile, landed_files
from resources.project import Project
from resources.raw_files import UNREADABLE, define_macros, open_files, reason_of
from resources.reference import said, take
from resources.settings import FILE_NAME, LakeSettings, Settings, load_settings
from resources.sources import Source, sources
from resources.writer import Step, converge, record

HOUR: Final = timedelta(hours=1)
# One wrong year among the timestamps would have hours metered by the million.
LONGEST: Final = timedelta(days=3660)
SETTINGS: Final = '[seller]\nname = "Quote"\n'


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
class Billed:
    """The books in which a file is billed, with the reports of taking its records and of each time it was rated."""

    project: Project
    span: Span
    taken: dict[str, Any]
    rated: list[dict[str, Any]]


@contextmanager
def billed(file: Path, source: str, terms: Terms, progress: Callable[[str], None]) -> Iterator[Billed]:
    """Bill a file as `quote` says, in books that are gone afterwards.

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
        yield Billed(project, span, reports["usage_events"], [reports["charges"], _end_months(project, terms, span)])


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
