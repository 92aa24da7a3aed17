"""What slices hold of the meters that are worked out from all of their records (semantics 2, aggregations).

What belongs here: which statement says what an aggregation makes of records. What does not: which slices are asked for,
and what stands there (`usage_hourly.py`), and plain sums, which grow by what is new alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.metering import gauge_quantity
from rating.money import QUANTITY
from rating.periods import INSTANT
from resources.facts import EPOCH, Facts
from resources.lake import Lake

KEY: Final = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
# A sample holds for a day at most (the price book refuses a longer max_gap).
LONGEST_GAP: Final = timedelta(days=1)
# By aggregation, the statement that says what each slice's records come to.
STATEMENTS: Final = {
    "sum": "slice_sums",
    "count": "slice_counts",
    "max": "slice_largest",
    "latest": "slice_latest",
    "unique_count": "slice_unique_counts",
    "time_weighted": "gauge_integrals",
    "counter": "counter_steps",
}


@dataclass(frozen=True)
class Window:
    """The hours of [closed, until). For those that close with a run, `closed` is the end of what was closed before."""

    closed: datetime
    until: datetime


@dataclass(frozen=True)
class Metering:
    """From what to meter: the records and facts as of a run; of `touched_hours` alone where those hours are given."""

    lake: Lake
    facts: Facts
    run: int
    hours: pl.DataFrame | None = None


def due_usage(metering: Metering, window: Window) -> pl.DataFrame:
    """What every slice of the window should hold, without what grows by new records alone: `KEY`, quantity, no zeros."""
    parts = pl.concat([nothing(), *_by_aggregation(metering, window)])
    return parts.filter(pl.col("quantity") != 0)


def _by_aggregation(metering: Metering, window: Window) -> Iterator[pl.DataFrame]:
    again = metering.facts.meters.filter(~pl.col("is_additive"))
    for (aggregation,), meters in again.group_by("aggregation"):
        _choose(metering, meters, window)
        if aggregation == "counter":
            _look_back(metering, window)
        slices = metering.lake.frame(
            f"steps/usage_hourly/{STATEMENTS[str(aggregation)]}",
            {"from": window.closed, "until": window.until} if aggregation == "time_weighted" else None,
        )
        if metering.hours is not None:
            slices = slices.join(metering.hours, on=["resource_id", "meter", "hour"], how="semi")
        if aggregation == "time_weighted":
            slices = gauge_quantity(slices, metering.facts.meters)
        yield slices.select(*KEY, pl.col("quantity").cast(QUANTITY))


def _choose(metering: Metering, meters: pl.DataFrame, window: Window) -> None:
    """Let `samples` and `sliced_records` be the records of these meters that reach into the window."""
    lake = metering.lake
    with lake.registered(meters_to_choose=meters):
        lake.run_statement("steps/usage_hourly/chosen_meters")
    furthest = LONGEST_GAP if meters["max_gap_microseconds"].is_not_null().any() else timedelta(0)
    bounds = {"from": window.closed, "until": window.until, "earliest": window.closed - furthest}
    # A view takes no parameters, and a table made within a transaction is read by one thread only.
    for name, value in {"run": metering.run, **bounds}.items():
        lake.connection.execute(f'set variable "{name}" = $value', {"value": value})
    for name in ("new_samples" if metering.hours is None else "touched_samples", "sliced_records"):
        lake.run_statement(f"steps/usage_hourly/{name}")


def _look_back(metering: Metering, window: Window) -> None:
    """Let `preceding_samples` be the newest sample before the window of each series that has one in it.

    Most have one on the day before; for the others, all that is older is looked into.
    """
    lake = metering.lake
    for name in ("sampled_series", "no_preceding_samples"):
        lake.run_statement(f"steps/usage_hourly/{name}")
    until = window.closed
    for since in (until - LONGEST_GAP, EPOCH):
        if lake.value("steps/usage_hourly/series_without_sample"):
            bounds = {"run": metering.run, "earliest": since, "from": until}
            lake.run_statement("steps/usage_hourly/preceding_samples", bounds)
        until = since


def nothing() -> pl.DataFrame:
    """No slice at all."""
    types: list[pl.DataType] = [*[pl.String()] * 5, INSTANT, QUANTITY]
    return pl.DataFrame(schema=dict(zip((*KEY, "quantity"), types, strict=True)))
