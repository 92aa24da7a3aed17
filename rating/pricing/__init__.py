"""Pricing: prices as columns, and what quantities cost by them (semantics 3).

What belongs here: the cost functions of the models, taken whole and taken apart. What does not: which price
holds for a record, and running quantities (`rating/situations.py`, `rating/rate.py`).
"""

from rating.pricing.bounds import check_costs
from rating.pricing.columns import MODEL, PRICE_SCHEMA, cost_columns
from rating.pricing.compiling import compile_prices
from rating.pricing.cost import total_cost_of
from rating.pricing.models import MODELS
from rating.pricing.slope import slope
from rating.pricing.tiers import tier_parts
from rating.pricing.total import total_cost

__all__ = [
    "MODEL",
    "MODELS",
    "PRICE_SCHEMA",
    "check_costs",
    "compile_prices",
    "cost_columns",
    "slope",
    "tier_parts",
    "total_cost",
    "total_cost_of",
]
