"""A slow reference of what a quantity costs, record by record: `decimal` and nothing else that computes.

Written from semantics 3 alone, so that agreement with the engine means something.
"""

from collections.abc import Callable
from decimal import Decimal, getcontext
from typing import Any, Final

getcontext().prec = 80

ZERO = Decimal(0)
Document = dict[str, Any]


def model_cost(price: Document, quantity: Decimal) -> Decimal:
    """What the model alone makes of a quantity from which `included` is taken off."""
    if quantity <= 0:
        return ZERO
    return _MODELS[price["model"]](price, quantity)


def _unit(price: Document, quantity: Decimal) -> Decimal:
    return quantity * Decimal(price["unit_price"])


def _graduated(price: Document, quantity: Decimal) -> Decimal:
    cost, above = ZERO, ZERO
    for tier in price["tiers"]:
        if quantity <= above:
            break
        end = tier.get("up_to")
        inside = quantity - above if end is None else min(quantity, Decimal(end)) - above
        cost += inside * Decimal(tier["unit_price"]) + Decimal(tier.get("flat_fee") or "0")
        above = quantity if end is None else Decimal(end)
    return cost


def _volume(price: Document, quantity: Decimal) -> Decimal:
    tier = _holding(price, quantity)
    return quantity * Decimal(tier["unit_price"]) + Decimal(tier.get("flat_fee") or "0")


def _stairstep(price: Document, quantity: Decimal) -> Decimal:
    return Decimal(_holding(price, quantity)["flat_fee"])


def _package(price: Document, quantity: Decimal) -> Decimal:
    full, rest = divmod(quantity, Decimal(price["package_size"]))
    return (full + (1 if rest else 0)) * Decimal(price["package_price"])


def _dynamic(price: Document, amount: Decimal) -> Decimal:
    return amount * Decimal(price["multiplier"])


def _holding(price: Document, quantity: Decimal) -> Document:
    """The tier that holds a quantity; `up_to` is inclusive."""
    tiers: list[Document] = price["tiers"]
    return next(tier for tier in tiers if tier.get("up_to") is None or quantity <= Decimal(tier["up_to"]))


_MODELS: Final[dict[str, Callable[[Document, Decimal], Decimal]]] = {
    "unit": _unit,
    "graduated": _graduated,
    "volume": _volume,
    "stairstep": _stairstep,
    "package": _package,
    "dynamic": _dynamic,
}


def total_cost(
    price: Document, quantity: Decimal, included: Decimal, maximum: Decimal | None, committed: Decimal = ZERO
) -> Decimal:
    """C(Q) with what the scope gets of `included`, `maximum` and a commitment."""
    used = max(quantity - included, ZERO)
    within = min(used, committed)
    cost = model_cost(price, used - within)
    if within:
        cost += within * Decimal(price["commit"]["unit_price"])
    return cost if maximum is None else min(cost, maximum)
