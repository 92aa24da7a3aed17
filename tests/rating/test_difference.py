"""Goal: what is appended brings the charges from what stands to what should stand, and nothing else (design 1)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from rating import difference, rate
from rating.errors import FrameError, OutOfBoundsError
from rating.schemas import CHARGE_KEY, DUE, TOTALS, no_rows
from tests.rating.worlds import Subscription, Use, book, instant, prices_frame, subscriptions_frame, usage_frame

PRICE = {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "2", "included": "30"}
BOOK = book("1", "2026-01-01", {"standard": [PRICE], "pro": [{**PRICE, "unit_price": "1"}]})
ACCOUNT = Subscription("a", instant("2026-01-01"))
USES = [Use(instant(f"2026-11-{day:02} 00:00"), Decimal(30)) for day in (1, 11, 21)]


def due(uses: list[Use], *subscriptions: Subscription) -> pl.DataFrame:
    rows = subscriptions_frame(subscriptions or (ACCOUNT,))
    return rate(usage_frame(uses), prices_frame([BOOK]), rows, no_rows(TOTALS)).due


def amounts(changes: pl.DataFrame) -> list[tuple[Any, ...]]:
    return changes.sort("slice_start", "plan").select("plan", "quantity_delta", "amount_delta").rows()


def test_where_nothing_stands_all_is_appended() -> None:
    changes = difference(due(USES), no_rows(DUE))
    assert changes.columns == [*CHARGE_KEY, "quantity_delta", "amount_delta"]
    assert amounts(changes) == [("standard", 30, 0), ("standard", 30, 60), ("standard", 30, 60)]


def test_where_all_stands_nothing_is_appended() -> None:
    assert difference(due(USES), due(USES)).is_empty()


def test_what_should_not_stand_is_taken_back() -> None:
    assert amounts(difference(due(USES[:2]), due(USES))) == [("standard", -30, -60)]
    assert difference(no_rows(DUE), due(USES)).height == 3


def test_standing_rows_of_one_key_are_added_up() -> None:
    standing = due(USES)
    parts = [standing.with_columns(pl.col("quantity", "amount") * part) for part in (3, -2)]
    assert difference(standing, pl.concat(parts)).is_empty()


def test_a_use_of_zero_makes_no_row_and_a_price_of_zero_does() -> None:
    assert difference(due([replace(USES[0], quantity=Decimal(0))]), no_rows(DUE)).is_empty()
    assert difference(due(USES[:1]), no_rows(DUE))["amount_delta"].to_list() == [0]


def test_a_change_of_plan_reaches_back_to_the_periods_start() -> None:
    """The old plan's included quantity is prorated too, so its first slices cost more than they did."""
    change = Subscription("a", instant("2026-11-11"), plan="pro")
    changes = difference(due(USES, ACCOUNT, change), due(USES))
    # 10 of 30 days of standard: 10 of 30 are free; then 20 days of pro: 20 of the next 60 are.
    assert amounts(changes) == [
        ("standard", 0, 40),
        ("pro", 30, 10),
        ("standard", -30, -60),
        ("pro", 30, 30),
        ("standard", -30, -60),
    ]


def test_sums_that_could_wrap_stop_and_name_the_key() -> None:
    row = due(USES[:1]).with_columns(amount=pl.lit(Decimal("9e18"), dtype=DUE["amount"]))
    with pytest.raises(OutOfBoundsError, match=r"account_id 'a'.*price_id 'cpu'.*too much"):
        difference(row, pl.concat([row] * 20))


def test_frames_that_break_their_contract_are_named() -> None:
    rows = due(USES)
    with pytest.raises(FrameError, match="standing"):
        difference(rows, rows.drop("version"))
    with pytest.raises(OutOfBoundsError, match=r"account_id a.*amount"):
        difference(rows.with_columns(amount=pl.lit(Decimal("1e19"), dtype=DUE["amount"])), rows)
