"""What time it is: the only way by which the pipeline may ask.

A record is judged against the time of its ingest (semantics 2) and a run against the hour that has closed, so tests,
the demo and a second run of an old hour need a clock of their own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands at one instant, which must be aware; other zones are turned to UTC."""

    instant: datetime

    def __post_init__(self) -> None:
        """Refuse a time without a zone: it could mean any of a day's hours."""
        if self.instant.tzinfo is None:
            raise ValueError(f"{self.instant.isoformat()} has no time zone; use datetime(..., tzinfo=UTC)")

    def now(self) -> datetime:
        """Return the instant in UTC."""
        return self.instant.astimezone(UTC)

    def later(self, by: timedelta) -> "FixedClock":
        """Return a clock that stands later; the first one stays where it is."""
        return FixedClock(self.instant + by)
