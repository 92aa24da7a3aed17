"""Units: whether a price's unit fits its meter's, and how a quantity of the one becomes one of the other (semantics 3).

What belongs here: reading units, and the exact ratio of two. What does not: which units there are, which pint knows, and
the conversion of quantities (`rating/pricing/units.py`).

Three things are told otherwise than by pint. A `month` is the billing period itself, not the twelfth of a year. Bits and
counts are dimensions of their own: to pint they are pure numbers, so that GB-hours would fit hours. A word that pint does
not know (vCPU, request) is a dimension of its own, too, and fits itself.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rating.errors import UnitError

if TYPE_CHECKING:
    from pint import UnitRegistry

_WORD: Final = re.compile(r"[^\W\d]\w*")
_READABLE: Final = re.compile(r"(?:[1-9][0-9]{0,11} *)?[^\W\d]\w*(?:(?: *[-/* ] *)[^\W\d]\w*)*")
# A quantity x the numerator, and the denominator x the seconds of a period, must be exact in a Decimal(38, 9).
_NUMERATOR_LIMIT: Final = 10**13
_DENOMINATOR_LIMIT: Final = 10**18
_OWN: Final = ("bit = [information] = b", "count = [count]", "month = [billing_period]", "year = [year] = a = yr")
# The dimensions of what two units that fit each other differ by: none, or the time that a month has.
_NUMBER: Final[dict[str, int]] = {}
_OF_PERIOD: Final = {"[time]": 1, "[billing_period]": -1}


@dataclass(frozen=True)
class Conversion:
    """A quantity x numerator / denominator is in the other unit; `per_period`: and / the seconds of the billing period."""

    numerator: int
    denominator: int
    per_period: bool

    @property
    def changes_nothing(self) -> bool:
        """Whether a quantity is the same in both units."""
        return not self.per_period and self.numerator == self.denominator


@lru_cache(maxsize=1024)
def conversion(meter_unit: str, price_unit: str) -> Conversion:
    """How a quantity in the meter's unit becomes one in the price's; the ratio is exact.

    Raises:
        UnitError: a unit that cannot be read, or two that do not fit; the message says why.
    """
    if meter_unit == price_unit:
        return Conversion(1, 1, per_period=False)
    for unit in (price_unit, meter_unit):
        if not _READABLE.fullmatch(unit):
            raise UnitError(f"{unit!r} cannot be read as a unit")
    ratio, dimensions = _ratio(meter_unit, price_unit)
    if dimensions not in (_NUMBER, _OF_PERIOD):
        raise UnitError(f"{price_unit!r} does not fit {meter_unit!r}, the unit of the meter")
    if ratio.numerator >= _NUMERATOR_LIMIT or ratio.denominator >= _DENOMINATOR_LIMIT:
        raise UnitError(f"{price_unit!r} is too far from {meter_unit!r}, the unit of the meter, to convert exactly")
    return Conversion(ratio.numerator, ratio.denominator, per_period=dimensions == _OF_PERIOD)


def _ratio(meter_unit: str, price_unit: str) -> tuple[Fraction, dict[str, int]]:
    """One meter's unit over one price's, in the units that all others are made of, and its dimensions."""
    # pint takes half a second to load, and most price books convert nothing.
    from pint.errors import PintError  # noqa: PLC0415

    registry = deepcopy(_registry())
    try:
        # The shorter first: of request and requests one is then the plural of the other, whichever is the meter's.
        for word in sorted(_WORD.findall(f"{meter_unit} {price_unit}"), key=len):
            if word != "per" and word not in registry:
                registry.define(f"{word} = [{word}]")
        quotient = _read(registry, meter_unit) / _read(registry, price_unit)
        root = quotient.to_root_units()
    except (PintError, ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise UnitError(f"{price_unit!r} cannot be compared with {meter_unit!r}, the unit of the meter") from error
    return Fraction(root.magnitude), {name: int(power) for name, power in root.dimensionality.items()}


def _read(registry: "UnitRegistry[Any]", unit: str) -> Any:  # noqa: ANN401 - a quantity, whose type is pint's
    """Read a unit: GB-hour means GB x hour."""
    return registry.parse_expression(unit.replace("-", "*")) * registry.dimensionless


@lru_cache(maxsize=1)
def _registry() -> "UnitRegistry[Any]":
    """What pint knows, in exact fractions, with our own dimensions."""
    from pint import UnitRegistry  # noqa: PLC0415

    registry: UnitRegistry[Any] = UnitRegistry(non_int_type=Fraction, on_redefinition="ignore")
    for definition in _OWN:
        registry.define(definition)
    return registry
