"""Burn-down: named cases worked by hand, and equality with a charge-by-charge reference in plain `decimal`."""

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.credit_schemas import CHARGES, DRAWS, POSITIONS, UNBILLED
from rating.credits import burn_down
from rating.errors import FrameError, OutOfBoundsError
from rating.restarts import forget_counted, forget_states, recut
from tests.rating.credit_reference import Amounts, Lot, at, reference
from tests.rating.frames import TEXT, TIME, Columns, D, frame
from tests.rating.histories import Converging, charges_frame, from_scratch, lots_frame

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


@settings(max_examples=120, deadline=None)
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


@settings(max_examples=30, deadline=None)
@given(BATCHES, st.randoms(use_true_random=False))
def test_order_of_batches_does_not_matter(batches: list[tuple[Amounts, list[Lot]]], shuffler: random.Random) -> None:
    """The books are a function of the facts, not of the batches they came in (design 1)."""
    named = [
        (changes, [replace(lot, lot=f"{lot.lot}{batch}{index}") for index, lot in enumerate(lots)])
        for batch, (changes, lots) in enumerate(batches)
    ]
    shuffled = list(named)
    shuffler.shuffle(shuffled)
    books = []
    for order in (named, shuffled):
        kept = Converging()
        for changes, lots in order:
            kept.take(changes, {lot.lot: lot for lot in lots})
        books.append((kept.books.draws, kept.books.unbilled))
    assert books[0] == books[1]


@settings(max_examples=50, deadline=None)
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
    draws = frame(DRAWS, ("a", at(0), "x", D(1)))
    with pytest.raises(FrameError, match="does not live"):
        burn_down(charges_frame({("a", 0): D(1)}, {}), lots_frame({}), POSITIONS.to_frame(), draws)


def test_null_amounts_and_amounts_beyond_bounds_are_refused() -> None:
    charges = charges_frame({("a", 0): D(1)}, {})
    without = charges.with_columns(amount=pl.lit(None, dtype=charges["amount"].dtype))
    with pytest.raises(FrameError, match="charges"):
        burn_down(without, lots_frame({}), POSITIONS.to_frame(), DRAWS.to_frame())
    with pytest.raises(OutOfBoundsError, match="account_id a"):
        burn_down(charges_frame({("a", 0): D("1e19")}, {}), lots_frame({}), POSITIONS.to_frame(), DRAWS.to_frame())


CUTS: Columns = {"account_id": TEXT, "cut_at": TIME}


def test_an_hour_cut_later_is_computed_from_the_beginning() -> None:
    """A lot that starts at 0:30 paid the whole first hour, but not its slice until 0:15 (semantics 2, slice)."""
    lots = lots_frame({"x": Lot("a", "x", D(10), effective_at=at(0.5))})
    whole = burn_down(charges_frame({("a", 0): D(4)}, {}), lots, POSITIONS.to_frame(), DRAWS.to_frame())
    assert whole.draws["amount"].to_list() == [D(4)]
    cut = frame(CHARGES, ("a", at(0), at(0.25), D(1), D(4)), ("a", at(0.25), at(1), D(3), D(0)))
    restarted = recut(frame(CUTS), frame(CUTS, ("a", at(0.25))))
    due = burn_down(
        forget_counted(restarted, cut),
        lots,
        forget_states(restarted, whole.positions),
        forget_states(restarted, whole.draws),
    )
    assert due.draws.select("slice_start", "amount").rows() == [(at(0.25), D(3))]
    assert due.unbilled["amount"].to_list() == [D(1)]
    with pytest.raises(FrameError, match="does not live"):
        burn_down(cut, lots, whole.positions, whole.draws)
