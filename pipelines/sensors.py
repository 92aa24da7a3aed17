"""What starts a job when there is something to do, and not by the clock.

What belongs here: looking whether there is. What does not: the jobs (`jobs.py`), and what runs by the clock (`schedules.py`).
"""

from typing import Final

import dagster as dg

from assets.outbox import due, lacks_cache
from assets.top_ups import topped_up
from pipelines.jobs import alert_delivery, hourly_billing
from pipelines.schedules import day_of_last_hour
from rating.errors import MeterbookError
from resources.project_source import ProjectSource

UNDER_WAY: Final = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    job_name=alert_delivery.name,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Send alerts as soon as there are some, and again when it is time to try again.",
)
def send_when_due(
    context: dg.SensorEvaluationContext, project: dg.ResourceParam[ProjectSource]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a delivery where an alert is due and none is under way."""
    under_way = dg.RunsFilter(job_name="alert_delivery", statuses=UNDER_WAY)
    if context.instance.get_runs_count(under_way):
        return dg.SkipReason("a delivery is under way")
    try:
        with project.open() as opened:
            channels = opened.settings.alerts.channels
            # After a rebuild each look reads all alerts ever, until a sending keeps what waits.
            waits = due(opened, channels, most=1) or (channels and lacks_cache(opened.lake))
    except MeterbookError as error:  # no project yet, or no lake: the hourly job says so
        return dg.SkipReason(str(error))
    return dg.RunRequest() if waits else dg.SkipReason("no alert is due")


@dg.sensor(
    job_name=hourly_billing.name,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Take in top-ups of suspended accounts at once, and so resume them, without closing an hour.",
)
def resume_when_topped_up(
    context: dg.SensorEvaluationContext, project: dg.ResourceParam[ProjectSource]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run that takes new facts only, where a suspended account has credit that no run has seen; once a top-up."""
    if context.instance.get_runs_count(dg.RunsFilter(job_name=hourly_billing.name, statuses=UNDER_WAY)):
        return dg.SkipReason("a run is under way")
    try:
        with project.open() as opened:
            found = topped_up(opened)
    except MeterbookError as error:  # the same
        return dg.SkipReason(str(error))
    if found is None:
        return dg.SkipReason("no suspended account was topped up")
    close_none = {"ops": {"usage_hourly": {"config": {"until": found.closed_until.isoformat()}}}}
    return dg.RunRequest(
        run_key=f"top-up-{found.run}", partition_key=day_of_last_hour(found.closed_until), run_config=close_none
    )


SENSORS: Final = (send_when_due, resume_when_topped_up)
