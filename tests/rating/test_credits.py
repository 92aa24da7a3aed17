"""Burn-down: named cases worked by hand, and random histories against a charge-by-charge reference in plain `decimal`."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.credit_schemas import CHARGES, DRAWS, POSITIONS, UNBILLED
from rating.credits import burn_down
from rating.errors import FrameError, OutOfBoundsError
from rating.restarts import forget_counted, forget_states, recut
from tests.rating.credit_reference import Books, Charge, Lot, Stated, at, reference
from tests.rating.frames import TEXT, TIME, Columns, D, frame
from tests.rating.histories import Converging, Facts, History, at_once, history, lots_frame, rows_to_burn

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


def charge(hour: int, amount: str, meter: str = "", *, prepaid: bool = True) -> Charge:
    return Charge("a", at(hour), at(hour + 1), D(amount), prepaid, meter=meter)


def by_hour(amounts: dict[tuple[str, datetime, str], Decimal]) -> dict[tuple[int, str], Decimal]:
    return {(int((start - at(0)).total_seconds()) // 3600, lot): amount for (_, start, lot), amount in amounts.items()}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """Each rule of semantics 4 in one small table."""
    lots, amounts, draws, unbilled = CASES[name]
    books = at_once([charge(hour, text) for hour, text in amounts.items()], lots, at(3))
    assert by_hour(books.draws) == {key: D(text) for key, text in draws.items()}
    assert books.unbilled == {("a", at(hour)): D(text) for hour, text in unbilled.items()}


CPU = (("meters", ("cpu",)),)
WHO_PAYS: dict[str, tuple[list[Lot], list[Charge], dict[tuple[int, str], str], dict[tuple[int, str], str]]] = {
    "a postpaid slice draws promotional credit, not paid": (
        [Lot("a", "x", D(9)), Lot("a", "y", D(4), kind="promotional", priority=1)],
        [charge(0, "6", prepaid=False)], {(0, "y"): "4"}, {},
    ),
    "the mode is that of the slice": (
        [Lot("a", "x", D(9))], [charge(0, "6", prepaid=False), charge(1, "2")], {(1, "x"): "2"}, {},
    ),
    "a scoped lot pays for its meter only": (
        [Lot("a", "x", D(9), scope=CPU), Lot("a", "y", D(9), priority=1)],
        [charge(0, "6", "cpu"), charge(0, "2", "out")], {(0, "x"): "6", (0, "y"): "2"}, {},
    ),
    "what comes first in the slice is paid first": (
        [Lot("a", "y", D(5)), Lot("a", "x", D(9), scope=CPU, priority=1)],
        [charge(0, "4", "cpu"), charge(0, "3", "out")], {(0, "y"): "5"}, {},
    ),
    "the next lot settles what nothing covered": (
        [Lot("a", "x", D(9), at(2.5))], [charge(0, "6"), charge(2, "2")], {(2, "x"): "2"}, {(2, "x"): "6"},
    ),
    "it settles before it pays": (
        [Lot("a", "x", D(7), at(2))], [charge(0, "6"), charge(2, "2")], {(2, "x"): "1"}, {(2, "x"): "6"},
    ),
    "two lots that start together settle in the order of burn-down": (
        [Lot("a", "x", D(5), at(2)), Lot("a", "y", D(4), at(2), kind="promotional")],
        [charge(0, "6")], {}, {(2, "y"): "4", (2, "x"): "2"},
    ),
    "a scoped lot settles what its scope allows": (
        [Lot("a", "x", D(9), at(2), scope=CPU)], [charge(0, "6", "cpu"), charge(0, "3", "out")], {}, {(2, "x"): "6"},
    ),
    "postpaid use is never settled": ([Lot("a", "x", D(9), at(2))], [charge(0, "6", prepaid=False)], {}, {}),
    "what is owed to the account is netted first": (
        [Lot("a", "x", D(9), at(3))], [charge(0, "6"), charge(1, "-4")], {}, {(3, "x"): "2"},
    ),
    "what is owed to the account pays later use": (
        [Lot("a", "x", D(9), at(1))], [charge(0, "-4"), charge(1, "6")], {(1, "x"): "2"}, {},
    ),
    "what a period left unused rolls over, up to a maximum": (
        [
            Lot("a", "g/1", D(5), at(0), at(1), series="g", roll_over=D(3)),
            Lot("a", "g/2", D(5), at(1), at(2), series="g", roll_over=D(3)),
        ],
        [charge(0, "1"), charge(1, "9")], {(0, "g/1"): "1", (1, "g/2"): "8"}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHO_PAYS)
def test_who_pays(name: str) -> None:
    """Modes, scopes, settlement and roll-over (semantics 4)."""
    lots, charges, draws, settled = WHO_PAYS[name]
    books = at_once(charges, lots, at(3))
    assert by_hour(books.draws) == {key: D(text) for key, text in draws.items()}
    assert by_hour(books.settled) == {key: D(text) for key, text in settled.items()}


def taken(*batches: Facts) -> Books:
    kept = Converging()
    for batch in batches:
        kept.take(batch)
    return kept.books()


def test_late_charge_draws_on_the_promotion_that_still_ran() -> None:
    """A late record of an hour before the expiry moves later draws to what is left (semantics 4)."""
    lots = [Lot("a", "p", D(10), expires_at=at(2), kind="promotional"), Lot("a", "q", D(10))]
    books = taken(Facts([charge(0, "4"), charge(3, "5")], lots, at(4)), Facts([charge(1, "8")], [], at(4)))
    assert by_hour(books.draws) == {(0, "p"): D(4), (1, "p"): D(6), (1, "q"): D(2), (3, "q"): D(5)}


def test_restarting_counts_what_was_offered_not_what_was_drawn() -> None:
    """A lot that ran dry remembers what it could not pay: less use later gives back the unbilled rest first."""
    books = taken(Facts([charge(0, "15")], [Lot("a", "x", D(10))], at(1)), Facts([charge(1, "-7")], [], at(2)))
    assert by_hour(books.draws) == {(0, "x"): D(10), (1, "x"): D(-2)}
    assert books.unbilled == {("a", at(0)): D(5), ("a", at(1)): D(-5)}


def test_a_top_up_known_late_settles_before_the_one_that_did() -> None:
    """What a later lot had settled goes back to it (semantics 4: in the order of starts, whatever came first)."""
    first = Facts([charge(0, "6")], [Lot("a", "x", D(9), at(3))], at(4))
    late = Facts([], [Lot("a", "y", D(4), at(2))], at(4))
    assert by_hour(taken(first).settled) == {(3, "x"): D(6)}
    books = taken(first, late)
    assert by_hour(books.settled) == {(2, "y"): D(4), (3, "x"): D(2)}
    assert books.positions == {"x": D(2), "y": D(6)}


def test_what_a_document_states_is_not_settled() -> None:
    """Its tax is stated and the money asked for: it is paid through `receivable`; the next lot settles what came since."""
    used = Facts([charge(0, "6")], [], at(1))
    topped_up = Facts([charge(1, "2")], [Lot("a", "x", D(9), at(2))], at(2), [Stated("a", at(1), D(6))])
    books = taken(used, topped_up, Facts([charge(2, "9")], [], at(3)))
    assert by_hour(books.settled) == {(2, "x"): D(2)}
    assert by_hour(books.draws) == {(2, "x"): D(7)}


def test_a_document_states_nothing_of_a_lot_that_started_before_it() -> None:
    """A transfer that is known late: it settled before the books that were stated, so the next document gives that back."""
    used, stated = Facts([charge(0, "6")], [], at(2)), Facts([], [], at(2), [Stated("a", at(2), D(6))])
    books = taken(used, stated, Facts([], [Lot("a", "x", D(9), at(1))], at(2)), Facts([charge(2, "8")], [], at(3)))
    assert by_hour(books.settled) == {(1, "x"): D(6)}
    assert (by_hour(books.draws), books.unbilled[("a", at(2))]) == ({(2, "x"): D(3)}, D(5))


def test_a_lot_settles_when_it_starts_and_not_before() -> None:
    facts = Facts([charge(0, "6")], [Lot("a", "x", D(9), at(2.5))], at(2))
    assert taken(facts).settled == {}
    assert by_hour(taken(facts, Facts([], [], at(3))).settled) == {(2, "x"): D(6)}


def assert_equal(history: History) -> None:
    """All at once, and batch by batch, give what the reference gives by playing one by one."""
    facts = (history.charges, history.lots(), history.batches[-1].closed_until, history.stated)
    expected = reference(*facts)
    for books in (at_once(*facts), taken(*history.batches)):
        for name in ("draws", "unbilled", "settled", "positions", "rolled", "expired"):
            assert getattr(books, name) == getattr(expected, name), name
    scoped = {lot.account_id for lot in history.lots() if lot.scope}
    stated = [
        {key: amount for key, amount in books.settled_use.items() if key[0] in scoped and key[1]}
        for books in (at_once(*facts), expected)
    ]
    assert stated[0] == stated[1]


SEEDS = st.integers(0, 2**32)


@settings(max_examples=3, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_histories_equal_the_reference(seed: int, batches: int) -> None:
    """Priorities, expiries, scopes, modes, roll-over, settlement, late and negative charges, restated and voided lots."""
    assert_equal(history(seed, 1000, batches))


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_the_history_of_one_account_equals_the_reference(seed: int, batches: int) -> None:
    """The same of single accounts, which hypothesis can make smaller."""
    assert_equal(history(seed, 1, batches))


@pytest.mark.soak
def test_100000_histories_equal_the_reference() -> None:
    for seed in range(50):
        assert_equal(history(seed, 2000, seed % 5 + 1))


@settings(max_examples=2, deadline=None)
@given(SEEDS)
def test_nothing_is_lost_and_no_lot_pays_more_than_it_holds(seed: int) -> None:
    """What credit paid and the rest sum to the charges; each lot paid and settled between nothing and what it holds."""
    facts = history(seed, 200, 2)
    books = taken(*facts.batches)
    charged: dict[tuple[str, datetime], Decimal] = defaultdict(Decimal)
    for one in facts.charges:
        charged[one.account_id, one.start] += one.amount
    sums: dict[tuple[str, datetime], Decimal] = defaultdict(Decimal, books.unbilled)
    used: dict[str, Decimal] = defaultdict(Decimal)
    for (account, start, lot), amount in books.draws.items():
        sums[account, start] += amount
        used[lot] += amount
    assert {key: amount for key, amount in sums.items() if amount} == {key: a for key, a in charged.items() if a}
    holds = defaultdict(Decimal, {lot.lot: lot.amount for lot in facts.lots()})
    for (_, start, lot), amount in books.rolled.items():
        used[lot] += amount
        holds[
            next(one.lot for one in facts.lots() if one.series == lot.split("/")[0] and one.effective_at == start)
        ] += amount
    for amounts in (books.settled, books.expired):
        for (_, _, lot), amount in amounts.items():
            used[lot] += amount
    assert all(0 <= amount <= holds[lot] for lot, amount in used.items())


@settings(max_examples=2, deadline=None)
@given(SEEDS)
def test_order_of_batches_does_not_matter(seed: int) -> None:
    """The books are a function of the facts, not of the batches they came in (design 1)."""
    facts = history(seed, 100, 3)
    lots = {
        batch: [replace(lot, lot=f"{lot.lot}{batch}", series="") for lot in one.lots]
        for batch, one in enumerate(facts.batches)
    }
    last = facts.batches[-1].closed_until
    batches = [Facts(one.charges, lots[number], last) for number, one in enumerate(facts.batches)]
    assert taken(*batches) == taken(*reversed(batches))


def rows(*charges: tuple[int, Decimal, Decimal]) -> pl.DataFrame:
    """Rows as `burn_down` takes them: hour, amount, counted."""
    return frame(CHARGES, *(("a", at(hour), at(hour + 1), 0, 0, True, amount, held) for hour, amount, held in charges))


def test_no_slices() -> None:
    result = burn_down(rows(), lots_frame([Lot("a", "x", D(1))]), POSITIONS.to_frame())
    assert (result.draws.schema, result.unbilled.schema, result.settled.schema) == (DRAWS, UNBILLED, DRAWS)
    assert result.positions.schema == POSITIONS
    assert result.draws.height == result.unbilled.height == result.settled.height == 0
    assert result.positions.rows() == [("a", "x", D(0))]


def test_slices_may_come_in_any_order() -> None:
    lots = lots_frame([Lot("a", "x", D(6)), Lot("a", "y", D(3), priority=1)])
    given = rows(*((hour, D(2), D(0)) for hour in range(5)))
    whole = burn_down(given, lots, POSITIONS.to_frame())
    for other in (given.reverse(), pl.concat([given[3:], given[:3]])):
        result = burn_down(other, lots, POSITIONS.to_frame())
        assert result.draws.equals(whole.draws)
        assert result.unbilled.equals(whole.unbilled)


def test_a_slice_given_twice_is_refused() -> None:
    twice = pl.concat([rows((0, D(1), D(0)))] * 2)
    with pytest.raises(FrameError, match="one net charge"):
        burn_down(twice, lots_frame([]), POSITIONS.to_frame())


def test_a_debt_that_scopes_cannot_tell_apart_is_refused() -> None:
    """Such an account restarts from its beginning (`rating.restarts.indebted`)."""
    lots = lots_frame([Lot("a", "x", D(1), scope=CPU)])
    told = Charge("a", at(1), at(2), D(1), prepaid=True, meter="cpu")
    kept = Converging()
    kept.take(Facts([told], [], at(2)))
    made, fits = rows_to_burn(kept.charges.drop("run"), lots)
    with pytest.raises(FrameError, match="from the beginning"):
        burn_down(made, lots, kept.positions, fits)


def test_null_amounts_and_amounts_beyond_bounds_are_refused() -> None:
    charges = rows((0, D(1), D(0)))
    without = charges.with_columns(amount=pl.lit(None, dtype=charges["amount"].dtype))
    with pytest.raises(FrameError, match="charges"):
        burn_down(without, lots_frame([]), POSITIONS.to_frame())
    with pytest.raises(OutOfBoundsError, match="account_id a"):
        burn_down(rows((0, D("1e19"), D(0))), lots_frame([]), POSITIONS.to_frame())


CUTS: Columns = {"account_id": TEXT, "cut_at": TIME}


def test_an_hour_cut_later_is_computed_from_the_beginning() -> None:
    """A lot that starts at 0:30 paid the whole first hour, but not its slice until 0:15 (semantics 2, slice)."""
    lots = lots_frame([Lot("a", "x", D(10), effective_at=at(0.5))])
    whole = burn_down(rows((0, D(4), D(0))), lots, POSITIONS.to_frame())
    assert whole.draws["amount"].to_list() == [D(4)]
    cut = frame(
        CHARGES, ("a", at(0), at(0.25), 0, 0, False, D(1), D(4)), ("a", at(0.25), at(1), 0, 0, True, D(3), D(0))
    )
    restarted = recut(frame(CUTS), frame(CUTS, ("a", at(0.25))))
    due = burn_down(forget_counted(restarted, cut), lots, forget_states(restarted, whole.positions))
    assert due.draws.select("slice_start", "amount").rows() == [(at(0.25), D(3))]
    assert due.unbilled["amount"].to_list() == [D(1)]
