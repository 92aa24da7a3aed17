"""Pricing: prices as columns, and what quantities cost by them (semantics 3).

What belongs here: the cost functions of the models, taken whole and taken apart. What does not: which price
holds for a record, and running quantities (`rating/situations.py`, `rating/rate.py`).
"""

from rating.pricing.bounds import check_costs
from rating.pricing.columns import MODELS, PRICE_SCHEMA, compile_prices, count_tiers, tier_column
from rating.pricing.cost import capped, charged_quantity, entered_tier, model_cost, quantity_in_tier
from rating.pricing.tiers import tier_parts
from rating.pricing.total import total_cost

__all__ = [
    "MODELS",
    "PRICE_SCHEMA",
    "capped",
    "charged_quantity",
    "check_costs",
    "compile_prices",
    "count_tiers",
    "entered_tier",
    "model_cost",
    "quantity_in_tier",
    "tier_column",
    "tier_parts",
    "total_cost",
]
