"""The independent computation itself: that it is exact, that it says what the semantics say, that it would notice.

Goal: an error in the reference must not pass for an error of the product, nor hide one.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.real import reference

PRICES_FILE = Path(__file__).with_name("prices.yaml")
BILLION = 1_000_000_000


@cache
def prices() -> Mapping[str, Mapping[str, Any]]:
    """The prices of the price book by their id."""
    book = yaml.safe_load(PRICES_FILE.read_text(encoding="utf-8"))
    return {price["id"]: price for price in book["plans"]["standard"]["prices"]}


def tiers_of(price: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """A unit price is one tier without end."""
    return price["tiers"] if price["model"] == "graduated" else [{"unit_price": price["unit_price"]}]


def total_cost(price: Mapping[str, Any], quantity: Decimal) -> Fraction:
    """C(Q) of semantics 3 in fractions: included, then tiers one by one, then the maximum."""
    left = max(Fraction(quantity) - Fraction(price.get("included", "0")), Fraction(0))
    cost, above = Fraction(0), Fraction(0)
    for tier in tiers_of(price):
        if left <= above:
            break
        up_to = Fraction(tier["up_to"]) if "up_to" in tier else left
        cost += (min(left, up_to) - above) * Fraction(tier["unit_price"]) + Fraction(tier.get("flat_fee", "0"))
        above = up_to
    return min(cost, Fraction(price["maximum"])) if "maximum" in price else cost


def scopes(week: duckdb.DuckDBPyConnection) -> list[tuple[str, str, Decimal, Decimal]]:
    """(price id, scope, quantity, amount) of the week: a scope is an account, or a machine where a price says so."""
    return week.execute(
        "select price_id, case accumulate when 'resource' then vm else account end as scope, "
        "sum(charges.quantity), sum(charges.amount) from charges join prices using (price_id) group by all"
    ).fetchall()


@pytest.mark.parametrize(
    "value",
    [
        *(0.0, 0.1, 0.30000000000000004, 2 / 3, 5851.9989, 1 - 2**-53),
        *(0.5e-9, 1.5e-9, 2.5e-9, 0.49999999999999994e-9, 1e-20, 1 / 1024**3),
        # exact ties, which must go away from zero
        *(2**-10, 3 * 2**-10, -(2**-10), 1048576 + 2**-10),
        *(1234567890123456.0, 999999999999.9999, -2 / 3, -1e-20),
    ],
)
def test_floats_become_nine_decimals_exactly(value: float) -> None:
    with reference.connect() as connection, localcontext() as context:
        context.prec = 80
        connection.execute(reference.statement("define_billionths"))
        found = connection.execute("select billionths($value::double)", {"value": value}).fetchone()
        assert found == (int((Decimal(value) * BILLION).to_integral_value(ROUND_HALF_UP)),)


def test_every_float_of_the_file_becomes_nine_decimals_exactly(reference_week: duckdb.DuckDBPyConnection) -> None:
    rows = reference_week.execute(
        "select distinct value, billionths(value) from (unpivot (select mem_kb_cap, disk_r_kbs, disk_w_kbs, "
        "net_rx_kbs, net_tx_kbs from read_parquet($file)) on columns(*))",
        {"file": str(reference.DATA_FILE)},
    ).fetchall()
    with localcontext() as context:
        context.prec = 80
        wrong = [row for row in rows if int((Decimal(row[0]) * BILLION).to_integral_value(ROUND_HALF_UP)) != row[1]]
    assert len(rows) > 10_000
    assert not wrong


def test_verdicts(reference_week: duckdb.DuckDBPyConnection) -> None:
    found = reference_week.execute(
        "select meter, count(*) filter (verdict = 'accepted'), count(*) filter (verdict = 'duplicate'), "
        "count(*) filter (verdict = 'conflict') from records group by meter order by meter"
    ).fetchall()
    assert found == [
        ("cpu", 503665, 1950, 0),
        ("disk_io", 503665, 1950, 0),
        ("memory", 503665, 1949, 1),
        ("network_in", 503665, 1948, 2),
        ("network_out", 503665, 1948, 2),
    ]


def test_the_prices_of_the_sql_are_those_of_the_book(reference_week: duckdb.DuckDBPyConnection) -> None:
    listed = reference_week.execute(
        "select price_id, meter, accumulate, included_billionths, maximum_atto from prices order by price_id"
    ).fetchall()
    in_book = [
        (
            price_id,
            price["meter"],
            price.get("accumulate", "account"),
            int(Decimal(price.get("included", "0")) * BILLION),
            int(Decimal(price["maximum"]) * BILLION * BILLION) if "maximum" in price else None,
        )
        for price_id, price in sorted(prices().items())
    ]
    assert listed == in_book


def test_the_tiers_of_the_sql_are_those_of_the_book(reference_week: duckdb.DuckDBPyConnection) -> None:
    listed = reference_week.execute(
        "select price_id, tier, above_billionths, up_to_billionths, unit_price_billionths, flat_fee_atto "
        "from tiers order by price_id, tier"
    ).fetchall()
    in_book = []
    for price_id, price in sorted(prices().items()):
        above = 0
        for number, tier in enumerate(tiers_of(price), start=1):
            up_to = int(Decimal(tier["up_to"]) * BILLION) if "up_to" in tier else None
            unit_price = int(Decimal(tier["unit_price"]) * BILLION)
            flat_fee = int(Decimal(tier.get("flat_fee", "0")) * BILLION * BILLION)
            in_book.append((price_id, number, above, up_to, unit_price, flat_fee))
            above = up_to or 0
    assert listed == in_book


def test_the_charges_of_a_scope_sum_to_its_total_cost(reference_week: duckdb.DuckDBPyConnection) -> None:
    wrong = [
        (price_id, scope, quantity, amount)
        for price_id, scope, quantity, amount in scopes(reference_week)
        if Fraction(amount) != total_cost(prices()[price_id], quantity)
    ]
    assert not wrong


def test_each_charge_is_the_difference_of_two_total_costs(reference_week: duckdb.DuckDBPyConnection) -> None:
    # Two accounts, one of which meets the account-wide cap, event by event in the order that semantics 3 gives.
    events = reference_week.execute(
        "select account, vm, price_id, slice_start, quantity, amount from charges "
        "where account in ('account-00', (select min(account) from totals where price_id = 'out' and amount = 60))"
    ).fetchall()
    running: dict[tuple[str, str, str], Decimal] = {}
    wrong = []
    for account, vm, price_id, slice_start, quantity, amount in sorted(events, key=itemgetter(3, 2, 1)):
        price = prices()[price_id]
        scope = (account, price_id, vm if price.get("accumulate") == "resource" else "")
        before = running.get(scope, Decimal(0))
        running[scope] = before + quantity
        if Fraction(amount) != total_cost(price, running[scope]) - total_cost(price, before):
            wrong.append((scope, slice_start, amount))
    assert len({event[0] for event in events}) == 2
    assert not wrong


def test_the_week_enters_every_tier_and_meets_both_caps(reference_week: duckdb.DuckDBPyConnection) -> None:
    entered, capped = set(), set()
    for price_id, _, quantity, amount in scopes(reference_week):
        price = prices()[price_id]
        bounds = [Fraction(0), *(Fraction(tier["up_to"]) for tier in tiers_of(price)[:-1])]
        used = Fraction(quantity) - Fraction(price.get("included", "0"))
        entered |= {(price_id, number) for number, bound in enumerate(bounds, start=1) if used > bound}
        capped |= {price_id} if amount == Decimal(price.get("maximum", "-1")) else set()
    every_tier = {(name, n) for name, price in prices().items() for n in range(1, len(tiers_of(price)) + 1)}
    assert entered == every_tier
    assert capped == {"disk", "out"}


def test_the_sums_of_the_week(reference_week: duckdb.DuckDBPyConnection) -> None:
    found = reference_week.execute(
        "select price_id, sum(quantity)::varchar, sum(amount)::varchar from totals group by price_id order by price_id"
    ).fetchall()
    assert found == [
        ("cpu", "159700.575277756", "1731.108500138680000000"),
        ("disk", "27557.941210245", "117.117206418402500000"),
        ("in", "4965.708753385", "0.000000000000000000"),
        ("memory", "591512.045039375", "1079.509482196859375000"),
        ("out", "9640.833212347", "412.596743833865000000"),
    ]


ALTERATIONS = {
    "one digit more": "select * replace (({column} + if({chosen}, {step}, 0))::{kind} as {column}) from {table}",
    "a row missing": "from {table} where not {chosen}",
    "a row twice": "from {table} union all from {table} where {chosen}",
}
CHOSEN_QUANTITY = "(vm = 'vm-0118' and meter = 'memory' and hour = '2013-08-05T13:00:00Z'::timestamptz)"
CHOSEN_CHARGE = "(vm = 'vm-0118' and price_id = 'memory' and slice_start = '2013-08-05T13:00:00Z'::timestamptz)"
NINE, EIGHTEEN = ("decimal(38, 9)", "0.000000001"), ("decimal(38, 18)", "0.000000000000000001")


@pytest.mark.parametrize("alteration", ALTERATIONS.values(), ids=ALTERATIONS.keys())
def test_the_least_difference_of_a_quantity_is_noticed(
    reference_week: duckdb.DuckDBPyConnection, alteration: str
) -> None:
    kind, step = NINE
    statement = alteration.format(table="quantities", column="quantity", kind=kind, step=step, chosen=CHOSEN_QUANTITY)
    with reference_week.cursor() as cursor:
        same = cursor.sql("from quantities").to_arrow_table()
        altered = cursor.sql(statement).to_arrow_table()
    assert reference.differing_quantities(reference_week, same) == []
    assert len(reference.differing_quantities(reference_week, altered)) == 1


@pytest.mark.parametrize("alteration", ALTERATIONS.values(), ids=ALTERATIONS.keys())
@pytest.mark.parametrize(("column", "kind", "step"), [("quantity", *NINE), ("amount", *EIGHTEEN)])
def test_the_least_difference_of_a_charge_is_noticed(
    reference_week: duckdb.DuckDBPyConnection, alteration: str, column: str, kind: str, step: str
) -> None:
    statement = alteration.format(table="charges", column=column, kind=kind, step=step, chosen=CHOSEN_CHARGE)
    with reference_week.cursor() as cursor:
        same = cursor.sql("from charges").to_arrow_table()
        altered = cursor.sql(statement).to_arrow_table()
    assert reference.differing_charges(reference_week, same) == []
    assert len(reference.differing_charges(reference_week, altered)) == 1


def test_a_float_is_refused_by_the_comparison(reference_week: duckdb.DuckDBPyConnection) -> None:
    ours = reference_week.sql("select * replace (quantity::double as quantity) from quantities").to_arrow_table()
    with pytest.raises(TypeError, match="DECIMAL"):
        reference.differing_quantities(reference_week, ours)
