"""The proof of charges: what they must sum to, from the lake's usage and prices alone (design 5, rule 7).

What belongs here: loading for `rating/proof.py`, and comparing. What does not: what a quantity costs.
"""

from datetime import timedelta

import polars as pl

from rating.account_caps import proved_together
from rating.periods import INSTANT, instant, periods
from rating.proof import disagreements, scope_costs, spans
from resources.facts import EPOCH, Facts, closed_until, facts_as_of
from resources.lake import Lake


def charges_that_do_not_sum(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The scopes, of those that runs in (since, run] touched, whose charges are not what their usage costs."""
    touched = lake.frame("checks/touched_meters", {"since": since, "run": run})
    if touched.is_empty():
        return touched
    facts = facts_as_of(lake, run)
    begun = _from_period_start(touched, facts)
    bounds = {"run": run, "first": begun["first_slice"].min()}
    with lake.registered(touched=begun, accumulation=proved_together(facts.prices)):
        used = lake.frame("checks/services_used", bounds)
        standing = lake.frame("checks/charges_by_scope", bounds)
    held = spans(used, facts.prices, facts.subscriptions, closed_until(lake, run) or EPOCH)
    with lake.registered(spans=held):
        usage = lake.frame("checks/usage_by_span", bounds)
    return disagreements(scope_costs(held, usage, facts.prices, facts.subscriptions), standing)


def _from_period_start(touched: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Widen to whole periods: a scope is proved from its beginning. Who never subscribed is charged nothing."""
    zones = facts.subscriptions.select("account_id", "time_zone").unique()
    first, last = (instant(touched["first_slice"], at) for at in ("min", "max"))
    zoned = touched.join(zones, on="account_id", how="left").with_columns(pl.col("time_zone").fill_null("UTC"))
    months = periods(zoned["time_zone"].unique(), first, last + timedelta(microseconds=1))
    held = zoned.join(months, on="time_zone")
    inside = (pl.col("period_start") <= pl.col("first_slice")) & (pl.col("first_slice") < pl.col("period_end"))
    return held.filter(inside).select("account_id", "meter", first_slice=pl.col("period_start").cast(INSTANT))
