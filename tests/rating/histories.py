"""Histories of credit: lots, a charge-by-charge reference, and books that converge over several computations.

The reference imports nothing of ours: it plays charges one by one, with plain decimals.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from rating.credit_schemas import CHARGES, DRAWS, LOTS, POSITIONS
from rating.credits import BurnDown, burn_down
from rating.restarts import forget_counted, forget_states, restarts
from tests.rating.frames import TEXT, TIME, frame

MIDNIGHT = datetime(2026, 10, 1, tzinfo=UTC)


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


@dataclass(frozen=True)
class Lot:
    account_id: str
    lot: str
    amount: Decimal
    effective_at: datetime = MIDNIGHT
    expires_at: datetime | None = None
    kind: str = "paid"
    priority: int = 0

    def order(self) -> tuple[object, ...]:
        expiry = self.expires_at or datetime.max.replace(tzinfo=UTC)
        return (self.priority, expiry, self.kind != "promotional", self.effective_at, self.lot)

    def lives(self, hour: int) -> bool:
        return self.effective_at < at(hour + 1) and (self.expires_at is None or self.expires_at > at(hour))


Amounts = dict[tuple[str, int], Decimal]


@dataclass
class Books:
    """Draws by (account, hour, lot), rests by (account, hour), positions by (account, lot)."""

    draws: dict[tuple[str, int, str], Decimal] = field(default_factory=dict)
    unbilled: Amounts = field(default_factory=dict)
    positions: dict[tuple[str, str], Decimal] = field(default_factory=dict)


def reference(charges: Amounts, lots: Mapping[str, Lot]) -> Books:
    """Plays charges one by one in the order of events, and offers each to one lot after the other."""
    books = Books(positions={(lot.account_id, lot.lot): Decimal(0) for lot in lots.values()})
    ordered = sorted(lots.values(), key=Lot.order)
    for (account, hour), amount in sorted(charges.items()):
        rest = amount
        for lot in ordered:
            if lot.account_id != account or not lot.lives(hour):
                continue
            before = books.positions[account, lot.lot]
            after = before + rest
            paid = min(max(after, Decimal(0)), lot.amount) - min(max(before, Decimal(0)), lot.amount)
            books.positions[account, lot.lot] = after
            if paid:
                books.draws[account, hour, lot.lot] = paid
            rest -= paid
        if rest:
            books.unbilled[account, hour] = rest
    return books


def charges_frame(amounts: Amounts, counted: Amounts) -> pl.DataFrame:
    rows = [
        (account, at(hour), at(hour + 1), amount, counted.get((account, hour), Decimal(0)))
        for (account, hour), amount in amounts.items()
    ]
    return pl.DataFrame(rows, schema=CHARGES, orient="row")


def lots_frame(lots: Mapping[str, Lot]) -> pl.DataFrame:
    return pl.DataFrame(X, schema=LOTS, orient="row")


def books_of(result: BurnDown) -> Books:
    def hour(start: datetime) -> int:
        return (start - MIDNIGHT) // timedelta(hours=1)

    return Books(
        {(account, hour(start), lot): amount for account, start, lot, amount in result.draws.iter_rows()},
        {(account, hour(start)): amount for account, start, amount in result.unbilled.iter_rows()},
        {(account, lot): position for account, lot, position in result.positions.iter_rows()},
    )


def from_scratch(charges: Amounts, lots: Mapping[str, Lot]) -> Books:
    frame = charges_frame(charges, {})
    return books_of(burn_down(frame, lots_frame(lots), POSITIONS.to_frame(), DRAWS.to_frame()))


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
            self.charges[key] = self.charges.get(key, Decimal(0)) + change
        self.lots |= lots
        self.grant_rows += [(lot.lot, lot.account_id, lot.effective_at, self.run) for lot in lots.values()]
        self._converge(self._restarted(), changes)

    def _restarted(self) -> pl.DataFrame:
        schema = {"grant_id": pl.String, "account_id": pl.String, "effective_at": TIME, "run": pl.Int64}
        return restarts(pl.DataFrame(self.grant_rows, schema=schema, orient="row"), self.run - 1)

    def _converge(self, restarted: pl.DataFrame, changes: Amounts) -> None:
        first: dict[str, datetime] = {row["account_id"]: row["restart_from"] for row in restarted.iter_rows(named=True)}
        for account, hour in changes:
            first[account] = min(first.get(account, at(hour)), at(hour))
        given = {key: amount for key, amount in self.charges.items() if key[0] in first and at(key[1]) >= first[key[0]]}
        if not given:
            return
        rows = [(account, at(hour), lot, amount) for (account, hour, lot), amount in self.books.draws.items()]
        draws = pl.DataFrame(rows, schema=DRAWS, orient="row")
        positions = pl.DataFrame([(*key, p) for key, p in self.books.positions.items()], schema=POSITIONS, orient="row")
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


