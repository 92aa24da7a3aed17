"""Goal: a price's unit fits its meter's or is refused, and quantities convert exactly, by the real length of a month."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating import rate
from rating.errors import OutOfBoundsError, UnitError
from rating.money import QUANTITY
from rating.pricing import tier_parts
from rating.pricing.units import in_price_units
from rating.schemas import TOTALS, no_rows
from rating.units import Conversion, conversion
from tests.rating.reference import Document
from tests.rating.worlds import (
    Subscription,
    Use,
    book,
    instant,
    prices_frame,
    subscriptions_frame,
    usage_frame,
)

FITTING = {
    ("GB", "GB"): (1, 1, False),
    ("any text (at all)", "any text (at all)"): (1, 1, False),
    ("GB", "MB"): (1000, 1, False),
    ("GB", "GiB"): (1953125, 2097152, False),
    ("GB", "Mb"): (8000, 1, False),
    ("bit", "PB"): (1, 8 * 10**15, False),
    ("hour", "minute"): (60, 1, False),
    ("minutes", "hour"): (1, 60, False),
    ("vCPU-hour", "vCPU-h"): (1, 1, False),
    ("vCPU-hour", "hour vCPU"): (1, 1, False),
    ("GB/hour", "GB per hour"): (1, 1, False),
    ("request", "1000 requests"): (1, 1000, False),
    ("requests", "1000 request"): (1, 1000, False),
    ("1000 request", "1000000 request"): (1, 1000, False),
    ("GB-hour", "GB-month"): (3600, 1, True),
    ("GB-day", "TB-month"): (432, 5, True),
    ("vCPU-hour", "vCPU-month"): (3600, 1, True),
    ("second", "month"): (1, 1, True),
    ("GB-month", "MB-month"): (1000, 1, False),
}


@pytest.mark.parametrize(("units", "ratio"), FITTING.items(), ids=map(" to ".join, FITTING))
def test_units_that_fit(units: tuple[str, str], ratio: tuple[int, int, bool]) -> None:
    numerator, denominator, per_period = ratio
    assert conversion(*units) == Conversion(numerator, denominator, per_period=per_period)


UNFITTING = {
    ("GB-hour", "hour"): "cannot be compared",  # to pint a bit is a pure number
    ("GB-hour", "GB"): "does not fit",
    ("GB", "GB-month"): "does not fit",
    ("GB-month", "GB-hour"): "does not fit",  # which month's length would it be?
    ("GB-hour", "GB-month-month"): "does not fit",
    ("GB-hour", "GB-year"): "does not fit",
    ("GB", "KB"): "does not fit",
    ("GB", "Gb"): "does not fit",  # a gilbert, of magnetism
    ("request", "count"): "does not fit",
    ("vCPU-hour", "core-hour"): "does not fit",
    ("degC", "kelvin"): "cannot be compared",
    ("PB", "bit"): "too far",
    ("hour", "0 hour"): "cannot be read",
    ("hour", "hour**2"): "cannot be read",
    ("hour", ""): "cannot be read",
    ("API calls (EU)", "call"): "cannot be read",
    ("GB", "_"): "cannot be compared",  # pint has no units of such names
    ("GB__", "GB"): "cannot be compared",
}


@pytest.mark.parametrize(("units", "what"), UNFITTING.items(), ids=map(" to ".join, UNFITTING))
def test_units_that_do_not_fit(units: tuple[str, str], what: str) -> None:
    with pytest.raises(UnitError, match=what):
        conversion(*units)


quantities = st.integers(-(10**15) * 10**9 + 1, 10**15 * 10**9 - 1).map(lambda nanos: Decimal(nanos).scaleb(-9))
largest = st.one_of(st.integers(1, 100), st.integers(1, 10**13 - 1))
divisors = st.one_of(st.integers(1, 100), st.integers(1, 10**18 * 2_678_400))


@given(quantities, largest, divisors)
def test_a_quantity_converts_exactly_and_is_rounded_once(quantity: Decimal, factor: int, divisor: int) -> None:
    row = {"quantity": quantity, "unit_factor": Decimal(factor), "unit_divisor": Decimal(divisor)}
    frame = pl.DataFrame([row], schema=dict.fromkeys(row, QUANTITY))
    exact = Fraction(quantity) * factor / divisor * 10**9
    assert Fraction(frame.select(in_price_units(frame, pl.col("quantity"))).item()) * 10**9 == round(exact)


GB_MONTH: Document = {"id": "p", "meter": "storage", "model": "unit", "unit": "GB-month", "unit_price": "0.05"}
MONTHS = {"2026-02": 28 * 24, "2026-10": 31 * 24 + 1, "2026-03": 31 * 24 - 1, "2026-11": 30 * 24}


def storage(price: Document) -> pl.DataFrame:
    document = book("1", "2026-01-01", {"standard": [price]})
    document["meters"]["storage"]["unit"] = "GB-hour"
    return prices_frame([document])


@pytest.mark.parametrize(("period", "hours"), MONTHS.items(), ids=MONTHS)
@pytest.mark.parametrize("accumulate", ["account", "resource"])
def test_a_gb_all_month_is_one_gb_month_however_long_it_is(period: str, hours: int, accumulate: str) -> None:
    """In Berlin the clock changes in March and October."""
    first = datetime.fromisoformat(f"{period}-01").replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    used = [Use(first + timedelta(hours=hour), Decimal(1), meter="storage") for hour in range(hours)]
    zoned = subscriptions_frame([Subscription("a", instant("2026-01-01"), time_zone="Europe/Berlin")])
    prices = storage({**GB_MONTH, "accumulate": accumulate})
    rated = rate(usage_frame(used), prices, zoned, no_rows(TOTALS))
    assert rated.due["period_start"].unique().to_list() == [first]
    assert rated.due["amount"].sum() == Decimal("0.05")
    assert rated.totals["quantity"].to_list() == [hours]


def test_tiers_and_what_is_included_are_in_the_unit_of_the_price() -> None:
    tiers = [{"up_to": "3", "unit_price": "2"}, {"unit_price": "1"}]
    minutes = {"id": "p", "meter": "storage", "model": "graduated", "unit": "TB-hour", "included": "1", "tiers": tiers}
    rows = pl.DataFrame({"row_id": [1], "quantity_before": [Decimal(500)], "quantity_after": [Decimal(6500)]})
    exact = rows.cast({"quantity_before": QUANTITY, "quantity_after": QUANTITY})
    parts = tier_parts(exact.join(storage(minutes), how="cross")).drop("row_id").rows()
    assert parts == [
        (0, "included", Decimal("0.5"), 0, 0),
        (1, "usage", 3, 2, 6),
        (2, "usage", Decimal("2.5"), 1, Decimal("2.5")),
    ]


def test_a_price_without_a_unit_beside_one_that_converts_is_as_it_is_alone() -> None:
    prices = prices_frame([book("1", "2026-01-01", {"s": [GB_HOUR], "t": [{**GB_HOUR, "unit": "minute"}]})])
    assert prices.select("plan", "unit", "unit_factor", "unit_divisor", "unit_of_period").rows() == [
        ("s", "hour", 1, 1, False),
        ("t", "minute", 60, 1, False),
    ]
    assert "unit_factor" not in prices_frame([book("1", "2026-01-01", {"s": [GB_HOUR]})]).columns


def test_what_is_too_much_in_the_unit_of_the_price_stops_and_names_it() -> None:
    price = {"id": "p", "meter": "storage", "model": "unit", "unit": "byte-hour", "unit_price": "0"}
    used = usage_frame([Use(instant("2026-11-01"), Decimal(10**6), meter="storage")])
    subscribed = subscriptions_frame([Subscription("a", instant("2026-01-01"))])
    with pytest.raises(OutOfBoundsError, match=r"price_id 'p'.*1e15 or more in the unit of the price"):
        rate(used, storage(price), subscribed, no_rows(TOTALS))


GB_HOUR: Document = {"id": "p", "meter": "storage", "model": "unit", "unit_price": "1"}
