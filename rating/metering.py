"""Metering: from the integral of a gauge to the quantity of a slice (semantics 2, time_weighted).

What belongs here: the meters as columns, and the one division. What does not: summing samples, which is
done in integers where the records are.
"""

from collections.abc import Sequence
from math import gcd
from typing import Final

import polars as pl

from rating.errors import FrameError, OutOfBoundsError
from rating.money import QUANTITY, QUANTITY_DIGITS, RUNNING_QUANTITY_LIMIT, divide_quantity_half_even
from rating.pricebook import PriceBook, effective_books
from rating.schemas import METERED_SCHEMA, check_frame

METER_SCHEMA: Final = {
    "meter": pl.String(),
    "title": pl.String(),
    "unit": pl.String(),
    "aggregation": pl.String(),
    "max_gap_microseconds": pl.Int64(),
    "factor": QUANTITY,
    "time_unit_microseconds": pl.Int64(),
    "series": pl.List(pl.String()),
    "allow_negative": pl.Boolean(),
    "value": pl.String(),
    "of": pl.String(),
    "width": QUANTITY,
    "window": pl.String(),
    "percentile_nano": pl.Int64(),
    "minimum_samples": pl.Int64(),
    "is_pooled": pl.Boolean(),
    "rounding_mode": pl.String(),
    "rounding_step": QUANTITY,
    "rounding_per": pl.String(),
    "minimum_per_record": QUANTITY,
    "is_additive": pl.Boolean(),
    "is_periodic": pl.Boolean(),
}
_NANO: Final = 10**QUANTITY_DIGITS
_WHOLE: Final = pl.Int128()


def compile_meters(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row per meter of all books; where a later book says otherwise, the later holds."""
    meters = {name: meter for book in effective_books(books) for name, meter in book.meters.items()}
    rows = [
        {
            "meter": name,
            "title": meter.title or name,
            "series": list(meter.series),
            **{field: getattr(meter, field) for field in METER_SCHEMA if field not in ("meter", "title", "series")},
        }
        for name, meter in sorted(meters.items())
    ]
    return pl.DataFrame(rows, schema=METER_SCHEMA, orient="row")


def gauge_quantity(integral: pl.DataFrame, meters: pl.DataFrame) -> pl.DataFrame:
    """Replace `value_microseconds` by `quantity`: x factor / time_unit, half-even at the ninth decimal, once.

    `value_microseconds` is the sum of value x 1e9 x microseconds, a whole number. The rows keep their order.
    """
    check_frame(integral, METERED_SCHEMA, "integral")
    scaled = integral.join(_ratios(meters), on="meter", how="left", maintain_order="left")
    unknown = scaled.filter(pl.col("numerator").is_null())
    if not unknown.is_empty():
        message = f"the frame 'integral' holds the meter {unknown['meter'][0]!r}, which no price book has; add it there"
        raise FrameError(message)
    _check_size(scaled)
    quantity = divide_quantity_half_even(_nano_quantity(), pl.lit(_NANO))
    return scaled.with_columns(quantity=quantity).drop("value_microseconds", "numerator", "denominator")


def _check_size(scaled: pl.DataFrame) -> None:
    """Stop before the whole numbers could overflow, which they would in silence."""
    rough = pl.col("value_microseconds").cast(pl.Float64) * pl.col("numerator") / pl.col("denominator") / _NANO
    too_large = scaled.filter(rough.abs() >= float(RUNNING_QUANTITY_LIMIT))
    if not too_large.is_empty():
        row = too_large.drop("numerator", "denominator").row(0, named=True)
        named = ", ".join(f"{name} {value}" for name, value in row.items())
        message = f"{named}: a metered quantity of 1e15 or more; mend the records, or the factor of the meter"
        raise OutOfBoundsError(message)


def _ratios(meters: pl.DataFrame) -> pl.DataFrame:
    """By meter the whole numbers n / d that turn an integral into units of 1e-9."""
    rows = []
    for meter, factor, time_unit in meters.select("meter", "factor", "time_unit_microseconds").iter_rows():
        numerator, denominator = int(factor * _NANO), time_unit * _NANO
        shared = gcd(numerator, denominator)
        rows.append((meter, numerator // shared, denominator // shared))
    return pl.DataFrame(rows, schema={"meter": pl.String(), "numerator": _WHOLE, "denominator": _WHOLE}, orient="row")


def _nano_quantity() -> pl.Expr:
    """integral x n / d, half-even, in whole numbers.

    The whole part is taken out first, so that the product stays small: what remains is below d x n < 1e35.
    """
    integral, numerator, denominator = (
        pl.col(name).cast(_WHOLE) for name in ("value_microseconds", "numerator", "denominator")
    )
    rest = (integral % denominator) * numerator
    whole = (integral // denominator) * numerator + rest // denominator
    twice = (rest % denominator) * 2
    up = (twice > denominator) | ((twice == denominator) & (whole % 2 != 0))
    return whole + up.cast(_WHOLE)
