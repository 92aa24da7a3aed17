"""The table of models: how each lays out its tiers, and its curve (semantics 3).

What belongs here: one row a model. What does not: the keys that a model has in a price book
(`rating/pricebook/model.py`), and the curves themselves (`curves.py`).

A new model is a row here, with a curve of its own if none of these fits, and its keys in the price book.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from rating.pricebook import ModelName, Price
from rating.pricing.curves import IN_PARTS, PACKAGES, WHOLE, Curve, Curves


@dataclass(frozen=True)
class Step:
    """One tier as it is priced: `width` is null without end; money is by currency."""

    above: Decimal
    width: Decimal | None
    unit_price: dict[str, Decimal]
    flat_fee: dict[str, Decimal]


@dataclass(frozen=True)
class Model:
    """How the tiers of a price are laid out, and the curve over them."""

    steps: Callable[[Price], Sequence[Step]]
    curve: Curve


def _unit_steps(price: Price) -> list[Step]:
    """`unit`: Q x unit_price, which is one tier without end."""
    return [Step(Decimal(0), None, price.unit_price or {}, {})]


def _tier_steps(price: Price) -> list[Step]:
    """`graduated`, `volume`, `stairstep`: each tier begins where the one below it ends."""
    steps: list[Step] = []
    above = Decimal(0)
    for tier in price.tiers or ():
        width = None if tier.up_to is None else tier.up_to - above
        fee = tier.flat_fee or {}
        # A tier of `stairstep` has a fee and nothing else: a unit costs zero, in the currencies of the fee.
        steps.append(Step(above, width, tier.unit_price or dict.fromkeys(fee, Decimal(0)), fee))
        above = tier.up_to or above
    return steps


def _package_steps(price: Price) -> list[Step]:
    """`package`: ceil(Q / package_size) x package_price."""
    return [Step(Decimal(0), price.package_size, price.package_price or {}, {})]


def _dynamic_steps(price: Price) -> list[Step]:
    """`dynamic`: Q, which is the amount that the records carry, x multiplier."""
    return [Step(Decimal(0), None, price.multiplier or {}, {})]


MODELS: Final[dict[ModelName, Model]] = {
    "unit": Model(_unit_steps, IN_PARTS),
    "graduated": Model(_tier_steps, IN_PARTS),
    "volume": Model(_tier_steps, WHOLE),
    "stairstep": Model(_tier_steps, WHOLE),
    "package": Model(_package_steps, PACKAGES),
    "dynamic": Model(_dynamic_steps, IN_PARTS),
}


def curves_in(frame: pl.DataFrame) -> Curves:
    """The curves of the models in a frame; of a frame without rows, any."""
    found = set(frame["model"].unique()) or {"unit"}
    curves: dict[Curve, list[str]] = {}
    for name, model in MODELS.items():
        if name in found:
            curves.setdefault(model.curve, []).append(name)
    return curves
