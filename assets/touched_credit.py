"""Which accounts posting works out again, and from which slice on (semantics 4).

What belongs here: what new charges, grants and reference data touch, and lots that begin or end with the hours that close.
What does not: what is due then (`posted_credit.py`), and in how many parts it is worked out (`account_parts.py`).
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assets.credit_rows import RECURRING, with_zones
from rating.ledger import grant_legs
from rating.modes import remoded
from rating.periods import INSTANT
from rating.recurring import recurring_lots
from rating.restarts import recut, restarts, together
from rating.schemas import no_rows
from resources.facts import EPOCH, closed_before, closed_until, facts_as_of, reference_moved
from resources.writer import Step

CUTS = {"account_id": pl.String(), "cut_at": INSTANT}


@dataclass(frozen=True)
class Touched:
    """What a run touches of credit.

    Attributes:
        accounts: account_id, first_slice, a row each account in their order.
        restarted: account_id, from_scratch, restart_from (`rating/restarts.py`).
        granted: the legs of grants, and of the lots of recurring ones, that are new or changed.
    """

    accounts: pl.DataFrame
    restarted: pl.DataFrame
    granted: pl.DataFrame


def touched_credit(step: Step, closed: datetime) -> Touched:
    """What a run touches that closes the hours until `closed`."""
    grants = step.lake.frame("steps/ledger/changed_grants", step.bounds())
    restarted = together(restarts(grants, step.head), _recut(step), _remoded(step))
    begun = _begun_lots(step, grants, closed)
    accounts = _touched(step, restarted, begun.now, closed)
    granted = pl.concat([_grant_legs(step, grants), grant_legs(begun.now, begun.booked)])
    return Touched(accounts, restarted, granted)


def _recut(step: Step) -> pl.DataFrame:
    """The accounts whose posted hours are cut otherwise now: a lot may live in one part of an hour and not in another."""
    last = closed_before(step) if reference_moved(step) else None
    if last is None:
        return recut(no_rows(CUTS), no_rows(CUTS))
    first = step.lake.value("steps/usage_hourly/first_hour", {"run": step.run}) or last
    before, now = (facts_as_of(step.lake, run).cuts(first, last) for run in (step.head, step.run))
    return recut(before, now)


def _remoded(step: Step) -> pl.DataFrame:
    """The accounts of which slices that are posted are prepaid now and were not, or the other way round."""
    last = closed_before(step) if reference_moved(step) else None
    if last is None:
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
    hours = {"run": step.run, "closed_before": closed_before(step) or EPOCH, "closed_until": closed}
    moved = pl.concat([step.lake.frame(f"steps/ledger/{name}_lots", hours) for name in ("ended", "begun")])
    of_lots = pl.concat([moved, recurring.select("account_id", first_slice="effective_at").cast(moved.schema)])
    granted = restarted.select("account_id", first_slice="restart_from")
    others = pl.concat([frame.cast({"first_slice": INSTANT}) for frame in (_by_hour(of_lots), granted)])
    every = pl.concat([charged.cast({"first_slice": INSTANT}), others])
    # Accounts are charged once each here, and there are many.
    once = every if others.is_empty() else every.group_by("account_id").agg(pl.col("first_slice").min())
    return once.sort("account_id")


def _by_hour(of_lots: pl.DataFrame) -> pl.DataFrame:
    return of_lots.with_columns(pl.col("first_slice").dt.truncate("1h"))


def _grant_legs(step: Step, grants: pl.DataFrame) -> pl.DataFrame:
    """Book what was granted once. What recurs is booked as its lots begin."""
    once = grants.filter(pl.col("kind") != RECURRING)
    newest = once.sort("run").unique("grant_id", keep="last", maintain_order=True)
    booked = once.filter(pl.col("run") <= step.posted).sort("run").unique("grant_id", keep="last", maintain_order=True)
    return grant_legs(newest, booked)
