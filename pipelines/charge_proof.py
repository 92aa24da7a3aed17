"""The proof of charges: what they must sum to, from the lake's usage and prices alone (design 5, rule 7).

What belongs here: loading for `rating/proof.py`, and comparing. What does not: what a quantity costs, and what is charged
beside use (`proof_beside_use.py`).
"""

from datetime import timedelta
from typing import Any, Final

import polars as pl

from pipelines.proof_beside_use import wrong_fees, wrong_percentages, wrong_true_ups
from pipelines.proof_of_booking import wrong_closings, wrong_commitments, wrongly_booked
from rating.account_caps import proved_together
from rating.dimensions import Classes, classify
from rating.hourly_commitments import hourly_commitments
from rating.periods import INSTANT, instant, periods
from rating.pools import touched_by_pools
from rating.proof import committed_by_span, disagreements, scope_costs, spans
from resources.activity import activity_since
from resources.facts import EPOCH, Facts, closed_until, facts_as_of
from resources.lake import Lake


def charges_that_do_not_sum(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The scopes and fees, of those that runs in (since, run] touched, whose charges are not what they must be."""
    proofs = (
        usage_that_does_not_sum, wrong_fees, wrong_commitments, wrong_percentages, wrong_true_ups, wrong_closings,
        wrongly_booked,
    )  # fmt: skip
    wrong = [frame for frame in (proof(lake, since, run) for proof in proofs) if frame.height]
    return pl.concat(wrong, how="diagonal_relaxed") if wrong else pl.DataFrame()


def usage_that_does_not_sum(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The scopes, of those that runs in (since, run] touched, whose charges are not what their usage costs."""
    touched = lake.frame("checks/touched_meters", {"since": since, "run": run})
    if touched.is_empty():
        return touched
    facts = facts_as_of(lake, run)
    begun = _from_period_start(touched_by_pools(touched, facts.prices, facts.subscriptions), facts)
    bounds = {"run": run, "first": begun["first_slice"].min()}
    with lake.registered(touched=begun, accumulation=proved_together(facts.prices)):
        classes = _classes(lake, facts, bounds)
        with lake.registered(classes=classes.of_texts):
            used = lake.frame("checks/services_used", bounds)
        standing = lake.frame("checks/charges_by_scope", bounds)
    until = closed_until(lake, run) or EPOCH
    held = spans(used, facts.prices, facts.subscriptions, until, classes.matching)
    with lake.registered(spans=held, classes=classes.of_texts):
        usage = lake.frame("checks/usage_by_span", bounds)
        usage = _with_committed(lake, facts, held, usage, bounds)
    activity = activity_since(lake, facts, run, begun, until)
    return disagreements(scope_costs(held, usage, facts.prices, facts.subscriptions, activity), standing)


def _with_committed(
    lake: Lake, facts: Facts, held: pl.DataFrame, usage: pl.DataFrame, bounds: dict[str, Any]
) -> pl.DataFrame:
    """Add to usage by span how much of it lies within commitments by the hour; nothing where no price has one."""
    keys = hourly_commitments(facts.prices)["price_key"]
    committed = held.filter(pl.col("price_key").is_in(keys.implode()))
    if committed.is_empty():
        return usage
    with lake.registered(spans=committed):
        slices = lake.frame("checks/usage_by_slice", bounds).cast({"slice_start": INSTANT})
    return committed_by_span(slices, committed, usage, facts.prices, facts.cuts)


def _classes(lake: Lake, facts: Facts, bounds: dict[str, Any]) -> Classes:
    """The classes of the dimensions that touched meters were used with; none where no price asks for dimensions."""
    asking = facts.prices.filter(pl.col("where_keys") > 0).select("meter").unique()
    with lake.registered(asking=asking):
        texts = lake.frame("checks/dimensions_used", bounds)
    nothing = Classes(texts.with_columns(dimension_class=pl.lit(0, pl.UInt32)), _NOTHING_FITS)
    return classify(texts, facts.prices) or nothing


_NOTHING_FITS: Final = pl.DataFrame(schema={"dimension_class": pl.UInt32, "where": pl.String})


def _from_period_start(touched: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Widen to whole periods: a scope is proved from its beginning. Who never subscribed is charged nothing."""
    first, last = (instant(touched["first_slice"], at) for at in ("min", "max"))
    zoned = touched.join(facts.zones, on="account_id", how="left").with_columns(pl.col("time_zone").fill_null("UTC"))
    months = periods(zoned["time_zone"].unique(), first, last + timedelta(microseconds=1))
    held = zoned.join(months, on="time_zone")
    inside = (pl.col("period_start") <= pl.col("first_slice")) & (pl.col("first_slice") < pl.col("period_end"))
    return held.filter(inside).select("account_id", "meter", first_slice=pl.col("period_start").cast(INSTANT))
