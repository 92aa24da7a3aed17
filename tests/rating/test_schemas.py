"""Contracts of frames: what is let through without pandera is what pandera lets through."""

from datetime import UTC, datetime

import pandera.polars as pandera
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.errors import FrameError
from rating.schemas import check_frame

INSTANT = pl.Datetime("us", "UTC")
TYPES = (pl.String(), pl.Int64(), pl.Float64(), pl.Decimal(38, 9), pl.Decimal(38, 18), INSTANT, pl.Datetime("us"))
VALUES = {pl.String(): "a", INSTANT: datetime(2026, 11, 1, tzinfo=UTC)}
MOMENT = datetime(2026, 11, 1, tzinfo=UTC).replace(tzinfo=None)


def column_of(dtype: pl.DataType, kind: str) -> pl.Series:
    value = MOMENT if dtype == pl.Datetime("us") else VALUES.get(dtype, 1)
    return pl.Series([value, None][: 1 + (kind == "null")] if kind != "empty" else [], dtype=dtype)


@given(
    wanted=st.dictionaries(st.sampled_from("abc"), st.tuples(st.sampled_from(TYPES), st.booleans()), min_size=1),
    given=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(TYPES), min_size=1),
    takes=st.booleans(),
    kind=st.sampled_from(["empty", "full", "null"]),
    strict=st.booleans(),
)
def test_a_frame_is_refused_where_pandera_refuses_it(
    wanted: dict[str, tuple[pl.DataType, bool]], given: dict[str, pl.DataType], kind: str, *, takes: bool, strict: bool
) -> None:
    dtypes = given | {name: dtype for name, (dtype, _) in wanted.items() if takes}
    frame = pl.DataFrame({name: column_of(dtype, kind) for name, dtype in dtypes.items()})
    columns = {name: pandera.Column(dtype, nullable=nullable) for name, (dtype, nullable) in wanted.items()}
    schema = pandera.DataFrameSchema(columns, strict=strict)
    try:
        schema.validate(frame)
    except pandera.errors.SchemaError:
        with pytest.raises(FrameError, match="'given'"):
            check_frame(frame, schema, "given")
    else:
        check_frame(frame, schema, "given")


def test_what_is_no_number_counts_as_missing() -> None:
    frame = pl.DataFrame({"a": [float("nan")]})
    check_frame(frame, pandera.DataFrameSchema({"a": pandera.Column(pl.Float64, nullable=True)}), "given")
    with pytest.raises(FrameError, match="null"):
        check_frame(frame, pandera.DataFrameSchema({"a": pandera.Column(pl.Float64)}), "given")


@pytest.mark.parametrize(
    "schema",
    [
        pandera.DataFrameSchema({"a": pandera.Column(pl.Int64, pandera.Check.gt(1))}),
        pandera.DataFrameSchema({"a": pandera.Column(pl.Int64, unique=True)}),
        pandera.DataFrameSchema({"a": pandera.Column(pl.Int64)}, unique=["a"]),
        pandera.DataFrameSchema({"a": pandera.Column(pl.Int64), "b": pandera.Column(pl.Int64)}, ordered=True),
    ],
    ids=["a check", "no repeats", "no repeated rows", "an order"],
)
def test_what_a_schema_asks_for_besides_types_is_looked_at(schema: pandera.DataFrameSchema) -> None:
    with pytest.raises(FrameError):
        check_frame(pl.DataFrame({"b": [1, 1], "a": [1, 1]}), schema, "given")
