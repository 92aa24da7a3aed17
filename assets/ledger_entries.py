"""Ledger entries: charges drawn from credit, the rest unbilled, in balanced double entry (semantics 4)."""

from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets.partitions import DAYS
from assets.shown import counts, money, shown
from rating.credits import DRAWS, UNBILLED, burn_down
from rating.ledger import expiry_legs, grant_legs, posted_hour, usage_legs
from rating.periods import instant
from rating.postings import draw_difference, expiries, unbilled_difference
from rating.restarts import forget_counted, forget_states, recut, restarts, together
from rating.schemas import no_rows
from rating.sums import sum_by
from resources.account_rows import rows_of_accounts, since_touched
from resources.facts import EPOCH, closed_until, facts_as_of, reference_moved, slices_of
from resources.lake import Lake
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge

HOUR = timedelta(hours=1)
CHARGE = ("account_id", "slice_start", "amount_delta", "run")
INSTANT = pl.Datetime("us", "UTC")
CUTS = {"account_id": pl.String(), "cut_at": INSTANT}


def post_charges(project: Project, job: str) -> dict[str, Any]:
    """Draw what new charges and grants touched from the lots, and append what differs from the entries that stand."""
    project.progress("posting")
    return converge(project.lake, "ledger_entries", job, _post)


def _post(step: Step) -> dict[str, Any]:
    grants = step.lake.frame("steps/ledger/changed_grants", step.bounds())
    closed = closed_until(step.lake, step.run) or EPOCH
    restarted = together(restarts(grants, step.head), _recut(step))
    touched = _touched(step, restarted, closed)
    legs = [_grant_legs(step, grants)]
    if not touched.is_empty():
        legs += _burn(step, touched, restarted, closed)
    every_leg = pl.concat(legs)
    _append(step, every_leg)
    return _report(every_leg)


def _recut(step: Step) -> pl.DataFrame:
    """The accounts whose posted hours are cut otherwise now: a lot may live in one part of an hour and not in another."""
    last = closed_until(step.lake, step.head)
    if last is None or not reference_moved(step.lake, step.head, step.run):
        return recut(no_rows(CUTS), no_rows(CUTS))
    first = step.lake.value("steps/usage_hourly/first_hour", {"run": step.run}) or last
    before, now = (facts_as_of(step.lake, run).cuts(first, last) for run in (step.head, step.run))
    return recut(before, now)


def _touched(step: Step, restarted: pl.DataFrame, closed: datetime) -> pl.DataFrame:
    """Each account that new charges, grants or ended lots touch, with the first slice to work out again."""
    charged = step.lake.frame("steps/ledger/touched", step.bounds())
    before = closed_until(step.lake, step.head) or EPOCH
    ended = step.lake.frame(
        "steps/ledger/ended_lots", {"run": step.run, "closed_before": before, "closed_until": closed}
    ).with_columns(pl.col("first_slice").dt.truncate("1h"))
    granted = restarted.select("account_id", first_slice="restart_from")
    every = pl.concat([frame.cast({"first_slice": INSTANT}) for frame in (charged, ended, granted)])
    return every.group_by("account_id").agg(pl.col("first_slice").min())


def _grant_legs(step: Step, grants: pl.DataFrame) -> pl.DataFrame:
    newest = grants.sort("run").unique("grant_id", keep="last", maintain_order=True)
    booked = (
        grants.filter(pl.col("run") <= step.posted).sort("run").unique("grant_id", keep="last", maintain_order=True)
    )
    return grant_legs(newest, booked)


def _burn(step: Step, touched: pl.DataFrame, restarted: pl.DataFrame, closed: datetime) -> list[pl.DataFrame]:
    """The legs of use and of expiry: what should stand less what stands, for the touched accounts."""
    first, last = (instant(touched["first_slice"], at) for at in ("min", "max"))
    parameters = {"run": step.run, "first": first}
    recent: datetime = step.lake.value("steps/charges/first_closing", step.bounds()) or last
    late_accounts = touched.filter(pl.col("first_slice") < recent)["account_id"]
    parts = ((None, recent, closed), (late_accounts, first, recent))
    charges = pl.concat([_charges_by_slice(step, touched, *part) for part in parts])
    with step.lake.registered(touched=touched):
        lots = step.lake.frame("steps/ledger/lots", {"run": step.run})
        draws = step.lake.frame("steps/ledger/standing_draws", parameters)
        unbilled = step.lake.frame("steps/ledger/standing_unbilled", parameters)
        expired = step.lake.frame("steps/ledger/standing_expiries", {"run": step.run})
    positions = step.lake.frame("steps/ledger/positions", {"run": step.run})
    ended = forget_counted(restarted, burn_slices(step.lake, step.run, charges))
    # Without positions there is nothing that draws could be told apart from: everything is offered anew.
    known = draws.clear() if step.is_rebuilding else forget_states(restarted, draws)
    burned = burn_down(ended, lots, forget_states(restarted, positions), known)
    state = _keep_positions(step, positions, burned.positions)
    new = step.lake.frame("steps/ledger/new_charges", step.bounds_of_facts())
    accounts = _currencies(step, touched)
    return [
        usage_legs(
            draw_difference(burned.draws, draws.select(DRAWS.names())),
            unbilled_difference(burned.unbilled, unbilled.select(UNBILLED.names())),
            new, lots, accounts,
        ),
        expiry_legs(draw_difference(expiries(lots, state, closed), expired.select(DRAWS.names())), lots),
    ]  # fmt: skip


def _currencies(step: Step, touched: pl.DataFrame) -> pl.DataFrame:
    """The currency of each account. The subscriptions know nearly all; of one whose last was voided, its row does."""
    known = facts_as_of(step.lake, step.run).subscriptions.select("account_id", "currency").unique()
    unknown = touched.join(known, on="account_id", how="anti").select("account_id")
    if unknown.is_empty():
        return known
    accounts = step.lake.frame("steps/reference/accounts_now", {"run": step.run})
    return pl.concat([known, accounts.join(unknown, on="account_id", how="semi").select("account_id", "currency")])


def _charges_by_slice(
    step: Step, touched: pl.DataFrame, accounts: pl.Series | None, first: datetime, until: datetime
) -> pl.DataFrame:
    """Net charges of the touched accounts by slice, with the part that was posted before."""
    rows = rows_of_accounts(step.lake, "charges", CHARGE, accounts, first, until)
    since = since_touched(rows, touched, step.run)
    posted = pl.when(pl.col("run") <= step.head).then("amount_delta").otherwise(pl.lit(0, pl.Decimal(38, 18)))
    amounts = since.select("account_id", "slice_start", amount="amount_delta", counted=posted)
    return sum_by(amounts, ("account_id", "slice_start"), "amount", "counted")


def burn_slices(lake: Lake, run: int, charges: pl.DataFrame) -> pl.DataFrame:
    """Add the end of each slice: the next boundary of its account, or the hour's."""
    first, last = charges["slice_start"].min(), charges["slice_start"].max()
    end = pl.col("slice_start").dt.truncate("1h") + HOUR
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return charges.with_columns(slice_end=end)
    cut_slices = slices_of(facts_as_of(lake, run).cuts(first, last + HOUR)).drop("hour")
    joined = charges.join(cut_slices, on=["account_id", "slice_start"], how="left", maintain_order="left")
    return joined.with_columns(slice_end=pl.coalesce("slice_end", end))


def _keep_positions(step: Step, before: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Write the new state of every lot: those that moved, and the others as they were."""
    unmoved = before.join(moved, on="lot", how="anti")
    state = pl.concat([moved, unmoved.select(moved.columns)])
    step.delete("steps/ledger/delete_old_positions", {"run": step.run})
    step.append("lot_positions", state)
    return state


def _append(step: Step, legs: pl.DataFrame) -> None:
    first_open = step.lake.value("steps/ledger/first_open", step.bounds_of_facts())
    rows = legs.with_columns(account_id=account_of(), posted_hour=posted_hour(pl.col("slice_start"), first_open))
    step.append("ledger_entries", rows)


def account_of() -> pl.Expr:
    """The customer's account in the name of an account of the books; empty where it is nobody's."""
    named = pl.col("account").str.extract(r"^(?:unbilled|receivable):(.*)$")
    credited = pl.col("account").str.extract(r"^credit:(.*):[^:]*$")
    return pl.coalesce(named, credited, pl.lit(""))


def _report(legs: pl.DataFrame) -> dict[str, Any]:
    def moved(prefix: str, kind: str) -> dict[str, str]:
        chosen = legs.filter(pl.col("account").str.starts_with(prefix) & (pl.col("kind") == kind))
        return {
            currency: str(amount)
            for currency, amount in chosen.group_by("currency").agg(pl.col("amount").sum()).iter_rows()
        }

    return {
        "entries": legs.height,
        "drawn": moved("credit:", "usage"),
        "unbilled": moved("unbilled:", "usage"),
        "granted": moved("credit:", "grant"),
        "expired": moved("credit:", "expiry"),
    }


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
