"""The one door for money: scale, bounds, currencies and rounding (design 5, rule 1).

What belongs here: every constant and every operation that could lose a digit. What does not: what a
number means (prices, lots, taxes). A function that rounds says so in its name; the others are exact,
and Polars raises where their result does not fit.
"""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

import polars as pl

from rating.errors import CurrencyError

QUANTITY: Final = pl.Decimal(38, 9)
AMOUNT: Final = pl.Decimal(38, 18)
QUANTITY_DIGITS: Final = 9
AMOUNT_DIGITS: Final = 18

# Bounds of semantics 5. All are exclusive: a value that reaches its limit is refused.
RECORD_QUANTITY_LIMIT: Final = Decimal("1e12")
RUNNING_QUANTITY_LIMIT: Final = Decimal("1e15")
UNIT_PRICE_LIMIT: Final = Decimal("1e6")
AMOUNT_LIMIT: Final = Decimal("1e19")
# A fixed amount in a price (a fee, a cap) is multiplied by the seconds of a month when it is prorated,
# and the product has to fit below 1e20.
FIXED_AMOUNT_LIMIT: Final = Decimal("1e12")

# A discount takes no more than everything; a surcharge of ten times the price is a slip.
DISCOUNT_LIMIT: Final = Decimal(100)
SURCHARGE_LIMIT: Final = Decimal(1000)

ZERO_QUANTITY: Final = pl.lit(Decimal(0), dtype=QUANTITY)
ZERO_AMOUNT: Final = pl.lit(Decimal(0), dtype=AMOUNT)

# Python rounds to 28 digits unless told otherwise; 80 digits hold every product of two of our numbers.
_EXACT: Final = Context(prec=80)

_NO_MINOR_UNIT: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
_THREE_DIGITS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_TWO_DIGITS: Final = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
    CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
    JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
    NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
    SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""".split()
)

CURRENCIES: Final = _TWO_DIGITS | _NO_MINOR_UNIT | _THREE_DIGITS


def minor_digits(currency: str) -> int:
    """How many decimals the minor unit of a currency has: 2 for EUR, 0 for JPY, 3 for KWD."""
    for digits, currencies in ((2, _TWO_DIGITS), (0, _NO_MINOR_UNIT), (3, _THREE_DIGITS)):
        if currency in currencies:
            return digits
    message = f"unknown currency {currency!r}; use the three capital letters of ISO 4217, EUR for example"
    raise CurrencyError(message)


def multiply_exact(quantity: pl.Expr, unit_price: pl.Expr) -> pl.Expr:
    """Quantity x price: nine decimals each, so eighteen hold every digit. Polars raises on overflow."""
    return quantity.cast(AMOUNT) * unit_price.cast(AMOUNT)


def divide_quantity_half_even(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Divide into a quantity, rounded once, half-even at the ninth decimal."""
    return numerator.cast(QUANTITY) / denominator.cast(QUANTITY)


def divide_amount_half_even(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Divide into an amount, rounded once, half-even at the eighteenth decimal."""
    return numerator.cast(AMOUNT) / denominator.cast(AMOUNT)


def multiply_amount_half_even(amount: pl.Expr, factor: pl.Expr) -> pl.Expr:
    """Multiply an amount by a factor of eighteen decimals, rounded once, half-even at the eighteenth decimal."""
    return amount.cast(AMOUNT) * factor.cast(AMOUNT)


def round_amount_half_up(amount: pl.Expr, digits: int) -> pl.Expr:
    """Round half-up at a currency's minor unit, ties away from zero (semantics 5); stays an AMOUNT."""
    return amount.cast(AMOUNT).round(digits, mode="half_away_from_zero")


def round_to_step(quantity: pl.Expr, step: pl.Expr, mode: pl.Expr) -> pl.Expr:
    """Round to a multiple of a step, exactly: to the next above (`ceil`), below (`floor`), or the nearest (`half_up`).

    A tie goes away from zero. The remainder of a decimal by a decimal is exact.
    """
    surplus = quantity % step  # never negative
    below, above = quantity - surplus, quantity - surplus + step
    is_nearer_above = pl.when(quantity >= 0).then(surplus * 2 >= step).otherwise(surplus * 2 > step)
    is_up = (mode == "ceil") | ((mode == "half_up") & is_nearer_above)
    return pl.when(surplus == 0).then(quantity).when(is_up).then(above).otherwise(below)


def round_half_up(value: Decimal, digits: int) -> Decimal:
    """Round one value half-up, ties away from zero, as `round_amount_half_up` does for a column."""
    with localcontext(_EXACT):
        return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def round_half_even(value: Decimal, digits: int) -> Decimal:
    """Round one value half-even: the rounding of every division that is not on a document."""
    with localcontext(_EXACT):
        return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def divide_half_even(numerator: Decimal, denominator: Decimal, digits: int) -> Decimal:
    """Divide one value by another, rounded once, half-even at so many decimals."""
    with localcontext(_EXACT):
        quotient, rest = divmod(abs(numerator).scaleb(digits), abs(denominator))
        doubled, whole = rest * 2, abs(denominator)
        is_up = doubled > whole or (doubled == whole and quotient % 2 == 1)
        rounded = (quotient + is_up).scaleb(-digits)
        return rounded if (numerator < 0) == (denominator < 0) else -rounded


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Multiply two values without losing a digit, whatever the caller's decimal context."""
    with localcontext(_EXACT):
        return left * right


def add_exact(*values: Decimal) -> Decimal:
    """Add values up without losing a digit, whatever the caller's decimal context."""
    with localcontext(_EXACT):
        return sum(values, Decimal(0))


def decimals_used(value: Decimal) -> int:
    """How many decimals a value really needs: 2 for 0.120, 0 for 1000."""
    exponent = value.normalize(_EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain_text(value: Decimal) -> str:
    """Every digit, without zeros at the end (`normalize` would round to the digits of the context)."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
