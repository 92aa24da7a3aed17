"""The most that a price costs an account over all its resources: `account_maximum` (semantics 3).

What belongs here: U, the price's running amount, and what its cap leaves of each amount. What does not: the cap of one
scope (`maximum`, in `pricing/cost.py`), and the share of the period that a cap gets (`proration.py`).

A strand is a price's scope without its resource. U is not kept anywhere: it is the sum of C(Q) over the strand's
resources, and their Q are kept. So a price whose versions change within a period is given from the period's start.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from rating.agreed import OF_PRICE, add_agreed_with, by_agreement
from rating.errors import FrameError
from rating.money import ZERO_AMOUNT
from rating.pricing import check_costs, cost_columns, total_cost_of
from rating.sums import check_magnitude, sum_by

ACCOUNT_MAXIMUM: Final = "account_maximum"
_EVENT: Final = ("slice_start", "service_id", "resource_id", "dimensions")


def has_account_caps(frame: pl.DataFrame) -> bool:
    """Whether one of the prices in a frame has an account maximum: only then there is a column for it."""
    return ACCOUNT_MAXIMUM in frame.columns and frame[ACCOUNT_MAXIMUM].null_count() < frame.height


def proved_together(prices: pl.DataFrame) -> pl.DataFrame:
    """Whose charges sum to what can be proved (plan, price_id, accumulate): under a cap of the account, all resources'."""
    accumulation = prices.select("plan", "price_id", "accumulate").unique()
    if not has_account_caps(prices):
        return accumulation
    capped = prices.filter(pl.col(ACCOUNT_MAXIMUM).is_not_null()).select("plan", "price_id").unique()
    others = accumulation.join(capped, on=["plan", "price_id"], how="anti")
    return pl.concat([others, capped.with_columns(accumulate=pl.lit("account"))])


def version_changes(prices: pl.DataFrame) -> pl.DataFrame:
    """When a price with an account maximum changes its version: plan, price_id, agreed_with, currency, meter, changed_at."""
    key = [*OF_PRICE, "currency"]
    told_apart = by_agreement(prices)
    if not has_account_caps(prices):
        return told_apart.select(*key, "meter", changed_at="effective_from").clear()
    capped = told_apart.filter(pl.col(ACCOUNT_MAXIMUM).is_not_null()).select(key).unique()
    versions = told_apart.join(capped, on=key).select(*key, "meter", changed_at="effective_from")
    return versions.filter(pl.col("changed_at") > pl.col("changed_at").min().over(key))


def add_spent(costed: pl.DataFrame, bases: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add `spent`, what U was where each strand begins, to situations with the columns of their price.

    `bases` (strand, base) is where the quantity of each resource of a strand stood then.
    """
    if not has_account_caps(costed):
        return costed
    of_strand = ("account_id", "subscription_id", "plan", "price_id", "currency", "meter", "period_start", "period_end")
    terms = costed.sort("slice_start").unique("strand", keep="first", maintain_order=True)
    known = bases.filter(pl.col("base") > 0).join(
        terms.select("strand", *of_strand, *cost_columns(prices)), on="strand"
    )
    _check_one_version(known, prices)
    check_costs(known, "base", of_strand)
    costs = known.select("strand", spent=total_cost_of(known, pl.col("base")))
    spent = costed.join(sum_by(costs, ["strand"], "spent"), on="strand", how="left", maintain_order="left")
    return spent.with_columns(pl.col("spent").fill_null(ZERO_AMOUNT))


def _check_one_version(known: pl.DataFrame, prices: pl.DataFrame) -> None:
    """Which version priced what is behind a strand can only be told where the period has one."""
    capped = known.filter(pl.col(ACCOUNT_MAXIMUM).is_not_null())
    changed = add_agreed_with(capped, prices).join(version_changes(prices), on=[*OF_PRICE, "currency"])
    inside = (pl.col("changed_at") > pl.col("period_start")) & (pl.col("changed_at") < pl.col("period_end"))
    for row in changed.filter(inside).head(1).iter_rows(named=True):
        named = f"account {row['account_id']!r}, price {row['price_id']!r}, period from {row['period_start']}"
        message = f"{named}: a price with an account maximum changes within it; give all its slices, and no totals"
        raise FrameError(message)


def under_caps(groups: pl.DataFrame) -> pl.Series:
    """Which situations lie in a strand in which some version has an account maximum."""
    strands = groups.filter(pl.col(ACCOUNT_MAXIMUM).is_not_null())["strand"].unique()
    return groups["strand"].is_in(strands.implode())


def cap_slices(rows: pl.DataFrame) -> pl.DataFrame:
    """Cap the amounts of rows (strand, account_maximum, spent and what orders events): min(U after, m) - min(U before, m).

    U runs over all resources in the order of events. Strands that stay below their cap all the way are left as they are.
    """
    check_magnitude(rows, "amount")
    most = pl.col("spent").first() + pl.col("amount").clip(lower_bound=0).sum()
    reached = rows.group_by("strand").agg(reached=most > pl.col(ACCOUNT_MAXIMUM).min()).filter("reached")
    touched = rows["strand"].is_in(reached["strand"].implode())
    ordered = rows.filter(touched).sort("strand", *_EVENT)
    return pl.concat([rows.filter(~touched), ordered.with_columns(amount=_capped(["strand"], pl.col("spent")))])


def cap_versions(rows: pl.DataFrame, strand: Sequence[str], version: Sequence[str], began: str) -> pl.DataFrame:
    """Sum quantity and amount of each version of each strand, and add `capped`: what the cap leaves of the amount.

    U runs over the versions in the order in which they began.
    """
    keys = [*strand, *version]
    terms = rows.group_by(keys).agg(pl.col(began).min(), pl.col(ACCOUNT_MAXIMUM).first())
    ordered = sum_by(rows, keys, "quantity", "amount").join(terms, on=keys).sort(*strand, began)
    return ordered.with_columns(capped=_capped(strand, ZERO_AMOUNT))


def _capped(strand: Sequence[str], spent: pl.Expr) -> pl.Expr:
    """What a cap leaves of each amount, over rows in their order; no cap is null, which a minimum passes over."""
    after = spent + pl.col("amount").cum_sum().over(strand)
    cap = pl.col(ACCOUNT_MAXIMUM)
    return pl.min_horizontal(after, cap) - pl.min_horizontal(after - pl.col("amount"), cap)
