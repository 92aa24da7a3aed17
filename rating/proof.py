"""What charges must sum to: every scope's total cost, worked out anew from sums of usage (design 5, rule 7).

What belongs here: the total of C_v(end) - C_v(start) of each scope and price version, from how much was used while it
held. What does not: running totals, slopes and differences, which are what is proved (`rate.py`, `scopes.py`).
"""

from datetime import datetime
from typing import Final

import polars as pl

from rating.account_caps import cap_versions, has_account_caps, proved_together
from rating.fees import Cut
from rating.hourly_commitments import SHARING, covered, in_meter_units
from rating.money import QUANTITY
from rating.periods import INSTANT, periods
from rating.pooled_costs import add_pool_of_versions, cost_of_change
from rating.pools import Activity, events, has_pools, pools
from rating.pricing import check_costs, cost_columns
from rating.proration import prorate
from rating.scopes import SCOPE
from rating.situations import price_situations
from rating.sums import sum_by
from rating.windows import window_changes

VERSION: Final = (*SCOPE, "version", "currency")
_SERIES: Final = ("account_id", "service_id", "meter", "dimension_class")


def spans(
    used: pl.DataFrame,
    prices: pl.DataFrame,
    subscriptions: pl.DataFrame,
    until: datetime,
    matching: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Tell which price holds when, for each row of `used` (account_id, service_id, meter) from its `first_slice` on.

    Where prices ask for dimensions, `used` has their dimension_class too, and `matching` is as in `dimensions.py`. A span
    ends where a period, a subscription or a price version begins, and where the clock begins or ends a price; slices are
    cut at each of these, so one lies in one span. Returns what `price_situations` adds, with span, span_start and span_end;
    spans without a price are left out.
    """
    zones = subscriptions.select("account_id", "time_zone").unique()
    first: datetime = used["first_slice"].min() or until  # type: ignore[assignment]
    months = periods(zones["time_zone"], first, until)
    times = pl.concat([prices["effective_from"], prices["effective_to"].drop_nulls()]).unique().cast(INSTANT)
    instants = pl.concat(
        [
            zones.join(months, on="time_zone").select("account_id", slice_start="period_start"),
            subscriptions.select("account_id", slice_start="effective_from"),
            zones.select("account_id").join(times.alias("slice_start").to_frame(), how="cross"),
            window_changes(prices, subscriptions, first, until).rename({"cut_at": "slice_start"}),
        ]
    ).unique()
    situations = used.join(instants, on="account_id").filter(
        (pl.col("slice_start") >= pl.col("first_slice")) & (pl.col("slice_start") < until)
    )
    priced = price_situations(situations.sort("slice_start").drop("first_slice"), prices, subscriptions, matching)
    series = [name for name in _SERIES if name in used.columns]
    following = pl.col("slice_start").shift(-1).over(series, order_by="slice_start")
    ended = priced.with_columns(span_end=following.fill_null(pl.lit(until, INSTANT)))
    return ended.filter(pl.col("price_key").is_not_null()).rename({"slice_start": "span_start"}).with_row_index("span")


def scope_costs(
    spans: pl.DataFrame,
    usage: pl.DataFrame,
    prices: pl.DataFrame,
    subscriptions: pl.DataFrame,
    activity: Activity | None = None,
) -> pl.DataFrame:
    """What each scope costs under each price version: C_v(end) - C_v(start), with the quantity in between.

    A price with an account maximum has one row for all resources, whose resource_id is empty: how the cap is shared among
    them depends on the order of events, their sum does not.

    `usage` (span, resource_id, quantity) is what was used in each span; resource_id is empty where the price
    accumulates over the account; it may have `covered`, which is not the model's. `activity` is what pooled allowances
    are made of.
    """
    pool = pools(activity.slices, prices, subscriptions) if activity and has_pools(prices) else None
    key = [*VERSION, "price_key", "period_end"]
    located = usage.join(spans, on="span").with_columns(pl.col("quantity").cast(QUANTITY))
    if pool is not None and activity is not None:
        located = pl.concat([located, _joining(events(pool, activity.touched), located)])
    began = located.group_by(key).agg(began=pl.col("span_start").min())
    covered_in = pl.col("covered").fill_null(0).cast(QUANTITY) if "covered" in located.columns else pl.lit(0, QUANTITY)
    located = located.with_columns(covered=covered_in).with_columns(pl.col("quantity") - pl.col("covered"))
    runs = sum_by(located, key, "quantity", "covered").join(began, on=key).sort(*SCOPE, "began")
    after = pl.col("quantity").cum_sum().over(SCOPE)
    running = runs.with_columns(quantity_after=after, quantity_before=after - pl.col("quantity"))
    columns = prices.select("price_key", *cost_columns(prices))
    priced = prorate(running.join(columns, on="price_key", maintain_order="left"), prices, subscriptions)
    check_costs(priced, "quantity_after", SCOPE)
    costs = cost_of_change(add_pool_of_versions(priced, pool)).with_columns(pl.col("quantity") + pl.col("covered"))
    return _cap_accounts(costs, prices).select(*VERSION, "quantity", "amount")


def committed_by_span(
    slices: pl.DataFrame, spans: pl.DataFrame, usage: pl.DataFrame, prices: pl.DataFrame, cut: Cut
) -> pl.DataFrame:
    """Add `covered` to usage by span: how much of it lies within commitments by the hour.

    `slices` (span, slice_start, quantity) is what was used in each slice of the `spans` that have such a price. Spans may
    share the commitment of a slice; then the first of them has all that is covered, for they are of one scope.
    """
    named = slices.join(
        spans.select("span", *[name for name in SHARING if name != "slice_start"], "period_end"), on="span"
    )
    shared = named.group_by(*SHARING, "period_end").agg(pl.col("span").min(), pl.col("quantity").cast(QUANTITY).sum())
    within = in_meter_units(shared, prices, cut).with_columns(covered=covered(pl.col("quantity"), pl.col("within")))
    sums = sum_by(within, ["span"], "covered")
    first = usage.group_by("span").agg(pl.col("resource_id").first())
    return usage.join(sums.join(first, on="span"), on=["span", "resource_id"], how="left", maintain_order="left")


def _joining(joined: pl.DataFrame, located: pl.DataFrame) -> pl.DataFrame:
    """Who joins a pool, as use of nothing: a version may give something back without any use of its own."""
    nothing = {"resource_id": pl.lit(""), "quantity": pl.lit(0, QUANTITY), "span_start": pl.col("joined_at")}
    made = joined.with_columns(**nothing)
    return made.select(
        pl.col(name).cast(dtype) if name in made.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in located.schema.items()
    )


def _cap_accounts(costs: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Put the resources of prices with an account maximum together, and cap them."""
    if not has_account_caps(prices):
        return costs
    together = proved_together(prices).filter(accumulate="account").select("plan", "price_id")
    whole = costs.join(together, on=["plan", "price_id"]).with_columns(resource_id=pl.lit(""))
    capped = cap_versions(whole, SCOPE, ("version", "currency"), "began").with_columns(amount="capped")
    others = costs.join(together, on=["plan", "price_id"], how="anti")
    columns = [*VERSION, "quantity", "amount"]
    return pl.concat([others.select(columns), capped.select(columns)])


def disagreements(due: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """The scopes whose charges do not sum to what they must; both frames have `VERSION`, quantity and amount."""
    columns = [*VERSION, "quantity", "amount"]
    both = due.select(columns).join(standing.select(columns), on=VERSION, how="full", coalesce=True, suffix="_charged")
    filled = both.with_columns(pl.col(pl.Decimal).fill_null(0))
    wrong = (pl.col("amount") != pl.col("amount_charged")) | (pl.col("quantity") != pl.col("quantity_charged"))
    return filled.filter(wrong).sort(VERSION)
