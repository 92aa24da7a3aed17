"""Numbers, instants and dimensions at ingest: exact, or refused (semantics 2)."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.lake import Lake
from resources.raw_files import define_macros

# Wide enough for any double, and for any text that is tried.
EXACT = Context(prec=1200, rounding=ROUND_HALF_UP, Emax=10**6, Emin=-(10**6))
BILLIONTH = Decimal("1e-9")
OUT_OF_RANGE, UNREADABLE = Decimal("1e27"), Decimal("1e28")


def rounded(value: Decimal) -> Decimal:
    return EXACT.quantize(value, BILLIONTH)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("lake")
    with Lake(folder / "catalog.sqlite", folder / "data") as lake:
        define_macros(lake)
        yield lake.connection


def through(
    connection: duckdb.DuckDBPyConnection, macro: str, values: list[object], dtype: pl.DataType
) -> list[object]:
    frame = pl.DataFrame({"place": range(len(values)), "v": pl.Series(values, dtype=dtype)})
    connection.register("given_values", frame)
    return [row[0] for row in connection.execute(f"select {macro}(v) from given_values order by place").fetchall()]


NUMBERS = {
    "1": "1", "+1": "1", " 1.5 ": "1.5", "1.": "1", ".5": "0.5", "-0": "0", "1e3": "1000", "1E-3": "0.001",
    # Ten decimals, exactly at a half: away from zero.
    "0.0000000005": "0.000000001", "-0.0000000005": "-0.000000001", "1.2345678905": "1.234567891", "5e-10": "0.000000001",
    "0.00000000049999999999999999999999": "0", "4.9e-10": "0", "12345678905e-10": "1.234567891",
    "999999999999.9999999994": "999999999999.999999999", "1e-400": "0",
    # The point moved further than a decimal has places, either way.
    "10000000000000.00000e-8": "100000", "0.00000000000000000000000000000125E30": "1.25", ".5e1": "5", "5.e-1": "0.5",
    "0e99999999999999999999": "0", "1e-99999999999999999999": "0", "-1.5e+3": "-1500", "00012e-1": "1.2",
    "\t1e3 ": "1000", " 15\r": "15",
}  # fmt: skip
NO_NUMBERS = [
    "abc",
    "1,000",
    "1_000",
    "1 000",
    "1'000",
    "0x10",
    "1d",
    "e5",
    ".e5",
    "1e5.5",
    "1e 5",
    "1e",
    ".",
    "-",
    "NaN",
    "inf",
    "-Infinity",
    "½",
    "1;5",
]
TOO_LARGE = ["1e40", "-1e40", "1e400", "1e99999999999999999999", "9" * 40, "1" + "0" * 29]


def test_numbers_written_as_text(connection: duckdb.DuckDBPyConnection) -> None:
    texts = [*NUMBERS, *NO_NUMBERS, *TOO_LARGE, "", "  "]
    expected = [
        *map(Decimal, NUMBERS.values()), *[UNREADABLE] * len(NO_NUMBERS), *[OUT_OF_RANGE] * len(TOO_LARGE), None, None,
    ]  # fmt: skip
    found = through(connection, "exact_of_text", list(texts), pl.String())
    assert dict(zip(texts, found, strict=True)) == dict(zip(texts, expected, strict=True))


decimals = st.decimals(min_value="-999999999998", max_value="999999999998", allow_nan=False, places=12)
halves = st.integers(-(10**13), 10**13).map(lambda number: Decimal(number * 10 + 5).scaleb(-10))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(decimals, halves), min_size=1, max_size=60), st.integers(-30, 30))
def test_text_is_rounded_exactly(connection: duckdb.DuckDBPyConnection, values: list[Decimal], exponent: int) -> None:
    texts = [f"{value.scaleb(-exponent):f}e{exponent}" if exponent else f"{value:f}" for value in values]
    assert through(connection, "exact_of_text", list(texts), pl.String()) == [rounded(value) for value in values]


floats = st.floats(min_value=-999999999999, max_value=999999999999, allow_nan=False)
# The floats next to ten decimals that end in 5: the nearest places where a product with 1e9 is rounded over the half.
near_halves = halves.map(float).filter(lambda value: abs(value) < 999)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(floats, near_halves), min_size=1, max_size=200))
def test_floats_are_rounded_exactly(connection: duckdb.DuckDBPyConnection, values: list[float]) -> None:
    expected = [rounded(Decimal(value)) for value in values]
    assert through(connection, "exact_of_double", list(values), pl.Float64()) == expected


def test_floats_that_are_no_quantity(connection: duckdb.DuckDBPyConnection) -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1e12, -1e300, None]
    expected = [UNREADABLE, UNREADABLE, UNREADABLE, OUT_OF_RANGE, OUT_OF_RANGE, None]
    assert through(connection, "exact_of_double", list(values), pl.Float64()) == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("decimal(38, 30)", "1.0000000005", "1.000000001"),
        ("decimal(20, 10)", "-0.0000000005", "-0.000000001"),
        ("decimal(38, 0)", "9" * 38, "1e27"),
        ("tinyint", "-128", "-128"),
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("uhugeint", "3" * 39, "1e27"),
    ],
)
def test_whole_numbers_and_decimals(connection: duckdb.DuckDBPyConnection, kind: str, text: str, expected: str) -> None:
    assert connection.execute(f"select exact_of_number('{text}'::{kind})").fetchone() == (Decimal(expected),)


INSTANTS = {
    "2026-10-01T00:00:00Z": "2026-10-01 00:00:00+00",
    "2026-10-01t00:00:00z": "2026-10-01 00:00:00+00",
    "2026-10-01 00:00:00": "2026-10-01 00:00:00+00",
    "2026-10-01": "2026-10-01 00:00:00+00",
    "2026-10-01T00:00Z": "2026-10-01 00:00:00+00",
    "2026-10-01T02:00+02:00": "2026-10-01 00:00:00+00",
    "2026-10-01T02:00:00+02:00": "2026-10-01 00:00:00+00",
    "2026-10-01T05:45:00+0545": "2026-10-01 00:00:00+00",
    "2026-10-31T24:00:00Z": "2026-11-01 00:00:00+00",
    "2026-10-01T00:00:00.123456789Z": "2026-10-01 00:00:00.123456+00",
    "2026-10-01T00:00:00.999999999Z": "2026-10-01 00:00:00.999999+00",
    "2026-02-30": None, "2026-13-01": None, "10/01/2026": None, "1700000000": None, "now": None, "yesterday": None, "": None,
}  # fmt: skip


def test_instants_written_as_text(connection: duckdb.DuckDBPyConnection) -> None:
    found = through(connection, "instant_of_text", list(INSTANTS), pl.String())
    shown = [None if value is None else str(value).replace("+00:00", "+00") for value in found]
    assert dict(zip(INSTANTS, shown, strict=True)) == INSTANTS


DIMENSIONS = {
    "": "{}", "{}": "{}", "{ }": "{}", "null": "{}",
    '{"b":"1","a":"2"}': '{"a":"2","b":"1"}',
    ' {"a" : "1"} ': '{"a":"1"}',
    r'{"a":"\u00e9"}': '{"a":"é"}',
    '{"":"x"}': '{"":"x"}',
    r'{"a":"q\"q"}': r'{"a":"q\"q"}',
    '{"a":1}': None, '{"a":true}': None, '{"a":null}': None, '{"a":{"b":"c"}}': None, '{"a":["b"]}': None,
    '{"a":"1","a":"2"}': None, "[]": None, '"x"': None, "x": None, "1": None, '{"a":"1"': None, '{"a":"1"}{"b":"2"}': None,
}  # fmt: skip


def test_dimensions(connection: duckdb.DuckDBPyConnection) -> None:
    found = through(connection, "canonical_dimensions", list(DIMENSIONS), pl.String())
    assert dict(zip(DIMENSIONS, found, strict=True)) == DIMENSIONS
