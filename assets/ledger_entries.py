"""Ledger entries: charges drawn from credit, the rest unbilled, in balanced double entry (semantics 4)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.account_parts import account_parts
from assets.credit_rows import repeated_grants
from assets.lot_positions import KeptPositions
from assets.partitions import DAYS
from assets.posted_credit import Part, post_part
from assets.shown import counts, money, shown
from assets.touched_credit import Touched, touched_credit
from rating.ledger import LEGS, add_up_revenue, posted_hour, without_revenue
from rating.sums import sum_by
from resources.facts import EPOCH, closed_until
from resources.project import Project
from resources.project_source import ProjectSource
from resources.reference_kinds import GRANT_KINDS
from resources.writer import Step, converge


def post_charges(project: Project, job: str) -> dict[str, Any]:
    """Draw what new charges and grants touched from the lots, and append what differs from the entries that stand."""
    project.progress("posting")
    return converge(project.lake, "ledger_entries", job, _post)


def _post(step: Step) -> dict[str, Any]:
    closed = closed_until(step.lake, step.run) or EPOCH
    touched = touched_credit(step, closed)
    entries = _Entries(step, step.lake.value("steps/ledger/first_open", step.bounds_of_facts()))
    kept = KeptPositions(step)
    for part in _parts(step, touched, kept.oldest, closed):
        posted = post_part(part)
        entries.append(posted.legs, is_last=part.is_whole)
        kept.append(posted.known, posted.state)
    kept.close(touched.accounts)
    entries.close(touched.granted)
    return entries.report()


def _parts(step: Step, touched: Touched, whole_run: int, closed: datetime) -> Iterator[Part]:
    """The touched accounts, so many at once as fit into memory."""
    if touched.accounts.is_empty():
        return
    recent = step.lake.value("steps/charges/first_closing", step.bounds())
    repeated = repeated_grants(step.lake, step.run)
    for accounts in account_parts(step, touched.accounts, closed):
        restarted = touched.restarted.join(accounts, on="account_id", how="semi")
        is_whole = accounts.height == touched.accounts.height
        yield Part(step, accounts, restarted, repeated, whole_run, is_whole, recent, closed)


@dataclass
class _Entries:
    """The entries of a run. What is earned is one leg a slice and meter over all accounts, whatever parts they come in."""

    step: Step
    first_open: datetime
    earned: list[pl.DataFrame] = field(default_factory=lambda: [LEGS.to_frame()])
    sums: list[pl.DataFrame] = field(default_factory=list)
    waiting: pl.DataFrame = field(default_factory=LEGS.to_frame)

    def append(self, legs: pl.DataFrame, *, is_last: bool) -> None:
        """Append the legs of a part but what was earned by it; those of the only one are written with what else there is."""
        of_accounts, earned = without_revenue(legs)
        self.earned.append(earned)
        if is_last:
            self.waiting = of_accounts
        else:
            self._write(of_accounts)

    def close(self, others: pl.DataFrame) -> None:
        """Append these legs, and what was earned by all parts."""
        self._write(pl.concat([others, self.waiting, add_up_revenue(self.earned)]))

    def _write(self, legs: pl.DataFrame) -> None:
        rows = legs.with_columns(
            account_id=account_of(), posted_hour=posted_hour(pl.col("slice_start"), self.first_open)
        )
        self.step.append("ledger_entries", rows)
        self.sums.append(_summary(legs))

    def report(self) -> dict[str, Any]:
        """How many entries there are, and what they come to."""
        sums = sum_by(pl.concat(self.sums), ("side", "kind", "currency"), "amount", "entries").sort("currency")

        def moved(side: str, kind: str) -> dict[str, str]:
            chosen = sums.filter(pl.col("side") == side, pl.col("kind") == kind)
            return {currency: str(amount) for currency, amount in chosen.select("currency", "amount").iter_rows()}

        return {
            "entries": sums["entries"].sum(),
            "drawn": moved("credit", "usage"),
            "unbilled": moved("unbilled", "usage"),
            "granted": moved("credit", "grant"),
            "expired": moved("credit", "expiry"),
            "settled": moved("credit", "settlement"),
        }


def _summary(legs: pl.DataFrame) -> pl.DataFrame:
    """How many legs of each side of the books there are, and what they come to."""
    sides = [
        pl.when(pl.col("account").str.starts_with(f"{side}:")).then(pl.lit(side)) for side in ("credit", "unbilled")
    ]
    rows = legs.select("kind", "currency", "amount", side=pl.coalesce(*sides, pl.lit("")), entries=pl.lit(1, pl.Int64))
    return sum_by(rows, ("side", "kind", "currency"), "amount", "entries")


def account_of() -> pl.Expr:
    """The customer's account in the name of an account of the books; empty where it is nobody's."""
    account = pl.col("account")
    named = [
        pl.when(account.str.starts_with(side)).then(account.str.strip_prefix(side))
        for side in ("unbilled:", "receivable:")
    ]
    credited = [
        pl.when(account.str.starts_with("credit:") & account.str.ends_with(f":{kind}")).then(
            account.str.strip_prefix("credit:").str.strip_suffix(f":{kind}")
        )
        for kind in GRANT_KINDS
    ]
    return pl.coalesce(*named, *credited, pl.lit(""))


@dg.asset(
    deps=["charges"], partitions_def=DAYS,
    group_name="billing", kinds={"polars"}, owners=["team:finance"],
)  # fmt: skip
def ledger_entries(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]
) -> dg.MaterializeResult[Any]:
    """Double entry: charges drawn from credit in the order of burn-down, the rest unbilled; grants and expiries."""
    with project.open() as opened:
        report = post_charges(opened, context.run.run_id)
        drawn = {**money("credit drawn", report["drawn"]), **money("unbilled", report["unbilled"])}
        given = {**money("credit granted", report["granted"]), **money("credit expired", report["expired"])}
        return shown(context, project, opened, report, {**drawn, **given, **counts(report, {"entries": "entries"})})
