"""What slices hold of the meters that are worked out from all of their records (semantics 2, aggregations).

What belongs here: which statement says what an aggregation makes of records, and from when on it needs them. What does
not: which slices are asked for, and what stands there (`usage_hourly.py`); plain sums, which grow by what is new alone;
and what a slice adds to its billing period (`rating/increments.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.increments import period_increments, round_slices
from rating.metering import gauge_quantity
from rating.money import QUANTITY
from rating.periods import INSTANT, instant, periods
from resources.facts import EPOCH, Facts
from resources.lake import Lake

KEY: Final = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
# A sample holds for a day at most (the price book refuses a longer max_gap).
LONGEST_GAP: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)
# By aggregation, the statement that says what each slice's records come to.
STATEMENTS: Final = {
    "sum": "slice_sums",
    "count": "slice_counts",
    "max": "slice_largest",
    "latest": "slice_latest",
    "unique_count": "slice_unique_counts",
    "unique_count of a period": "slice_first_values",
    "time_weighted": "gauge_integrals",
    "counter": "counter_steps",
    "percentile": "percentiles",
}
BOUNDED: Final = ("gauge_integrals", "percentiles")
# Those that ask in which billing period a record is.
OF_MONTHS: Final = ("slice_first_values", "percentiles")


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

    def months(self, window: Window) -> pl.DataFrame:
        """The billing periods of every zone that touch a window."""
        return periods(["UTC", *self.facts.zones["time_zone"]], window.closed, window.until)


def due_usage(metering: Metering, window: Window) -> pl.DataFrame:
    """What every slice of the window should hold, without what grows by new records alone: `KEY`, quantity, no zeros."""
    parts = pl.concat([nothing(), *_by_statement(metering, window)])
    return parts.filter(pl.col("quantity") != 0)


def _by_statement(metering: Metering, window: Window) -> Iterator[pl.DataFrame]:
    again = metering.facts.meters.filter(~pl.col("is_additive"))
    for (aggregation, by_period, is_pooled), meters in again.group_by(
        "aggregation", pl.col("window") == "period", "is_pooled"
    ):
        kind = f"{aggregation} of a period" if by_period else str(aggregation)
        statement = STATEMENTS.get(kind, STATEMENTS[str(aggregation)])
        for (is_periodic,), some in meters.group_by("is_periodic"):
            if aggregation == "percentile":
                ranked = percentiles(metering, window, some, is_pooled=bool(is_pooled))
                slices = ranked.filter(pl.col("samples") >= pl.col("minimum_samples"))
            elif is_periodic:
                slices = _increments(metering, window, some, statement)
            else:
                slices = round_slices(_slices(metering, window, some, statement), some, "slice")
            yield _asked_for(metering, slices).select(*KEY, pl.col("quantity").cast(QUANTITY))


def _asked_for(metering: Metering, slices: pl.DataFrame) -> pl.DataFrame:
    if metering.hours is not None:
        return slices.join(metering.hours, on=["resource_id", "meter", "hour"], how="semi")
    return slices


def _increments(metering: Metering, window: Window, meters: pl.DataFrame, statement: str) -> pl.DataFrame:
    """What slices add to their periods: all slices of those periods are needed, from their beginning."""
    whole = Window(period_floor(metering.facts, window.closed), window.until)
    slices = _slices(metering, whole, meters, statement)
    increments = period_increments(slices, meters, metering.facts.zones)
    return increments.filter(pl.col("hour") >= window.closed)


def percentiles(metering: Metering, window: Window, meters: pl.DataFrame, *, is_pooled: bool) -> pl.DataFrame:
    """The percentiles of the periods that end in the window: KEY, hour, quantity, samples, minimum_samples."""
    ending = metering.months(window).filter(pl.col("period_end") <= window.until)
    if ending.is_empty():
        return _no_percentiles()
    whole = Window(instant(ending["period_start"], "min"), window.until)
    return _asked_for(metering, _ranked(metering, whole, window, meters, is_pooled=is_pooled))


def percentiles_so_far(metering: Metering, closed: datetime, meters: pl.DataFrame, *, is_pooled: bool) -> pl.DataFrame:
    """The percentiles, of the samples before `closed`, of the periods that go on then; as `percentiles`.

    With the bounds of each period: period_start, period_end.
    """
    going_on = metering.months(Window(closed, closed + MICROSECOND))
    whole = Window(instant(going_on["period_start"], "min"), closed)
    ending = Window(closed, instant(going_on["period_end"], "max"))
    return _ranked(metering, whole, ending, meters, is_pooled=is_pooled)


def _ranked(
    metering: Metering, whole: Window, ending: Window, meters: pl.DataFrame, *, is_pooled: bool
) -> pl.DataFrame:
    """The percentiles, of the samples in `whole`, of the periods whose end is in (ending.closed, ending.until]."""
    _choose(metering, meters, whole, "percentiles", by_resource=not is_pooled)
    found = metering.lake.frame("steps/usage_hourly/percentiles", {"from": ending.closed, "until": ending.until})
    return round_slices(found, meters, "period").join(meters.select("meter", "minimum_samples"), on="meter")


def short_percentiles(metering: Metering, window: Window) -> pl.DataFrame:
    """The percentiles that are not billed, since their periods have too few samples: `KEY`, samples."""
    meters = metering.facts.meters.filter(pl.col("aggregation") == "percentile")
    groups = meters.group_by("is_pooled")
    found = [percentiles(metering, window, some, is_pooled=bool(pooled)) for (pooled,), some in groups]
    short = pl.concat([_no_percentiles(), *(frame.select(_no_percentiles().columns) for frame in found)])
    return short.filter(pl.col("samples") < pl.col("minimum_samples")).select(*KEY, "samples")


def _no_percentiles() -> pl.DataFrame:
    more = {"hour": INSTANT, "samples": pl.Int64(), "minimum_samples": pl.Int64()}
    return pl.DataFrame(schema={**nothing().schema, **more})


def period_floor(facts: Facts, moment: datetime) -> datetime:
    """An instant by which the billing periods that hold a moment have begun in every zone."""
    zones = ["UTC", *facts.zones["time_zone"]]
    return instant(periods(zones, moment, moment + MICROSECOND)["period_start"], "min")


def _slices(metering: Metering, window: Window, meters: pl.DataFrame, statement: str) -> pl.DataFrame:
    """What the records of each slice of the window come to: KEY, hour, quantity."""
    _choose(metering, meters, window, statement)
    if statement == "counter_steps":
        _look_back(metering, window)
    bounds = {"from": window.closed, "until": window.until} if statement in BOUNDED else None
    slices = metering.lake.frame(f"steps/usage_hourly/{statement}", bounds)
    if statement == "gauge_integrals":
        slices = gauge_quantity(slices, metering.facts.meters)
    return slices.select(*KEY, "hour", pl.col("quantity").cast(QUANTITY))


def _choose(
    metering: Metering, meters: pl.DataFrame, window: Window, statement: str, *, by_resource: bool = True
) -> None:
    """Let `samples` and `sliced_records` be the records of these meters that reach into the window."""
    lake = metering.lake
    with lake.registered(meters_to_choose=meters):
        lake.run_statement("steps/usage_hourly/chosen_meters")
    if statement in OF_MONTHS:
        with lake.registered(months_to_use=metering.months(window), zones_to_use=metering.facts.zones):
            for name in ("billing_months", "account_zones"):
                lake.run_statement(f"steps/usage_hourly/{name}")
    furthest = LONGEST_GAP if meters["max_gap_microseconds"].is_not_null().any() else timedelta(0)
    bounds = {"from": window.closed, "until": window.until, "earliest": window.closed - furthest}
    # A view takes no parameters, and a table made within a transaction is read by one thread only.
    for name, value in {"run": metering.run, **bounds}.items():
        lake.connection.execute(f'set variable "{name}" = $value', {"value": value})
    is_touched = metering.hours is not None and by_resource
    lake.run_statement(f"steps/usage_hourly/{'touched' if is_touched else 'new'}_samples")
    if statement != "gauge_integrals":
        lake.run_statement("steps/usage_hourly/sliced_records")


def _look_back(metering: Metering, window: Window) -> None:
    """Let `preceding_samples` be the newest sample before the window of each series that has one in it.

    Most have one on the day before. What is older is looked into only for series that are known to be older.
    """
    lake = metering.lake
    for name in ("sampled_series", "no_preceding_samples"):
        lake.run_statement(f"steps/usage_hourly/{name}")
    until = window.closed
    for since in (until - LONGEST_GAP, EPOCH):
        bounds = {"run": metering.run, "before": until}
        if lake.value("steps/usage_hourly/series_without_sample", bounds):
            bounds = {"run": metering.run, "earliest": since, "from": until}
            lake.run_statement("steps/usage_hourly/preceding_samples", bounds)
        until = since


def nothing() -> pl.DataFrame:
    """No slice at all."""
    types: list[pl.DataType] = [*[pl.String()] * 5, INSTANT, QUANTITY]
    return pl.DataFrame(schema=dict(zip((*KEY, "quantity"), types, strict=True)))
