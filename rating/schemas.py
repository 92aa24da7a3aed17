"""The contracts of the frames that cross into and out of rating (design 5, rule 4).

What belongs here: columns, types, what may be null, and the bounds that make the arithmetic safe. What does
not: bad records, which never come this far. The checks look at whole columns, so a million rows cost
milliseconds.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import pandera.polars as pandera
import polars as pl
from pandera.errors import SchemaError

from rating.errors import FrameError, OutOfBoundsError
from rating.money import AMOUNT, AMOUNT_LIMIT, QUANTITY, RUNNING_QUANTITY_LIMIT
from rating.periods import INSTANT
from rating.pricing.columns import PRICE_SCHEMA

TEXT: Final = pl.String()
Columns = Mapping[str, pl.DataType]

USAGE: Final[Columns] = {
    "account_id": TEXT,
    "service_id": TEXT,
    "resource_id": TEXT,
    "meter": TEXT,
    "dimensions": TEXT,
    "slice_start": INSTANT,
    "quantity": QUANTITY,
    "counted": QUANTITY,
}
SUBSCRIPTIONS: Final[Columns] = {
    "account_id": TEXT,
    "currency": TEXT,
    "time_zone": TEXT,
    "service_id": TEXT,
    "subscription_id": TEXT,
    "plan": TEXT,
    "effective_from": INSTANT,
}
TOTALS: Final[Columns] = {
    "account_id": TEXT,
    "subscription_id": TEXT,
    "plan": TEXT,
    "price_id": TEXT,
    "resource_id": TEXT,
    "meter": TEXT,
    "period_start": INSTANT,
    "period_end": INSTANT,
    "quantity": QUANTITY,
}
DUE: Final[Columns] = {
    "account_id": TEXT,
    "service_id": TEXT,
    "resource_id": TEXT,
    "meter": TEXT,
    "dimensions": TEXT,
    "slice_start": INSTANT,
    "subscription_id": TEXT,
    "plan": TEXT,
    "price_id": TEXT,
    "version": TEXT,
    "currency": TEXT,
    "kind": TEXT,
    "period_start": INSTANT,
    "quantity": QUANTITY,
    "amount": AMOUNT,
}
UNPRICED: Final[Columns] = {**USAGE, "reason": TEXT}
# Where a resource used a meter that a price pools by (`rating/pools.py`).
ACTIVITY: Final[Columns] = {
    name: USAGE[name] for name in ("account_id", "service_id", "resource_id", "meter", "slice_start")
}
CHARGE_KEY: Final = tuple(name for name in DUE if name not in ("quantity", "amount"))
METERED: Final[Columns] = {"meter": TEXT, "value_microseconds": pl.Decimal(38, 0)}


def _schema(columns: Columns, nullable: Sequence[str] = ()) -> pandera.DataFrameSchema:
    return pandera.DataFrameSchema(
        {name: pandera.Column(dtype, nullable=name in nullable) for name, dtype in columns.items()}
    )


USAGE_SCHEMA: Final = _schema(USAGE)
PRICES_SCHEMA: Final = _schema(PRICE_SCHEMA, nullable=("effective_to", "maximum", "when_zone", "when_quarters"))
SUBSCRIPTIONS_SCHEMA: Final = _schema(SUBSCRIPTIONS, nullable=("plan",))
TOTALS_SCHEMA: Final = _schema(TOTALS)
DUE_SCHEMA: Final = _schema(DUE)
METERED_SCHEMA: Final = _schema(METERED)
ACTIVITY_SCHEMA: Final = _schema(ACTIVITY)


def no_rows(columns: Columns) -> pl.DataFrame:
    """An empty frame of these columns."""
    return pl.DataFrame(schema=dict(columns))


def check_frame(frame: pl.DataFrame, schema: pandera.DataFrameSchema, name: str) -> None:
    """Check columns, types and nulls; the error names the frame."""
    if _surely_fits(frame, schema):
        return
    try:
        schema.validate(frame)
    except SchemaError as error:
        # The first line says it; the others print the frame.
        problem = str(error).splitlines()[0].removesuffix("naive plan: (run LazyFrame.explain(optimized=True) to see")
        message = f"the frame {name!r} breaks its contract: {problem}; see rating/schemas.py"
        raise FrameError(message) from None


def _surely_fits(frame: pl.DataFrame, schema: pandera.DataFrameSchema) -> bool:
    """Whether a frame fits a schema that asks for types and nulls alone: as a rule it does.

    Polars knows types and nulls without looking at rows; pandera runs a query a column, and some hundred of them made a
    tenth of a small run. It says what is wrong, and decides about all that asks for more.
    """
    if schema.checks or schema.unique or schema.strict or schema.ordered:
        return False
    return all(_column_surely_fits(frame, name, column) for name, column in schema.columns.items())


def _column_surely_fits(frame: pl.DataFrame, name: str, column: pandera.Column) -> bool:
    dtype = frame.schema.get(name)
    # Of a float, a value that is no number counts as null too.
    if dtype is None or dtype != column.dtype.type or dtype.is_float() or column.checks or column.unique:
        return False
    return bool(column.nullable) or frame.get_column(name).null_count() == 0


def check_bound(frame: pl.DataFrame, column: str, limit: Decimal, naming: Sequence[str]) -> None:
    """Check that no value reaches the limit, in either direction; the error names the row.

    It runs before any sum, because Polars lets the sum of a group wrap around in silence (design 7).
    """
    least, most = frame.select(pl.col(column).min().alias("least"), pl.col(column).max().alias("most")).row(0)
    if least is None or (most < limit and -least < limit):
        return
    row = frame.filter(pl.col(column).abs() >= limit).row(0, named=True)
    named = ", ".join(f"{name} {row[name]}" for name in naming)
    message = f"{named}: the {column} {row[column]:f} is not below {limit:f}; mend the records, the price or the unit"
    raise OutOfBoundsError(message)


_NAMED: Final = ("account_id", "service_id", "resource_id", "meter", "slice_start")
_SCOPE_NAMED: Final = ("account_id", "subscription_id", "plan", "price_id", "resource_id", "meter", "period_start")


def check_rating_input(
    usage: pl.DataFrame, prices: pl.DataFrame, subscriptions: pl.DataFrame, totals: pl.DataFrame
) -> None:
    """Check all that goes into `rate`."""
    check_frame(usage, USAGE_SCHEMA, "usage")
    check_frame(prices, PRICES_SCHEMA, "prices")
    check_frame(subscriptions, SUBSCRIPTIONS_SCHEMA, "subscriptions")
    check_frame(totals, TOTALS_SCHEMA, "totals")
    check_bound(usage, "quantity", RUNNING_QUANTITY_LIMIT, _NAMED)
    check_bound(usage, "counted", RUNNING_QUANTITY_LIMIT, _NAMED)
    check_bound(totals, "quantity", RUNNING_QUANTITY_LIMIT, _SCOPE_NAMED)


def check_rated(due: pl.DataFrame, totals: pl.DataFrame) -> None:
    """Check all that comes out of `rate`."""
    check_frame(due, DUE_SCHEMA, "due")
    check_frame(totals, TOTALS_SCHEMA, "totals")
    check_bound(due, "amount", AMOUNT_LIMIT, (*_NAMED, "price_id"))
    check_bound(totals, "quantity", RUNNING_QUANTITY_LIMIT, _SCOPE_NAMED)


def check_charges(due: pl.DataFrame, standing: pl.DataFrame) -> None:
    """Check both sides of a difference of charges."""
    for frame, name in ((due, "due"), (standing, "standing")):
        check_frame(frame, DUE_SCHEMA, name)
        check_bound(frame, "quantity", RUNNING_QUANTITY_LIMIT, (*_NAMED, "price_id"))
        check_bound(frame, "amount", AMOUNT_LIMIT, (*_NAMED, "price_id"))
