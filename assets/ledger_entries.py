"""Ledger entries: charges drawn from credit, the rest unbilled, in balanced double entry (semantics 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.credit_rows import (
    RECURRING,
    USE,
    lots_of_touched,
    net_of,
    rows_to_burn,
    scoped_accounts,
    stated_debts,
    with_zones,
)
from assets.partitions import DAYS
from assets.shown import counts, money, shown
from rating.credit_scopes import Fits
from rating.credits import DRAWS, NO_LOT, UNBILLED, BurnDown, burn_down
from rating.ledger import expiry_legs, grant_legs, posted_hour, rollover_legs, settlement_legs, usage_legs
from rating.modes import remoded
from rating.periods import instant
from rating.postings import draw_difference, expiries, rollovers, unbilled_difference
from rating.recurring import recurring_lots
from rating.restarts import forget_counted, forget_states, indebted, recut, restarts, together
from rating.schemas import no_rows
from resources.account_rows import rows_of_accounts, since_touched
from resources.facts import EPOCH, closed_until, facts_as_of, reference_moved
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge

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
    restarted = together(restarts(grants, step.head), _recut(step), _remoded(step))
    begun = _begun_lots(step, grants, closed)
    touched = _touched(step, restarted, begun.now, closed)
    legs = [_grant_legs(step, grants), grant_legs(begun.now, begun.booked)]
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


def _remoded(step: Step) -> pl.DataFrame:
    """The accounts of which slices that are posted are prepaid now and were not, or the other way round."""
    last = closed_until(step.lake, step.head)
    if last is None or not reference_moved(step.lake, step.head, step.run):
        return recut(no_rows(CUTS), no_rows(CUTS))
    before, now = (facts_as_of(step.lake, run).modes for run in (step.head, step.run))
    return remoded(before, now, last)


@dataclass(frozen=True)
class _Begun:
    """Lots of recurring grants as they are now, and as they were booked: those that began or changed since."""

    now: pl.DataFrame
    booked: pl.DataFrame


def _begun_lots(step: Step, changed: pl.DataFrame, closed: datetime) -> _Begun:
    """The lots whose period began in the hours closed since, and all of the recurring grants that changed since."""
    grants = step.lake.frame("steps/ledger/recurring_grants", {"run": step.run})
    if grants.is_empty():
        return _Begun(grants.drop("every"), grants.drop("every"))
    grants = with_zones(step.lake, step.run, grants)
    before = closed_until(step.lake, step.posted) or EPOCH
    rows = changed.filter(pl.col("run") > step.posted)
    is_changed = pl.col("grant_id").is_in(rows["grant_id"].unique().implode())
    now = [
        recurring_lots(grants.filter(is_changed), EPOCH, closed),
        recurring_lots(grants.filter(~is_changed), before, closed),
    ]
    known = step.lake.frame("steps/ledger/recurring_grants", {"run": step.posted})
    booked = with_zones(step.lake, step.run, known.filter(is_changed))
    return _Begun(pl.concat(now), recurring_lots(booked, EPOCH, before))


def _touched(step: Step, restarted: pl.DataFrame, recurring: pl.DataFrame, closed: datetime) -> pl.DataFrame:
    """Each account that new charges, grants, or lots that began or ended touch, with the first slice to work out again."""
    charged = step.lake.frame("steps/ledger/touched", step.bounds())
    hours = {"run": step.run, "closed_before": closed_until(step.lake, step.head) or EPOCH, "closed_until": closed}
    moved = pl.concat([step.lake.frame(f"steps/ledger/{name}_lots", hours) for name in ("ended", "begun")])
    of_lots = pl.concat([moved, recurring.select("account_id", first_slice="effective_at").cast(moved.schema)])
    granted = restarted.select("account_id", first_slice="restart_from")
    hourly = of_lots.with_columns(pl.col("first_slice").dt.truncate("1h"))
    every = pl.concat([frame.cast({"first_slice": INSTANT}) for frame in (charged, hourly, granted)])
    return every.group_by("account_id").agg(pl.col("first_slice").min())


def _grant_legs(step: Step, grants: pl.DataFrame) -> pl.DataFrame:
    """Book what was granted once. What recurs is booked as its lots begin."""
    once = grants.filter(pl.col("kind") != RECURRING)
    newest = once.sort("run").unique("grant_id", keep="last", maintain_order=True)
    booked = once.filter(pl.col("run") <= step.posted).sort("run").unique("grant_id", keep="last", maintain_order=True)
    return grant_legs(newest, booked)


def _burn(step: Step, touched: pl.DataFrame, restarted: pl.DataFrame, closed: datetime) -> list[pl.DataFrame]:
    """The legs of use, settlement, roll-over and expiry: what should stand less what stands, for the touched accounts."""
    positions = step.lake.frame("steps/ledger/positions", {"run": step.run})
    with step.lake.registered(touched=touched):
        lots = lots_of_touched(step.lake, step.run, closed)
        stated = stated_debts(step.lake, step.run)
    restarted = together(restarted, indebted(positions, lots))
    touched = _from_the_beginning(touched, restarted)
    rows, fits = _rows(step, touched, lots, closed)
    known = forget_states(restarted, positions)
    of_accounts = known.join(touched, on="account_id", how="semi")
    burned = burn_down(_forgotten(step, restarted, rows), lots.drop("currency"), of_accounts, fits, closed, stated)
    state = _keep_positions(step, known, burned.positions)
    return _legs_of(step, _Worked(touched, restarted, lots, positions, burned, state, closed))


def _from_the_beginning(touched: pl.DataFrame, restarted: pl.DataFrame) -> pl.DataFrame:
    """Touch accounts that restart from the beginning there."""
    scratched = restarted.filter("from_scratch").select("account_id", begins="restart_from")
    both = touched.join(scratched, on="account_id", how="left")
    return both.select("account_id", first_slice=pl.coalesce("begins", "first_slice"))


def _rows(step: Step, touched: pl.DataFrame, lots: pl.DataFrame, closed: datetime) -> tuple[pl.DataFrame, Fits]:
    """The charges of the touched accounts since their first slice, told apart where lots do."""
    first, last = (instant(touched["first_slice"], at) for at in ("min", "max"))
    recent: datetime = step.lake.value("steps/charges/first_closing", step.bounds()) or last
    late_accounts = touched.filter(pl.col("first_slice") < recent)["account_id"]
    scoped = scoped_accounts(lots)
    plain = touched.filter(~pl.col("account_id").is_in(scoped.implode())) if scoped.len() else touched
    parts = ((None, recent, closed), (late_accounts, first, recent))
    net = pl.concat([_charges(step, plain, *part) for part in parts])
    mine = touched.filter(pl.col("account_id").is_in(scoped.implode()))
    told_apart = _charges(step, mine, scoped, first, closed, USE) if mine.height else net.clear()
    return rows_to_burn(step.lake, step.run, net, told_apart, lots)


def _forgotten(step: Step, restarted: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Forget what was counted of accounts whose positions are forgotten; without positions, of all."""
    if step.is_rebuilding:
        return rows.with_columns(counted=pl.lit(0, pl.Decimal(38, 18)))
    return forget_counted(restarted, rows)


@dataclass(frozen=True)
class _Worked:
    """What was worked out, and of what: the touched accounts, from when, their lots, and the positions before and after."""

    touched: pl.DataFrame
    restarted: pl.DataFrame
    lots: pl.DataFrame
    before: pl.DataFrame
    burned: BurnDown
    state: pl.DataFrame
    closed: datetime


def _legs_of(step: Step, worked: _Worked) -> list[pl.DataFrame]:
    """What should stand less what stands, booked."""
    parameters = {"run": step.run, "first": instant(worked.touched["first_slice"], "min")}
    with step.lake.registered(touched=worked.touched):
        draws = step.lake.frame("steps/ledger/standing_draws", parameters)
        unbilled = step.lake.frame("steps/ledger/standing_unbilled", parameters)
        expired = step.lake.frame("steps/ledger/standing_expiries", {"run": step.run})
        settled = _standing_settlements(step, worked)
        rolled = _standing_rollovers(step, worked)
    burned, lots = worked.burned, worked.lots
    new = step.lake.frame("steps/ledger/new_charges", step.bounds_of_facts())
    accounts = _currencies(step, worked.touched)
    due = (lots, worked.state, worked.closed)
    return [
        usage_legs(
            draw_difference(burned.draws, draws.select(DRAWS.names())),
            unbilled_difference(burned.unbilled, unbilled.select(UNBILLED.names())),
            new, lots, accounts,
        ),
        settlement_legs(draw_difference(burned.settled, settled), lots),
        rollover_legs(draw_difference(rollovers(*due), rolled), lots),
        expiry_legs(draw_difference(expiries(*due), expired.select(DRAWS.names())), lots),
    ]  # fmt: skip


def _standing_settlements(step: Step, worked: _Worked) -> pl.DataFrame:
    """What stands as settled by the lots that were worked out again, and by accounts that restart."""
    owed_before = worked.before.filter(pl.col("lot") == NO_LOT)
    if owed_before.is_empty() and not step.is_rebuilding:
        return DRAWS.to_frame()
    scratched = worked.restarted.filter("from_scratch").select("account_id")
    if scratched.is_empty() and worked.burned.reworked.is_empty():
        return DRAWS.to_frame()
    standing = step.lake.frame("steps/ledger/standing_settlements", {"run": step.run, "first": EPOCH})
    restarting = standing.join(scratched, on="account_id", how="semi")
    reworked = standing.join(scratched, on="account_id", how="anti").join(
        worked.burned.reworked, on=["account_id", "lot"], how="semi"
    )
    return pl.concat([restarting, reworked]).select(DRAWS.names())


def _standing_rollovers(step: Step, worked: _Worked) -> pl.DataFrame:
    """What stands as rolled over, where there is a recurring grant."""
    if worked.lots.filter(pl.col("kind") == RECURRING).is_empty():
        return DRAWS.to_frame()
    return step.lake.frame("steps/ledger/standing_rollovers", {"run": step.run, "first": EPOCH}).select(DRAWS.names())


def _currencies(step: Step, touched: pl.DataFrame) -> pl.DataFrame:
    """The currency of each account. The subscriptions know nearly all; of one whose last was voided, its row does."""
    known = facts_as_of(step.lake, step.run).subscriptions.select("account_id", "currency").unique()
    unknown = touched.join(known, on="account_id", how="anti").select("account_id")
    if unknown.is_empty():
        return known
    accounts = step.lake.frame("steps/reference/accounts_now", {"run": step.run})
    return pl.concat([known, accounts.join(unknown, on="account_id", how="semi").select("account_id", "currency")])


def _charges(
    step: Step,
    touched: pl.DataFrame,
    accounts: pl.Series | None,
    first: datetime,
    until: datetime,
    keys: Sequence[str] = (),
) -> pl.DataFrame:
    """Net charges of the touched accounts by slice (and by `keys`), with the part that was posted before."""
    rows = rows_of_accounts(step.lake, "charges", (*CHARGE, *keys), accounts, first, until)
    since = since_touched(rows, touched, step.run)
    posted = pl.when(pl.col("run") <= step.head).then("amount_delta").otherwise(pl.lit(0, pl.Decimal(38, 18)))
    return net_of(since.select("account_id", "slice_start", *keys, amount="amount_delta", counted=posted), keys)


def _keep_positions(step: Step, before: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Write the new state of every lot: those that moved, and the others as they were."""
    owes = pl.col("lot") == NO_LOT
    unmoved = before.filter(~owes).join(moved, on="lot", how="anti")
    still_owed = before.filter(owes).join(moved.filter(owes), on="account_id", how="anti")
    state = pl.concat([moved, *(part.select(moved.columns) for part in (unmoved, still_owed))])
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
        "settled": moved("credit:", "settlement"),
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
