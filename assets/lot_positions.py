"""Where lots stand is kept from run to run, in the table `lot_positions` (design 4).

What belongs here: how much of it a run writes. What does not: what positions mean (`rating/credits.py`).

A run that moves much of it writes it whole, in place of what was there. One that moves little appends all lots of the
accounts that it touched: of an account the newest run's rows hold (`sql/steps/ledger/positions.sql`). So what it costs
follows what moved, and what is out of date never comes to much.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from resources.writer import Step

# It is written whole once what was appended since then comes to a fourth of it.
REWRITTEN_AT: Final = 4


@dataclass
class KeptPositions:
    """What is kept of where lots stand, while a run moves it."""

    step: Step
    appended: int = 0
    known: int = 0

    @cached_property
    def _rows(self) -> pl.DataFrame:
        """How many rows each run wrote: run, rows; the oldest one wrote it whole."""
        return self.step.lake.frame("steps/ledger/rows_of_positions", {"run": self.step.run})

    @property
    def oldest(self) -> int:
        """The run that wrote it whole."""
        return int(self._rows["run"][0]) if self._rows.height else 0

    def append(self, known: int, state: pl.DataFrame) -> None:
        """Keep where all lots of some accounts stand now (account_id, lot, position), of which so many were `known`.

        A void lot stands somewhere, too.
        """
        self.step.append("lot_positions", state)
        self.known += known
        self.appended += state.height

    def close(self, touched: pl.DataFrame) -> None:
        """Keep what stands of the accounts that are not touched (account_id)."""
        if touched.is_empty() or self._is_little:
            return
        self.step.delete("steps/ledger/delete_old_positions", {"run": self.step.run})
        if self.known < self._rows["rows"].sum():
            parameters = {"run": self.step.run, "oldest": self.oldest}
            with self.step.lake.registered(touched=touched):
                self.step.append("lot_positions", self.step.lake.frame("steps/ledger/unmoved_positions", parameters))

    @property
    def _is_little(self) -> bool:
        """Whether what was appended since it was written whole is little of it."""
        rows = self._rows["rows"]
        return bool(rows.len()) and (rows[1:].sum() + self.appended) * REWRITTEN_AT < rows[0]
