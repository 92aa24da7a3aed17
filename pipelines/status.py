"""The state of the books at a glance.

What belongs here: which questions are asked. What does not: printing (`pipelines/command/`), and the views (`sql/views/`).
"""

from collections.abc import Callable

import polars as pl

from rating.fees import uncharged_fees
from rating.pricebook import effective_books
from resources.facts import EPOCH, closed_until, facts_as_of
from resources.price_books import books_as_of
from resources.project import Project

Rows = list[tuple[str, str]]
NEWEST = 2**62
# How many accounts are named where there are many.
FEW = 5


def status_of(project: Project) -> dict[str, Rows]:
    """Sections of (name, value): hours, records, credit, invoices."""
    sections: dict[str, Callable[[Project], Rows]] = {
        "Hours": _hours, "Records": _records, "Money": _money, "Invoices": _invoices,
    }  # fmt: skip
    return {title: section(project) for title, section in sections.items()}


def _hours(project: Project) -> Rows:
    until = closed_until(project.lake, NEWEST)
    if until is None:
        return [("closed", "none yet; land some records and run `meterbook run --until now`")]
    row = project.lake.frame("steps/status/hours").row(0, named=True)
    behind = project.clock.now() - until
    hours = int(behind.total_seconds() // 3600)
    whole = f"run {row['complete_run']}, {row['committed_at']:%Y-%m-%d %H:%M} UTC" if row["complete_run"] else "none"
    return [
        ("closed until", f"{until:%Y-%m-%d %H:%M} UTC, {hours:,} hours ago"),
        ("hours", f"{row['hours']:,} since {row['first']:%Y-%m-%d %H:%M} UTC, {row['missing']:,} missing"),
        ("last whole run", whole),
    ]


def _records(project: Project) -> Rows:
    files = project.lake.frame("steps/status/files").row(0, named=True)
    refused = project.lake.frame("steps/status/refused")
    rows = [
        ("files taken", f"{files['taken']:,}, {files['failed']:,} unreadable"),
        ("records", f"{files['accepted']:,} accepted, {files['duplicates']:,} duplicate, {files['late']:,} late"),
        ("refused", f"{sum(refused['records']):,}"),
    ]
    corrections = project.lake.frame("steps/status/corrections").row(0, named=True)
    if corrections["given"]:
        rows.append(("corrections", f"{corrections['given']:,}, {corrections['waiting']:,} wait for their record"))
    return rows + [(f"  {reason}", f"{count:,}") for reason, count in refused.iter_rows()]


def _money(project: Project) -> Rows:
    frame = project.lake.frame("steps/status/money")
    rows: Rows = []
    for row in frame.iter_rows(named=True):
        values = ", ".join(f"{name} {_money_text(row[name])}" for name in ("credit", "unbilled", "receivable"))
        rows.append((row["currency"], values))
    unpriced = project.lake.value("steps/status/unpriced")
    short = project.lake.value("steps/status/short_percentiles")
    shorter = [("percentiles of too few samples", f"{short:,}")] if short else []
    unpriced_row = ("unpriced slices", f"{unpriced:,}")
    return [
        *rows,
        unpriced_row,
        *shorter,
        *_percentile_meters(project),
        *_uncharged(project),
        *_agreed_with_nobody(project),
    ]


def _uncharged(project: Project) -> Rows:
    """The accounts whose plan has a fee that is not charged: it has no amount in their currency."""
    facts = facts_as_of(project.lake, NEWEST)
    found = uncharged_fees(facts.books, facts.subscriptions, closed_until(project.lake, NEWEST) or EPOCH)
    named = found.select(
        "account_id", said=pl.format("{} ({} of plan {}, {})", "account_id", "price_id", "plan", "currency")
    )
    each = named.unique("account_id", keep="first", maintain_order=True)["said"].to_list()
    more = f" and {len(each) - FEW:,} more accounts" if len(each) > FEW else ""
    return [("fees not charged: no amount in the currency of", f"{', '.join(each[:FEW])}{more}")] if each else []


def _percentile_meters(project: Project) -> Rows:
    """The meters that are billed when their period is over, and where to look until then."""
    books = effective_books(books_as_of(project.lake, NEWEST))
    meters = {name for book in books for name, meter in book.meters.items() if meter.aggregation == "percentile"}
    return [("billed at the period's end", f"{', '.join(sorted(meters))}; `meterbook estimate`")] if meters else []


def _agreed_with_nobody(project: Project) -> Rows:
    """The accounts of agreed prices that there are not: what is agreed with them changes nothing, so it may be a mistake."""
    books = effective_books(books_as_of(project.lake, NEWEST))
    named = pl.DataFrame(
        {"account_id": sorted({name for book in books for name in book.accounts})}, {"account_id": pl.String}
    )
    if named.is_empty():
        return []
    with project.lake.registered(named_accounts=named):
        unknown = project.lake.frame("steps/status/unknown_accounts")["account_id"].to_list()
    return [("prices agreed with unknown accounts", ", ".join(unknown))] if unknown else []


def _money_text(amount: object) -> str:
    return f"{amount:,.2f}"


def _invoices(project: Project) -> Rows:
    frame: pl.DataFrame = project.lake.frame("steps/status/invoices")
    return [
        (row["period"], f"{row['issued']:,} issued, {row['drafts']:,} drafts") for row in frame.iter_rows(named=True)
    ] or [("none", "`meterbook invoice --period MONTH` drafts them")]
