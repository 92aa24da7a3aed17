"""Goal: the one door for money is exact, and rounds only where its name says so; Polars is as we believe it to be."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.exceptions import ComputeError, InvalidOperationError

from rating.errors import CurrencyError
from rating.money import (
    AMOUNT,
    QUANTITY,
    decimals_used,
    divide_amount_half_even,
    divide_quantity_half_even,
    minor_digits,
    multiply,
    multiply_exact,
    round_amount_half_up,
    round_half_even,
    round_half_up,
)

NANO = Decimal("1e-9")


def column(dtype: pl.Decimal, *values: str | Decimal) -> pl.DataFrame:
    return pl.DataFrame({"value": [Decimal(value) for value in values]}, schema={"value": dtype})


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLP", 0), ("CHF", 2)])
def test_minor_digits(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "XYZ"])
def test_an_unknown_currency_is_named(currency: str) -> None:
    with pytest.raises(CurrencyError, match=f"{currency!r}.*ISO 4217"):
        minor_digits(currency)


@given(st.integers(0, 10**21 - 1), st.integers(0, 10**9))
def test_quantity_times_price_keeps_every_digit(quantity: int, price: int) -> None:
    left, right = multiply(Decimal(quantity), NANO), multiply(Decimal(price), NANO)
    frame = pl.DataFrame({"q": [left], "p": [right]}, schema={"q": QUANTITY, "p": QUANTITY})
    assert frame.select(multiply_exact(pl.col("q"), pl.col("p"))).item() == multiply(left, right)


ROUNDED = {
    "a tie goes up": ("0.125", "0.13", "0.12"),
    "a negative tie goes away from zero": ("-0.125", "-0.13", "-0.12"),
    "just below a tie": ("0.124999999999999999", "0.12", "0.12"),
    "an odd tie": ("0.135", "0.14", "0.14"),
    "much": ("9999999999999999999.995", "10000000000000000000.00", "10000000000000000000.00"),
}


@pytest.mark.parametrize(("value", "up", "even"), ROUNDED.values(), ids=ROUNDED)
def test_rounding_of_values_and_of_columns_is_the_same(value: str, up: str, even: str) -> None:
    assert round_half_up(Decimal(value), 2) == Decimal(up)
    assert round_half_even(Decimal(value), 2) == Decimal(even)
    assert column(AMOUNT, value).select(round_amount_half_up(pl.col("value"), 2)).item() == Decimal(up)


def test_a_division_rounds_half_even_once() -> None:
    halves = column(QUANTITY, NANO, 3 * NANO, 5 * NANO).select(divide_quantity_half_even(pl.col("value"), pl.lit(2)))
    assert halves.to_series().to_list() == [0, 2 * NANO, 2 * NANO]
    third = column(AMOUNT, "10").select(divide_amount_half_even(pl.col("value"), pl.lit(3))).item()
    assert third == Decimal("3.333333333333333333")


@pytest.mark.parametrize(("value", "decimals"), [("0.120", 2), ("1000", 0), ("0", 0), ("0.000000001", 9), ("1E+3", 0)])
def test_decimals_used(value: str, decimals: int) -> None:
    assert decimals_used(Decimal(value)) == decimals


def test_products_and_sums_that_do_not_fit_raise() -> None:
    """What the engine relies on; the group sum that wraps is why bounds are checked before (design 7)."""
    large = column(AMOUNT, "9e19", "9e19")
    with pytest.raises(ComputeError, match="overflow"):
        large.select(multiply_exact(pl.col("value"), pl.lit(Decimal(2))))
    with pytest.raises(ComputeError, match="overflow"):
        large.select(pl.col("value") + pl.col("value"))
    with pytest.raises(InvalidOperationError):
        column(QUANTITY, "1e25").select(pl.col("value").cast(AMOUNT))


def test_a_sum_in_a_group_still_wraps() -> None:
    """When this fails, Polars has mended it, and the checks before group sums may be thought over."""
    large = column(AMOUNT, "9e19", "9e19").with_columns(group=pl.lit(1))
    assert large.group_by("group").agg(pl.col("value").sum())["value"].item() < 0
