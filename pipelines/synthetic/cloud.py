"""The cloud itself: the few numbers that everything else follows from, and its calendar.

Here belongs what every other module of the package needs. What the cloud consists of does not: see `companies.py`,
`fleet.py` and `reference.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.synthetic.noise import between

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
QUARTER_HOUR = timedelta(minutes=15)
SAMPLE_INTERVAL = timedelta(minutes=5)

_NEWCOMERS = 3
_FEWEST_WITH_NEWCOMERS = 12


@dataclass(frozen=True)
class Cloud:
    """All that the synthetic cloud follows from: two clouds that are equal land the same bytes."""

    seed: int = 2026
    accounts: int = 60
    machines: int = 400
    start: datetime = datetime(2026, 9, 28, tzinfo=UTC)
    days: int = 35

    @property
    def end(self) -> datetime:
        """The first instant after the last day."""
        return self.start + self.days * DAY

    @property
    def month_end(self) -> datetime:
        """The last month's end (UTC) inside the days, October's in the demo; or the next one, if none is inside."""
        last = self.end.replace(day=1)
        return last if last > self.start else (last + 32 * DAY).replace(day=1)

    @property
    def month_start(self) -> datetime:
        """The start (UTC) of the month that `month_end` ends."""
        return (self.month_end - DAY).replace(day=1)


def days(cloud: Cloud) -> Iterator[datetime]:
    """Yield the midnight (UTC) that each day begins with."""
    for number in range(cloud.days):
        yield cloud.start + number * DAY


def minute_between(cloud: Cloud, low: float, high: float, *names: object) -> datetime:
    """Return an instant on a whole minute between two shares of the cloud's days."""
    minutes = cloud.days * 24 * 60
    return cloud.start + timedelta(minutes=between(int(minutes * low), int(minutes * high), cloud.seed, *names))


def joins_at(cloud: Cloud, account: int) -> datetime | None:
    """Say when an account signs up: the last three while we look (on a quarter hour), all others long before."""
    from_the_end = cloud.accounts - account
    if cloud.accounts < _FEWEST_WITH_NEWCOMERS or from_the_end > _NEWCOMERS:
        return None
    return cloud.start + (cloud.days * from_the_end // 5) * DAY + 9 * HOUR + from_the_end * QUARTER_HOUR
