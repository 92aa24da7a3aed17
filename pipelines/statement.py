"""The statement of an account, out of the books (complete runs only).

What belongs here: what is asked of the lake, and the days that a person means. What does not: which lines there are
(`rating/statements.py`), what they are called (`documents/statement.py`), and printing (`pipelines/command/statements.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from assets.invoices import seller_of
from documents.statement import Stated, StatementDocument, statement_document
from documents.statement_words import describe
from rating.errors import MeterbookError
from rating.money import AMOUNT, add_exact
from rating.periods import local_midnight
from rating.statement_schemas import COLUMNS
from rating.statements import Grain, Span, Statement, state
from resources.facts import facts_as_of
from resources.lake import Lake
from resources.settings import Settings

NEWEST: Final = 2**62
DAY: Final = timedelta(days=1)
# A PDF takes five seconds for a thousand lines, and 150 MB; so many are half a minute, and more pages than anybody reads.
MOST_PRINTED: Final = 5000


class StatementError(MeterbookError):
    """A statement of an account that is not known, or of no days; the message says what to give."""


@dataclass(frozen=True)
class AccountStatement:
    """A statement with whose it is; it is exact, its lines have `title`, `description` and `invoice`."""

    stated: Stated
    statement: Statement


ROW_COLUMNS: Final = (
    "account_id", "currency", "date", "hour", "at", "kind", "title", "description", "credit_kind", "lot", "plan", "price_id",
    "meter", "charge_kind", "of", "cause", "invoice", *COLUMNS, "amount", "balance",
)  # fmt: skip


def as_rows(made: AccountStatement) -> pl.DataFrame:
    """All that a statement says as rows (`ROW_COLUMNS`), exact, times in the account's zone.

    The first row is the opening balance, of kind `opening`: so each column of amounts sums to its closing.
    """
    account, opening = made.stated.account, made.statement.opening
    total = add_exact(*opening.values())
    first = pl.DataFrame(
        [
            {
                "date": made.stated.first,
                "kind": "opening",
                "title": "Balance before",
                **opening,
                "amount": total,
                "balance": total,
            }
        ],
        schema_overrides=dict.fromkeys((*COLUMNS, "amount", "balance"), AMOUNT),
    )
    rows = pl.concat([first, made.statement.lines], how="diagonal").with_columns(
        pl.col("hour", "at").dt.convert_time_zone(account["time_zone"]),
        pl.col(pl.String).fill_null(""),
        account_id=pl.lit(account["account_id"]),
        currency=pl.lit(account["currency"]),
    )
    return rows.select(ROW_COLUMNS)


def check_printable(made: AccountStatement) -> None:
    """Refuse to print what has more lines than a person reads and a machine has room for.

    Raises:
        StatementError: it has more; the message says what to ask for.
    """
    lines, grain = made.statement.lines.height, made.stated.grain
    coarser = {Grain.HOUR: "--by day", Grain.DAY: "--by month"}.get(grain)
    if lines > MOST_PRINTED:
        asked = ", ".join(filter(None, (coarser, "fewer days (--from, --to)", "or --format csv, which holds all")))
        raise StatementError(f"{lines:,} lines are too many for a PDF, which holds {MOST_PRINTED:,}; ask for {asked}")


def on_a_page(made: AccountStatement, settings: Settings) -> StatementDocument:
    """The same as a page shows it, in minor units."""
    return statement_document(made.stated, made.statement, seller_of(settings))


def account_statement(
    lake: Lake, account_id: str, first: date | None, until: date | None, today: datetime, grain: Grain = Grain.DAY
) -> AccountStatement:
    """State what moved the balance of an account from a day on, until another one begins, in the account's zone.

    Without the first day it begins with the account's first entry, without the last it ends with today.

    Raises:
        StatementError: there is no such account, or no day lies between.
    """
    run = int(lake.value("steps/invoices/complete_run", {"run": NEWEST}))
    of_account = {"account": account_id, "run": run}
    known = lake.frame("steps/statement/account", of_account)
    if known.is_empty():
        raise StatementError(
            f"there is no account {account_id!r} in the books; `meterbook sql -c 'select account_id from accounts'` lists them"
        )
    account = known.row(0, named=True)
    zone = account["time_zone"]
    until = until or (_local_day(today, zone) + DAY)
    first = first or _first_day(lake, of_account, zone) or until - DAY
    if first >= until:
        raise StatementError(
            f"no day lies from {first} to {until}; --to is the day after the last one, and later than --from"
        )
    span = Span(local_midnight(first, zone), local_midnight(until, zone), zone, grain)
    statement = _state(lake, of_account, span)
    lines = describe(statement.lines, **_words(lake, of_account), grain=grain)
    stated = Stated(account, first, until, grain, run)
    return AccountStatement(stated, Statement(statement.opening, lines))


def _local_day(moment: datetime, zone: str) -> date:
    day: date = pl.select(pl.lit(moment.astimezone(UTC)).dt.convert_time_zone(zone).dt.date()).item()
    return day


def _first_day(lake: Lake, of_account: Mapping[str, Any], zone: str) -> date | None:
    first: datetime | None = lake.value("steps/statement/first_posting", of_account)
    return None if first is None else _local_day(first, zone)


def _state(lake: Lake, of_account: Mapping[str, Any], span: Span) -> Statement:
    bounds = {**of_account, "start": span.start}
    within = {**bounds, "end": span.end}
    postings = lake.frame("steps/statement/postings", {"run": of_account["run"]})
    charges = {**within, "first_late_run": _first_late_run(postings, span.start)}
    return state(
        lake.frame("steps/statement/opening", bounds),
        lake.frame("steps/statement/legs", {**within, "first_hour": span.start - timedelta(hours=1)}),
        lake.frame("steps/statement/charges", charges),
        postings,
        lake.frame("steps/statement/causes", of_account),
        span,
    )


def _first_late_run(postings: pl.DataFrame, start: datetime) -> int:
    """The first run whose charges of earlier slices may be posted from `start` on: one after the last that posted before."""
    before = postings.filter(pl.col("first_open") < start)["run"].max()
    return before + 1 if isinstance(before, int) else 0


def _words(lake: Lake, of_account: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """What lines are called after: the titles of meters, grants with their receipts and reasons, and documents."""
    return {
        "meters": facts_as_of(lake, of_account["run"]).meters.select("meter", meter_title="title"),
        "grants": lake.frame("steps/statement/grants", of_account),
        "invoices": lake.frame("steps/statement/invoices", of_account),
    }
