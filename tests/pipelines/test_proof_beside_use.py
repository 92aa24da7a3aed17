"""Goal: fees, percentages and true-ups that are not what the books say are found, whatever a hand did to them."""

from collections.abc import Callable, Iterator

import polars as pl
import pytest

from pipelines.proof_beside_use import wrong_fees, wrong_percentages, wrong_true_ups
from resources.lake import Lake
from resources.project import Project
from tests.pipelines import together

Proof = Callable[[Lake, int, int], pl.DataFrame]
LEAST = "0.000000000000000001"
HANDS = {
    "a fee is more": (wrong_fees, f"update charges set amount_delta = amount_delta + {LEAST} where price_id = 'base'"),
    "a fee is lost": (wrong_fees, "delete from charges where kind = 'recurring' and account_id = 'first'"),
    "a fee is in twice": (wrong_fees, "insert into charges from charges where price_id = 'base'"),
    "a fee for more time": (
        wrong_fees,
        "update charges set quantity_delta = quantity_delta + 0.000000001 where price_id = 'base'",
    ),
    "a fee in another slice": (
        wrong_fees,
        "update charges set slice_start = slice_start - interval 1 hour where price_id = 'base'",
    ),
    "a fee of another plan": (wrong_fees, "update charges set plan = 'standard' where price_id = 'base'"),
    "a discount is less": (
        wrong_percentages,
        f"update charges set amount_delta = amount_delta + {LEAST} where kind = 'discount' and price_id = 'recurring'",
    ),
    # The sum of the slice is as it was.
    "a discount of another charge": (
        wrong_percentages,
        (
            f"update charges set amount_delta = amount_delta + if(resource_id = 'first-m0', {LEAST}, -{LEAST}) "
            "where kind = 'discount' and price_id = 'cpu-us' and slice_start = '2026-10-31T10:00:00Z' "
            "and resource_id in ('first-m0', 'first-m2')"
        ),
    ),
    "a surcharge is lost": (wrong_percentages, "delete from charges where kind = 'surcharge' and price_id = 'base'"),
    "a discount is in twice": (
        wrong_percentages,
        "insert into charges from charges where kind = 'discount' and price_id = 'recurring'",
    ),
    "a surcharge for a discount": (
        wrong_percentages,
        "update charges set kind = 'surcharge' where kind = 'discount' and price_id = 'recurring'",
    ),
    "a charge is more than its discount says": (
        wrong_percentages,
        "update charges set amount_delta = amount_delta + 1 where kind = 'usage' and account_id = 'first' and meter = 'disk'",
    ),
    "a minimum is more": (
        wrong_true_ups,
        (
            f"update charges set amount_delta = amount_delta + {LEAST} where kind = 'minimum' and plan = 'standard' "
            "and account_id = 'second'"
        ),
    ),
    # Two books say it, each for a part of October: the last decimal may be either's rounding, and no more.
    "a minimum of two parts is more": (
        wrong_true_ups,
        f"update charges set amount_delta = amount_delta + 2 * {LEAST} where kind = 'minimum' and account_id = 'first'",
    ),
    "a minimum is lost": (wrong_true_ups, "delete from charges where kind = 'minimum' and account_id = 'first'"),
    "a minimum in another slice": (
        wrong_true_ups,
        "update charges set slice_start = slice_start - interval 1 hour where kind = 'minimum' and account_id = 'first'",
    ),
    "a commitment is less": (
        wrong_true_ups,
        f"update charges set amount_delta = amount_delta - {LEAST} where kind = 'commitment' and account_id = 'second'",
    ),
    "a commitment is in twice": (wrong_true_ups, "insert into charges from charges where kind = 'commitment'"),
    "a minimum for a commitment": (
        wrong_true_ups,
        "update charges set kind = 'minimum' where kind = 'commitment' and account_id = 'first'",
    ),
    "use that came to more": (
        wrong_true_ups,
        (
            f"update charges set amount_delta = amount_delta + {LEAST} where kind = 'usage' and price_id = 'cpu-us' "
            "and account_id = 'first' and slice_start = '2026-10-31T10:00:00Z' and resource_id = 'first-m2'"
        ),
    ),
}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with together.billed_at_once(tmp_path_factory.mktemp("proof") / "once") as project:
        yield project


@pytest.mark.parametrize(("proof", "hand"), HANDS.values(), ids=HANDS.keys())
def test_what_a_hand_breaks_beside_use_is_found(at_once: Project, proof: Proof, hand: str) -> None:
    lake = at_once.lake
    last = lake.value("steps/writer/next_run") - 1
    assert proof(lake, 0, last).is_empty()
    lake.connection.execute("begin")
    try:
        changed = lake.connection.execute(hand).fetchone()
        assert changed is not None
        assert changed[0] > 0, "the hand broke nothing"
        assert proof(lake, 0, last).height > 0
    finally:
        lake.connection.execute("rollback")
