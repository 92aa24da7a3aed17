"""Charges beside use in the week of everything, worked by hand (semantics 3).

Goal: the independent SQL and the product both give what a person gets with pencil and paper. Accounts have their plan from
2013-02-01T00:00Z on; in Berlin February began an hour, in India five and a half hours before.
"""

from decimal import Decimal
from typing import Final

import duckdb
import pytest

from resources.lake import Lake

# account-02 is in India and pays 7.77 afterwards. Its February has 672 hours, and it had the plan for 666.5 of them:
#   7.77 x 666.5 / 672 = 5178.705 / 672 = 7.70640625, and 7.3 % of it 0.56256765625. Its last slice is from 18:00.
FEBRUARY: Final = [
    ("recurring", "2013-02-28T18:00:00Z", "7.70640625"),
    ("surcharge", "2013-02-28T18:00:00Z", "0.56256765625"),
    ("recurring", "2013-03-31T18:00:00Z", "7.77"),
    ("surcharge", "2013-03-31T18:00:00Z", "0.56721"),
]
# account-05 is in Berlin, and agreed on at least 4.44 for `out`. February: 671 hours of 672, without use:
#   4.44 x 671 / 672 = 2979.24 / 672 = 4.433392857142857142857... -> ...143. Its last slice is from 22:00.
# March: 18 packages of 0.02 are 0.36, less 2.5 % 0.351: 4.44 - 0.351 = 4.089. April begins at 22:00 there.
SHORT_OF_MINIMUM: Final = [
    ("minimum", "2013-02-28T22:00:00Z", "4.433392857142857143"),
    ("minimum", "2013-03-31T21:00:00Z", "4.089"),
]
CASES: Final = [
    pytest.param("account-02", "base", FEBRUARY, id="a fee in arrears, and its surcharge"),
    pytest.param("account-05", "out", SHORT_OF_MINIMUM, id="a minimum"),
]
BESIDE_USE: Final = "('recurring', 'surcharge', 'minimum')"


@pytest.mark.parametrize(("account", "price_id", "expected"), CASES)
def test_the_independent_sql_agrees(
    account: str, price_id: str, expected: list[tuple[str, str, str]], computed: duckdb.DuckDBPyConnection
) -> None:
    found = computed.execute(
        "select kind, strftime(slice_start, '%Y-%m-%dT%H:%M:%SZ') as start, amount from charges "
        f"where account = $account and price_id = $price_id and kind in {BESIDE_USE} order by start, kind",
        {"account": account, "price_id": price_id},
    ).fetchall()
    assert found == [(kind, start, Decimal(amount)) for kind, start, amount in expected]


@pytest.mark.parametrize(("account", "price_id", "expected"), CASES)
def test_the_product_agrees(account: str, price_id: str, expected: list[tuple[str, str, str]], billed: Lake) -> None:
    found = billed.connection.execute(
        "select kind, strftime(slice_start, '%Y-%m-%dT%H:%M:%SZ') as start, sum(amount_delta)::decimal(38, 18) from charges "
        f"where account_id = $account and price_id = $price_id and kind in {BESIDE_USE} group by all order by start, kind",
        {"account": account, "price_id": price_id},
    ).fetchall()
    assert found == [(kind, start, Decimal(amount)) for kind, start, amount in expected]
