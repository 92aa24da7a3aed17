"""One price, many quantities: the total cost function for those who have a price and no frame of prices.

What belongs here: `total_cost`. What does not: the columns of prices and the arithmetic on them.
"""

import polars as pl

from rating.money import AMOUNT, QUANTITY
from rating.pricebook import Price
from rating.pricebook.fields import BOOK_CURRENCY
from rating.pricing.bounds import check_costs
from rating.pricing.columns import COMMITMENT_SCHEMA, MODEL, tier_schema, tier_values
from rating.pricing.compiling import commitment_columns, tier_rows
from rating.pricing.cost import total_cost_of
from rating.pricing.models import MODELS


def total_cost(price: Price, quantities: pl.Series, currency: str | None = None) -> pl.Series:
    """C(Q), exactly, of one price for many running quantities; `currency` where the price has several.

    It is the cost of one scope, so `account_maximum`, which is over several, plays no part; nor does a pool, which grows
    with what is used beside it, or what is left of a commitment, which is due at the end of the period,
    or a commitment by the hour, above which the price is.
    Quantities are in the unit of the price; how those of a meter become them is said by the price book, not by a price.
    The quantities of a `dynamic` price are amounts of money: what the records carried so far.
    """
    steps = MODELS[price.model].steps(price)
    chosen = currency if currency is not None else next(iter(steps[0].unit_price), BOOK_CURRENCY)
    columns: dict[str, object] = {
        "model": price.model,
        "included": price.included,
        "maximum": (price.maximum or {}).get(chosen),
        **commitment_columns(price, dict, chosen),
        **tier_values(tier_rows(steps, chosen)),
    }
    committed = COMMITMENT_SCHEMA if price.commit and price.commit.per == "period" else {}
    schema = {"model": MODEL, "included": QUANTITY, "maximum": AMOUNT, **committed, **tier_schema(len(steps))}
    frame = quantities.cast(QUANTITY).alias("quantity").to_frame()
    priced = frame.with_columns(pl.lit(columns[name], dtype=kind).alias(name) for name, kind in schema.items())
    check_costs(priced.with_columns(price=pl.lit(price.id)), "quantity", ("price",))
    return priced.select(total_cost_of(priced, pl.col("quantity")).alias("cost")).to_series()
