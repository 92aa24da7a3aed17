"""Burn-down as a person would do it: charge by charge, lot by lot. Imports the standard library only (semantics 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

MIDNIGHT = datetime(2026, 10, 1, tzinfo=UTC)


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


@dataclass(frozen=True)
class Lot:
    """A grant, and what of it decides when it pays."""

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
