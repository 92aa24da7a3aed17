"""How large a benchmark is, and when it happens.

What belongs here: numbers and instants. What does not: the data made from them (`data.py`, `history.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
# The hour that is measured lies in the middle of a month.
MEASURED_HOUR = datetime(2026, 11, 15, 12, tzinfo=UTC)
MONTH_START = datetime(2026, 11, 1, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)
LATE_BY_AT_MOST = timedelta(hours=48)
METERS = ("cpu", "memory", "disk_io", "network_in", "network_out")
RECORDS_OF_SERIES = 12
RESOURCES_OF_ACCOUNT = 10
LATE_ACCOUNTS_SHARE = 100


@dataclass(frozen=True)
class Sizes:
    """One benchmark's size: everything follows from the number of records of the hour.

    Attributes:
        records: lines of the landed file: twelve for each of five meters of each resource.
        history: how many hours before the measured one are held hour by hour, as charges of every resource.
    """

    records: int = 12_000_000
    history: timedelta = LATE_BY_AT_MOST

    @property
    def resources(self) -> int:
        """How many resources report."""
        return self.records // (RECORDS_OF_SERIES * len(METERS))

    @property
    def accounts(self) -> int:
        """How many accounts own them."""
        return self.resources // RESOURCES_OF_ACCOUNT

    @property
    def series(self) -> int:
        """How many (resource, meter) report, which is the rows of an hour."""
        return self.resources * len(METERS)

    @property
    def history_start(self) -> datetime:
        """The first hour that is held hour by hour; what came before it in the month is in the month's first hour."""
        return MEASURED_HOUR - self.history
