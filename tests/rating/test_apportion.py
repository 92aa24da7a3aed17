"""Rounding to minor units and largest remainder, against a reference in plain `decimal`."""

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.apportion import apportion, currency_digits, round_minor_half_up, tax_half_up
from rating.errors import CurrencyError
from rating.money import AMOUNT
from tests.rating.frames import TEXT, Columns, D, frame

LINES: Columns = {"group": TEXT, "key": TEXT, "exact": AMOUNT, "total": AMOUNT, "digits": pl.Int8()}
Row = tuple[str, str, Decimal, Decimal, int]


def shares(rows: list[Row]) -> dict[tuple[str, str], Decimal]:
    shared = apportion(frame(LINES, *rows), ["group"], ["key"])
    return {(row["group"], row["key"]): row["amount"] for row in shared.iter_rows(named=True)}


def reference(lines: dict[str, Decimal], total: Decimal, digits: int) -> dict[str, Decimal]:
    """Hand out minor units one by one, in the order of remainders, until the total is reached."""
    unit = D(1).scaleb(-digits)
    amounts = {key: exact.quantize(unit, rounding=ROUND_FLOOR) for key, exact in lines.items()}
    takers = [key for key, exact in lines.items() if exact] or list(lines)
    by_remainder = sorted(takers, key=lambda key: (amounts[key] - lines[key], key))
    missing = total - sum(amounts.values())
    while missing > 0:
        for key in by_remainder[: int(missing / unit)]:
            amounts[key] += unit
            missing -= unit
    while missing < 0:
        for key in by_remainder[::-1][: int(-missing / unit)]:
            amounts[key] -= unit
            missing += unit
    return amounts


CASES: dict[str, tuple[dict[str, str], str, int, dict[str, str]]] = {
    "the largest remainder gets the cent": ({"a": "0.333", "b": "0.334", "c": "0.333"}, "1.00", 2, {"b": "0.34"}),
    "ties go by line key": ({"a": "0.005", "b": "0.005"}, "0.01", 2, {"a": "0.01", "b": "0"}),
    "negative differences": ({"a": "-0.333", "b": "-0.667"}, "-1.00", 2, {"a": "-0.33", "b": "-0.67"}),
    "signs that cancel": ({"a": "0.4", "b": "-0.4"}, "0", 0, {"a": "0", "b": "0"}),
    "no minor unit": ({"a": "1.5", "b": "1.4"}, "3", 0, {"a": "2", "b": "1"}),
    "three digits": ({"a": "0.0004", "b": "0.0016"}, "0.002", 3, {"a": "0", "b": "0.002"}),
    "one unit less than nobody's remainder": ({"a": "-1", "b": "0.5"}, "-2", 0, {"a": "-2", "b": "0"}),
    "a line of nothing stays at nothing": ({"a": "0", "b": "0.2"}, "1", 0, {"a": "0", "b": "1"}),
    "more than one unit a line": ({"a": "0.2", "b": "0.1"}, "3", 0, {"a": "2", "b": "1"}),
}


@pytest.mark.parametrize("name", CASES)
def test_largest_remainder(name: str) -> None:
    lines, total, digits, expected = CASES[name]
    exact = {key: D(text) for key, text in lines.items()}
    found = shares([("g", key, amount, D(total), digits) for key, amount in exact.items()])
    assert {key: found["g", key] for key in expected} == {key: D(text) for key, text in expected.items()}
    assert sum(found.values()) == D(total)


EXACTS = st.one_of(
    st.integers(-(10**21), 10**21).map(lambda n: D(n).scaleb(-18)),
    st.integers(-1000, 1000).map(lambda n: D(n).scaleb(-3)),
)
GROUPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcdef"), EXACTS, min_size=1), st.integers(-2, 2), st.sampled_from([0, 2, 3])
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(GROUPS)
def test_largest_remainder_equals_the_reference(groups: list[tuple[dict[str, Decimal], int, int]]) -> None:
    """Any totals near the exact sum, several groups and currencies in one frame."""
    rows: list[Row] = []
    expected: dict[tuple[str, str], Decimal] = {}
    for number, (lines, off, digits) in enumerate(groups):
        unit = D(1).scaleb(-digits)
        total = sum(lines.values(), D(0)).quantize(unit, rounding=ROUND_HALF_UP) + off * unit
        rows += [(str(number), key, exact, total, digits) for key, exact in lines.items()]
        expected |= {(str(number), key): amount for key, amount in reference(lines, total, digits).items()}
    assert shares(rows) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(EXACTS, st.sampled_from([0, 2, 3])), min_size=1, max_size=8))
def test_rounding_is_half_up_away_from_zero(rows: list[tuple[Decimal, int]]) -> None:
    amounts = frame({"amount": AMOUNT, "digits": pl.Int8()}, *rows)
    found = amounts.select(round_minor_half_up(pl.col("amount"), pl.col("digits"))).to_series().to_list()
    assert found == [amount.quantize(D(1).scaleb(-digits), rounding=ROUND_HALF_UP) for amount, digits in rows]


TAXES = [("63.45", "19", 2, "12.06"), ("-63.45", "19", 2, "-12.06"), ("0.50", "7.5", 2, "0.04"), ("105", "10", 0, "11")]


@pytest.mark.parametrize(("net", "rate", "digits", "tax"), TAXES)
def test_tax(net: str, rate: str, digits: int, tax: str) -> None:
    """On the rounded net, rounded half-up once (semantics 5)."""
    row = frame({"n": AMOUNT, "r": pl.Decimal(9, 4), "d": pl.Int8()}, (D(net), D(rate), digits))
    assert row.select(tax_half_up(pl.col("n"), pl.col("r"), pl.col("d"))).item() == D(tax)


def test_digits_of_currencies() -> None:
    assert currency_digits(pl.Series(["EUR", "JPY", "KWD", "EUR"])).rows() == [("EUR", 2), ("JPY", 0), ("KWD", 3)]
    with pytest.raises(CurrencyError):
        currency_digits(pl.Series(["???"]))
