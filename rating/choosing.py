"""The choice of a price: which of a plan's prices of a meter holds in a situation (semantics 3).

What belongs here: agreed prices, versions, currencies. What does not: subscriptions and periods (`situations.py`), and
what a price book must not leave in doubt (`pricebook/choice.py`).
"""

from typing import Final

import polars as pl

from rating.agreed import by_agreement

OF_CHOICE: Final = ("price_key", "price_id", "version", "accumulate")
_ASKED: Final = ("plan", "meter", "currency", "slice_start")


def add_price(subscribed: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add the price of the meter in the plan, in the version of the slice (`OF_CHOICE`); or why there is none.

    `subscribed` has account_id, plan, currency, meter and slice_start; its rows keep their order. It is asked once for
    all rows that are alike in what the prices look at.
    """
    asking = _add_questions(subscribed, prices)
    key = [*_ASKED, *(name for name in asking.columns if name not in subscribed.columns)]
    sold = _in_force(_offered(asking.select(key).unique(), prices, key))
    in_currency = sold.filter(pl.col("sold_in") == pl.col("currency")).select(*key, *OF_CHOICE)
    priced = asking.join(in_currency, on=key, how="left", maintain_order="left")
    if priced["price_key"].null_count():
        elsewhere = sold.select(*key, sold_elsewhere=pl.lit(value=True)).unique()
        explained = priced.join(elsewhere, on=key, how="left", maintain_order="left")
        return explained.with_columns(reason=_reason()).drop(key[len(_ASKED) :])
    return priced.with_columns(reason=pl.lit(None, dtype=pl.String)).drop(key[len(_ASKED) :])


def _add_questions(subscribed: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add what the prices look at besides plan, meter, currency and time, where there is a price that does."""
    agreed = prices["account_id"].unique().drop_nulls()
    if not (agreed != "").any():
        return subscribed
    own = pl.col("account_id").is_in(agreed.implode())
    return subscribed.with_columns(agreed_with=pl.when(own).then("account_id").otherwise(pl.lit("")))


def _offered(asked: pl.DataFrame, prices: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The prices of the meter in the plan, in all versions and currencies: the account's own before those of all."""
    versions = by_agreement(prices).select(
        "plan", "meter", "agreed_with", "effective_from", "effective_to", *OF_CHOICE, sold_in="currency"
    )
    of_all = versions.filter(pl.col("agreed_with") == "").drop("agreed_with")
    offered = asked.join(of_all, on=["plan", "meter"])
    if "agreed_with" not in key:
        return offered
    own = versions.filter(pl.col("agreed_with") != "")
    replaced = own.select("agreed_with", "plan", "price_id").unique()
    others = offered.join(replaced, on=["agreed_with", "plan", "price_id"], how="anti")
    return pl.concat([others, asked.join(own, on=["plan", "meter", "agreed_with"]).select(others.columns)])


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
