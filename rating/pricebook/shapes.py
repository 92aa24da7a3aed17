"""What each kind of value looks like as it is typed, in JSON Schema: for editors, and for the reference in `docs/`.

What belongs here: a pattern and a title for each kind. What does not: reading and refusing values (`fields.py`), which
also takes a sign, or blanks around a value: an editor sees one way to write it.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from rating.money import CURRENCIES, QUANTITY_DIGITS

Shape = dict[str, Any]

TEXT: Final[Shape] = {"title": "text", "type": "string", "pattern": r"\S"}
NAME: Final[Shape] = {"title": "name", "type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}
CURRENCY: Final[Shape] = {"title": "currency of ISO 4217", "type": "string", "enum": sorted(CURRENCIES)}
INSTANT: Final[Shape] = {
    "title": "time with its zone",
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:(00|15|30|45)(:00)?(Z|[+-][0-9]{2}:[0-9]{2})$",
}
HOURS: Final[Shape] = {
    "title": "hours of the day",
    "type": "string",
    "pattern": "^([01][0-9]|2[0-3]):(00|15|30|45)-(([01][0-9]|2[0-3]):(00|15|30|45)|24:00)$",
}
ZONE: Final[Shape] = {"title": "time zone", "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$"}
DIMENSIONS: Final[Shape] = {
    "title": "values of dimensions",
    "type": "object",
    "propertyNames": {"pattern": r"\S"},
    "additionalProperties": {"type": "string"},
    "minProperties": 1,
}


def decimal_shape(limit: Decimal, *, positive: bool = False) -> Shape:
    """A decimal in quotes, below a power of ten."""
    some_digit = "(?=.*[1-9])" if positive else ""
    pattern = rf"^{some_digit}[0-9]{{1,{limit.adjusted()}}}(\.[0-9]{{1,{QUANTITY_DIGITS}}})?$"
    return {"title": "decimal in quotes", "type": "string", "pattern": pattern}


def percent_shape(limit: Decimal) -> Shape:
    """A part of a hundred in quotes, up to a power of ten and that included."""
    most, decimals = limit.adjusted(), rf"(\.[0-9]{{1,{QUANTITY_DIGITS}}})?"
    pattern = rf"^([0-9]{{1,{most}}}{decimals}|{limit:f}(\.0{{1,{QUANTITY_DIGITS}}})?)$"
    return {"title": "percent in quotes", "type": "string", "pattern": pattern}


def money_shape(limit: Decimal) -> Shape:
    """Money: a decimal in the book's currency, or one for each currency."""
    amount = decimal_shape(limit)
    by_currency = {
        "title": "a decimal in quotes for each currency",
        "type": "object",
        "propertyNames": {"pattern": "^[A-Z]{3}$"},
        "additionalProperties": amount,
        "minProperties": 1,
    }
    return {"title": "money", "anyOf": [amount, by_currency]}


def duration_shape(units: Iterable[str]) -> Shape:
    """A whole number and a unit of time."""
    return {"title": "length of time", "type": "string", "pattern": f"^[1-9][0-9]{{0,8}} *({'|'.join(units)})$"}
