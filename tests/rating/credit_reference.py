"""Burn-down as a person would do it: charge by charge, lot by lot. Imports the standard library only (semantics 4)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

MIDNIGHT = datetime(2026, 10, 1, tzinfo=UTC)
ZERO = Decimal(0)
_NEXT = timedelta(microseconds=1)
Scope = tuple[tuple[str, tuple[str, ...]], ...]


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


@dataclass(frozen=True)
class Lot:
    """A grant, or one period's lot of a recurring one, and what of it decides when it pays."""

    account_id: str
    lot: str
    amount: Decimal
    effective_at: datetime = MIDNIGHT
    expires_at: datetime | None = None
    kind: str = "paid"
    priority: int = 0
    scope: Scope = ()
    series: str = ""
    roll_over: Decimal = ZERO

    def order(self) -> tuple[object, ...]:
        expiry = self.expires_at or datetime.max.replace(tzinfo=UTC)
        return (self.priority, expiry, self.kind != "promotional", self.effective_at, self.lot)


@dataclass(frozen=True)
class Charge:
    """What was used in a slice, and by what lots may pay for it or not."""

    account_id: str
    start: datetime
    end: datetime
    amount: Decimal
    prepaid: bool = False
    plan: str = ""
    price_id: str = ""
    service_id: str = ""
    resource_id: str = ""
    meter: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    kind: str = "usage"

    def order(self) -> tuple[object, ...]:
        text = json.dumps(dict(self.dimensions), sort_keys=True)
        return (self.start, self.plan, self.price_id, self.service_id, self.resource_id, self.meter, text, self.kind)


@dataclass(frozen=True)
class Stated:
    """What an issued document stated of what is open, from the books until an hour."""

    account_id: str
    until: datetime
    amount: Decimal


def fits(lot: Lot, charge: Charge | None) -> bool:
    """All that the scope says must match. What a document stated is of no use in particular."""
    if charge is None:
        return not lot.scope
    for key, wanted in lot.scope:
        held = {"meters": charge.meter, "plans": charge.plan, "prices": charge.price_id}
        if key in held and held[key] not in wanted:
            return False
        if key == "dimensions" and wanted not in charge.dimensions:
            return False
    return True


def may_pay(lot: Lot, charge: Charge) -> bool:
    """Life, scope and mode."""
    lived = lot.effective_at < charge.end and (lot.expires_at is None or lot.expires_at > charge.start)
    return lived and fits(lot, charge) and (charge.prepaid or lot.kind != "paid")


@dataclass
class Books:
    """What was drawn, settled and rests, where lots stand and what they hold, what rolled over and what expired."""

    draws: dict[tuple[str, datetime, str], Decimal] = field(default_factory=dict)
    unbilled: dict[tuple[str, datetime], Decimal] = field(default_factory=dict)
    settled: dict[tuple[str, datetime, str], Decimal] = field(default_factory=dict)
    settled_use: dict[tuple[str, datetime, str], Decimal] = field(default_factory=dict)
    positions: dict[str, Decimal] = field(default_factory=dict)
    holds: dict[str, Decimal] = field(default_factory=dict)
    rolled: dict[tuple[str, datetime, str], Decimal] = field(default_factory=dict)
    expired: dict[tuple[str, datetime, str], Decimal] = field(default_factory=dict)

    def clear_zeros(self) -> "Books":
        for name in ("draws", "unbilled", "settled", "positions", "rolled", "expired"):
            setattr(self, name, {key: amount for key, amount in getattr(self, name).items() if amount})
        return self


class Player:
    """Plays the charges and lots of one account."""

    def __init__(self, lots: Iterable[Lot], stated: Iterable[Stated], closed_until: datetime, books: Books) -> None:
        self.books = books
        self.closed_until = closed_until
        self.ordered = sorted((lot for lot in lots if lot.effective_at <= closed_until), key=Lot.order)
        self.starting = sorted(self.ordered, key=lambda lot: (lot.effective_at, lot.order()))
        self.stated = sorted(stated, key=lambda one: one.until)
        self.open: list[tuple[Charge | None, Decimal]] = []

    def play(self, charges: Iterable[Charge]) -> None:
        for charge in sorted(charges, key=Charge.order):
            while self.starting and self.starting[0].effective_at < charge.end:
                self._start(self.starting.pop(0))
            self._state(charge.start + _NEXT)
            rest = charge.amount
            for lot in self.ordered:
                if may_pay(lot, charge):
                    paid = self._offer(lot, rest)
                    key = (lot.account_id, charge.start, lot.lot)
                    self.books.draws[key] = self.books.draws.get(key, ZERO) + paid
                    rest -= paid
            slice_key = (charge.account_id, charge.start)
            self.books.unbilled[slice_key] = self.books.unbilled.get(slice_key, ZERO) + rest
            if charge.prepaid:
                self._leave_open(charge, rest)
        while self.starting:
            self._start(self.starting.pop(0))
        for lot in self.ordered:
            self._expire(lot)

    def _leave_open(self, charge: Charge | None, rest: Decimal) -> None:
        """What is open of the other sign cancels first, the oldest before the others."""
        while rest and self.open and (self.open[0][1] > 0) != (rest > 0):
            oldest, amount = self.open.pop(0)
            rest += amount
            if rest and (rest > 0) == (amount > 0):
                self.open.insert(0, (oldest, rest))
                rest = ZERO
        if rest:
            self.open.append((charge, rest))

    def _offer(self, lot: Lot, amount: Decimal) -> Decimal:
        holds, before = self.books.holds[lot.lot], self.books.positions[lot.lot]
        after = self.books.positions[lot.lot] = before + amount
        return min(max(after, ZERO), holds) - min(max(before, ZERO), holds)

    def _unused(self, lot: Lot) -> Decimal:
        holds = self.books.holds[lot.lot]
        return holds - min(max(self.books.positions[lot.lot], ZERO), holds)

    def _state(self, before: datetime) -> None:
        while self.stated and self.stated[0].until < before:
            self._leave_open(None, -self.stated.pop(0).amount)

    def _start(self, lot: Lot) -> None:
        """A lot takes over what rolls over to it, and pays what is open and not stated."""
        self._state(lot.effective_at)
        before = [other for other in self.ordered if lot.series and other.series == lot.series]
        before = [other for other in before if other.effective_at < lot.effective_at]
        rolled = min(lot.roll_over, self._unused(before[-1])) if before else ZERO
        if before:
            self.books.rolled[lot.account_id, lot.effective_at, before[-1].lot] = rolled
        self.books.holds[lot.lot], self.books.positions[lot.lot] = lot.amount + rolled, ZERO
        still_open, settled = [], ZERO
        for charge, amount in self.open:
            paid = self._offer(lot, amount) if fits(lot, charge) else ZERO
            settled += paid
            if charge and paid:
                key = (lot.account_id, charge.start, lot.lot)
                self.books.settled_use[key] = self.books.settled_use.get(key, ZERO) + paid
            still_open.append((charge, amount - paid))
        self.open = [(charge, amount) for charge, amount in still_open if amount]
        self.books.settled[lot.account_id, lot.effective_at, lot.lot] = settled

    def _expire(self, lot: Lot) -> None:
        if lot.expires_at is not None and lot.expires_at <= self.closed_until:
            rolled = self.books.rolled.get((lot.account_id, lot.expires_at, lot.lot), ZERO)
            self.books.expired[lot.account_id, lot.expires_at, lot.lot] = self._unused(lot) - rolled


def summed(charges: Iterable[Charge]) -> Iterable[Charge]:
    """What was charged twice of one thing, late or to put it right, is one charge."""
    sums: dict[tuple[object, ...], Charge] = {}
    for charge in charges:
        key = (charge.account_id, *charge.order())
        known = sums.get(key)
        sums[key] = replace(charge, amount=charge.amount + known.amount) if known else charge
    return sums.values()


def reference(
    charges: Iterable[Charge], lots: Iterable[Lot], closed_until: datetime, stated: Iterable[Stated] = ()
) -> Books:
    """Plays every account's charges one by one in the order of events, and offers each to one lot after the other."""
    books = Books()
    of_account: dict[str, tuple[list[Charge], list[Lot]]] = {}
    for charge in summed(charges):
        of_account.setdefault(charge.account_id, ([], []))[0].append(charge)
    for lot in lots:
        of_account.setdefault(lot.account_id, ([], []))[1].append(lot)
    for account, (own_charges, own_lots) in of_account.items():
        own_stated = [one for one in stated if one.account_id == account]
        Player(own_lots, own_stated, closed_until, books).play(own_charges)
    return books.clear_zeros()
