"""How dates, money and quantities are written on a document.

Only writing belongs here: every value is shown to its last digit, and nothing is rounded (numbers are rounded where
they are worked out, in `rating/`). No locale of the machine is asked, so a document reads the same everywhere.
"""

from datetime import date
from decimal import Decimal

MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
EN_DASH = "\N{EN DASH}"
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def format_number(value: Decimal, least_digits: int = 0) -> str:
    """Write thousands separated; zeros after the point trimmed down to `least_digits` of them."""
    # copy_abs, because abs() rounds to the digits of the current context.
    whole, _, fraction = f"{value.copy_abs():,f}".partition(".")
    fraction = fraction.rstrip("0").ljust(least_digits, "0")
    sign = MINUS if value < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def format_money(value: Decimal, currency: str, minor_digits: int) -> str:
    """Write an amount with its ISO code: a code is clear where a sign is not ($ stands for twenty currencies)."""
    return f"{currency}{NO_BREAK_SPACE}{format_number(value, minor_digits)}"


def format_date(day: date) -> str:
    """Write `2 November 2026`, which nobody reads as 11 February."""
    return f"{day.day}{NO_BREAK_SPACE}{MONTHS[day.month - 1]} {day.year}"


def format_short_date(day: date) -> str:
    """Write `2 Nov`, for the axis of a chart."""
    return f"{day.day}{NO_BREAK_SPACE}{MONTHS[day.month - 1][:3]}"


def format_month(period: str) -> str:
    """Write the period `2026-10` as `October 2026`."""
    year, month = period.split("-")
    return f"{MONTHS[int(month) - 1]} {year}"


def format_days(start: date, end: date) -> str:
    """Write the days from `start` to `end`, both included, saying month and year once where that is clear."""
    if start == end:
        return format_date(end)
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}{NO_BREAK_SPACE}{EN_DASH} {format_date(end)}"
    if start.year == end.year:
        return f"{start.day}{NO_BREAK_SPACE}{MONTHS[start.month - 1]} {EN_DASH} {format_date(end)}"
    return f"{format_date(start)} {EN_DASH} {format_date(end)}"
