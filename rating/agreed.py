"""Prices agreed with one account: whose rows of a price hold for whom (semantics 3).

What belongs here: telling rows of prices apart by account. What does not: which of several prices of a meter holds
(`choosing.py`), and what a price book says of accounts (`pricebook/succession.py`).
"""

from typing import Final

import polars as pl

# A price of a plan is many rows: these and its version and currency name one.
OF_PRICE: Final = ("plan", "price_id", "agreed_with")


def add_agreed_with(frame: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add `agreed_with`, by which a row's (plan, price_id) is found in `by_agreement`.

    It is the row's account_id where that account ever agreed on the price, else empty. The rows keep their order.
    """
    agreed = _agreed(prices)
    if agreed.is_empty():
        return frame.with_columns(agreed_with=pl.lit(""))
    joined = frame.join(agreed, on=["account_id", "plan", "price_id"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("agreed_with").fill_null(""))


def by_agreement(prices: pl.DataFrame) -> pl.DataFrame:
    """The prices with their account as `agreed_with`, so that they join frames that have accounts."""
    return prices.rename({"account_id": "agreed_with"})


def _agreed(prices: pl.DataFrame) -> pl.DataFrame:
    own = prices.filter(pl.col("account_id") != "")
    return own.select("account_id", "plan", "price_id", agreed_with="account_id").unique()


def own_terms(held: pl.DataFrame, terms: pl.DataFrame) -> pl.DataFrame:
    """Leave to each account what it agreed on, and of what it never agreed on what holds for all.

    `held` has account_id, plan, price_id and agreed_with; `terms` are all there are, with agreed_with.
    """
    agreed = terms.filter(pl.col("agreed_with") != "").select("plan", "price_id", account_id="agreed_with").unique()
    general = held.filter(pl.col("agreed_with") == "").join(agreed, on=["account_id", "plan", "price_id"], how="anti")
    return pl.concat([general, held.filter(pl.col("agreed_with") == pl.col("account_id"))])
