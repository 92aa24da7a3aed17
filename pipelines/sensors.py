"""What starts a job when there is something to do, and not by the clock.

What belongs here: looking whether there is. What does not: the jobs (`jobs.py`), and what runs by the clock (`schedules.py`).
"""

from typing import Final

import dagster as dg

from assets.outbox import due, lacks_cache
from pipelines.jobs import alert_delivery
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


SENSORS: Final = (send_when_due,)
