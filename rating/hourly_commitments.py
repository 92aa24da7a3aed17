"""Commitments by the hour: a quantity that is paid in every slice, used or not (semantics 3).

What belongs here: the commitment of a slice, the charges that are due of it, and which use lies within it. What does not:
commitments of a period (`true_ups.py`, `pricing/commitments.py`), and what use above it costs (`rate.py`).

The commitment of a slice is its share of an hour, half-even at the ninth decimal. It is charged by time alone, like a fee,
so late use never moves it. Use within it costs nothing more; the model counts what is above it.
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.agreed import by_agreement, own_terms
from rating.clusters import Clusters
from rating.fees import Cut, stretches
from rating.money import AMOUNT_LIMIT, ZERO_AMOUNT, ZERO_QUANTITY, divide_quantity_half_even, multiply_exact
from rating.periods import INSTANT, cuts, instant
from rating.pricing.units import fit_period
from rating.schemas import DUE, check_bound, no_rows
from rating.windows import holding, is_timed, window_changes

HOURLY_COMMITMENT: Final = "hourly_commitment"
# Use within a commitment by the hour.
COMMITTED: Final = "committed"
_HOUR: Final = timedelta(hours=1)
_SECONDS_OF_HOUR: Final = 3600
# Who shares the commitment of a slice: the resources of one subscription.
SHARING: Final = ("account_id", "subscription_id", "price_key", "period_start", "slice_start")
_EVENT: Final = ("service_id", "resource_id", "dimensions")


def hourly_commitments(prices: pl.DataFrame) -> pl.DataFrame:
    """The prices with a commitment by the hour; a frame without its columns has none."""
    return prices.filter(pl.col("hourly_committed") > 0) if "hourly_committed" in prices.columns else prices.clear()


def commitments_due(
    prices: pl.DataFrame, subscriptions: pl.DataFrame, cut: Cut, touched: pl.DataFrame, until: datetime
) -> pl.DataFrame:
    """The charges (`DUE`) of commitments by the hour that should stand before `until`: one for each slice.

    `touched` (account_id, meter, first_slice) says from which slice on; others are as for `rating.fees.fees_due`. The
    quantity is the slice's commitment, in the unit of the price.

    Raises:
        OutOfBoundsError: an amount is too large to be added up.
    """
    offered = hourly_commitments(prices)
    own = touched.join(offered.select("meter").unique(), on="meter", how="semi")
    if own.is_empty():
        return no_rows(DUE)
    accounts = own.group_by("account_id").agg(pl.col("first_slice").min())
    held = own_terms(stretches(by_agreement(offered), subscriptions, accounts, until), by_agreement(prices))
    begun = held.drop("first_slice").join(own, on=["account_id", "meter"])
    spans = begun.with_columns(
        start=pl.max_horizontal("start", "first_slice"), end=pl.min_horizontal("end", pl.lit(until, INSTANT))
    ).filter(pl.col("start") < pl.col("end"))
    slices = _slices(spans, cut)
    slices = holding(slices) if is_timed(offered) else slices
    quantity = _share()
    made = {
        "resource_id": pl.lit(""),
        "dimensions": pl.lit("{}"),
        "kind": pl.lit(HOURLY_COMMITMENT),
        "quantity": quantity,
        "amount": multiply_exact(quantity, pl.col("hourly_price")),
    }
    due = slices.select(made.get(name, pl.col(name)).alias(name) for name in DUE)
    check_bound(due, "amount", AMOUNT_LIMIT, ("account_id", "plan", "price_id", "slice_start"))
    return due


def _slices(spans: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Cut each row's time from `start` to `end` into slices: slice_start and seconds."""
    if spans.is_empty():
        return spans.with_columns(slice_start="start", seconds=pl.lit(0, pl.Int64))
    known = cut(instant(spans["start"], "min").replace(minute=0), instant(spans["end"], "max"))
    numbered = spans.with_row_index("span")
    bounds = numbered.select("span", "account_id", "start", "end")
    hours = pl.datetime_ranges(pl.col("start").dt.truncate("1h"), "end", "1h", closed="left")
    by_hour = bounds.with_columns(slice_start=hours).explode("slice_start")
    off_hour = bounds.join(known.select("account_id", slice_start="cut_at"), on="account_id").filter(
        (pl.col("slice_start") > pl.col("start")) & (pl.col("slice_start") < pl.col("end"))
    )
    begun = by_hour.with_columns(slice_start=pl.max_horizontal("slice_start", "start"))
    every = pl.concat([begun, off_hour.select(begun.columns)]).unique(["span", "slice_start"])
    ordered = every.sort("span", "slice_start")
    following = pl.col("slice_start").shift(-1).over("span").fill_null(pl.col("end"))
    pieces = ordered.select("span", "slice_start", seconds=(following - pl.col("slice_start")).dt.total_seconds())
    return pieces.join(numbered, on="span").drop("span")


def _share() -> pl.Expr:
    """The commitment of slices of so many `seconds`, in the unit of the price."""
    return divide_quantity_half_even(pl.col("hourly_committed") * pl.col("seconds"), pl.lit(_SECONDS_OF_HOUR))


def in_meter_units(slices: pl.DataFrame, prices: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Add `within`, the commitment of each slice in the unit of the meter, half-even at the ninth decimal.

    The frame has account_id, slice_start, price_key, period_start and period_end; its rows keep their order.
    """
    units = [name for name in ("unit_factor", "unit_divisor", "unit_of_period") if name in prices.columns]
    known = prices.select("price_key", "hourly_committed", *units)
    seconds = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds()
    priced = fit_period(_with_seconds(slices, cut).join(known, on="price_key", maintain_order="left"), seconds)
    share = _share()
    within = divide_quantity_half_even(share * pl.col("unit_divisor"), pl.col("unit_factor")) if units else share
    return priced.with_columns(within=within).drop("hourly_committed", "seconds", *units)


def _with_seconds(slices: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Add how long each slice is: to the next cut of its account in the hour, or to the hour's end."""
    if slices.is_empty():
        return slices.with_columns(seconds=pl.lit(0, pl.Int64))
    first, last = (instant(slices["slice_start"], at) for at in ("min", "max"))
    known = cut(first, last + _HOUR).sort("cut_at")
    numbered = slices.with_row_index("slice")
    found = numbered.sort("slice_start").join_asof(
        known, left_on="slice_start", right_on="cut_at", by="account_id", strategy="forward",
        allow_exact_matches=False, check_sortedness=False,
    )  # fmt: skip
    end = pl.min_horizontal(pl.col("slice_start").dt.truncate("1h") + _HOUR, "cut_at")
    timed = found.with_columns(seconds=(end - pl.col("slice_start")).dt.total_seconds())
    return timed.sort("slice").drop("slice", "cut_at")


def cuts_of(prices: pl.DataFrame, subscriptions: pl.DataFrame) -> Cut:
    """Where slices are cut, as far as prices and subscriptions tell."""
    times = pl.concat([prices["effective_from"], prices["effective_to"].drop_nulls()]).unique().to_list()

    def cut(start: datetime, end: datetime) -> pl.DataFrame:
        return cuts(subscriptions, times, start, end, window_changes(prices, subscriptions, start, end))

    return cut


def take_committed(clusters: Clusters, prices: pl.DataFrame, cut: Cut) -> tuple[Clusters, pl.DataFrame]:
    """Take use within commitments by the hour out of the rows of priced situations; also as charges (`DUE`) of nothing.

    The resources of an account share the commitment of a slice in the order of events. `counted` is what the same rule made
    of the quantities that were known before.
    """
    keys = hourly_commitments(prices)["price_key"]
    if keys.is_empty():
        return clusters, no_rows(DUE)
    chosen = clusters.groups["price_key"].is_in(keys.implode()).fill_null(value=False)
    if not chosen.any():
        return clusters, no_rows(DUE)
    groups = _with_commitment(clusters.groups.filter(chosen), prices, cut)
    rows = clusters.rows.with_row_index("row")
    order = groups.select("situation", "shared", "within", "service_id")
    within = rows.join(order, on="situation").sort("shared", *_EVENT)
    counted = [(name, f"{name}_within") for name in ("quantity", "counted")]
    taken = within.with_columns(_within(name).alias(part) for name, part in counted)
    left = rows.join(taken.select("row", *(part for _, part in counted)), on="row", how="left", maintain_order="left")
    above = left.with_columns(pl.col(name) - pl.col(part).fill_null(ZERO_QUANTITY) for name, part in counted)
    return (
        Clusters(_sums_again(clusters.groups, above), above.select(clusters.rows.columns)),
        _free(taken.filter(pl.col("quantity_within") != 0), groups),
    )


def _with_commitment(groups: pl.DataFrame, prices: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Add the number of the commitment that each situation shares, and its quantity in the unit of the meter."""
    slices = groups.select(*SHARING, "period_end").unique(SHARING).with_row_index("shared")
    return groups.join(in_meter_units(slices, prices, cut).drop("period_end"), on=SHARING, maintain_order="left")


def _within(name: str) -> pl.Expr:
    """How much of each row lies within the commitment that it shares with the rows before it."""
    after = pl.col(name).cum_sum().over("shared")
    return covered(after, pl.col("within")) - covered(after - pl.col(name), pl.col("within"))


def covered(quantity: pl.Expr, within: pl.Expr) -> pl.Expr:
    """How much of a quantity a commitment covers."""
    return pl.min_horizontal(pl.max_horizontal(quantity, ZERO_QUANTITY), within)


def _sums_again(groups: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    sums = rows.group_by("situation").agg(pl.col("quantity", "counted").sum(), least=pl.col("quantity").min())
    joined = groups.drop("quantity", "counted", "least").join(sums, on="situation", how="left", maintain_order="left")
    return joined.select(groups.columns)


def _free(rows: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Use within commitments as charges: it has its quantity, and costs nothing beside the commitment."""
    named = [name for name in DUE if name in groups.columns and name not in ("quantity", "resource_id", "dimensions")]
    known = rows.drop("quantity", "service_id").join(groups.select("situation", *named), on="situation")
    made = {"kind": pl.lit(COMMITTED), "quantity": pl.col("quantity_within"), "amount": ZERO_AMOUNT}
    return known.select(made.get(name, pl.col(name)).alias(name) for name in DUE)
