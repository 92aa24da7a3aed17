"""The choice of a price: which of a plan's prices of a meter holds in a situation (semantics 3).

What belongs here: agreed prices, versions, dimensions, hours, currencies. What does not: subscriptions and periods
(`situations.py`), and what a price book must not leave in doubt (`pricebook/choice.py`).

A price that is agreed with the account replaces the plan's of its id. Of those that fit, the one with most keys in
`where` holds, and of two with as many, the one with `when`. Then only its currencies count: a price without the
account's currency leaves the use unpriced, it does not give way to another.
"""

from typing import Final

import polars as pl

from rating.agreed import by_agreement
from rating.dimensions import NO_WHERE
from rating.windows import holding, is_timed

OF_CHOICE: Final = ("price_key", "price_id", "version", "accumulate")
_ASKED: Final = ("plan", "meter", "currency", "slice_start")
# What prices may look at besides; there only where one does.
_ASKED_TOO: Final = ("agreed_with", "dimension_class", "time_zone")


def add_price(subscribed: pl.DataFrame, prices: pl.DataFrame, matching: pl.DataFrame | None) -> pl.DataFrame:
    """Add the price of the meter in the plan, in the version of the slice (`OF_CHOICE`); or why there is none.

    `subscribed` has account_id, plan, currency, meter and slice_start; where a price asks for dimensions it has
    dimension_class too, and `matching` says which `where` fits which (`dimensions.py`); where one holds at some hours, it
    has time_zone. Its rows keep their order. It is asked once for all rows that are alike in what prices look at.
    """
    asking = _add_agreed_with(subscribed, prices)
    key = [*_ASKED, *(name for name in _ASKED_TOO if name in asking.columns)]
    sold = _in_force(_offered(asking.select(key).unique(), prices, key))
    chosen = _chosen(sold, key, matching) if matching is not None or is_timed(prices) else sold
    in_currency = chosen.filter(pl.col("sold_in") == pl.col("currency")).select(*key, *OF_CHOICE)
    priced = asking.join(in_currency, on=key, how="left", maintain_order="left")
    if priced["price_key"].null_count():
        elsewhere = chosen.select(*key, sold_elsewhere=pl.lit(value=True)).unique()
        explained = priced.join(elsewhere, on=key, how="left", maintain_order="left")
        return explained.with_columns(reason=_reason()).drop("agreed_with", "sold_elsewhere", strict=False)
    return priced.with_columns(reason=pl.lit(None, dtype=pl.String)).drop("agreed_with", strict=False)


def _add_agreed_with(subscribed: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add the account to the rows of those that have agreed prices, if there are any."""
    agreed = prices["account_id"].unique()
    if not (agreed != "").any():
        return subscribed
    own = pl.col("account_id").is_in(agreed.implode())
    return subscribed.with_columns(agreed_with=pl.when(own).then("account_id").otherwise(pl.lit("")))


def _offered(asked: pl.DataFrame, prices: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The prices of the meter in the plan, in all versions and currencies: the account's own before those of all."""
    versions = by_agreement(prices).select("plan", "meter", "agreed_with", *_OF_OFFER, *OF_CHOICE, sold_in="currency")
    of_all = versions.filter(pl.col("agreed_with") == "").drop("agreed_with")
    offered = asked.join(of_all, on=["plan", "meter"])
    if "agreed_with" not in key:
        return offered
    own = versions.filter(pl.col("agreed_with") != "")
    replaced = own.select("agreed_with", "plan", "price_id").unique()
    others = offered.join(replaced, on=["agreed_with", "plan", "price_id"], how="anti")
    return pl.concat([others, asked.join(own, on=["plan", "meter", "agreed_with"]).select(others.columns)])


_OF_OFFER: Final = ("effective_from", "effective_to", "where", "where_keys", "when_zone", "when_quarters")


def _chosen(sold: pl.DataFrame, key: list[str], matching: pl.DataFrame | None) -> pl.DataFrame:
    """Of the prices that fit, the one with most dimensions, and of two with as many, the one that holds at some hours."""
    fitting = sold.filter(pl.col("where") == NO_WHERE)
    if matching is not None:
        by_dimensions = sold.join(matching, on=["dimension_class", "where"], how="semi")
        fitting = pl.concat([fitting, by_dimensions])
    if "time_zone" in key:
        fitting = holding(fitting)
    rank = pl.col("where_keys") * 2 + pl.col("when_quarters").is_not_null().cast(pl.UInt32)
    return fitting.filter(rank == rank.max().over(key))


def _in_force(offered: pl.DataFrame) -> pl.DataFrame:
    """Those that hold at the slice's start."""
    begun = pl.col("effective_from") <= pl.col("slice_start")
    return offered.filter(begun & (pl.col("effective_to").is_null() | (pl.col("effective_to") > pl.col("slice_start"))))


def _reason() -> pl.Expr:
    """Why a situation has no price: no plan, a plan that sells the meter in other currencies, or neither."""
    return (
        pl.when(pl.col("price_key").is_not_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(pl.col("plan").is_null())
        .then(pl.lit("no_subscription"))
        .when(pl.col("sold_elsewhere"))
        .then(pl.lit("no_currency"))
        .otherwise(pl.lit("no_price"))
    )
