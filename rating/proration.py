"""What of a price's `included`, its commitment and its caps a scope gets (semantics 3).

What belongs here: the time that a price was in force for a subscription, and the share that follows. What
does not: tier bounds and fees, which are never prorated.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from rating.agreed import OF_PRICE, add_agreed_with, by_agreement
from rating.money import divide_amount_half_even, divide_quantity_half_even
from rating.pricing.commitments import has_commitments
from rating.pricing.units import fit_period

SHARE_SCOPE: Final = ("account_id", "subscription_id", "plan", "price_id", "currency", "period_start", "period_end")


def prorate(scoped: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Replace `included`, `committed` and the caps by the share of the period in which (plan, price id) was in force.

    The frame has `SHARE_SCOPE`, `included` and `maximum`; its rows keep their order. Seconds over seconds,
    half-open; rounded once, half-even at the ninth decimal for quantities, the eighteenth for amounts. All
    versions of a price id count as one time in force; each version's own numbers are multiplied by it. Units of a month
    get the length of the period.
    """
    scoped = fit_period(scoped, _seconds(pl.col("period_end") - pl.col("period_start")))
    caps = [name for name in ("maximum", "account_maximum") if name in scoped.columns]
    quantities = ["included", *(["committed"] if has_commitments(scoped) else [])]
    concerned = pl.any_horizontal(*(pl.col(name) != 0 for name in quantities), pl.col(caps).is_not_null())
    scopes = scoped.filter(concerned).select(SHARE_SCOPE).unique()
    if scopes.is_empty():
        return scoped
    shares = seconds_in_force(scopes, prices, subscriptions)
    shared = scoped.join(shares, on=SHARE_SCOPE, how="left", maintain_order="left")
    part = pl.col("seconds_in_force").fill_null(0)
    whole = _seconds(pl.col("period_end") - pl.col("period_start"))
    return shared.with_columns(
        **{name: divide_quantity_half_even(pl.col(name) * part, whole) for name in quantities},
        **{name: divide_amount_half_even(pl.col(name) * part, whole) for name in caps},
    ).drop("seconds_in_force")


def seconds_in_force(
    scopes: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame, since: str = "period_start"
) -> pl.DataFrame:
    """How many seconds of its period, from `since` on, each scope's (plan, price id) was in force for its subscription."""
    key = list(dict.fromkeys([*SHARE_SCOPE, since]))
    sold = by_agreement(prices).select(*OF_PRICE, "currency", sold_from="effective_from", sold_to="effective_to")
    subscribed = subscription_spans(subscriptions).drop("service_id")
    held = add_agreed_with(scopes.select(key).unique(), prices).join(
        subscribed, on=["account_id", "subscription_id", "plan"]
    )
    overlaps = held.join(sold, on=[*OF_PRICE, "currency"])
    start = pl.max_horizontal("period_start", since, "subscribed_from", "sold_from")
    # A horizontal minimum passes over nulls: an end of null is still open.
    end = pl.min_horizontal("period_end", "subscribed_to", "sold_to")
    together = pl.max_horizontal(_seconds(end - start), 0)
    return overlaps.group_by(key).agg(seconds_in_force=together.sum())


def subscription_spans(subscriptions: pl.DataFrame) -> pl.DataFrame:
    """From when to when each row of the subscriptions holds: until the next of the account and service."""
    timeline: Sequence[str] = ("account_id", "service_id")
    following = pl.col("effective_from").shift(-1).over(timeline)
    return (
        subscriptions.sort(*timeline, "effective_from", "subscription_id")
        .select(*timeline, "subscription_id", "plan", subscribed_from=pl.col("effective_from"), subscribed_to=following)
        .filter(pl.col("plan").is_not_null())
    )


def _seconds(duration: pl.Expr) -> pl.Expr:
    return duration.dt.total_seconds()
