"""When the jobs run, in UTC; all schedules run by default.

What belongs here: times, and which partitions a tick is about. What does not: what runs (`jobs.py`).
"""

from datetime import datetime, timedelta
from typing import Final

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from pipelines.jobs import hourly_billing, lake_upkeep, monthly_drafts, nightly_proof

RUNNING: Final = dg.DefaultScheduleStatus.RUNNING
LAST_ASSET: Final = dg.AssetKey("ledger_entries")


def day_of_last_hour(until: datetime) -> str:
    """The partition of the hour that ends at `until`: at midnight it is yesterday's."""
    return f"{until - timedelta(microseconds=1):%Y-%m-%d}"


def range_tags(first_day: str, last_day: str) -> dict[str, str]:
    """What makes one run of several partitions."""
    return {ASSET_PARTITION_RANGE_START_TAG: first_day, ASSET_PARTITION_RANGE_END_TAG: last_day}


@dg.schedule(job=hourly_billing, cron_schedule="5 * * * *", execution_timezone="UTC", default_status=RUNNING)
def bill_every_hour(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Bill the hour that just closed; after a pause, all days since the last run, in one run."""
    day = day_of_last_hour(context.scheduled_execution_time.replace(minute=0))
    billed = [known for known in context.instance.get_materialized_partitions(LAST_ASSET) if known < day]
    known_today = not billed or day in context.instance.get_materialized_partitions(LAST_ASSET)
    if known_today:
        return dg.RunRequest(partition_key=day)
    return dg.RunRequest(tags=range_tags(max(billed), day))


@dg.schedule(job=monthly_drafts, cron_schedule="35 0 * * *", execution_timezone="UTC", default_status=RUNNING)
def draft_every_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Draft the month that ended last: late records move its drafts until they are issued."""
    month_start = context.scheduled_execution_time.replace(day=1)
    return dg.RunRequest(partition_key=f"{month_start - timedelta(days=1):%Y-%m}-01")


prove_every_night: Final = dg.ScheduleDefinition(
    name="prove_every_night",
    job=nightly_proof,
    cron_schedule="35 2 * * *",
    execution_timezone="UTC",
    default_status=RUNNING,
)
tidy_every_morning: Final = dg.ScheduleDefinition(
    name="tidy_every_morning",
    job=lake_upkeep,
    cron_schedule="35 3 * * *",
    execution_timezone="UTC",
    default_status=RUNNING,
)
SCHEDULES: Final = (bill_every_hour, draft_every_day, prove_every_night, tidy_every_morning)
