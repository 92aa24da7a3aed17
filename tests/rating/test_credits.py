"""Burn-down: named cases worked by hand, and equality with a charge-by-charge reference in plain `decimal`."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.credits import DRAWS, POSITIONS, UNBILLED, BurnDown, burn_down
from rating.errors import FrameError
from rating.money import AMOUNT
from rating.restarts import forget_counted, forget_states, restarts

TIME = pl.Datetime("us", "UTC")
MIDNIGHT = datetime(2026, 10, 1, tzinfo=UTC)
CHARGES = {"account_id": pl.String, "slice_start": TIME, "slice_end": TIME, "amount": AMOUNT, "counted": AMOUNT}
LOTS = {
    "account_id": pl.String,
    "lot": pl.String,
    "kind": pl.String,
    "amount": AMOUNT,
    "priority": pl.Int32,
    "effective_at": TIME,
    "expires_at": TIME,
}


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
    return pl.DataFrame([[getattr(lot, name) for name in LOTS] for lot in lots.values()], schema=LOTS, orient="row")


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


D = Decimal
CASES: dict[str, tuple[list[Lot], dict[int, str], dict[tuple[int, str], str], dict[int, str]]] = {
    "one lot covers, then runs dry": (
        [Lot("a", "x", D(10))], {0: "6", 1: "6"}, {(0, "x"): "6", (1, "x"): "4"}, {1: "2"},
    ),
    "lower priority number pays first": (
        [Lot("a", "x", D(10), priority=2), Lot("a", "y", D(4), priority=1)],
        {0: "6"}, {(0, "y"): "4", (0, "x"): "2"}, {},
    ),
    "earlier expiry pays first, none last": (
        [Lot("a", "x", D(9)), Lot("a", "y", D(4), expires_at=at(9)), Lot("a", "z", D(1), expires_at=at(8))],
        {0: "6"}, {(0, "z"): "1", (0, "y"): "4", (0, "x"): "1"}, {},
    ),
    "promotional pays before paid": (
        [Lot("a", "x", D(9)), Lot("a", "y", D(4), kind="promotional")], {0: "6"}, {(0, "y"): "4", (0, "x"): "2"}, {},
    ),
    "the older start pays first, then the smaller id": (
        [Lot("a", "z", D(1)), Lot("a", "y", D(1)), Lot("a", "x", D(1), effective_at=at(0.25))],
        {0: "1.5", 1: "1"}, {(0, "y"): "1", (0, "z"): "0.5", (1, "z"): "0.5", (1, "x"): "0.5"}, {},
    ),
    "a start inside the slice may pay it, a start at its end may not": (
        [Lot("a", "x", D(1), effective_at=at(0.75)), Lot("a", "y", D(5), effective_at=at(1))],
        {0: "3"}, {(0, "x"): "1"}, {0: "2"},
    ),
    "an end inside the slice may pay it, an end at its start may not": (
        [Lot("a", "x", D(1), expires_at=at(1.25)), Lot("a", "y", D(5), expires_at=at(1))],
        {1: "3"}, {(1, "x"): "1"}, {1: "2"},
    ),
    "a give-back goes to the lots that lived there": (
        [Lot("a", "x", D(10))], {0: "6", 1: "-2", 2: "6"}, {(0, "x"): "6", (1, "x"): "-2", (2, "x"): "6"}, {},
    ),
    "a give-back settles what was unbilled first": (
        [Lot("a", "x", D(10))], {0: "15", 1: "-3"}, {(0, "x"): "10"}, {0: "5", 1: "-3"},
    ),
    "what no lot can take back is a negative rest": (
        [Lot("a", "x", D(10))], {0: "2", 1: "-5", 2: "4"}, {(0, "x"): "2", (1, "x"): "-2", (2, "x"): "1"},
        {1: "-3", 2: "3"},
    ),
    "a voided lot pays nothing": ([Lot("a", "x", D(0))], {0: "2"}, {}, {0: "2"}),
    "no lot at all": ([], {0: "2"}, {}, {0: "2"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """Each rule of semantics 4 in one small table."""
    lots, amounts, draws, unbilled = CASES[name]
    books = from_scratch({("a", hour): D(text) for hour, text in amounts.items()}, {lot.lot: lot for lot in lots})
    assert books.draws == {("a", hour, lot): D(text) for (hour, lot), text in draws.items()}
    assert books.unbilled == {("a", hour): D(text) for hour, text in unbilled.items()}


def test_late_charge_draws_on_the_promotion_that_still_ran() -> None:
    """A late record of an hour before the expiry moves later draws to what is left (semantics 4)."""
    lots = {
        "p": Lot("a", "p", D(10), expires_at=at(2), kind="promotional"),
        "q": Lot("a", "q", D(10)),
    }
    kept = Converging()
    kept.take({("a", 0): D(4), ("a", 3): D(5)}, lots)
    assert kept.books.draws == {("a", 0, "p"): D(4), ("a", 3, "q"): D(5)}
    kept.take({("a", 1): D(8)}, {})
    assert kept.books.draws == {("a", 0, "p"): D(4), ("a", 1, "p"): D(6), ("a", 1, "q"): D(2), ("a", 3, "q"): D(5)}


def test_restarting_counts_what_was_offered_not_what_was_drawn() -> None:
    """A lot that ran dry remembers what it could not pay: less use later gives back the unbilled rest first."""
    kept = Converging()
    kept.take({("a", 0): D(15)}, {"x": Lot("a", "x", D(10))})
    kept.take({("a", 1): D(-7)}, {})
    assert kept.books.draws == {("a", 0, "x"): D(10), ("a", 1, "x"): D(-2)}
    assert kept.books.unbilled == {("a", 0): D(5), ("a", 1): D(-5)}


CENTS = st.integers(-2000, 3000).map(lambda n: Decimal(n) / 100)
ACCOUNTS = st.sampled_from(["a", "b"])
CHANGES = st.dictionaries(st.tuples(ACCOUNTS, st.integers(0, 6)), CENTS, max_size=6)
OWNERS = {"k": "a", "l": "a", "m": "a", "n": "b", "o": "b", "p": "a"}


@st.composite
def granted(draw: st.DrawFn) -> Lot:
    name = draw(st.sampled_from(sorted(OWNERS)))
    start = draw(st.integers(-4, 28))
    length = draw(st.one_of(st.none(), st.integers(1, 20)))
    return Lot(
        OWNERS[name],
        name,
        Decimal(draw(st.integers(0, 2000))) / 100,
        at(start / 4),
        None if length is None else at((start + length) / 4),
        draw(st.sampled_from(["paid", "promotional"])),
        draw(st.integers(0, 1)),
    )


BATCHES = st.lists(st.tuples(CHANGES, st.lists(granted(), max_size=3)), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(BATCHES)
def test_converging_equals_the_reference(batches: list[tuple[Amounts, list[Lot]]]) -> None:
    """Charges, late ones, negative ones, new, restated and voided grants in any order of batches: the same books."""
    kept = Converging()
    for changes, lots in batches:
        kept.take(changes, {lot.lot: lot for lot in lots})
    expected = reference(kept.charges, kept.lots)
    scratch = from_scratch(kept.charges, kept.lots)
    for books in (scratch, kept.books):
        assert books.draws == expected.draws
        assert books.unbilled == expected.unbilled
        assert {k: p for k, p in books.positions.items() if p} == {k: p for k, p in expected.positions.items() if p}


@settings(max_examples=50, deadline=None)
@given(BATCHES, st.randoms(use_true_random=False))
def test_order_of_batches_does_not_matter(batches: list[tuple[Amounts, list[Lot]]], random: object) -> None:
    """The books are a function of the facts, not of the batches they came in (design 1)."""
    named = [
        (changes, [replace(lot, lot=f"{lot.lot}{batch}{index}") for index, lot in enumerate(lots)])
        for batch, (changes, lots) in enumerate(batches)
    ]
    shuffled = list(named)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    books = []
    for order in (named, shuffled):
        kept = Converging()
        for changes, lots in order:
            kept.take(changes, {lot.lot: lot for lot in lots})
        books.append((kept.books.draws, kept.books.unbilled))
    assert books[0] == books[1]


@settings(max_examples=100, deadline=None)
@given(BATCHES)
def test_draws_and_rest_sum_to_the_charge(batches: list[tuple[Amounts, list[Lot]]]) -> None:
    """Nothing is lost between the lots, and no lot ever pays more than itself."""
    kept = Converging()
    for changes, lots in batches:
        kept.take(changes, {lot.lot: lot for lot in lots})
    sums: dict[tuple[str, int], Decimal] = defaultdict(Decimal, kept.books.unbilled)
    by_lot: dict[str, Decimal] = defaultdict(Decimal)
    for (account, hour, lot), amount in kept.books.draws.items():
        sums[account, hour] += amount
        by_lot[lot] += amount
    assert {k: a for k, a in sums.items() if a} == {k: a for k, a in kept.charges.items() if a}
    assert all(0 <= amount <= kept.lots[lot].amount for lot, amount in by_lot.items())


def test_no_slices() -> None:
    empty = charges_frame({}, {})
    result = burn_down(empty, lots_frame({"x": Lot("a", "x", D(1))}), POSITIONS.to_frame(), DRAWS.to_frame())
    assert (result.draws.schema, result.unbilled.schema, result.positions.schema) == (DRAWS, UNBILLED, POSITIONS)
    assert result.draws.height == result.unbilled.height == result.positions.height == 0


def test_a_slice_given_twice_is_refused() -> None:
    twice = pl.concat([charges_frame({("a", 0): D(1)}, {})] * 2)
    with pytest.raises(FrameError, match="one net charge"):
        burn_down(twice, lots_frame({}), POSITIONS.to_frame(), DRAWS.to_frame())


def test_draws_of_a_lot_that_is_gone_are_refused() -> None:
    draws = pl.DataFrame([("a", at(0), "x", D(1))], schema=DRAWS, orient="row")
    with pytest.raises(FrameError, match="does not live"):
        burn_down(charges_frame({("a", 0): D(1)}, {}), lots_frame({}), POSITIONS.to_frame(), draws)
