"""The proof of charges: what they must sum to, from the lake's usage and prices alone (design 5, rule 7).

What belongs here: loading for `rating/proof.py`, and comparing. What does not: what a quantity costs.
"""

from datetime import timedelta
from typing import Any, Final

import polars as pl

from assets.charge_kinds import due_of_commitments, due_of_fees, of_all_meters
from assets.true_ups import due_of_closings, due_of_minimums
from rating import difference
from rating.account_caps import proved_together
from rating.dimensions import Classes, classify
from rating.fees import NO_METER
from rating.held import is_held
from rating.hourly_commitments import hourly_commitments
from rating.percentages import PERCENTAGE_KINDS, percentages_due
from rating.periods import INSTANT, instant, periods
from rating.pools import touched_by_pools
from rating.proof import committed_by_span, disagreements, scope_costs, spans
from rating.schemas import DUE, no_rows
from resources.activity import activity_since
from resources.facts import EPOCH, Facts, closed_until, facts_as_of
from resources.lake import Lake


def charges_that_do_not_sum(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The scopes and fees, of those that runs in (since, run] touched, whose charges are not what they must be."""
    proofs = (usage_that_does_not_sum, wrong_fees, wrong_commitments, wrong_percentages, wrong_true_ups, wrongly_booked)
    wrong = [frame for frame in (proof(lake, since, run) for proof in proofs) if frame.height]
    return pl.concat(wrong, how="diagonal") if wrong else pl.DataFrame()


def wrong_fees(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The recurring charges that are not what is due: of accounts with new ones, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    charged = lake.frame("checks/fees_charged", {"since": since, "run": run})
    every = facts.subscriptions.select("account_id") if since == 0 and not facts.fees.is_empty() else charged.clear()
    accounts = pl.concat([charged, every]).unique()
    if accounts.is_empty():
        return accounts
    with lake.registered(accounts_to_prove=accounts):
        standing = lake.frame("checks/standing_fees", {"run": run})
    touched = accounts.with_columns(meter=pl.lit(NO_METER), first_slice=pl.lit(EPOCH, INSTANT))
    due = due_of_fees(facts, touched, closed_until(lake, run) or EPOCH)
    return _missing(due, _as_due(standing))


def wrong_commitments(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The commitments by the hour that are not what is due: of accounts with new ones, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    charged = lake.frame("checks/commitments_charged", {"since": since, "run": run})
    having = since == 0 and hourly_commitments(facts.prices).height
    every = facts.subscriptions.select("account_id") if having else charged.clear()
    accounts = pl.concat([charged, every]).unique()
    if accounts.is_empty():
        return accounts
    with lake.registered(accounts_to_prove=accounts):
        standing = lake.frame("checks/standing_commitments", {"run": run})
    touched = of_all_meters(facts, accounts.with_columns(first_slice=pl.lit(EPOCH, INSTANT)))
    return _missing(due_of_commitments(facts, touched, closed_until(lake, run) or EPOCH), _as_due(standing))


def wrong_percentages(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The discounts and surcharges that are not what the charges of their slice make them."""
    percentages = facts_as_of(lake, run).percentages
    if percentages.is_empty():
        return no_rows(DUE)
    named = {name: percentages[column].unique().to_list() for name, column in _NAMES}
    standing = _as_due(lake.frame("checks/charges_with_percentages", {"since": since, "run": run, **named}))
    is_percentage = pl.col("kind").is_in(PERCENTAGE_KINDS)
    return _missing(percentages_due(standing.filter(~is_percentage), percentages), standing.filter(is_percentage))


def wrong_true_ups(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The true-ups that are not what is due: of accounts with new ones, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    charged = lake.frame("checks/true_ups_charged", {"since": since, "run": run})
    every = (
        facts.subscriptions.select("account_id")
        if since == 0 and not (facts.minimums.is_empty() and facts.bookings.is_empty())
        else charged.clear()
    )
    touched = pl.concat([charged, every]).unique().with_columns(first_slice=pl.lit(EPOCH, INSTANT))
    if touched.is_empty():
        return no_rows(DUE)
    bounds = {"run": run, "first": EPOCH}
    with lake.registered(
        accounts_to_true_up=touched, prices_to_true_up=facts.minimums.select("plan", "price_id").unique()
    ):
        standing = lake.frame("steps/charges/standing_true_ups", bounds)
        spent = lake.frame("steps/charges/spent", bounds).rename({"amount_delta": "amount"})
        held = lake.frame("steps/charges/held", bounds)
    until = closed_until(lake, run) or EPOCH
    closings = due_of_closings(facts, held, touched, until)
    return _missing(pl.concat([due_of_minimums(facts, spent, touched, until), closings]), _as_due(standing))


def wrongly_booked(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """What slices are charged at once that should be held back until their period is over, or the other way round."""
    facts = facts_as_of(lake, run)
    if facts.bookings.is_empty():
        return no_rows(DUE)
    with lake.registered(prices_to_prove=facts.bookings.select("plan", "price_id").unique()):
        rows = lake.frame("checks/booked_slices", {"since": since, "run": run})
    slices = rows.with_columns(pl.col(name).cast(dtype) for name, dtype in DUE.items())
    return slices.filter(is_held(slices, facts.bookings, facts.modes) == slices["booked"])


_NAMES: Final = (("plans", "plan"), ("accounts", "account_id"))


def _as_due(standing: pl.DataFrame) -> pl.DataFrame:
    """Sums of charges in the columns of what is due."""
    return standing.select(pl.col(name).cast(dtype) for name, dtype in DUE.items())


def _missing(due: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    changes = difference(due, standing)
    return changes.rename({"quantity_delta": "quantity_missing", "amount_delta": "amount_missing"})


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
