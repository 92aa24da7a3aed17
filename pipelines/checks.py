"""Asset checks: what must be true of the books after each step, and of all books each night (design 5, rule 7).

What belongs here: which checks there are, which runs each looks at, and how Dagster is told. What does not: the
questions themselves, one statement a file in `sql/checks/`, each of which returns the rows that offend.

A blocking check that fails ends the run before the next step: what is wrong is not charged, posted or invoiced, and
the views go on showing the last whole run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import dagster as dg
import polars as pl

from assets.shown import Metadata, table_if_any
from pipelines.charge_proof import charges_that_do_not_sum
from rating.fees import uncharged_fees
from resources.facts import EPOCH, closed_until
from resources.lake import Lake
from resources.price_books import books_as_of
from resources.project import Project
from resources.project_source import ProjectSource
from resources.statements import statement
from resources.writer import transaction

RECENT: Final = timedelta(days=2)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """The runs that a check looks at: (since, run]."""

    since: int
    run: int


Find = Callable[[Project, Window], pl.DataFrame]
Look = Callable[[Project, str, str], Window]


@dataclass(frozen=True)
class BooksCheck:
    """One thing that must be true of the rows of an asset; `find` returns the rows for which it is not."""

    asset: str
    name: str
    description: str
    find: Find


def offending(name: str) -> Find:
    """What `sql/checks/<name>.sql` selects in a window."""

    def find(project: Project, window: Window) -> pl.DataFrame:
        bounds = {"since": window.since, "run": window.run}
        text = statement(f"checks/{name}")
        return project.lake.frame(f"checks/{name}", {key: value for key, value in bounds.items() if f"${key}" in text})

    return find


def _of_statement(asset: str, name: str, description: str) -> BooksCheck:
    return BooksCheck(asset, name, description, offending(name))


def suspected_duplicates(project: Project, window: Window) -> pl.DataFrame:
    """New records whose id comes back in another hour within 24 hours, whichever run took the other (semantics 2)."""
    bounds = {"since": window.since, "run": window.run}
    first, last = project.lake.frame("checks/times_of_records", bounds).row(0)
    # Constants, so that only the files of these days are read.
    span = {"first": (first or EPOCH) - DAY, "last": (last or EPOCH) + DAY}
    return project.lake.frame("checks/suspected_duplicates", {**bounds, **span})


def fees_without_currency(project: Project, window: Window) -> pl.DataFrame:
    """The fees of closed hours that are not charged, since they have no amount in the account's currency (semantics 3)."""
    subscriptions = project.lake.frame("steps/reference/subscriptions_now", {"run": window.run})
    until = closed_until(project.lake, window.run) or EPOCH
    return uncharged_fees(books_as_of(project.lake, window.run), subscriptions, until)


CHECKS: Final = (
    _of_statement(
        "usage_events",
        "records_conserved",
        "Of every file: records = accepted + duplicates + refused + skipped, and each stands where it was counted.",
    ),
    _of_statement(
        "usage_hourly", "no_hour_missing", "Every hour from the first closed one to the last is closed, once."
    ),
    _of_statement(
        "usage_hourly", "usage_hourly_contract", "Keys are there, quantities in bounds, slices in closed hours."
    ),
    BooksCheck(
        "charges",
        "charges_sum_to_total_cost",
        "Charges of every scope sum to C(end) - C(start) under each price version, from usage alone; fees are what is due.",
        lambda project, window: charges_that_do_not_sum(project.lake, window.since, window.run),
    ),
    _of_statement("charges", "charges_contract", "Keys are there, amounts in bounds, slices in their period."),
    _of_statement("ledger_entries", "ledger_balances", "The legs of every transaction sum to zero."),
    _of_statement(
        "ledger_entries", "ledger_covers_charges", "What credit paid and what is unbilled sum to the charges."
    ),
    _of_statement(
        "ledger_entries", "ledger_entries_contract", "Kinds are known, amounts in bounds, postings in open months."
    ),
    _of_statement("alerts", "alerts_contract", "Alerts of a rule are raised and cleared by turns, each told once."),
    _of_statement(
        "invoices", "invoice_lines_sum", "Lines of issued invoices sum to their net; net and tax to what is due."
    ),
    _of_statement("invoices", "draft_lines_sum", "Lines of drafts sum to their net; net and tax to what is due."),
)
# Those that need no look at all books each night: they look at all of them every time.
ALWAYS_WHOLE: Final = ("no_hour_missing", "alerts_contract", "invoice_lines_sum", "draft_lines_sum")
WATCHES: Final = (
    _of_statement("usage_events", "usage_events_contract", "Keys are there, quantities in bounds."),
    _of_statement("alerts", "balances_kept", "The balances that alerts are judged by are those of the ledger."),
    _of_statement(
        "alerts", "alerts_get_through", "No alert is given up, or tried for hours; `meterbook alerts` has them."
    ),
    _of_statement("alerts", "waiting_kept", "The alerts that are kept as waiting are those that did not get through."),
    BooksCheck(
        "usage_events",
        "suspected_duplicates",
        "No id comes back in another hour within 24 hours.",
        suspected_duplicates,
    ),
    BooksCheck(
        "charges",
        "fees_in_the_currency",
        "Every plan that an account is on has its fee in the account's currency, so that it is charged.",
        fees_without_currency,
    ),
)


def newest(project: Project, asset: str, job: str) -> Window:
    """The runs that the asset's step took in with its last commit; for ingest, all runs that the job drew."""
    of_job = _window(project.lake, "window_of_job", job=job) if asset == "usage_events" else None
    return of_job or _window(project.lake, "window_of_step", step=asset) or Window(0, 0)


def everything(project: Project, asset: str, job: str) -> Window:
    """All runs up to the asset's last commit."""
    return Window(0, newest(project, asset, job).run)


def recent(project: Project, asset: str, job: str) -> Window:
    """The runs of the last two days."""
    del asset, job
    return _window(project.lake, "window_of_days", began_since=project.clock.now() - RECENT) or Window(0, 0)


def _window(lake: Lake, name: str, **parameters: object) -> Window | None:
    row = lake.run_statement(f"checks/{name}", parameters).fetchone()
    return None if row is None else Window(*row)


@dataclass(frozen=True)
class Manner:
    """How checks are made: of which runs, under which name, and whether a failure ends the run."""

    verb: str
    look: Look
    suffix: str = ""
    blocking: bool = False


EACH_RUN: Final = Manner("check", newest, blocking=True)
EACH_NIGHT: Final = Manner("prove", everything, suffix="_in_all_books")
WATCHING: Final = Manner("watch", recent)


def definitions_of(checks: Sequence[BooksCheck], manner: Manner) -> list[dg.AssetChecksDefinition]:
    """One Dagster definition for all checks of an asset: a step of its own each would cost more than the checks."""
    assets = dict.fromkeys(check.asset for check in checks)
    return [_definition(asset, [check for check in checks if check.asset == asset], manner) for asset in assets]


def _definition(asset: str, checks: Sequence[BooksCheck], manner: Manner) -> dg.AssetChecksDefinition:
    specs = [
        dg.AssetCheckSpec(
            check.name + manner.suffix, asset=asset, description=check.description, blocking=manner.blocking
        )
        for check in checks
    ]

    @dg.multi_asset_check(name=f"{manner.verb}_{asset}", specs=specs, can_subset=True)
    def check_books(
        context: dg.AssetCheckExecutionContext, project: dg.ResourceParam[ProjectSource]
    ) -> Iterator[dg.AssetCheckResult]:
        # From one snapshot a question to the lake costs half as much.
        with project.open() as opened, transaction(opened.lake):
            window = manner.look(opened, asset, context.run.run_id)
            results = [
                _result(spec, window, check.find(opened, window))
                for check, spec in zip(checks, specs, strict=True)
                if spec.key in context.selected_asset_check_keys
            ]
        yield from results

    return check_books


def _result(spec: dg.AssetCheckSpec, window: Window, rows: pl.DataFrame) -> dg.AssetCheckResult:
    metadata: Metadata = {"offending rows": rows.height, "runs": f"{window.since + 1} to {window.run}"}
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=rows.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN,
        metadata=metadata | table_if_any("rows", rows),
    )


def blocking_checks() -> list[dg.AssetChecksDefinition]:
    """The checks that each run makes of what it wrote."""
    return definitions_of(CHECKS, EACH_RUN)


def nightly_checks() -> list[dg.AssetChecksDefinition]:
    """The same checks of all books, and those that look for what is worth a person's time."""
    whole = [check for check in CHECKS if check.name not in ALWAYS_WHOLE]
    return [*definitions_of(whole, EACH_NIGHT), *definitions_of(WATCHES, WATCHING)]
