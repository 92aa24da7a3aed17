"""Very many charges are posted in parts, each a range of accounts, so that memory stays flat.

What belongs here: which accounts are one part. What does not: what is made of a part (`posted_credit.py`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from resources.facts import EPOCH
from resources.writer import Step

HOUR: Final = timedelta(hours=1)
# So many charges are read at once, about.
MOST_CHARGES: Final = 4_000_000
# For so few hours of accounts there is no question how many charges they have.
FEW_HOURS: Final = 10_000


def account_parts(step: Step, touched: pl.DataFrame, closed: datetime) -> Iterator[pl.DataFrame]:
    """The touched accounts (account_id, first_slice) in parts of about as many charges each, in their order.

    How many charges there are is not counted, since that would read them: every account is taken to have as many in each
    hour since its first slice as accounts have in the last hour that closed. No account is in two parts.
    """
    hours = _hours(step, touched, closed)
    size = _hours_of_part(step, hours, closed)
    part = ((hours.cum_sum() - hours) // size).alias("part")
    return (accounts for _, accounts in touched.group_by(part, maintain_order=True))


def _hours(step: Step, touched: pl.DataFrame, closed: datetime) -> pl.Series:
    """How many hours of each account are read."""
    begin = step.lake.value("steps/usage_hourly/first_hour", {"run": step.run}) or EPOCH
    since = pl.max_horizontal("first_slice", pl.lit(begin))
    return touched.select(hours=((closed - since).dt.total_hours()).clip(1)).to_series()


def _hours_of_part(step: Step, hours: pl.Series, closed: datetime) -> int:
    """How many hours of accounts are one part."""
    if hours.sum() <= FEW_HOURS:
        return FEW_HOURS
    last = {"run": step.run, "from": closed - HOUR, "until": closed}
    charges_of_hour = int(step.lake.value("steps/ledger/charges_of_hour", last))
    return max(1, MOST_CHARGES // max(1, charges_of_hour))
