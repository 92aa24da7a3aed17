"""How large the benchmarks of credit are.

What belongs here: numbers. What does not: the lakes made from them (`world.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from benchmarks.sizes import HOUR, MEASURED_HOUR

# How many hours late charges reach back, for all accounts; the lake holds as many before the measured one.
LATE_HOURS: Final = 6
CHARGES_OF_ACCOUNT: Final = 5


@dataclass(frozen=True)
class CreditSizes:
    """One benchmark's size.

    Attributes:
        accounts: how many are posted in an hour, of three lots and five charges each.
        lots: how many lots the one account has that has many.
        slices: for how many hours it is charged, up to the measured one.
    """

    accounts: int = 1_000_000
    lots: int = 5_000
    slices: int = 8_784

    @property
    def history_start(self) -> datetime:
        """The first hour that was posted before the measured one."""
        return MEASURED_HOUR - LATE_HOURS * HOUR

    @property
    def year_start(self) -> datetime:
        """The first hour of the account with many lots."""
        return MEASURED_HOUR - self.slices * HOUR
