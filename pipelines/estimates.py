"""What percentiles come to so far in the billing periods that go on (semantics 2, percentile).

What belongs here: which periods and samples are asked for, and the columns that people read. What does not: the percentile
itself, which is that of the books (`assets/due_usage.py`), and printing (`pipelines/command/estimates.py`).
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from assets.corrected_events import counted_events
from assets.due_usage import Metering, Window, percentiles_so_far
from assets.usage_hourly import prepare_whole
from rating.money import QUANTITY
from rating.periods import INSTANT
from resources.facts import Facts, closed_until, facts_as_of
from resources.lake import Lake

NEWEST: Final = 2**62
ESTIMATES: Final = {
    "account_id": pl.String(),
    "service_id": pl.String(),
    "resource_id": pl.String(),
    "meter": pl.String(),
    "dimensions": pl.String(),
    "period": pl.String(),
    "period_start": INSTANT,
    "period_end": INSTANT,
    "until": INSTANT,
    "quantity": QUANTITY,
    "unit": pl.String(),
    "samples": pl.Int64(),
    "minimum_samples": pl.Int64(),
    "is_enough": pl.Boolean(),
}
_ORDER: Final = ("account_id", "service_id", "meter", "resource_id", "dimensions", "period_start")
_HOUR: Final = timedelta(hours=1)
# Local midnights are less than a day from those of UTC, so this far into a month it has one name everywhere.
_INTO_THE_MONTH: Final = timedelta(days=15)


def percentile_estimates(lake: Lake, run: int | None = None) -> pl.DataFrame:
    """What would be posted of each percentile, were its period over with the samples that it has: `ESTIMATES`.

    As of a run, else of the newest whole one. The samples of all closed hours count (`until`), as corrected; `quantity` is
    the sample of nearest rank, k = ceil(p x n), rounded as the meter says; `resource_id` is `*` where resources are pooled.
    Without `is_enough` the period has fewer samples than the meter asks for, and would not be billed. Nothing is written,
    and runs never wait for it: it reads the records of percentile meters alone.

    Raises:
        LakeMissingError: there is no lake yet.
    """
    as_of = int(lake.value("steps/invoices/complete_run", {"run": NEWEST})) if run is None else run
    facts, closed = facts_as_of(lake, as_of), closed_until(lake, as_of)
    meters = facts.meters.filter(pl.col("aggregation") == "percentile")
    if closed is None or meters.is_empty():
        return pl.DataFrame(schema=ESTIMATES)
    with counted_events(lake, as_of):
        prepare_whole(lake, facts, Window(closed, closed + _HOUR))
        groups = list(meters.group_by("is_pooled"))
        found = [_of_meters(lake, facts, as_of, closed, some, pooled=bool(pooled)) for (pooled,), some in groups]
    return pl.concat(found).sort(_ORDER)


def _of_meters(
    lake: Lake, facts: Facts, run: int, closed: datetime, meters: pl.DataFrame, *, pooled: bool
) -> pl.DataFrame:
    ranked = percentiles_so_far(Metering(lake, facts, run), closed, meters, is_pooled=pooled)
    made = {
        "period": (pl.col("period_start") + _INTO_THE_MONTH).dt.strftime("%Y-%m"),
        "until": pl.lit(closed),
        "is_enough": pl.col("samples") >= pl.col("minimum_samples"),
    }
    named = ranked.join(meters.select("meter", "unit"), on="meter")
    return named.select(made.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in ESTIMATES.items())
