"""Goal: situations are taken as a straight line where C is one, by each model, and nowhere else."""

from decimal import Decimal

import polars as pl
import pytest

from rating.money import QUANTITY
from rating.pricing import slope
from tests.rating.reference import Document
from tests.rating.worlds import book, prices_frame


def tiered(model: str, *, fee: bool = True, **others: str) -> Document:
    first = {"up_to": "10", "unit_price": "3"}
    last = {"unit_price": "2", "flat_fee": "7"}
    return {"model": model, "tiers": [{**first, "flat_fee": "1"} if fee else first, last], **others}


GRADUATED = tiered("graduated")
VOLUME = tiered("volume")
FREE = {"model": "volume", "tiers": [{"up_to": "10", "unit_price": "3"}, {"unit_price": "2"}]}
STAIRS = {"model": "stairstep", "tiers": [{"up_to": "10", "flat_fee": "9"}, {"flat_fee": "4"}]}
PACKAGE = {"model": "package", "package_size": "10", "package_price": "5"}
UNIT = {"model": "unit", "unit_price": "3"}
DYNAMIC = {"model": "dynamic", "multiplier": "1.2"}
COMMIT = {"quantity": "4", "per": "period", "unit_price": "0.25"}
COMMITTED = {**PACKAGE, "included": "5", "commit": COMMIT}

SLOPES = {
    "unit: from zero": (UNIT, "0", "99", "3"),
    "unit: minutes of hours": ({**UNIT, "unit": "minute"}, "0", "99", "180"),
    "unit: days of hours are rounded": ({**UNIT, "unit": "day"}, "0", "48", None),
    "unit: days of hours inside what is included": ({**UNIT, "unit": "day", "included": "2"}, "24", "48", "0"),
    "unit: minutes of hours past what is included": ({**UNIT, "unit": "minute", "included": "60"}, "0", "2", None),
    "package: more days of hours in one": ({**PACKAGE, "unit": "day"}, "1", "240", "0"),
    "unit: inside what is included": ({**UNIT, "included": "9"}, "2", "9", "0"),
    "unit: past what is included": ({**UNIT, "included": "9"}, "2", "10", None),
    "dynamic: from zero": (DYNAMIC, "0", "99", "1.2"),
    "dynamic: across the cap": ({**DYNAMIC, "maximum": "9"}, "0", "99", None),
    "graduated: inside a tier": (GRADUATED, "1", "10", "3"),
    "graduated: the fee is ahead": (GRADUATED, "0", "10", None),
    "graduated: no fee is ahead": (tiered("graduated", fee=False), "0", "10", "3"),
    "graduated: into a tier": (GRADUATED, "10", "10.000000001", None),
    "volume: inside a tier": (VOLUME, "1", "10", "3"),
    "volume: the fee is ahead": (VOLUME, "0", "10", None),
    "volume: from zero without a fee": (tiered("volume", fee=False), "0", "10", "3"),
    "volume: from below what is included": (tiered("volume", fee=False, included="1"), "0", "10", None),
    "volume: from what is included": (tiered("volume", fee=False, included="1"), "1", "11", "3"),
    "volume: into a tier": (VOLUME, "10", "11", None),
    "volume: into a tier without a fee": (FREE, "10", "11", None),
    "volume: across a bound": (VOLUME, "9", "11", None),
    "volume: inside the last tier": (VOLUME, "11", "99", "2"),
    "volume: below the cap": ({**VOLUME, "maximum": "31"}, "1", "10", "3"),
    "volume: across the cap": ({**VOLUME, "maximum": "30"}, "1", "10", None),
    "volume: above the cap inside a tier": ({**VOLUME, "maximum": "20"}, "9", "10", "0"),
    "volume: above the cap into a cheaper tier": ({**VOLUME, "maximum": "29.5"}, "9.9", "11", None),
    "volume: above the cap, down below it and up again": ({**VOLUME, "maximum": "28"}, "10", "30", None),
    "stairs: the first step": (STAIRS, "0", "1", None),
    "stairs: on a step": (STAIRS, "1", "10", "0"),
    "stairs: to the next": (STAIRS, "10", "10.5", None),
    "stairs: above the cap to a lower step": ({**STAIRS, "maximum": "3"}, "10", "11", None),
    "commitment: inside": (COMMITTED, "5", "9", "0.25"),
    "commitment: inside, from within what is included": (COMMITTED, "4", "9", None),
    "commitment: inside what is included": (COMMITTED, "0", "5", "0"),
    "commitment: to the model": (COMMITTED, "8", "10", None),
    "commitment: above it, the first package": (COMMITTED, "9", "10", None),
    "commitment: above it, a package that is begun": (COMMITTED, "10", "19", "0"),
    "commitment: of a unit, from where it ends": ({**UNIT, "commit": COMMIT}, "4", "9", "3"),
    "commitment: minutes of hours": ({**UNIT, "unit": "minute", "commit": COMMIT}, "0", "0.05", "15"),
    "package: the first": (PACKAGE, "0", "1", None),
    "package: begun": (PACKAGE, "11", "20", "0"),
    "package: full": (PACKAGE, "20", "20.000000001", None),
    "package: above the cap": ({**PACKAGE, "maximum": "5"}, "1", "99", "0"),
    "package: inside what is included": ({**PACKAGE, "included": "5"}, "1", "5", "0"),
    "package: past what is included": ({**PACKAGE, "included": "5"}, "1", "6", None),
}


def situations(cases: list[tuple[Document, str, str, str | None]], least: str = "0") -> pl.DataFrame:
    """One situation a case, each with its own price, in one frame."""
    plans = {f"p{number}": [{"id": "p", "meter": case[0]["model"], **case[0]}] for number, case in enumerate(cases)}
    ends = pl.DataFrame(
        {
            "plan": list(plans),
            "quantity_before": [Decimal(case[1]) for case in cases],
            "quantity_after": [Decimal(case[2]) for case in cases],
            "least": [Decimal(least)] * len(cases),
        }
    ).cast({"quantity_before": QUANTITY, "quantity_after": QUANTITY, "least": QUANTITY})
    return ends.join(prices_frame([book("1", "2026-01-01", plans)]), on="plan", maintain_order="left")


def wanted(case: tuple[Document, str, str, str | None]) -> Decimal | None:
    return None if case[3] is None else Decimal(case[3])


@pytest.mark.parametrize("case", SLOPES.values(), ids=SLOPES)
def test_the_slope_of_one_model(case: tuple[Document, str, str, str | None]) -> None:
    frame = situations([case])
    assert frame.select(slope(frame)).to_series().to_list() == [wanted(case)]


def test_all_models_side_by_side_have_the_slopes_that_they_have_alone() -> None:
    frame = situations(list(SLOPES.values()))
    found = dict(zip(SLOPES, frame.select(slope(frame)).to_series(), strict=True))
    assert found == {name: wanted(case) for name, case in SLOPES.items()}


def test_nothing_is_straight_where_a_row_goes_back() -> None:
    frame = situations(list(SLOPES.values()), least="-1")
    assert frame.select(slope(frame)).to_series().null_count() == frame.height
