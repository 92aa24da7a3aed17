"""Goal: rounding to a step is exact, and increments of a period add up to what it comes to (semantics 2)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.errors import OutOfBoundsError
from rating.increments import period_increments, round_slices
from rating.metering import compile_meters
from rating.money import QUANTITY, round_to_step
from rating.periods import INSTANT
from rating.pricebook import parse_price_book

START = datetime(2026, 10, 31, 20, tzinfo=UTC)
ZONES = pl.DataFrame({"account_id": ["a"], "time_zone": ["UTC"]})
decimals = st.decimals(-(10**14), 10**14, places=9)


def rounded(value: Decimal, step: Decimal, mode: str) -> Decimal:
    frame = pl.DataFrame({"value": [value], "step": [step]}, schema={"value": QUANTITY, "step": QUANTITY})
    found: Decimal = frame.select(round_to_step(pl.col("value"), pl.col("step"), pl.lit(mode))).item()
    return found


@given(decimals, st.decimals("0.000000001", 10**6, places=9), st.sampled_from(["ceil", "floor", "half_up"]))
def test_a_multiple_of_the_step(value: Decimal, step: Decimal, mode: str) -> None:
    steps = Fraction(value) / Fraction(step)
    half = floor(abs(steps) + Fraction(1, 2)) * (1 if steps >= 0 else -1)
    expected = {"ceil": ceil(steps), "floor": floor(steps), "half_up": half}[mode]
    assert Fraction(rounded(value, step, mode)) == expected * Fraction(step)


@pytest.mark.parametrize(
    ("value", "expected"), [("2.5", "3"), ("-2.5", "-3"), ("2.49", "2"), ("-2.51", "-3"), ("7", "7")]
)
def test_a_tie_goes_away_from_zero(value: str, expected: str) -> None:
    assert rounded(Decimal(value), Decimal(1), "half_up") == Decimal(expected)


def meters(**meter: object) -> pl.DataFrame:
    document = {
        "version": "1", "effective_from": "2026-01-01T00:00:00Z", "currency": "EUR", "plans": {},
        "meters": {"m": {"unit": "x", **meter}},
    }  # fmt: skip
    return compile_meters([parse_price_book(document, "book")])


def slices(*quantities: object) -> pl.DataFrame:
    """One slice an hour, from four hours before a month ends."""
    rows = [("a", "", "r", "m", "{}", START + timedelta(hours=hour), value) for hour, value in enumerate(quantities)]
    names = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start", "quantity")
    schema = {**dict.fromkeys(names, pl.String()), "slice_start": INSTANT, "quantity": QUANTITY}
    return pl.DataFrame(rows, schema=schema, orient="row")


def increments(meter: dict[str, Any], *quantities: object) -> list[Decimal]:
    return period_increments(slices(*quantities), meters(**meter), ZONES).sort("slice_start")["quantity"].to_list()


PERIOD = {"mode": "half_up", "step": "10", "per": "period"}


def test_a_period_begins_again_with_the_month() -> None:
    assert increments({"aggregation": "max", "window": "period"}, 5, 7, 6, 9, 4, 3, 6) == [5, 2, 0, 2, 4, 0, 2]
    assert increments({"aggregation": "latest", "window": "period"}, 5, 7, 6, 9, 4, 3) == [5, 2, -1, 3, 4, -1]
    assert increments({"aggregation": "sum", "rounding": PERIOD}, 4, 1, 3, 8, 4, 4) == [0, 10, 0, 10, 0, 10]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=4))
def test_increments_add_up_to_the_rounded_period(values: list[int]) -> None:
    found = sum(increments({"aggregation": "sum", "allow_negative": True, "rounding": PERIOD}, *values))
    assert found == rounded(Decimal(sum(values)), Decimal(10), "half_up")


def test_slices_are_rounded_where_the_meter_says_so() -> None:
    rule = {"mode": "ceil", "step": "1", "per": "slice"}
    some = slices(Decimal("0.1"), Decimal("2.0"))
    assert round_slices(some, meters(aggregation="sum", rounding=rule), "slice")["quantity"].to_list() == [1, 2]
    assert round_slices(some, meters(aggregation="sum"), "slice").equals(some)


def test_what_is_too_large_stops() -> None:
    with pytest.raises(OutOfBoundsError, match="is not below 1000000000000000"):
        increments({"aggregation": "sum", "rounding": PERIOD}, 6 * 10**14, 6 * 10**14)


def test_no_slices_are_no_increments() -> None:
    assert increments({"aggregation": "max", "window": "period"}) == []
