"""Alerts: what today's balances cross and come back from, stored before anything is sent (semantics 4, docs/alerts.md)."""

from datetime import datetime, timedelta
from typing import Any, Final

import dagster as dg
import polars as pl

from assets.partitions import DAYS
from assets.shown import counts, money, shown, table_if_any
from rating.alert_schemas import BALANCES, OPEN, RULES, STATES
from rating.alerts import SUSPEND, judge, rules_for
from rating.balances import current_periods, move_balances
from rating.money import AMOUNT, ZERO_AMOUNT
from rating.periods import instant
from rating.sums import sum_by
from resources.alert_settings import AlertSettings
from resources.facts import closed_until
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge

# The burn rate is that of a day: use has one, and a rate of fewer hours would tell every evening of a morning to come.
BURN_HOURS: Final = timedelta(hours=24)
# So many alerts of a run are observations of their own in Dagster; the table has all.
MOST_OBSERVED: Final = 100
USUAL: Final = pl.Schema({name: dtype for name, dtype in RULES.items() if name != "account_id"})
# Where nothing is watched, nobody's balance is kept.
NO_TOTALS: Final[dict[str, Any]] = {"credit": {}, "unbilled": {}, "below_nothing": 0, "suspended_now": 0}
TOLD: Final = (
    "alert_id", "account_id", "kind", "state", "reason", "period", "value", "threshold", "setting", "currency", "rule_id",
)  # fmt: skip


def judge_accounts(project: Project, job: str) -> dict[str, Any]:
    """Judge every account's balance against its rules, and append what is raised and cleared."""
    project.progress("judging balances")
    now, chosen = project.clock.now(), project.settings.alerts
    return converge(project.lake, "alerts", job, lambda step: _judge(step, chosen, now))


def _judge(step: Step, chosen: AlertSettings, now: datetime) -> dict[str, Any]:
    closed = closed_until(step.lake, step.run)
    if closed is None or not _is_anything_watched(step, chosen):
        return _report(pl.DataFrame(schema={name: pl.String() for name in TOLD}), NO_TOTALS)
    accounts = step.lake.frame("steps/alerts/accounts", {"run": step.run, "now": now})
    current = current_periods(accounts, closed)
    balances = _move_balances(step, current)
    rules = _rules(step, chosen)
    states = _states(step, accounts, current, balances, rules, (closed, now))
    known = step.lake.frame("steps/alerts/known", {"run": step.run}).select(OPEN.names()).cast(OPEN)
    found = judge(states, rules_for(states, *rules, suspends=chosen.suspend), known)
    with step.lake.registered(found_alerts=found):
        alerts = step.lake.frame("steps/alerts/with_ids")
    step.append("alerts", alerts.with_columns(hour=pl.lit(closed), channels=pl.lit(",".join(chosen.channels))))
    return _report(alerts, _totals(balances, states, pl.concat([known, found.select(OPEN.names())])))


def _totals(balances: pl.DataFrame, states: pl.DataFrame, told: pl.DataFrame) -> dict[str, Any]:
    """Where all accounts stand together: money by currency, and how many prepaid ones are below nothing or suspended."""
    sums = sum_by(balances, ("currency",), "credit", "unbilled")
    newest = told.filter(pl.col("kind") == SUSPEND).sort("turn").unique("account_id", keep="last")
    return {
        **{name: {row["currency"]: str(row[name]) for row in sums.to_dicts()} for name in ("credit", "unbilled")},
        "below_nothing": states.filter(pl.col("mode") == "prepaid", pl.col("balance") < 0).height,
        "suspended_now": newest.filter(pl.col("state") == "raised").height,
    }


def _is_anything_watched(step: Step, chosen: AlertSettings) -> bool:
    """Whether there is a rule that could hold for an account; where there is none, nothing is read and nothing is kept."""
    found = step.lake.row("steps/alerts/any_watched", {"run": step.run})
    of_accounts, has_prepaid, has_postpaid = found or (False, False, False)
    of_prepaid = chosen.suspend or chosen.below or chosen.top_up_percent or chosen.hours_left
    return bool(of_accounts or (has_prepaid and of_prepaid) or (has_postpaid and chosen.budget_percent))


def _move_balances(step: Step, current: pl.DataFrame) -> pl.DataFrame:
    """What is kept of each account, with what came since; it is written where it moved."""
    before = step.lake.frame("steps/alerts/balances", {"run": step.run}).select(BALANCES.names()).cast(BALANCES)
    posted = step.lake.frame("steps/alerts/posted", step.bounds())
    first = instant(current["period_start"], "min") if current.height else None
    charged = step.lake.frame("steps/alerts/charged", {**step.bounds(), "first": first})
    moved = move_balances(before, posted, charged, current)
    if not moved.equals(before.sort("account_id", "currency", "period_start")):
        step.delete("steps/alerts/delete_balances", {"run": step.run})
        step.append("account_balances", moved)
    return moved


def _rules(step: Step, chosen: AlertSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rules of accounts, and the usual ones."""
    own = step.lake.frame("steps/alerts/rules", {"run": step.run}).select(RULES.names()).cast(RULES)
    return own, pl.DataFrame(chosen.usual_rules(), schema=USUAL)


def _states(
    step: Step,
    accounts: pl.DataFrame,
    current: pl.DataFrame,
    balances: pl.DataFrame,
    rules: tuple[pl.DataFrame, pl.DataFrame],
    times: tuple[datetime, datetime],
) -> pl.DataFrame:
    """How every account stands today (`STATES`); those that were voided are not judged."""
    closed, now = times
    kinds = set(pl.concat([frame["kind"] for frame in rules]))
    future = step.lake.frame("steps/alerts/future_lots", {"run": step.run, "now": now})
    joined = accounts.filter(~pl.col("void")).join(current, on="account_id", how="left")
    for frame in (balances.drop("period_start"), _burned(step, closed, kinds), _top_ups(step, now, kinds)):
        keys = [name for name in ("account_id", "currency") if name in frame.columns]
        joined = joined.join(frame, on=keys, how="left")
    counted = joined.join(future, on="account_id", how="left").with_columns(
        pl.col("credit", "unbilled", "spent", "burned", "amount").fill_null(ZERO_AMOUNT),
        hours=pl.lit(_hours(step, closed), pl.Int64),
    )
    balance = pl.col("credit") - pl.col("amount") - pl.col("unbilled")
    return counted.with_columns(balance=balance).select(STATES.names()).cast(STATES)


def _burned(step: Step, closed: datetime, kinds: set[str]) -> pl.DataFrame:
    if "hours_left" not in kinds:
        return pl.DataFrame(schema={"account_id": pl.String(), "burned": AMOUNT})
    return step.lake.frame("steps/alerts/burned", {"run": step.run, "first": closed - BURN_HOURS, "until": closed})


def _top_ups(step: Step, now: datetime, kinds: set[str]) -> pl.DataFrame:
    if "top_up_percent" not in kinds:
        return pl.DataFrame(schema={"account_id": pl.String(), "top_up": AMOUNT})
    return step.lake.frame("steps/alerts/last_top_ups", {"run": step.run, "now": now})


def _hours(step: Step, closed: datetime) -> int:
    """How many hours of the last day the books have; in the first day it is less."""
    window = {"run": step.run, "first": closed - BURN_HOURS, "until": closed}
    return int(step.lake.value("steps/alerts/hours_closed", window))


def _report(alerts: pl.DataFrame, totals: dict[str, Any]) -> dict[str, Any]:
    def told(state: str, *, suspends: bool) -> int:
        is_suspend = pl.col("kind") == SUSPEND
        return alerts.filter(pl.col("state") == state, is_suspend if suspends else ~is_suspend).height

    return {
        "raised": told("raised", suspends=False),
        "cleared": told("cleared", suspends=False),
        "suspended": told("raised", suspends=True),
        "resumed": told("cleared", suspends=True),
        "alerts": alerts.select(TOLD),
        **totals,
    }


def observations(alerts: pl.DataFrame, partition: str | None) -> list[dg.AssetObservation]:
    """The first alerts as observations of the asset: each is seen, plotted and alerted on in Dagster like any other."""
    rows = alerts.head(MOST_OBSERVED).with_columns(pl.col("value", "threshold", "setting").cast(pl.String))
    return [
        dg.AssetObservation(
            asset_key="alerts",
            partition=partition,
            description=f"{row['kind']} {row['state']}: {row['account_id']}",
            metadata={name: value for name, value in row.items() if value is not None},
        )
        for row in rows.iter_rows(named=True)
    ]


@dg.asset(
    deps=["ledger_entries"], partitions_def=DAYS,
    group_name="billing", kinds={"polars"}, owners=["team:operations"],
)  # fmt: skip
def alerts(context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]) -> dg.MaterializeResult[Any]:
    """Balances that fell below their thresholds or came back, and whom to suspend or resume; `alert_delivery` sends them."""
    with project.open() as opened:
        report = judge_accounts(opened, context.run.run_id)
        partition = context.partition_key_range.end if context.has_partition_key_range else None
        for observation in observations(report["alerts"], partition):
            context.log_event(observation)
        names = {name: name for name in ("raised", "cleared", "suspended", "resumed")}
        names |= {"prepaid accounts below nothing": "below_nothing", "accounts suspended": "suspended_now"}
        totals = {**money("credit", report["credit"]), **money("unbilled", report["unbilled"])}
        told = table_if_any("alerts", report["alerts"])
        return shown(context, project, opened, report, {**counts(report, names), **totals, **told})
