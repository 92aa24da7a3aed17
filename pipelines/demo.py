"""The demonstration: five weeks of a small synthetic cloud, landed day by day, billed hour by hour.

What belongs here: the order of what happens, and the summary. What does not: the cloud (`pipelines/synthetic/`) and the
billing, which is the same as anywhere else.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from assets.invoices import issue
from pipelines.synthetic import Cloud, LateBatch, days, land_day, land_hour, land_late, land_reference, late_batches
from resources.clock import Clock, FixedClock
from resources.errors import ResourceError
from resources.project import Project
from resources.settings import FILE_NAME, Settings, load_settings
from resources.starter import write_project

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# A collector needs a moment to land an hour's files; the schedule runs at five past.
AFTER_THE_HOUR = timedelta(minutes=5)
DAYS_IN_ONE_RUN = 7
EVENING = 4 * HOUR
MARKER = ".made-by-demo"

Report = dict[str, dict[str, Any]]
Runner = Callable[[datetime, datetime], Report]


@dataclass
class Story:
    """What happened in the demonstration, for its summary."""

    late: list[tuple[LateBatch, Report]] = field(default_factory=list)
    issued: dict[str, dict[str, Any]] = field(default_factory=dict)
    drafts: dict[str, Any] = field(default_factory=dict)
    documents: int = 0
    runs: int = 0


@dataclass(frozen=True)
class Moment:
    """One thing to do next: land these files, then run until this hour, at this time of the clock."""

    until: datetime
    land: Callable[[Path], object]
    label: str


def prepare(directory: Path, cloud: Cloud) -> Settings:
    """Make the demonstration's project anew.

    Raises:
        ResourceError: there is something in the directory that the demonstration did not make.
    """
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARKER).exists():
            message = f"{directory} holds something else; name another directory with -C"
            raise ResourceError(message)
        shutil.rmtree(directory)
    write_project(directory)
    file = directory / FILE_NAME
    text = file.read_text(encoding="utf-8")
    # So that Dagster's bar of days begins with the cloud's first one.
    file.write_text(re.sub(r"(?m)^first_day = .*$", f"first_day = {cloud.start:%Y-%m-%d}", text), encoding="utf-8")
    (directory / MARKER).touch()
    return load_settings(directory)


def moments(cloud: Cloud) -> Iterator[Moment]:
    """When runs are made: every few days in one catch-up run, at every event of the story, and hourly in the last evening."""
    last_day = cloud.end - DAY
    # The run before a late file must have closed its hours, or the file would not be late.
    events = {batch.lands_at - gap for batch in late_batches(cloud) for gap in (0 * DAY, DAY)}
    # A run is recorded for the days from the last one that was closed on: the first run has none, so it is of one day.
    events |= {cloud.start + DAY, last_day, cloud.month_start + DAY}
    waiting: list[datetime] = []
    for day in (day for day in days(cloud) if day < last_day):
        waiting.append(day)
        if len(waiting) == DAYS_IN_ONE_RUN or day + DAY in events:
            yield Moment(day + DAY, partial(_land_days, cloud, waiting), f"{waiting[0]:%d %B} to {day:%d %B}")
            waiting = []
    evening = last_day + DAY - EVENING
    hours = [last_day + place * HOUR for place in range(int((evening - last_day) / HOUR))]
    yield Moment(evening, partial(_land_hours, cloud, hours), f"{last_day:%d %B}")
    while evening < cloud.end:
        yield Moment(evening + HOUR, partial(land_hour, cloud, evening), f"{evening:%d %B %H:%M}")
        evening += HOUR


def _land_days(cloud: Cloud, chosen: list[datetime], landing: Path) -> None:
    for day in chosen:
        land_day(cloud, day, landing)


def _land_hours(cloud: Cloud, hours: list[datetime], landing: Path) -> None:
    for hour in hours:
        land_hour(cloud, hour, landing)


class Billing(Protocol):
    """What bills: hourly runs and drafts, over a project that stays open."""

    project: Project

    def draft(self, period: str, clock: Clock | None = None) -> Report:
        """Draft the invoices of a month, and print those that are issued."""
        ...


def tell(
    settings: Settings,
    cloud: Cloud,
    run: Runner,
    billing: Billing,
    progress: Callable[[str, float], None] = lambda _label, _share: None,
) -> Story:
    """Land and bill the whole cloud, issue its invoices, and bill what came late after that."""
    story = Story()
    land_reference(cloud, settings.landing)
    waiting = list(late_batches(cloud))
    plan = list(moments(cloud))
    for place, moment in enumerate(plan):
        progress(moment.label, place / len(plan))
        moment.land(settings.landing)
        arrived = [batch for batch in waiting if batch.lands_at <= moment.until and batch.lands_at < cloud.end]
        for batch in arrived:
            land_late(cloud, settings.landing, batch.name)
            waiting.remove(batch)
        report = run(moment.until, moment.until + AFTER_THE_HOUR)
        story.runs += 1
        story.late += [(batch, report) for batch in arrived]
        _issue_what_is_due(billing.project, moment.until, story)
    for batch in waiting:
        land_late(cloud, settings.landing, batch.name)
        story.late.append((batch, run(cloud.end, cloud.end + HOUR)))
        story.runs += 1
    _finish(billing, cloud, story)
    return story


def _issue_what_is_due(project: Project, now: datetime, story: Story) -> None:
    """A month is issued when the second day after it begins: every zone is past it, and a day of grace is over."""
    if now.day != 2 or now.hour != 0:  # noqa: PLR2004 - the second of a month
        return
    period = f"{now - 2 * DAY:%Y-%m}"
    project.clock = FixedClock(now + AFTER_THE_HOUR)
    story.issued[period] = issue(project, f"demo-issue-{period}", period)


def _finish(billing: Billing, cloud: Cloud, story: Story) -> None:
    """Print what was issued, and draft the month that has just begun: what came late is on its drafts."""
    clock = FixedClock(cloud.end + HOUR)
    for period in story.issued:
        story.documents += billing.draft(period, clock)["invoice_documents"]["rendered"]
    story.drafts = billing.draft(f"{cloud.end - HOUR:%Y-%m}", clock)["invoices"]
