"""Goal: a meter says all that its aggregation needs and nothing that makes no sense, and refusals say how to mend it."""

from collections.abc import Mapping
from typing import Any

import pytest

from rating.errors import PriceBookError
from rating.metering import compile_meters
from rating.pricebook import PriceBook, parse_price_book, price_book_schema
from tests.rating.json_schema import misfits
from tests.rating.reference import Document

SCHEMA = price_book_schema()
CEIL = {"mode": "ceil", "step": "1"}


def document(meter: Mapping[str, Any]) -> Document:
    return {
        "version": "1", "effective_from": "2026-11-01T00:00:00Z", "currency": "EUR", "plans": {},
        "meters": {"m": {"unit": "x", **meter}},
    }  # fmt: skip


def parse(meter: Mapping[str, Any]) -> PriceBook:
    return parse_price_book(document(meter), "book")


# Whether new records just add to what stands, and whether what a slice holds depends on its period's earlier records.
GOOD: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "a sum": ({"aggregation": "sum"}, True, False),
    "a sum of a period is a sum of hours": ({"aggregation": "sum", "window": "period"}, True, False),
    "a sum of amounts": ({"aggregation": "sum", "value": "amount"}, False, False),
    "a rounded sum": ({"aggregation": "sum", "rounding": {**CEIL, "per": "record"}}, False, False),
    "a sum rounded by the slice": ({"aggregation": "sum", "rounding": {**CEIL, "per": "slice"}}, False, False),
    "a sum rounded by the period": ({"aggregation": "sum", "rounding": {**CEIL, "per": "period"}}, False, True),
    "at least a minute": ({"aggregation": "sum", "minimum_per_record": "60"}, False, False),
    "a count": ({"aggregation": "count"}, False, False),
    "a count of a period": ({"aggregation": "count", "window": "period"}, False, False),
    "the largest": ({"aggregation": "max"}, False, False),
    "the largest of a period": ({"aggregation": "max", "window": "period"}, False, True),
    "the last of a period": ({"aggregation": "latest", "window": "period"}, False, True),
    "users of a period": ({"aggregation": "unique_count", "of": "user", "window": "period"}, False, True),
    "a gauge": ({"aggregation": "time_weighted", "max_gap": "10 min"}, False, False),
    "a counter": ({"aggregation": "counter", "width": "4294967296", "series": ["port"]}, False, False),
    "a percentile": ({"aggregation": "percentile", "percentile": "95"}, False, True),
    "all samples": (
        {"aggregation": "percentile", "percentile": "100", "pooled": True, "minimum_samples": 5},
        False,
        True,
    ),
}


@pytest.mark.parametrize(("meter", "is_additive", "is_periodic"), GOOD.values(), ids=GOOD)
def test_good_meters(meter: dict[str, Any], *, is_additive: bool, is_periodic: bool) -> None:
    row = compile_meters([parse(meter)]).row(0, named=True)
    assert (row["is_additive"], row["is_periodic"]) == (is_additive, is_periodic)
    assert misfits(SCHEMA, document(meter)) == []


def test_a_rounding_and_a_percentile_as_columns() -> None:
    meter = {
        "aggregation": "percentile",
        "percentile": "99.5",
        "rounding": {"mode": "floor", "step": "0.25", "per": "period"},
    }
    row = compile_meters([parse(meter)]).row(0, named=True)
    found = [str(row[name]) for name in ("percentile_nano", "rounding_mode", "rounding_step", "rounding_per")]
    assert found == ["99500000000", "floor", "0.250000000", "period"]


# What is wrong, where, how to mend it, and whether an editor sees it as well.
BAD: dict[str, tuple[dict[str, Any], str, str, str, bool]] = {
    "a width of a sum": ({"aggregation": "sum", "width": "8"}, "width", "no meaning for aggregation sum", "counter", True),
    "a width of nothing": ({"aggregation": "counter", "width": "0"}, "width", "not a size", "above 0", True),
    "users of nothing": ({"aggregation": "unique_count"}, "of", "is missing", "of: user", True),
    "a dimension of a count": ({"aggregation": "count", "of": "a"}, "of", "no meaning", "unique_count", True),
    "amounts of a count": ({"aggregation": "count", "value": "amount"}, "value", "no meaning", "sum", True),
    "a window of a counter": ({"aggregation": "counter", "window": "period"}, "window", "no meaning", "max", True),
    "no percentile": ({"aggregation": "percentile"}, "percentile", "is missing", '"95"', True),
    "a percentile of a max": ({"aggregation": "max", "percentile": "95"}, "percentile", "no meaning", "percentile", True),
    "more than all": ({"aggregation": "percentile", "percentile": "100.1"}, "percentile", "more than all", "100", False),
    "no samples": (
        {"aggregation": "percentile", "percentile": "95", "minimum_samples": 0}, "minimum_samples", "does not fit", "see", True,
    ),
    "a pooled sum": ({"aggregation": "sum", "pooled": True}, "pooled", "no meaning", "percentile", True),
    "a counter that falls": (
        {"aggregation": "counter", "allow_negative": True}, "allow_negative", "no meaning", "only rises", False,
    ),
    "a least of negative records": (
        {"aggregation": "sum", "allow_negative": True, "minimum_per_record": "1"}, "minimum_per_record", "given back", "refuse",
        False,
    ),
    "a least of a gauge": (
        {"aggregation": "time_weighted", "max_gap": "1 min", "minimum_per_record": "1"}, "minimum_per_record", "no meaning",
        "sum", True,
    ),
    "rounded records of a count": (
        {"aggregation": "count", "rounding": {**CEIL, "per": "record"}}, "rounding.per", "no value of their own", "slice", False,
    ),
    "rounded slices of a period": (
        {"aggregation": "max", "window": "period", "rounding": {**CEIL, "per": "slice"}}, "rounding.per", "of the period",
        "per: period", False,
    ),
    "rounded slices of a percentile": (
        {"aggregation": "percentile", "percentile": "95", "rounding": {**CEIL, "per": "slice"}}, "rounding.per",
        "of the period", "per: period", False,
    ),
    "rounded to nothing": (
        {"aggregation": "sum", "rounding": {"mode": "ceil", "step": "0", "per": "slice"}}, "rounding.step", "not a size",
        "above 0", True,
    ),
    "rounded to a float": (
        {"aggregation": "sum", "rounding": {"mode": "ceil", "step": 0.5, "per": "slice"}}, "rounding.step", "binary float",
        "quotes", True,
    ),
    "rounded somehow": (
        {"aggregation": "sum", "rounding": {"mode": "up", "per": "slice"}}, "rounding.mode", "not a known mode", "'ceil'", True,
    ),
    "rounded per nothing": ({"aggregation": "sum", "rounding": CEIL}, "rounding.per", "is missing", "give it", True),
}  # fmt: skip


@pytest.mark.parametrize(("meter", "path", "what", "mend", "is_marked"), BAD.values(), ids=BAD)
def test_bad_meters(meter: dict[str, Any], path: str, what: str, mend: str, *, is_marked: bool) -> None:
    with pytest.raises(PriceBookError) as caught:
        parse(meter)
    [problem] = caught.value.problems
    assert problem.path == f"meters.m.{path}"
    assert what in problem.what
    assert mend in problem.mend
    assert bool(misfits(SCHEMA, document(meter))) == is_marked
