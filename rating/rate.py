"""Rating: from increments of usage and prices to what should stand as charges (semantics 3).

What belongs here: the order of the work. What does not: which price holds (`situations.py`), running
quantities (`scopes.py`), what a quantity costs (`pricing/`), and what is appended (`difference.py`).

Rating works on two levels. A situation (account, service, slice, meter) is a run of neighbours in the order of
events; C is worked out at its two ends. Where C is a straight line between them, every row in it costs its
quantity x the slope, whatever the order. Only the rows of the few situations in which a tier, an allowance, a
fee or a cap is passed are sorted and run through one by one. Both ways are exact, so both give the same.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.account_caps import cap_slices, has_account_caps, under_caps
from rating.clusters import Clusters, cluster
from rating.dimensions import classify
from rating.fees import Cut
from rating.hourly_commitments import cuts_of, take_committed
from rating.money import multiply_exact
from rating.pooled_costs import add_given_back, give_back, is_event, situations_with_pools
from rating.pools import Activity
from rating.pricing import check_costs, total_cost_of
from rating.schemas import DUE, TOTALS, UNPRICED, check_rated, check_rating_input, no_rows
from rating.scopes import SCOPE, number_strands, run_scopes
from rating.situations import SITUATION, price_situations

_OF_ROW: Final = ("resource_id", "dimensions", "quantity", "counted")


@dataclass(frozen=True)
class Rated:
    """What should stand for the slices given, the new state of their scopes, and what has no price."""

    due: pl.DataFrame
    totals: pl.DataFrame
    unpriced: pl.DataFrame


def rate(
    usage: pl.DataFrame,
    prices: pl.DataFrame,
    subscriptions: pl.DataFrame,
    totals: pl.DataFrame,
    activity: Activity | None = None,
    cut: Cut | None = None,
) -> Rated:
    """Rate increments of usage; `totals` is where their scopes stood.

    For each touched account and meter the usage holds all slices from the first touched one on; `counted` is
    the part of each quantity that `totals` includes. Where a subscription or a price book changed, it holds all
    slices from the period's start, with `counted` 0, and `totals` holds none of that period: proration reaches
    back (semantics 3). The same holds for a price with `account_maximum` whenever its version changes within the period.

    `cut` tells where slices are cut within a time (`rating.periods.cuts`): commitments by the hour ask for it. Without it
    they are cut where prices and subscriptions change. `activity` is what pooled allowances are made of; without it usage
    shows it, which must then hold whole periods.
    """
    check_rating_input(usage, prices, subscriptions, totals)
    found = _situations(usage, prices, subscriptions)
    clusters, committed = take_committed(found, prices, cut or cuts_of(prices, subscriptions))
    pool, groups = situations_with_pools(clusters.groups, usage, activity, prices, subscriptions, totals)
    priced = number_strands(groups)
    parts = [part for part in (_of_account(priced, clusters), _of_resources(priced, clusters)) if part.groups.height]
    run = [(part, *run_scopes(part.groups, prices, subscriptions, totals, pool)) for part in parts]
    rated = Rated(
        due=pl.concat(
            [no_rows(DUE), committed, *(_charge_part(Clusters(groups, part.rows)) for part, groups, _ in run)]
        ),
        totals=pl.concat([no_rows(TOTALS), *(state for _, _, state in run)]),
        unpriced=_unpriced(priced, clusters),
    )
    check_rated(rated.due, rated.totals)
    return rated


def _situations(usage: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame) -> Clusters:
    """The situations with what holds in them, and their rows.

    Where prices ask for dimensions, rows of one situation may have several prices: those of each are one.
    """
    classes = classify(usage, prices)
    if classes is None:
        clusters = cluster(usage, SITUATION, _OF_ROW)
        return Clusters(price_situations(clusters.groups, prices, subscriptions), clusters.rows)
    fine = cluster(classes.mark(usage), (*SITUATION, "dimension_class"), _OF_ROW)
    priced = price_situations(fine.groups, prices, subscriptions, classes.matching)
    return Clusters(priced.drop("dimension_class"), fine.rows).unite((*SITUATION, "price_key", "reason"))


def _of_account(priced: pl.DataFrame, clusters: Clusters) -> Clusters:
    """The situations whose price accumulates over the account: as they are."""
    chosen = priced["accumulate"].eq_missing("account")
    groups = priced.with_columns(resource_id=pl.lit(""))
    return Clusters(groups, clusters.rows) if chosen.all() else Clusters(groups, clusters.rows).choose(chosen)


def _of_resources(priced: pl.DataFrame, clusters: Clusters) -> Clusters:
    """The situations whose price accumulates by resource: one for each resource in them."""
    coarse = Clusters(priced, clusters.rows).choose(priced["accumulate"].eq_missing("resource"))
    renamed = coarse.rows.rename({"situation": "within"})
    fine = cluster(renamed, ("within", "resource_id"), ("dimensions", "quantity", "counted"))
    known = coarse.groups.drop("situation", "quantity", "counted", "least")
    groups = pl.concat([fine.groups.drop("within"), known[fine.groups["within"]]], how="horizontal")
    rows = fine.rows.with_columns(groups["resource_id"].gather(fine.rows["situation"]))
    return Clusters(groups, rows)


def _unpriced(priced: pl.DataFrame, clusters: Clusters) -> pl.DataFrame:
    """Usage that no price matches, with the reason: it is kept, not priced zero (design 5, rule 2)."""
    missing = Clusters(priced, clusters.rows).choose(priced["reason"].is_not_null())
    return missing.spread(*SITUATION, "reason").select(*UNPRICED)


def _charge_part(run: Clusters) -> pl.DataFrame:
    """What each row costs, less what a cap over all resources of an account takes off, or who joins a pool gives back."""
    joining = is_event(run.groups)
    if joining is not None and joining.any():
        # Events have no rows, and stand after all situations that have: those keep their numbers.
        used = Clusters(run.groups.filter(~joining), run.rows)
        return add_given_back(_charge(used), give_back(run.groups.filter(joining)))
    if not has_account_caps(run.groups):
        return _charge(run)
    capped = under_caps(run.groups)
    costs = _charge(run.choose(capped), "strand", "account_maximum", "spent")
    return pl.concat([_charge(run.choose(~capped)), cap_slices(costs).select(*DUE)])


def _charge(run: Clusters, *also: str) -> pl.DataFrame:
    """What each row costs: quantity x slope, or by the order of events where C is bent; `also` are kept of its group."""
    straight = run.groups["slope"].is_not_null()
    if straight.all():
        return _charge_straight(run, *also)
    return pl.concat([_charge_straight(run.choose(straight), *also), _charge_bent(run.choose(~straight), *also)])


def _charge_straight(run: Clusters, *also: str) -> pl.DataFrame:
    """C is a straight line from the first to the last row of these situations."""
    spread = run.spread(*_SITUATION_DUE, "slope", *also)
    amount = multiply_exact(pl.col("quantity"), pl.col("slope"))
    return spread.select(*_due(amount), *also)


def _charge_bent(run: Clusters, *also: str) -> pl.DataFrame:
    """Something is passed in these situations: run through their rows in the order of events."""
    columns = [name for name in run.groups.columns if name not in ("resource_id", "quantity", "counted")]
    rows = run.spread(*columns).sort("situation", "resource_id", "dimensions")
    # One running sum over all rows, less what it was where the situation began: a sum in `over` is slow.
    summed = rows.with_columns(running=pl.col("quantity").cum_sum())
    earlier = (pl.col("running") - pl.col("quantity")).first().over("situation")
    after = summed.with_columns(quantity_after=pl.col("quantity_before") + pl.col("running") - earlier)
    check_costs(after, "quantity_after", SCOPE)
    before = pl.col("quantity_after") - pl.col("quantity")
    costs = after.with_columns(
        cost_after=total_cost_of(after, pl.col("quantity_after")), cost_before=total_cost_of(after, before)
    )
    return costs.select(*_due(pl.col("cost_after") - pl.col("cost_before")), *also)


_SITUATION_DUE: Final = tuple(
    name for name in DUE if name not in ("resource_id", "dimensions", "quantity", "amount", "kind")
)


def _due(amount: pl.Expr) -> list[pl.Expr]:
    """The columns of what is due."""
    made = {"kind": pl.lit("usage"), "amount": amount}
    return [made.get(name, pl.col(name)).alias(name) for name in DUE]
