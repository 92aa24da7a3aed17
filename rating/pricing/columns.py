"""Prices as columns: the schema of compiled prices, and the names of the columns of their tiers.

What belongs here: names and types. What does not: how a price book fills them (`compiling.py`), and what the
models make of them (`curves.py`).

A price is data, not an expression: every tier is four columns joined by price, and the cost of a frame is
one clip per tier, however many prices are in it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, get_args

import polars as pl

from rating.money import AMOUNT, QUANTITY
from rating.periods import INSTANT
from rating.pricebook import ModelName

# The name of a model as a number: it is joined to every situation, and asked for there.
MODEL: Final = pl.Enum(get_args(ModelName))
# `where` is canonical JSON, with so many keys. `when_quarters` are the quarter hours of the week in which a price holds,
# from Monday 00:00 on, in `when_zone` (empty: the account's); both are null where it always holds.
PRICE_SCHEMA: Final = {
    "price_key": pl.UInt32(),
    "plan": pl.String(),
    "price_id": pl.String(),
    "account_id": pl.String(),
    "version": pl.String(),
    "effective_from": INSTANT,
    "effective_to": INSTANT,
    "meter": pl.String(),
    "where": pl.String(),
    "where_keys": pl.UInt32(),
    "when_zone": pl.String(),
    "when_quarters": pl.List(pl.UInt16),
    "currency": pl.String(),
    "model": MODEL,
    "accumulate": pl.String(),
    "included": QUANTITY,
    "maximum": AMOUNT,
    "unit": pl.String(),
}
# What few prices have. A frame has these columns where one of its prices needs them, so that they cost nothing elsewhere.
# The most that all resources of an account cost together; null is no cap.
ACCOUNT_CAP_SCHEMA: Final = {"account_maximum": AMOUNT}
# What each resource that uses a meter adds to `included`; null is no pool.
POOL_SCHEMA: Final = {"pooled_meter": pl.String(), "pooled_quantity": QUANTITY}
# The quantity that is paid even if it is not used, and what one unit of it costs; both are 0 without a commitment.
COMMITMENT_SCHEMA: Final = {"committed": QUANTITY, "committed_price": QUANTITY}
# What is committed for every hour, in the unit of the price, and what one unit of it costs; both are 0 where nothing is.
HOURLY_COMMITMENT_SCHEMA: Final = {"hourly_committed": QUANTITY, "hourly_price": QUANTITY}
# In what they price, a quantity is quantity x unit_factor / unit_divisor; where `unit_of_period` is true, the divisor is
# still to be multiplied by the seconds of the billing period (`prorate` does).
UNIT_SCHEMA: Final = {"unit_factor": QUANTITY, "unit_divisor": QUANTITY, "unit_of_period": pl.Boolean()}
# How much lies below a tier and inside it (null: without end; of a package price, how much one package holds), what
# one more unit costs in it (of a package price, one more package), and the fee for entering it.
TIER_SCHEMA: Final = {"above": QUANTITY, "width": QUANTITY, "unit_price": QUANTITY, "flat_fee": AMOUNT}
# A tier of no width costs nothing, so prices with few tiers stand beside prices with many.
NO_TIER: Final[dict[str, Decimal | None]] = dict.fromkeys(TIER_SCHEMA, Decimal(0))


def tier_column(number: int, field: str) -> str:
    """The name of a tier's column, counted from 1."""
    return f"tier_{number}_{field}"


def count_tiers(columns: Sequence[str]) -> int:
    """How many tiers a frame of prices has columns for."""
    return sum(1 for column in columns if column.startswith("tier_") and column.endswith("_above"))


def tier_numbers(frame: pl.DataFrame) -> range:
    """The numbers of the tiers that a frame has columns for."""
    return range(1, count_tiers(frame.columns) + 1)


def cost_columns(prices: pl.DataFrame) -> list[str]:
    """The columns of a frame of prices from which C is worked out."""
    some = ("tier_", "unit_", "account_maximum", "committed")
    return ["model", "included", "maximum", *(name for name in prices.columns if name.startswith(some))]


def tier_schema(tier_count: int) -> dict[str, pl.DataType]:
    """The columns of so many tiers."""
    numbers = range(1, tier_count + 1)
    return {tier_column(number, field): kind for number in numbers for field, kind in TIER_SCHEMA.items()}


def tier_values(tiers: Sequence[dict[str, Decimal | None]]) -> dict[str, object]:
    """What stands in the columns of these tiers."""
    return {tier_column(number, field): value for number, tier in enumerate(tiers, 1) for field, value in tier.items()}
