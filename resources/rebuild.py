"""Throwing caches away: the next run works them out again from the facts (design 4).

What belongs here: which tables are caches. What does not: how they are computed (`assets/`).
"""

from typing import Final

from resources.lake import Lake
from resources.writer import REBUILD, Step, record

CACHES: Final = (
    "usage_hourly", "short_percentiles", "counter_series", "rated_totals", "lot_positions", "account_balances",
    "waiting_alerts",
)  # fmt: skip


def rebuild_caches(lake: Lake) -> int:
    """Empty the caches in one commit and let every step that keeps one begin from nothing; returns the commit's run.

    Charges and ledger entries are facts and stay: the next run finds that they are what should stand, and appends
    nothing to them. Until that run is over, the views show no usage.
    """
    return record(lake, REBUILD, REBUILD, _empty)


def _empty(step: Step) -> int:
    for table in CACHES:
        step.delete(f"steps/rebuild/delete_{table}")
    return step.run
