"""Recurring grants: the lot that each billing period makes of them (semantics 4).

What belongs here: which lots there are, and when they begin and end. What does not: what rolls over from one to the next
(`rating/rollover.py`).
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.periods import INSTANT, instant, periods

_LITTLE: Final = timedelta(microseconds=1)


def recurring_lots(grants: pl.DataFrame, since: datetime, until: datetime) -> pl.DataFrame:
    """The lots of recurring grants that begin after `since` and not after `until`.

    `grants` (grant_id, account_id, time_zone, effective_at, expires_at and any others). A lot begins with its period, or
    with its grant if that begins within it, and ends with the period or the grant. Returns the columns of the grants
    with `effective_at` and `expires_at` of the lot, `grant_id` naming the lot (`<grant>/<first day of the period>`), and
    `series`, the grant's id.
    """
    made = grants.with_columns(series=pl.col("grant_id"))
    if grants.is_empty():
        return made
    first = max(since, instant(grants["effective_at"], "min"))
    months = periods(grants["time_zone"].unique(), min(first, until), until + _LITTLE)
    lots = made.join(months, on="time_zone").with_columns(
        pl.max_horizontal("effective_at", "period_start").cast(INSTANT),
        pl.min_horizontal("expires_at", "period_end").cast(INSTANT),
        grant_id=pl.format("{}/{}-01", "grant_id", "period"),
    )
    begun = pl.col("effective_at").is_between(since, until, closed="right")
    return lots.filter(begun & (pl.col("effective_at") < pl.col("expires_at"))).select(made.columns)
