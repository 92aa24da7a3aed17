"""Goal: lots that are used up and are passed over together stand where playing one by one has them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rating import spent
from tests.rating.credit_reference import Charge, Lot, at
from tests.rating.histories import Facts, History, history
from tests.rating.test_credits import assert_equal


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), batches=st.integers(2, 5))
def test_histories_equal_the_reference_whatever_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, seed: int, batches: int
) -> None:
    """Few accounts have many lots: here all of them are treated as if they had."""
    monkeypatch.setattr(spent, "MANY", 0)
    assert_equal(history(seed, 500, batches))


@pytest.mark.parametrize("most", [0, spent.MOST_PAIRS])
def test_many_lots_hour_by_hour_late_and_given_back(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """One account with more lots than the loop is for: new hours, a late one, and one that gives back."""
    monkeypatch.setattr(spent, "MOST_PAIRS", most)
    starts = [at(0) + timedelta(minutes=3 * number) for number in range(60)]
    small = [Lot("a", f"lot-{number:02}", Decimal("0.25"), start, priority=1) for number, start in enumerate(starts)]
    # It begins late and pays before those that were used up by then, so that they are offered what it leaves.
    lots = [*small, Lot("a", "first", Decimal(14), at(3), priority=0)]
    hours = [[(hour, "9.25")] for hour in range(5)]
    late, less = [(1, "3.5")], [(4, "-30")]
    batches = [
        Facts(
            [Charge("a", at(hour), at(hour + 1), Decimal(amount), prepaid=True) for hour, amount in charges], new, at(5)
        )
        for charges, new in zip([*hours, late, hours[0], less], [lots, *[[]] * 7], strict=True)
    ]
    assert_equal(History(batches))
