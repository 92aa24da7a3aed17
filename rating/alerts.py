"""Alerts: which thresholds an account has crossed, and which it is back from (semantics 4, docs/alerts.md).

What belongs here: judging today's balances against rules, with hysteresis. What does not: where balances come from
(`rating/balances.py`, `assets/alerts.py`), and sending (`gateways/`).

A rule is crossed and left at two different limits, so that a balance that wavers around one of them is told of once:

| kind | judged | raised when | cleared when |
|---|---|---|---|
| `below` | the balance | it is below the limit, which is the threshold | it is above the limit by more than a tenth of it |
| `top_up_percent` | the balance | the same, with a limit of so many percent of the last top-up | the same |
| `hours_left` | the balance | the same, with a limit of what so many hours cost at the burn rate | the same |
| `budget_percent` | what the period has cost | it reaches so many percent of the budget | it is below nine tenths of that |
| `suspend` | the balance | it is below minus the overdraft limit | it is above 0 (`resume`) |

The first three and `suspend` are of prepaid accounts, budgets of postpaid ones. A budget is crossed in each period anew. An
alert whose rule, period or mode is gone is cleared too. What is judged is today's state, so late records that moved hours
long past raise at most one alert, of now.
"""

from typing import Final

import polars as pl

from rating.alert_schemas import (
    OPEN_SCHEMA,
    RULES,
    RULES_SCHEMA,
    STATES_SCHEMA,
    TRANSITIONS,
    TRANSITIONS_SCHEMA,
)
from rating.money import AMOUNT, ZERO_AMOUNT, divide_amount_half_even, multiply_amount_half_even
from rating.schemas import check_frame

SUSPEND: Final = "suspend"
BUDGET: Final = "budget_percent"
_KEY: Final = ("account_id", "rule_id", "period")
_ALERT: Final = (*_KEY, "kind")


def rules_for(states: pl.DataFrame, own: pl.DataFrame, defaults: pl.DataFrame, *, suspends: bool) -> pl.DataFrame:
    """The rules that hold for accounts (`STATES`): their `own` (`RULES`), and the defaults of kinds of which they have none.

    `defaults` has the columns of `RULES` but the account. With `suspends`, prepaid accounts have the rule of that name.
    """
    agreed = own.select("account_id", "kind").unique()
    usual = states.select("account_id").join(defaults, how="cross").join(agreed, on=["account_id", "kind"], how="anti")
    limit = -pl.col("overdraft_limit")
    suspending = states.filter((pl.col("mode") == "prepaid") & suspends).select(
        "account_id", rule_id=pl.lit(SUSPEND), kind=pl.lit(SUSPEND), threshold=limit, amount=ZERO_AMOUNT
    )
    return pl.concat([own.select(RULES.names()), usual.select(RULES.names()), suspending])


def judge(states: pl.DataFrame, rules: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """What is to be raised and to be cleared now (`TRANSITIONS`), in order; nothing for what stands as it should.

    `states` (`STATES`) has every account once, `rules` (`RULES`) every rule once, `known` (`OPEN`) what was raised and
    cleared before. Alerts of accounts that `states` lacks stay as they are. `turn` counts the alerts of one rule and
    period, `place` those of an account in this answer; the money of an alert whose rule is gone is null.
    """
    check_frame(states, STATES_SCHEMA, "states")
    check_frame(rules, RULES_SCHEMA, "rules")
    check_frame(known, OPEN_SCHEMA, "open alerts")
    judged = _judged(states, rules)
    compared = judged.join(known.select(*_KEY, "state", "turn"), on=_KEY, how="left", maintain_order="left")
    is_raised = (pl.col("state") == "raised").fill_null(value=False)
    became = compared.with_columns(
        reason=pl.when(~is_raised & pl.col("is_crossed")).then(pl.lit("crossed"))
        .when(is_raised & pl.col("is_left")).then(pl.lit("recovered"))
    ).filter(pl.col("reason").is_not_null())  # fmt: skip
    ended = _ended(states, judged, known)
    found = _in_order(pl.concat([became.select(ended.columns), ended]))
    check_frame(found, TRANSITIONS_SCHEMA, "alerts")
    return found


def _judged(states: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Each rule that applies, with what it judges, its limit, and on which side of which limit that is."""
    joined = rules.join(states, on="account_id", maintain_order="left")
    kind, is_budget = pl.col("kind"), pl.col("kind") == BUDGET
    applies = pl.when(is_budget).then(pl.col("mode") == "postpaid").otherwise(pl.col("mode") == "prepaid")
    percent_of = pl.when(is_budget).then("amount").otherwise("top_up")
    percentage = divide_amount_half_even(multiply_amount_half_even(percent_of, pl.col("threshold")), pl.lit(100))
    rate = pl.max_horizontal("burned", ZERO_AMOUNT)
    cost = divide_amount_half_even(multiply_amount_half_even(rate, pl.col("threshold")), pl.col("hours"))
    limit = (
        pl.when(kind.is_in(["top_up_percent", BUDGET])).then(percentage)
        .when(kind == "hours_left").then(cost)
        .otherwise("threshold")
    )  # fmt: skip
    valued = joined.filter(applies).with_columns(
        value=pl.when(is_budget).then("spent").otherwise("balance"),
        limit=limit,
        period=pl.when(is_budget).then("period").otherwise(pl.lit("")),
    )
    known = valued.filter(pl.col("limit").is_not_null())
    value, at = pl.col("value"), pl.col("limit")
    tenth = divide_amount_half_even(at.abs(), pl.lit(10))
    left = (
        pl.when(is_budget).then(value < at - tenth).when(kind == SUSPEND).then(value > 0).otherwise(value > at + tenth)
    )
    return known.with_columns(is_crossed=pl.when(is_budget).then(value >= at).otherwise(value < at), is_left=left)


def _ended(states: pl.DataFrame, judged: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The open alerts of rules that no longer apply, or of a period that is over."""
    raised = known.filter(pl.col("state") == "raised").join(
        states.select("account_id", "currency"), on="account_id", maintain_order="left"
    )
    gone = raised.join(judged.select(_KEY), on=_KEY, how="anti", maintain_order="left")
    nothing = pl.lit(None, AMOUNT)
    return gone.select(
        *_ALERT, "state", "turn", "currency", value=nothing, limit=nothing, threshold=nothing, reason=pl.lit("ended")
    )


def _in_order(found: pl.DataFrame) -> pl.DataFrame:
    """What is cleared before what is raised, so that an account is not told of a crossing that its own past takes back."""
    state = pl.when(pl.col("reason") == "crossed").then(pl.lit("raised")).otherwise(pl.lit("cleared"))
    ordered = found.with_columns(state=state).sort("account_id", "state", "rule_id", "period")
    return ordered.select(
        *_KEY, "kind", "state", "reason", "currency", "value",
        turn=pl.col("turn").fill_null(0) + 1,
        place=pl.int_range(1, pl.len() + 1).over("account_id"),
        threshold="limit",
        setting="threshold",
    ).select(TRANSITIONS.names())  # fmt: skip
