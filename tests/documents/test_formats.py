"""Values are written as a person reads them, to the last digit."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.formats import (
    EN_DASH,
    MINUS,
    format_date,
    format_days,
    format_money,
    format_month,
    format_number,
    format_short_date,
)


@pytest.mark.parametrize(
    ("value", "least_digits", "written"),
    [
        ("0", 0, "0"),
        ("0E-18", 2, "0.00"),
        ("-0.00", 2, "0.00"),
        ("1000.000000000", 0, "1,000"),
        ("1E+3", 0, "1,000"),
        ("1234567.890000000", 0, "1,234,567.89"),
        ("0.000000001", 2, "0.000000001"),
        ("0.5", 2, "0.50"),
        ("-1234.5", 2, f"{MINUS}1,234.50"),
        ("99999999999999999999999999999.123456789", 0, "99,999,999,999,999,999,999,999,999,999.123456789"),
    ],
)
def test_numbers(value: str, least_digits: int, written: str) -> None:
    assert format_number(Decimal(value), least_digits) == written


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.integers(0, 4))
def test_no_digit_is_lost(value: Decimal, least_digits: int) -> None:
    written = format_number(value, least_digits)
    assert Decimal(written.replace(",", "").replace(MINUS, "-")) == value


@pytest.mark.parametrize(
    ("value", "currency", "minor_digits", "written"),
    [
        ("75.5", "EUR", 2, "EUR\u00a075.50"),
        ("1500", "JPY", 0, "JPY\u00a01,500"),
        ("-1.25", "KWD", 3, f"KWD\u00a0{MINUS}1.250"),
    ],
)
def test_money(value: str, currency: str, minor_digits: int, written: str) -> None:
    assert format_money(Decimal(value), currency, minor_digits) == written


def test_dates() -> None:
    assert format_date(date(2026, 11, 2)) == "2\u00a0November 2026"
    assert format_short_date(date(2026, 9, 30)) == "30\u00a0Sep"
    assert format_month("2026-01") == "January 2026"


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), "1 - 31 October 2026"),
        (date(2026, 10, 15), date(2026, 11, 14), "15 October - 14 November 2026"),
        (date(2026, 12, 15), date(2027, 1, 14), "15 December 2026 - 14 January 2027"),
        (date(2026, 10, 1), date(2026, 10, 1), "1 October 2026"),
    ],
)
def test_days(start: date, end: date, written: str) -> None:
    assert format_days(start, end).replace("\u00a0", " ").replace(EN_DASH, "-") == written
