"""Hourly usage: what each slice holds of each meter, for the hours that are closed (semantics 2)."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets.corrected_events import counted_events, voided_too
from assets.due_usage import KEY, LONGEST_GAP, Metering, Window, due_usage, nothing, period_floor, short_percentiles
from assets.partitions import DAYS, UntilHour, hour_to_close
from assets.shown import counts, shown, table_if_any
from rating.periods import instant
from resources.facts import Facts, closed_until, facts_as_of, reference_moved, slices_of
from resources.lake import Lake, Parameters
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge, run_of

HOUR = timedelta(hours=1)
# So many records are added up at once, about; of more, some hours at a time, or some accounts of an hour: memory stays flat.
MOST_RECORDS = 16_000_000
TABLES = ("meters_again", "sum_meters", "cut_slices")


def meter_usage(project: Project, job: str, until: datetime) -> dict[str, Any]:
    """Close the hours that end at or before `until`, and meter what is new in all closed hours."""
    project.progress("metering")
    return converge(project.lake, "usage_hourly", job, lambda step: _meter(step, until))


def _meter(step: Step, until: datetime) -> dict[str, Any]:
    with counted_events(step.lake, step.run) as corrected:
        return _meter_counted(step, until, corrected=corrected)


def _meter_counted(step: Step, until: datetime, *, corrected: bool) -> dict[str, Any]:
    window = _window(step, until)
    facts = facts_as_of(step.lake, step.run)
    _prepare(step, facts, window, corrected=corrected)
    rows = [_newly_closed(step, facts, window), _difference(step, facts, window)]
    changed = pl.concat(rows)
    step.append("usage_hourly", changed)
    short = _short(step, facts, window)
    step.append("short_percentiles", short)
    sums = _append_sums(step, window)
    close_hours(step, window)
    return {
        "slices": changed.height + sums,
        "hours_closed": (window.until - window.closed) // HOUR,
        "closed_until": window.until,
        "short_percentiles": short.height,
    }


def _window(step: Step, until: datetime) -> Window:
    """What closes now. The books begin with the hour of the earliest record."""
    whole = until.replace(minute=0, second=0, microsecond=0)
    closed = closed_until(step.lake, step.run)
    begin = closed or min(step.lake.value("steps/usage_hourly/first_hour", {"run": step.run}) or until, whole)
    return Window(begin, max(begin, whole))


def _prepare(step: Step, facts: Facts, window: Window, *, corrected: bool) -> None:
    """The tables that the metering statements join: meters, cut slices, hours to meter again."""
    moved = bool(step.head) and reference_moved(step)
    first = step.lake.value("steps/usage_hourly/first_new_hour", {"run": step.run, "head": 0 if moved else step.head})
    oldest = step.lake.value("steps/corrections/first_new", step.bounds()) if corrected else None
    late = min(first or window.closed, oldest or window.closed)
    start = min(late, window.closed - LONGEST_GAP)
    if facts.meters["is_periodic"].any():
        start = period_floor(facts, start)
    cuts = facts.cuts(start, window.until)
    recut = _recut_hours(step, cuts, start, window) if moved else _no_hours()
    with step.lake.registered(meters_to_use=facts.meters, slices_to_use=slices_of(cuts), recut_hours=recut):
        for name in TABLES:
            step.lake.run_statement(f"steps/usage_hourly/{name}")
        bounds = {**step.bounds(), "closed_until": window.closed}
        with voided_too(step.lake) if corrected else nullcontext():
            step.lake.run_statement("steps/usage_hourly/touched_hours", bounds)
        if (facts.meters["aggregation"] == "counter").any():
            _prepare_counters(step, late, window)
        if corrected:
            step.lake.run_statement("steps/corrections/touched_hours", bounds)
        if facts.meters["is_periodic"].any():
            _touch_periods(step, facts, window, moved=moved)


def _prepare_counters(step: Step, first: datetime, window: Window) -> None:
    """Note which series are new, and touch the hours of the samples that follow late ones."""
    step.lake.run_statement("steps/usage_hourly/counters")
    bounds = {**step.bounds(), "closed_until": window.closed, "first": first}
    step.lake.run_statement("steps/usage_hourly/touched_followers", bounds)
    series = step.lake.frame("steps/usage_hourly/new_series", step.bounds())
    with step.lake.registered(series_to_keep=series):
        step.lake.run_statement("steps/usage_hourly/keep_new_series")
    step.append("counter_series", series)


def _touch_periods(step: Step, facts: Facts, window: Window, *, moved: bool) -> None:
    """What is metered by the billing period is metered again from the first touched hour on."""
    step.lake.run_statement("steps/usage_hourly/periodic_meters")
    closed = {"closed_until": window.closed}
    if moved:
        before = facts_as_of(step.lake, step.head).zones
        others = pl.concat(
            [
                facts.zones.join(before, on=before.columns, how="anti"),
                before.join(facts.zones, on=before.columns, how="anti"),
            ]
        )
        with step.lake.registered(moved_zones=others):
            since = step.lake.value("steps/usage_hourly/known_since")
            bounds = {"run": step.run, "known_since": since or step.run, **closed}
            step.lake.run_statement("steps/usage_hourly/touched_zones", bounds)
    step.lake.run_statement("steps/usage_hourly/touched_periods", closed)


def _recut_hours(step: Step, cuts: pl.DataFrame, start: datetime, window: Window) -> pl.DataFrame:
    """The account hours, metered before, whose boundaries are others now (semantics 2, slice)."""
    before = facts_as_of(step.lake, step.head).cuts(start, window.until)
    changed = pl.concat(
        [cuts.join(before, on=cuts.columns, how="anti"), before.join(cuts, on=cuts.columns, how="anti")]
    )
    hours = changed.select("account_id", hour=pl.col("cut_at").dt.truncate("1h")).unique()
    return hours.filter(pl.col("hour") < window.closed)


def _no_hours() -> pl.DataFrame:
    return pl.DataFrame(schema={"account_id": pl.String, "hour": pl.Datetime("us", "UTC")})


def meter_from_records(lake: Lake, facts: Facts, run: int, until: datetime) -> pl.DataFrame:
    """What every slice before `until` should hold as of a run, from the records alone: nothing that stands is read."""
    begin = lake.value("steps/usage_hourly/first_record", {"run": run})
    if begin is None:
        return nothing()
    prepare_whole(lake, facts, Window(begin, until))
    span = {"run": run, "closed_until": begin, "first": begin, "until": until, "parts": 1, "part": 0}
    again = due_usage(Metering(lake, facts, run), Window(begin, until))
    sums = lake.frame("steps/usage_hourly/new_sums", {**span, "head": 0}).select(*KEY, "quantity")
    return pl.concat([again, sums])


def prepare_whole(lake: Lake, facts: Facts, window: Window) -> None:
    """The tables that the metering statements join, where nothing that stands is looked at."""
    slices = slices_of(facts.cuts(window.closed, window.until))
    with lake.registered(meters_to_use=facts.meters, slices_to_use=slices):
        for name in (*TABLES, "no_touched_hours", "no_new_series"):
            lake.run_statement(f"steps/usage_hourly/{name}")


def _newly_closed(step: Step, facts: Facts, window: Window) -> pl.DataFrame:
    """What is not a plain sum in the hours that close now: nothing stands there yet."""
    if window.until == window.closed:
        return nothing()
    return due_usage(Metering(step.lake, facts, step.run), window)


def _difference(step: Step, facts: Facts, window: Window) -> pl.DataFrame:
    """What should stand in the hours that are metered again, less what stands."""
    again = _touched(step, facts, window)
    if again is None:
        return nothing()
    metering, span = again
    bounds = {"run": step.run, "first": span.closed, "closed_until": window.closed}
    sums = step.lake.frame("steps/usage_hourly/touched_sums", bounds).select(*KEY, "quantity")
    due = pl.concat([due_usage(metering, span), sums])
    return _less(due, step.lake.frame("steps/usage_hourly/standing_touched", bounds), "quantity")


def _touched(step: Step, facts: Facts, window: Window) -> tuple[Metering, Window] | None:
    """From what to meter again, and the hours that this is about."""
    hours = step.lake.connection.execute("select resource_id, meter, hour from touched_hours").pl()
    if hours.is_empty():
        return None
    return Metering(step.lake, facts, step.run, hours), Window(instant(hours["hour"], "min"), window.closed)


def _less(due: pl.DataFrame, standing: pl.DataFrame, column: str) -> pl.DataFrame:
    taken_back = standing.with_columns(-pl.col(column))
    both = pl.concat([due, taken_back.select(due.columns)])
    return both.group_by(KEY).agg(pl.col(column).sum()).filter(pl.col(column) != 0)


def _short(step: Step, facts: Facts, window: Window) -> pl.DataFrame:
    """The percentiles of too few samples that are new, and less those that are no more: what operators must see."""
    if (facts.meters["minimum_samples"] == 1).all():
        return pl.DataFrame()
    new = Metering(step.lake, facts, step.run)
    rows = [short_percentiles(new, window)] if window.until > window.closed else []
    if again := _touched(step, facts, window):
        metering, span = again
        bounds = {"run": step.run, "first": span.closed, "closed_until": window.closed}
        standing = step.lake.frame("steps/usage_hourly/standing_short", bounds)
        rows.append(_less(short_percentiles(metering, span), standing, "samples"))
    return pl.concat(rows) if rows else pl.DataFrame()


def _append_sums(step: Step, window: Window) -> int:
    parameters = {**step.bounds(), "closed_until": window.closed, "until": window.until}
    hours = step.lake.frame("steps/usage_hourly/new_hours", parameters)
    return sum(_append_part(step, parameters | part) for part in _parts_of_sums(hours))


def _parts_of_sums(hours: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """What is added up at once: all new hours where they are few, else some of them, else some accounts of one hour."""
    before = pl.col("records").cum_sum() - pl.col("records")
    spans = hours.group_by((before // MOST_RECORDS).alias("span"), maintain_order=True).agg(
        pl.col("records").sum(), first=pl.col("hour").min(), until=pl.col("hour").max() + HOUR
    )
    for records, first, until in spans.select("records", "first", "until").iter_rows():
        parts = 1 + records // MOST_RECORDS
        yield from ({"first": first, "until": until, "parts": parts, "part": part} for part in range(parts))


def _append_part(step: Step, parameters: Parameters) -> int:
    sums = step.lake.frame("steps/usage_hourly/new_sums", parameters)
    # What is asked of a few accounts later then lies in few places of the file.
    step.append("usage_hourly", sums.sort("account_id"))
    return sums.height


def close_hours(step: Step, window: Window) -> None:
    """Mark the hours of the window as closed."""
    if window.until > window.closed:
        hours = pl.datetime_range(window.closed, window.until, "1h", closed="left", time_unit="us", eager=True)
        step.append("run_hours", hours.alias("hour").to_frame())


@dg.asset(
    deps=["usage_events"], partitions_def=DAYS,
    group_name="metering", kinds={"duckdb", "polars"}, owners=["team:operations"],
)  # fmt: skip
def usage_hourly(
    context: dg.AssetExecutionContext, config: UntilHour, project: dg.ResourceParam[ProjectSource]
) -> dg.MaterializeResult[Any]:
    """How much each resource used of each meter in each closed hour. Late records append what they change."""
    with project.open() as opened:
        until = hour_to_close(context.partition_time_window, config, opened.clock)
        report = meter_usage(opened, context.run.run_id, until)
        hours = opened.lake.frame("steps/usage_hourly/hours_of_run", {"run": run_of(opened.lake, context.run.run_id)})
        numbers = counts(
            report,
            {
                "hours closed": "hours_closed",
                "slices changed": "slices",
                "closed until": "closed_until",
                "percentiles of too few samples": "short_percentiles",
            },
        )
        return shown(context, project, opened, report, {**numbers, **table_if_any("what each hour holds", hours)})
