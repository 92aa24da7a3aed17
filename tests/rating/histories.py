"""Books of credit that converge over several computations, as the lake keeps them between runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from rating.credit_schemas import CHARGES, DRAWS, LOTS, POSITIONS
from rating.credits import BurnDown, burn_down
from rating.restarts import forget_counted, forget_states, restarts
from tests.rating.credit_reference import MIDNIGHT, Amounts, Books, Lot, at
from tests.rating.frames import TEXT, TIME, D, frame


def charges_frame(amounts: Amounts, counted: Amounts) -> pl.DataFrame:
    rows = [
        (account, at(hour), at(hour + 1), amount, counted.get((account, hour), D(0)))
        for (account, hour), amount in amounts.items()
    ]
    return frame(CHARGES, *rows)


def lots_frame(lots: Mapping[str, Lot]) -> pl.DataFrame:
    return frame(LOTS, *([getattr(lot, name) for name in LOTS] for lot in lots.values()))


def books_of(result: BurnDown) -> Books:
    def hour(start: datetime) -> int:
        return (start - MIDNIGHT) // timedelta(hours=1)

    return Books(
        {(account, hour(start), lot): amount for account, start, lot, amount in result.draws.iter_rows()},
        {(account, hour(start)): amount for account, start, amount in result.unbilled.iter_rows()},
        {(account, lot): position for account, lot, position in result.positions.iter_rows()},
    )


def from_scratch(charges: Amounts, lots: Mapping[str, Lot]) -> Books:
    given = charges_frame(charges, {})
    return books_of(burn_down(given, lots_frame(lots), POSITIONS.to_frame(), DRAWS.to_frame()))


@dataclass
class Converging:
    """Keeps books over several computations, as the lake does: each run computes what its facts touched."""

    charges: Amounts = field(default_factory=dict)
    counted: Amounts = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    grant_rows: list[tuple[str, str, datetime, int]] = field(default_factory=list)
    books: Books = field(default_factory=Books)
    run: int = 0

    def take(self, changes: Amounts, lots: Mapping[str, Lot]) -> None:
        self.run += 1
        for key, change in changes.items():
            self.charges[key] = self.charges.get(key, D(0)) + change
        self.lots |= lots
        self.grant_rows += [(lot.lot, lot.account_id, lot.effective_at, self.run) for lot in lots.values()]
        self._converge(self._restarted(), changes)

    def _restarted(self) -> pl.DataFrame:
        columns = {"grant_id": TEXT, "account_id": TEXT, "effective_at": TIME, "run": pl.Int64()}
        return restarts(frame(columns, *self.grant_rows), self.run - 1)

    def _converge(self, restarted: pl.DataFrame, changes: Amounts) -> None:
        first: dict[str, datetime] = {row["account_id"]: row["restart_from"] for row in restarted.iter_rows(named=True)}
        for account, hour in changes:
            first[account] = min(first.get(account, at(hour)), at(hour))
        given = {key: amount for key, amount in self.charges.items() if key[0] in first and at(key[1]) >= first[key[0]]}
        if not given:
            return
        rows = [(account, at(hour), lot, amount) for (account, hour, lot), amount in self.books.draws.items()]
        draws = frame(DRAWS, *rows)
        positions = frame(POSITIONS, *((*key, position) for key, position in self.books.positions.items()))
        result = burn_down(
            forget_counted(restarted, charges_frame(given, self.counted)),
            lots_frame(self.lots),
            forget_states(restarted, positions),
            forget_states(restarted, draws),
        )
        self._post(given, books_of(result))

    def _post(self, given: Amounts, due: Books) -> None:
        self.counted |= given
        self.books.draws = {key: a for key, a in self.books.draws.items() if key[:2] not in given} | due.draws
        self.books.unbilled = {key: a for key, a in self.books.unbilled.items() if key not in given} | due.unbilled
        self.books.positions |= due.positions
