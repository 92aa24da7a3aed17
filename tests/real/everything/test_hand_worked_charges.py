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
# March: 17 packages of 0.02 are 0.34, less 2.5 % 0.3315: 4.44 - 0.3315 = 4.1085. April begins at 22:00 there.
SHORT_OF_MINIMUM: Final = [
    ("minimum", "2013-02-28T22:00:00Z", "4.433392857142857143"),
    ("minimum", "2013-03-31T21:00:00Z", "4.1085"),
]
# account-01 is in Berlin too, and committed itself to 1 (thousand) at 0.25. February: 671 / 672 = 0.998511904761... is
#   0.998511905, x 0.25 = 0.24962797625. March: 992 requests less the 100 included are 0.892, x 0.25 = 0.223, less 2.5 %
#   0.217425: 0.25 - 0.217425 = 0.032575.
SHORT_OF_COMMITMENT: Final = [
    ("commitment", "2013-02-28T22:00:00Z", "0.24962797625"),
    ("commitment", "2013-03-31T21:00:00Z", "0.032575"),
]
CASES: Final = [
    pytest.param("account-02", "base", FEBRUARY, id="a fee in arrears, and its surcharge"),
    pytest.param("account-05", "out", SHORT_OF_MINIMUM, id="a minimum"),
    pytest.param("account-01", "requests-eu", SHORT_OF_COMMITMENT, id="a commitment"),
]
BESIDE_USE: Final = "('recurring', 'surcharge', 'minimum', 'commitment')"
# account-12 is in UTC and pays 0.07 for each 0.2 GB of out-us above 0.1 and its pool, to which a machine brings 14.
#   vm-0172 joins with 140 of 744 hours left: 14 x 140 / 744 = 2.634408602. Before it 0.227942303 GB had left, so 0.127942303
#     above what is included: one package, which is free now.
#   vm-0052 joins with 95 left: 1.787634409. Before it 3.501994933 had left, less 0.1 and the pool 0.767586331: four packages.
#   vm-0012 joins with 66 left, when nothing was paid any more.
JOINING: Final = [("2013-03-26T04:00:00Z", "vm-0172", "-0.07"), ("2013-03-28T01:00:00Z", "vm-0052", "-0.28")]
# With all three the pool holds 5.663978495. In March 59.755977405 GB leave: 53.99199891 above it and 0.1, 270 packages.
USED_IN_MARCH: Final = "59.755977405"
PAID_IN_MARCH: Final = "18.90"


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


def test_a_pool_by_the_independent_sql(computed: duckdb.DuckDBPyConnection) -> None:
    check_pool(
        computed,
        "select slice_start, vm, dimensions, quantity, amount from charges"
        " where account = 'account-12' and price_id = 'out-us' and kind = 'usage'",
    )


def test_a_pool_by_the_product(billed: Lake) -> None:
    check_pool(
        billed.connection,
        "select slice_start, resource_id as vm, dimensions, quantity_delta as quantity, amount_delta as amount from charges"
        " where account_id = 'account-12' and price_id = 'out-us' and kind = 'usage'",
    )


def check_pool(connection: duckdb.DuckDBPyConnection, charged: str) -> None:
    """Who joins is charged without dimensions; all of March together is C(Q) with the whole pool."""
    joining = connection.execute(
        "select strftime(slice_start, '%Y-%m-%dT%H:%M:%SZ'), vm, sum(amount)::decimal(38, 18) "
        f"from ({charged}) where dimensions = '{{}}' and slice_start < '2013-04-01' and amount <> 0 group by all order by all"
    ).fetchall()
    assert joining == [(start, vm, Decimal(amount)) for start, vm, amount in JOINING]
    sums = f"select sum(quantity), sum(amount) from ({charged}) where slice_start < '2013-04-01'"
    assert connection.execute(sums).fetchall() == [(Decimal(USED_IN_MARCH), Decimal(PAID_IN_MARCH))]
