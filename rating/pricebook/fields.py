"""The kinds of value that a price book holds: decimals, money, durations, instants, names.

What belongs here: reading one value, and saying what is wrong with it. What does not: rules between
fields (`model.py`).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, NoReturn

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from rating.errors import CurrencyError, Problem
from rating.money import (
    DISCOUNT_LIMIT,
    FIXED_AMOUNT_LIMIT,
    QUANTITY_DIGITS,
    RUNNING_QUANTITY_LIMIT,
    SURCHARGE_LIMIT,
    UNIT_PRICE_LIMIT,
    decimals_used,
    minor_digits,
)
from rating.pricebook.shapes import (
    CURRENCY,
    INSTANT,
    NAME,
    TEXT,
    decimal_shape,
    duration_shape,
    money_shape,
    percent_shape,
)

# The key of an amount that is written without a currency: it is in the book's.
BOOK_CURRENCY: Final = ""
LONGEST_GRACE: Final = timedelta(days=28)
QUARTER_HOUR: Final = timedelta(minutes=15)

_SECONDS: Final = {
    **dict.fromkeys(("s", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}
_DURATION: Final = re.compile(r"\s*([1-9][0-9]{0,8})\s*([a-z]+)\s*")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def refuse(what: str, mend: str) -> NoReturn:
    """Refuse the value at hand: what is wrong with it, and how to mend it."""
    raise PydanticCustomError("meterbook", "{what}; {mend}", {"what": what, "mend": mend})


def refuse_all(problems: Sequence[Problem]) -> None:
    """Refuse a model for every problem between its fields; their paths start at the model."""
    if problems:
        text = "; ".join(map(str, problems)).replace("{", "(").replace("}", ")")
        raise PydanticCustomError("meterbook_problems", text, {"problems": tuple(problems)})


def read_decimal(value: object) -> Decimal:
    """Read a decimal that is written as text: no float has ever touched it (design 5, rule 1)."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or value is None or not isinstance(value, (str, int, float)):
        refuse(f"{value!r} is not a number", 'write a decimal in quotes, "0.012" for example')
    if isinstance(value, (int, float)):
        kind = "a binary float, which cannot hold a price exactly" if isinstance(value, float) else "not in quotes"
        refuse(f"{value!r} is {kind}", f'write it as text in quotes: "{value}"')
    if not _NUMBER.fullmatch(value.strip()):
        refuse(f"{value!r} is not a decimal number", 'write digits with a point and no sign of thousands: "1000.50"')
    try:
        return Decimal(value.strip())
    except InvalidOperation:
        refuse(f"{value!r} is not a decimal number", 'write it like "0.012"')


def _bounded(value: Decimal, limit: Decimal, digits: int, finer: str) -> Decimal:
    """Check that a decimal is not negative, below its limit and not finer than we keep."""
    if not value.is_finite() or value < 0:
        refuse(
            f"{value:f} is negative", "a price book holds no negative numbers; a give-back is a grant or a correction"
        )
    if value >= limit:
        refuse(f"{value:f} is too large", f"it must be below {limit:f}")
    if decimals_used(value) > digits:
        refuse(f"{value:f} is finer than the {digits} decimals that are kept", finer)
    return value


def _read_quantity(value: object) -> Decimal:
    finer = "give at most 9 decimals, or choose a smaller unit for the meter"
    return _bounded(read_decimal(value), RUNNING_QUANTITY_LIMIT, QUANTITY_DIGITS, finer)


def _read_package_size(value: object) -> Decimal:
    size = _read_quantity(value)
    if not size:
        refuse("a package of 0 holds nothing", 'give how much one package holds: package_size: "100"')
    return size


def _read_positive(value: object) -> Decimal:
    quantity = _read_quantity(value)
    if not quantity:
        refuse("0 is not a size", 'give a number above 0: "1"')
    return quantity


def _read_factor(value: object) -> Decimal:
    finer = "give at most 9 decimals, or choose a larger time_unit or another unit for the meter"
    factor = _bounded(read_decimal(value), UNIT_PRICE_LIMIT, QUANTITY_DIGITS, finer)
    if not factor:
        refuse("a factor of 0 makes every quantity 0", 'leave it out for "1", or give the conversion to the unit')
    return factor


def _read_percent(value: object, limit: Decimal) -> Decimal:
    percent = _bounded(read_decimal(value), RUNNING_QUANTITY_LIMIT, QUANTITY_DIGITS, "give at most 9 decimals")
    if percent > limit:
        refuse(f"{percent:f} is too large", f"it is in percent, and {limit:f} at most")
    return percent


def _read_discount(value: object) -> Decimal:
    return _read_percent(value, DISCOUNT_LIMIT)


def _read_surcharge(value: object) -> Decimal:
    return _read_percent(value, SURCHARGE_LIMIT)


def _read_currency(value: object) -> str:
    if not isinstance(value, str):
        refuse(f"{value!r} is not a currency", "write the three letters of ISO 4217, EUR for example")
    try:
        minor_digits(value)
    except CurrencyError:
        refuse(f"{value!r} is not a currency of ISO 4217", "write three capital letters, EUR for example")
    return value


def _read_money(value: object, limit: Decimal, digits: int, finer: str) -> dict[str, Decimal]:
    """Read money: text in the book's currency, or a map by currency (semantics 1)."""
    if not isinstance(value, Mapping):
        return {BOOK_CURRENCY: _bounded(read_decimal(value), limit, digits, finer)}
    if not value:
        refuse("the map by currency is empty", 'name a currency and an amount: {EUR: "0.012"}')
    named = {key if key == BOOK_CURRENCY else _read_currency(key): amount for key, amount in value.items()}
    return {key: _bounded(read_decimal(amount), limit, digits, finer) for key, amount in named.items()}


def _read_unit_price(value: object) -> dict[str, Decimal]:
    finer = "choose a larger unit for the meter, thousands for example, and price that (semantics 2)"
    return _read_money(value, UNIT_PRICE_LIMIT, QUANTITY_DIGITS, finer)


def _read_fixed_amount(value: object) -> dict[str, Decimal]:
    return _read_money(value, FIXED_AMOUNT_LIMIT, QUANTITY_DIGITS, "give at most 9 decimals")


def _write_money(value: dict[str, Decimal]) -> str | dict[str, str]:
    """Write money as it is written in a price book."""
    if set(value) == {BOOK_CURRENCY}:
        return f"{value[BOOK_CURRENCY]:f}"
    return {currency: f"{amount:f}" for currency, amount in value.items()}


def _read_duration(value: object) -> timedelta:
    """Read '10 min', '1 hour', '600 s': a whole number and a unit of fixed length, up to one day."""
    duration = _read_length(value)
    if duration > timedelta(days=1):
        refuse(f"{value!r} is longer than a day", "give one day at most")
    return duration


def _read_grace(value: object) -> timedelta:
    duration = _read_length(value)
    if duration > LONGEST_GRACE:
        refuse(
            f"{value!r} is longer than {LONGEST_GRACE.days} days",
            "give less, so that a period is settled before the next",
        )
    return duration


def _read_length(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _SECONDS:
        refuse(f"{value!r} is not a length of time", "write a whole number and s, min, h or day: '10 min'")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _write_duration(value: timedelta) -> str:
    return f"{int(value.total_seconds())} s"


def _read_instant(value: object) -> datetime:
    """Read an instant with its zone, on a quarter of an hour (semantics 2, slice)."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            refuse(f"{value!r} is not a time", "write it like 2026-11-01T00:00:00Z")
    if not isinstance(value, datetime):
        refuse(f"{value!r} is not a time", "write date, time and zone: 2026-11-01T00:00:00Z")
    if value.tzinfo is None:
        refuse(f"{value.isoformat()} has no time zone", f"add the zone: {value.isoformat()}Z")
    instant = value.astimezone(UTC)
    if (instant - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER_HOUR:
        refuse(f"{instant.isoformat()} is off the quarter hour", "slices are cut at :00, :15, :30 and :45; use one")
    return instant


def _read_name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        refuse(f"{value!r} is not a name", "use 1 to 64 letters, digits, '_', '.' or '-', a letter or digit first")
    return value


def _read_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        refuse(f"{value!r} is not text", "write some text, in quotes where it looks like a number")
    return value


def _decimal_text(value: Decimal) -> str:
    return f"{value:f}"


Quantity = Annotated[
    Decimal,
    BeforeValidator(_read_quantity),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema(decimal_shape(RUNNING_QUANTITY_LIMIT)),
]
PackageSize = Annotated[
    Decimal,
    BeforeValidator(_read_package_size),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema(decimal_shape(RUNNING_QUANTITY_LIMIT, positive=True)),
]
Positive = Annotated[
    Decimal,
    BeforeValidator(_read_positive),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema(decimal_shape(RUNNING_QUANTITY_LIMIT, positive=True)),
]
Factor = Annotated[
    Decimal,
    BeforeValidator(_read_factor),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema(decimal_shape(UNIT_PRICE_LIMIT, positive=True)),
]
Discount = Annotated[
    Decimal,
    BeforeValidator(_read_discount),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema(percent_shape(DISCOUNT_LIMIT)),
]
Surcharge = Annotated[
    Decimal,
    BeforeValidator(_read_surcharge),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema(percent_shape(SURCHARGE_LIMIT)),
]
UnitPrice = Annotated[
    dict[str, Decimal],
    BeforeValidator(_read_unit_price),
    PlainSerializer(_write_money, when_used="json"),
    WithJsonSchema(money_shape(UNIT_PRICE_LIMIT)),
]
FixedAmount = Annotated[
    dict[str, Decimal],
    BeforeValidator(_read_fixed_amount),
    PlainSerializer(_write_money, when_used="json"),
    WithJsonSchema(money_shape(FIXED_AMOUNT_LIMIT)),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(_write_duration, when_used="json"),
    WithJsonSchema(duration_shape(_SECONDS)),
]
Grace = Annotated[
    timedelta,
    BeforeValidator(_read_grace),
    PlainSerializer(_write_duration, when_used="json"),
    WithJsonSchema(duration_shape(_SECONDS)),
]
Instant = Annotated[datetime, BeforeValidator(_read_instant), WithJsonSchema(INSTANT)]
Currency = Annotated[str, BeforeValidator(_read_currency), WithJsonSchema(CURRENCY)]
Name = Annotated[str, BeforeValidator(_read_name), WithJsonSchema(NAME)]
Text = Annotated[str, BeforeValidator(_read_text), WithJsonSchema(TEXT)]
