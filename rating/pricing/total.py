"""One price, many quantities: the total cost function for those who have a price and no frame of prices.

What belongs here: `total_cost`. What does not: the columns of prices and the arithmetic on them.
"""

import polars as pl

from rating.money import AMOUNT, QUANTITY
from rating.pricebook import Price
from rating.pricebook.fields import BOOK_CURRENCY
from rating.pricing.bounds import check_costs
from rating.pricing.columns import MODELS, tier_rows, tier_schema, tier_values
from rating.pricing.cost import capped, model_cost


def total_cost(price: Price, quantities: pl.Series, currency: str | None = None) -> pl.Series:
    """C(Q), exactly, of one price for many running quantities; `currency` where the price has several."""
    tiers = MODELS[price.model](price)
    chosen = currency if currency is not None else next(iter(tiers[0].unit_price), BOOK_CURRENCY)
    rows = tier_rows(tiers, lambda money: money.get(chosen))
    columns = {"included": price.included, "maximum": (price.maximum or {}).get(chosen), **tier_values(rows)}
    schema = {"included": QUANTITY, "maximum": AMOUNT, **tier_schema(len(tiers))}
    frame = quantities.cast(QUANTITY).alias("quantity").to_frame()
    priced = frame.with_columns(pl.lit(columns[name], dtype=kind).alias(name) for name, kind in schema.items())
    check_costs(priced.with_columns(price=pl.lit(price.id)), "quantity", ("price",))
    return priced.select(capped(model_cost(pl.col("quantity"), len(tiers))).alias("cost")).to_series()
