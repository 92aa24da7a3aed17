"""Classes of dimensions: which `where` of the prices fits which dimensions (semantics 3).

What belongs here: matching the few texts of dimensions that there are, and giving those that fit the same a number. What
does not: which price holds then (`choosing.py`), and rows of usage, of which there are many.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

NO_WHERE: Final = "{}"
_TEXT: Final = ("meter", "dimensions")


@dataclass(frozen=True)
class Classes:
    """The classes of dimensions.

    Attributes:
        of_texts: meter, dimensions (canonical JSON text), dimension_class; for meters that have prices with `where`.
        matching: dimension_class, where (of prices); a class that nothing fits, 0 among them, has no row.
    """

    of_texts: pl.DataFrame
    matching: pl.DataFrame

    def mark(self, usage: pl.DataFrame) -> pl.DataFrame:
        """Add `dimension_class` to rows with meter and dimensions; they keep their order."""
        marked = usage.join(self.of_texts, on=_TEXT, how="left", maintain_order="left")
        return marked.with_columns(pl.col("dimension_class").fill_null(0))


def classify(usage: pl.DataFrame, prices: pl.DataFrame) -> Classes | None:
    """Give the dimensions of rows (meter, dimensions) their classes; None where no price asks for dimensions."""
    asking = prices.filter(pl.col("where_keys") > 0)
    if asking.is_empty():
        return None
    texts = usage.filter(pl.col("meter").is_in(asking["meter"].unique().implode())).select(_TEXT).unique()
    wheres = asking["where"].unique().sort().to_list()
    fitting = _fitting(texts["dimensions"].unique(), wheres)
    names = fitting.columns[1:]
    # A class that fits nothing is 0, as are all meters whose prices do not ask.
    distinct = fitting.select(names).unique().filter(pl.any_horizontal(names)).sort(names)
    numbered = distinct.with_row_index("dimension_class", offset=1)
    of_texts = texts.join(fitting.join(numbered, on=names), on="dimensions").select(*_TEXT, "dimension_class")
    long = numbered.unpivot(names, index="dimension_class", variable_name="place", value_name="fits").filter("fits")
    places = pl.DataFrame({"place": names, "where": wheres})
    return Classes(of_texts, long.join(places, on="place").select("dimension_class", "where"))


def _fitting(texts: pl.Series, wheres: list[str]) -> pl.DataFrame:
    """Which of the conditions fits each text: dimensions, and a column for each condition."""
    conditions = [json.loads(where) for where in wheres]
    keys = sorted({key for condition in conditions for key in condition})
    values = texts.str.json_decode(pl.Struct(dict.fromkeys(keys, pl.String))).struct.unnest()
    # A key may be any text: columns by their place have names that mean nothing to Polars.
    values.columns = [f"key_{place}" for place in range(len(keys))]
    column = dict(zip(keys, values.columns, strict=True))
    fits = [_all(pl.col(column[key]).eq_missing(pl.lit(wanted)) for key, wanted in one.items()) for one in conditions]
    named = [fit.alias(f"where_{place}") for place, fit in enumerate(fits)]
    return pl.concat([texts.to_frame("dimensions"), values.select(named)], how="horizontal")


def _all(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return pl.all_horizontal(conditions)
