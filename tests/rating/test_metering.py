"""Goal: the one division of metering is exact to the ninth decimal, half-even (semantics 2)."""

from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.errors import FrameError, OutOfBoundsError
from rating.metering import METER_SCHEMA, compile_meters, gauge_quantity
from rating.pricebook import parse_price_book
from tests.rating.reference import Document

HOUR = 3_600_000_000
SECOND = 1_000_000
NANO = Decimal("1e-9")


def meters(**found: Document) -> pl.DataFrame:
    document = {
        "version": "1",
        "effective_from": "2026-01-01T00:00:00Z",
        "currency": "EUR",
        "meters": {
            name: {"unit": "x", "aggregation": "time_weighted", "max_gap": "10 min"} | meter
            for name, meter in found.items()
        },
        "plans": {},
    }
    return compile_meters([parse_price_book(document, "book")])


METERS = meters(cpu={}, memory={"factor": "0.000001024"}, disk={"factor": "0.000001024", "time_unit": "1 second"})


def quantity(meter: str, integral: int) -> Decimal:
    frame = pl.DataFrame({"meter": [meter], "value_microseconds": [Decimal(integral)]}).cast(
        {"value_microseconds": pl.Decimal(38, 0)}
    )
    found: Decimal = gauge_quantity(frame, METERS)["quantity"].item()
    return found


WORKED = {
    "two cores for an hour": ("cpu", 2 * 10**9 * HOUR, "2"),
    "one core for 301 seconds": ("cpu", 10**9 * 301 * SECOND, "0.083611111"),
    "8 GiB in KiB for an hour": ("memory", 8 * 2**20 * 10**9 * HOUR, "8.589934592"),
    "1000 KiB/s for ten minutes": ("disk", 1000 * 10**9 * 600 * SECOND, "0.6144"),
    "nothing": ("cpu", 0, "0"),
    "half a nano is even": ("cpu", HOUR // 2, "0"),
    "one and a half nano is even": ("cpu", HOUR * 3 // 2, "0.000000002"),
    "a bit over half a nano": ("cpu", HOUR // 2 + 1, "0.000000001"),
    "below zero": ("cpu", -(10**9) * HOUR, "-1"),
    "minus half a nano is even": ("cpu", -HOUR // 2, "0"),
    "very much": ("cpu", 10**12 * 10**9 * HOUR - 1, "1000000000000"),
}


@pytest.mark.parametrize(("meter", "integral", "expected"), WORKED.values(), ids=WORKED)
def test_worked_by_hand(meter: str, integral: int, expected: str) -> None:
    assert quantity(meter, integral) == Decimal(expected)


@given(st.sampled_from(["cpu", "memory", "disk"]), st.integers(-(10**30), 10**33))
def test_it_is_the_quotient_rounded_once(meter: str, integral: int) -> None:
    factor = Decimal(1) if meter == "cpu" else Decimal("0.000001024")
    exact = Decimal(integral) * NANO * factor / (SECOND if meter == "disk" else HOUR)
    if abs(exact) < 10**14:
        assert quantity(meter, integral) == exact.quantize(NANO, ROUND_HALF_EVEN)


@pytest.mark.parametrize("integral", [10**15 * 10**9 * HOUR, 10**37])
def test_what_is_too_large_stops_and_names_the_meter(integral: int) -> None:
    with pytest.raises(OutOfBoundsError, match=r"meter cpu.*1e15.*mend"):
        quantity("cpu", integral)


def test_an_unknown_meter_is_named() -> None:
    with pytest.raises(FrameError, match=r"'gpu'.*add it"):
        quantity("gpu", 1)


def test_other_columns_and_the_order_stay() -> None:
    frame = pl.DataFrame(
        {"account_id": ["b", "a"], "meter": ["disk", "cpu"], "value_microseconds": [Decimal(0), Decimal(HOUR)]}
    ).cast({"value_microseconds": pl.Decimal(38, 0)})
    assert gauge_quantity(frame, METERS).rows() == [("b", "disk", 0), ("a", "cpu", NANO)]


def test_the_meters_as_columns() -> None:
    found = meters(cpu={"title": "Compute", "series": ["socket", "core"], "max_gap": "90 s"})
    assert dict(found.schema) == dict(METER_SCHEMA)
    row = found.row(0, named=True)
    assert (row["title"], row["max_gap_microseconds"], row["series"]) == ("Compute", 90_000_000, ["socket", "core"])
