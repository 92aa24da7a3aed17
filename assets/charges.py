"""Charges: what hourly usage costs under the prices of its time (semantics 3)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets.charge_kinds import commitments_touched, due_of_all_kinds, fees_touched
from assets.partitions import DAYS
from assets.shown import counts, money, shown
from assets.true_ups import Period, true_ups
from rating import difference, rate
from rating.account_caps import version_changes
from rating.held import asks_for_mode
from rating.periods import INSTANT, instant, periods
from rating.pools import touched_by_pools
from rating.schemas import CHARGE_KEY
from rating.sums import sum_by
from rating.true_ups import TRUE_UPS
from resources.account_rows import Accounts, Range, of_accounts, rows_of_accounts, since_touched
from resources.activity import activity_since
from resources.facts import EPOCH, Facts, closed_until, facts_as_of
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge

# Running totals are kept this long after their period: later records restart from its beginning.
TOTALS_KEPT = timedelta(days=62)
# So many rows of usage are rated at once, about; more are rated in parts, so that memory stays flat: a million rows take
# a gigabyte while they are rated.
MOST_ROWS = 1_500_000
# For so few hours of accounts there is no question how many rows they have.
FEW_HOURS = 10_000
USAGE_KEY = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
SCOPE_PERIOD = ("account_id", "meter", "period_start")


def rate_usage(project: Project, job: str) -> dict[str, Any]:
    """Rate what new usage, subscriptions and prices touched, and append what differs from the charges that stand."""
    project.progress("rating")
    return converge(project.lake, "charges", job, _rate)


@dataclass(frozen=True)
class Rating:
    """What is rated in a run: touched (account, meter, first_slice), those of them that restart, and between which hours.

    `recent` is the first hour that closed since the last run, `closed` the end of the last one. `holds`: something was held
    back before.
    """

    facts: Facts
    touched: pl.DataFrame
    fresh: pl.DataFrame
    recent: datetime
    closed: datetime
    holds: bool


@dataclass(frozen=True)
class Part:
    """What rating some accounts left: what counts when periods end, and what it came to."""

    period: Period
    summary: pl.DataFrame
    unpriced: int


def _rate(step: Step) -> dict[str, Any]:
    facts = facts_as_of(step.lake, step.run)
    closed = closed_until(step.lake, step.run) or EPOCH
    recent: datetime = step.lake.value("steps/charges/first_closing", step.bounds()) or closed
    in_use = step.lake.frame("steps/charges/touched", step.bounds())
    used = touched_by_pools(in_use, facts.prices, facts.subscriptions)
    started = _started(step, facts, used, closed)
    holds = bool(step.lake.value("steps/charges/any_held", {"run": step.run}))
    rating = Rating(facts, *_touched(step, facts, used, started, (recent, closed)), recent, closed, holds)
    parts: list[Part] = []
    if not rating.touched.is_empty():
        step.delete("steps/charges/delete_old_totals", {"run": step.run})
        parts = [_rate_part(step, rating, accounts) for accounts in _account_parts(step, rating)]
    trued = true_ups(step, facts, started, Period.of_all([part.period for part in parts]), closed)
    step.append("charges", trued)
    summaries = pl.concat([*(part.summary for part in parts), _summary(trued, recent)])
    return _report(summaries, rating.touched["account_id"].n_unique(), sum(part.unpriced for part in parts))


def _account_parts(step: Step, rating: Rating) -> list[Range | None]:
    """All accounts, in parts of so much usage that it fits into memory; a part is from one account to another, by order.

    Files hold their rows account by account, so a part reads little of what the others read. No account lies between two
    parts: those without usage have totals that are to be kept.
    """
    since = instant(rating.fresh["first_slice"], "min") if rating.fresh.height else rating.closed
    rows = int(step.lake.value("steps/charges/usage_to_rate", {**step.bounds(), "since": since}))
    parts = 1 + (rows + _late_rows(step, rating)) // MOST_ROWS
    if parts == 1:
        return [None]
    accounts = rating.touched["account_id"].unique().sort()
    size = -(-accounts.len() // parts)
    firsts: list[str] = ["", *accounts.gather_every(size, size)]
    return list(zip(firsts, [*firsts[1:], None], strict=True))


def _late_rows(step: Step, rating: Rating) -> int:
    """About how many rows of earlier hours are read for late records: as many an hour of an account as in the last one."""
    late = rating.touched.filter(pl.col("first_slice") < rating.recent)
    since = late.group_by("account_id").agg(pl.col("first_slice").min())
    hours = int(since.select((rating.recent - pl.col("first_slice")).dt.total_hours().sum()).item() or 0)
    if hours < FEW_HOURS:
        return 0
    last = {"run": step.run, "from": rating.closed - timedelta(hours=1), "until": rating.closed}
    rows, accounts = step.lake.row("steps/charges/usage_of_hour", last) or (0, 0)
    return int(rows) * hours // max(1, int(accounts))


def _rate_part(step: Step, whole: Rating, accounts: Range | None) -> Part:
    """Rate these accounts, and append what differs, and the state of their scopes.

    A function for each stage, so that the rows of one are forgotten before the next makes its own.
    """
    rating = whole
    if accounts is not None:
        inside = of_accounts(accounts)
        rating = replace(whole, touched=whole.touched.filter(inside), fresh=whole.fresh.filter(inside))
    changed, held, unpriced = _differences(step, rating, accounts)
    step.append("charges", changed)
    step.append("held_charges", held)
    return Part(Period.of(rating.facts, changed, held), _summary(changed, rating.recent), unpriced)


def _differences(step: Step, rating: Rating, accounts: Range | None) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """What differs of charges and of what is held back, and how many slices have no price."""
    of_use, unpriced = _rate_use(step, rating, accounts)
    due = due_of_all_kinds(rating.facts, of_use, rating.touched, rating.closed)
    changed = difference(due.booked, _standing_of(step, rating, "charges", accounts))
    return changed, _held_back(step, rating, due.held, accounts), unpriced


def _rate_use(step: Step, rating: Rating, accounts: Range | None) -> tuple[pl.DataFrame, int]:
    """What should stand of use, and how many slices have no price; the new state of the scopes is appended."""
    first, before = accounts or ("", None)
    totals = step.lake.frame("steps/charges/totals", {"run": step.run, "first": first, "before": before})
    facts, kept = rating.facts, _without(totals, rating.fresh)
    usage = _forget_counted(_usage_of(step, rating, accounts), rating.fresh)
    activity = activity_since(step.lake, facts, step.run, rating.touched, rating.closed)
    rated = rate(usage, facts.prices, facts.subscriptions, kept, activity, facts.cuts)
    _keep_totals(step, kept, rated.totals, rating.closed)
    return rated.due, rated.unpriced.height


def _held_back(step: Step, rating: Rating, due: pl.DataFrame, accounts: Accounts) -> pl.DataFrame:
    """What differs of what is held back until periods are over: as a rule nothing is, and there is no question."""
    if due.is_empty() and not rating.holds:
        return difference(due, due)
    return difference(due, _standing_of(step, rating, "held_charges", accounts))


def _started(step: Step, facts: Facts, used: pl.DataFrame, closed: datetime) -> pl.DataFrame:
    """(account_id, first_slice): the start of the period from which everything of an account is rated again."""
    changed = _changed_accounts(step, facts)
    old = used.filter(pl.col("first_slice") < closed - TOTALS_KEPT).select("account_id", changed_from="first_slice")
    every = pl.concat([changed, old, _under_changed_caps(used, facts)])
    restarted = every.group_by("account_id").agg(pl.col("changed_from").min())
    return _period_starts(restarted, facts).filter(pl.col("first_slice") < closed)


def _touched(
    step: Step, facts: Facts, used: pl.DataFrame, started: pl.DataFrame, window: tuple[datetime, datetime]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(account, meter, first_slice) to rate again, and (account, meter, first_slice) that restart with a period.

    New usage is rated from its first slice on, from the totals. Where prices or subscriptions changed, or no totals are
    kept any more, everything from the period's start on is rated again; so it is where a price with an account maximum
    changes within the period. Fees have no meter: `rating.fees.NO_METER`; commitments by the hour have their price's.
    """
    by_time = pl.concat([touches(step, facts, started, window) for touches in (fees_touched, commitments_touched)])
    touched = used if by_time.is_empty() else _from_the_earliest(used, by_time)
    if started.is_empty():
        return touched, touched.clear()
    with step.lake.registered(accounts_to_use=started):
        meters = step.lake.frame("steps/charges/meters_used", {"run": step.run, "first": started["first_slice"].min()})
    fresh = meters.join(started, on="account_id").select(touched.columns)
    return _from_the_earliest(touched, fresh), fresh


def _from_the_earliest(*touched: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(touched).group_by("account_id", "meter").agg(pl.col("first_slice").min())


def _changed_accounts(step: Step, facts: Facts) -> pl.DataFrame:
    """Accounts whose prices may differ from an instant on: even a later one moves what is prorated in its period."""
    if not (step.head and step.has_new_reference):
        return pl.DataFrame(schema={"account_id": pl.String(), "changed_from": INSTANT})
    accounts = step.lake.frame("steps/charges/changed_subscriptions", step.bounds())
    changed_book = step.lake.value("steps/charges/changed_books", step.bounds())
    if changed_book is not None:
        every = (
            facts.subscriptions.select("account_id")
            .unique()
            .with_columns(changed_from=pl.lit(changed_book, pl.Datetime("us", "UTC")))
        )
        accounts = pl.concat([accounts, every])
    if asks_for_mode(facts.books):
        accounts = pl.concat([accounts, step.lake.frame("steps/charges/changed_modes", step.bounds())])
    return accounts


def _under_changed_caps(touched: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Accounts with new usage under an account maximum whose price changes within the period (`rating/account_caps.py`)."""
    used = touched.select("account_id", "meter", changed_from="first_slice")
    changes = version_changes(facts.prices)
    if used.is_empty() or changes.is_empty():
        return used.drop("meter").clear()
    changed = _held_by_periods(used, facts).join(changes, on="meter")
    own = (pl.col("agreed_with") == "") | (pl.col("agreed_with") == pl.col("account_id"))
    inside = (pl.col("period_start") < pl.col("changed_at")) & (pl.col("changed_at") < pl.col("period_end"))
    return changed.filter(own & inside).select("account_id", "changed_from")


def _period_starts(accounts: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """The start of the period that holds each account's instant, in the account's zone.

    An account that is left without any subscription restarts from the beginning: nothing is due of it any more.
    """
    if accounts.is_empty():
        return accounts.select("account_id", first_slice="changed_from")
    started = _held_by_periods(accounts, facts).select("account_id", first_slice="period_start")
    left = accounts.join(facts.zones, on="account_id", how="anti")
    return pl.concat([started, left.select("account_id", first_slice=pl.lit(EPOCH, INSTANT))])


def _held_by_periods(accounts: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Add the period that holds each account's instant, in the account's zone."""
    zones = facts.zones
    first, last = (instant(accounts["changed_from"], at) for at in ("min", "max"))
    months = periods(zones["time_zone"].unique(), first, last + timedelta(microseconds=1))
    held = accounts.join(zones, on="account_id").join(months, on="time_zone")
    inside = (pl.col("period_start") <= pl.col("changed_from")) & (pl.col("changed_from") < pl.col("period_end"))
    return held.filter(inside)


def _usage_of(step: Step, rating: Rating, every: Accounts) -> pl.DataFrame:
    """Usage of all touched slices of these accounts."""
    parts = _parts(rating, every)
    return pl.concat([_usage(step, rating.touched, *part) for part in parts])


def _standing_of(step: Step, rating: Rating, table: str, every: Accounts) -> pl.DataFrame:
    """What stands in a table of charges of all touched slices of these accounts, read in the same two parts."""
    return pl.concat([_standing(step, table, rating.touched, *part) for part in _parts(rating, every)])


def _parts(rating: Rating, every: Accounts) -> list[tuple[Accounts, datetime, datetime]]:
    """Whose rows are read, and from when until when.

    In two parts, because the hours that just closed (from `recent` on) hold nearly all of it, and earlier ones are read
    for late records only.
    """
    touched, recent = rating.touched, rating.recent
    first = instant(touched["first_slice"], "min")
    parts: list[tuple[Accounts, datetime, datetime]] = [(every, recent, rating.closed)]
    if first < recent:
        parts.append((touched.filter(pl.col("first_slice") < recent)["account_id"], first, recent))
    return parts


def _usage(step: Step, touched: pl.DataFrame, accounts: Accounts, first: datetime, until: datetime) -> pl.DataFrame:
    """Each touched slice, with the part of its quantity that was counted before."""
    columns = (*USAGE_KEY, "quantity", "run")
    read = rows_of_accounts(step.lake, "usage_hourly", columns, accounts, first, until)
    rows = since_touched(read, touched, step.run)
    counted = pl.when(pl.col("run") <= step.head).then("quantity").otherwise(pl.lit(0, pl.Decimal(38, 9)))
    increments = rows.select(*USAGE_KEY, "quantity", counted=counted)
    # A run appends a slice once: there is nothing to add up in an hour that only one has written.
    return increments if rows["run"].n_unique() <= 1 else sum_by(increments, USAGE_KEY, "quantity", "counted")


def _standing(
    step: Step, table: str, touched: pl.DataFrame, accounts: Accounts, first: datetime, until: datetime
) -> pl.DataFrame:
    """What was charged for the touched slices but true-ups; `rating.difference` adds up."""
    columns = (*CHARGE_KEY, "quantity_delta", "amount_delta", "run")
    rows = rows_of_accounts(step.lake, table, columns, accounts, first, until)
    rows = rows.filter(~pl.col("kind").is_in(TRUE_UPS))
    known = since_touched(rows, touched, step.run)
    return known.select(*CHARGE_KEY, quantity="quantity_delta", amount="amount_delta")


def _without(totals: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """The totals less those of scopes that restart."""
    if fresh.is_empty():
        return totals
    restarted = totals.join(fresh, on=["account_id", "meter"]).filter(pl.col("period_start") >= pl.col("first_slice"))
    return totals.join(restarted, on=list(SCOPE_PERIOD), how="anti")


def _forget_counted(usage: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """For scopes that restart no total counts anything."""
    if fresh.is_empty():
        return usage
    marked = usage.join(fresh.select("account_id", "meter", "first_slice"), on=["account_id", "meter"], how="left")
    forgotten = pl.col("slice_start") >= pl.col("first_slice")
    counted = pl.when(forgotten.fill_null(value=False)).then(pl.lit(0, pl.Decimal(38, 9))).otherwise("counted")
    return marked.with_columns(counted=counted).drop("first_slice")


def _keep_totals(step: Step, kept: pl.DataFrame, moved: pl.DataFrame, closed: datetime) -> None:
    """Write the new state of every scope of these accounts: those that moved, and the others as they were.

    Account by account, as usage is, so that a part reads little of what the others read.
    """
    scope = [name for name in moved.columns if name not in ("quantity", "period_end")]
    unmoved = kept.join(moved, on=scope, how="anti")
    state = pl.concat([moved, unmoved.select(moved.columns)]).filter(pl.col("period_end") > closed - TOTALS_KEPT)
    step.append("rated_totals", state.sort("account_id"))


def _summary(changed: pl.DataFrame, recent: datetime) -> pl.DataFrame:
    """How many charges, and of how much: by account, currency, and whether its hour was billed before."""
    late = pl.col("slice_start") < recent
    rows = changed.select("account_id", "currency", late=late, amount="amount_delta", charges=pl.lit(1, pl.Int64))
    return sum_by(rows, ("account_id", "currency", "late"), "amount", "charges")


def _report(summary: pl.DataFrame, accounts: int, unpriced: int) -> dict[str, Any]:
    """Counts and sums of what was appended; `late_` is the part of hours that were billed before."""
    late = summary.filter("late")
    return {
        "charges": summary["charges"].sum(),
        "accounts_touched": accounts,
        "accounts_charged": summary["account_id"].n_unique(),
        "unpriced_slices": unpriced,
        "charged": _charged(summary),
        "late_charges": late["charges"].sum(),
        "late_charged": _charged(late),
    }


def _charged(summary: pl.DataFrame) -> dict[str, str]:
    sums = sum_by(summary, ("currency",), "amount").sort("currency")
    return {currency: str(amount) for currency, amount in sums.iter_rows()}


@dg.asset(
    deps=["usage_hourly"], partitions_def=DAYS,
    group_name="billing", kinds={"polars"}, owners=["team:finance"],
)  # fmt: skip
def charges(context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]) -> dg.MaterializeResult[Any]:
    """What usage costs, to the last decimal: each slice the difference of the total cost after it and before it."""
    with project.open() as opened:
        report = rate_usage(opened, context.run.run_id)
        labels = {
            "accounts charged": "accounts_charged",
            "charges": "charges",
            "slices without a price": "unpriced_slices",
        }
        return shown(
            context, project, opened, report, {**money("charged", report["charged"]), **counts(report, labels)}
        )
