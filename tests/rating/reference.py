"""A slow reference of what a quantity costs, record by record: `decimal` and nothing else that computes.

Written from semantics 3 alone, so that agreement with the engine means something.
"""

from decimal import Decimal, getcontext
from typing import Any

getcontext().prec = 80

ZERO = Decimal(0)
Document = dict[str, Any]


def model_cost(price: Document, quantity: Decimal) -> Decimal:
    """What the model alone makes of a quantity from which `included` is taken off."""
    if quantity <= 0:
        return ZERO
    if price["model"] == "unit":
        return quantity * Decimal(price["unit_price"])
    cost, above = ZERO, ZERO
    for tier in price["tiers"]:
        if quantity <= above:
            break
        end = tier.get("up_to")
        inside = quantity - above if end is None else min(quantity, Decimal(end)) - above
        cost += inside * Decimal(tier["unit_price"]) + Decimal(tier.get("flat_fee") or "0")
        above = quantity if end is None else Decimal(end)
    return cost


def total_cost(price: Document, quantity: Decimal, included: Decimal, maximum: Decimal | None) -> Decimal:
    """C(Q) with what the scope gets of `included` and `maximum`."""
    cost = model_cost(price, quantity - included)
    return cost if maximum is None else min(cost, maximum)
