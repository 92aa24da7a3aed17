"""Putting a wrong price right, in a period that has issued invoices too (semantics 1): the difference is appended.

What belongs here: taking the book with who and why, and bringing the books up to it. What does not: what a book may say
(`resources/price_books.py`), the steps (`assets/`), and documents: the next invoice states what changed.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from assets.charges import rate_usage
from assets.ledger_entries import post_charges
from assets.usage_hourly import meter_usage
from rating.periods import INSTANT, instant, periods
from rating.pricebook import PriceBook
from resources.errors import ReferenceDataError
from resources.facts import closed_until
from resources.lake import Lake
from resources.price_books import as_document, take_price_book
from resources.project import Project
from resources.writer import Step, converge

NEWEST: Final = 2**62
TOO_EARLY: Final = "lies before the period that is rated again"


@dataclass(frozen=True)
class Request:
    """Which book to rate by from the start of a month (`2026-10`) on, why, and who says so."""

    price_book: Path
    period: str
    reason: str
    by: str


@dataclass(frozen=True)
class Rerated:
    """What became of it: whether the book `is_new`, and account_id, period, currency, before, after, difference."""

    version: str
    is_new: bool
    changed: pl.DataFrame


def rerate(project: Project, request: Request) -> Rerated:
    """Take a price book although issued invoices state its period, and append what differs under it.

    The book holds from where it says until the next one. What it replaces is kept, and so are the reason and who gave it.
    The same again changes nothing; after a crash it goes on where it was.

    Raises:
        PriceBookError: the book is wrong, or would change prices of before the period.
        ReferenceDataError: no reason is given.
    """
    if not request.reason.strip() or not request.by.strip():
        message = "a rerating says why, and who says so; give it a --reason (and --by)"
        raise ReferenceDataError(message)
    job = f"rerate-{uuid.uuid4()}"
    project.progress("taking the price book")
    taken = converge(project.lake, "reference", job, lambda step: _take(step, request))
    closed = closed_until(project.lake, NEWEST)
    if closed is not None:
        meter_usage(project, job, closed)
        rate_usage(project, job)
        post_charges(project, job)
    first = project.lake.value("steps/rerate/first_run", {"job": job})
    changed = project.lake.frame("steps/rerate/changed", {"job": job, "first": first})
    return Rerated(taken.version if taken else "", taken is not None, changed)


def _take(step: Step, request: Request) -> PriceBook | None:
    first = first_of(step.lake, step.run, request.period)
    book = take_price_book(step, request.price_book, lambda: first, because=TOO_EARLY, puts_right=True)
    if book is not None:
        row = {
            "period": request.period, "version": book.version, "effective_from": book.effective_from,
            "sha256": hashlib.sha256(as_document(book).encode()).hexdigest(), "reason": request.reason.strip(),
            "by": request.by.strip(),
        }  # fmt: skip
        step.append("reratings", pl.DataFrame([row], schema_overrides={"effective_from": INSTANT}))
    return book


def first_of(lake: Lake, run: int, period: str) -> datetime:
    """The first instant of a month in the zones of all accounts."""
    start = datetime.fromisoformat(f"{period}-01T00:00:00+00:00")
    zones = lake.frame("steps/invoices/accounts_now", {"snapshot_run": run})["time_zone"].unique().to_list()
    months = periods([*zones, "UTC"], start - timedelta(days=2), start + timedelta(days=2))
    return instant(months.filter(pl.col("period") == period)["period_start"], "min")
