"""The real week under every price model and aggregation: what the product billed equals the independent computation."""

import random
from pathlib import Path
from typing import get_args

import duckdb
import pytest

from rating.pricebook.meters import Aggregation
from rating.pricing.models import MODELS
from resources.lake import Lake
from tests.faults.books import books, differences
from tests.real.everything import billing, reference, world

SHOWN = 5
SHORT_STEPS = 4
MANY_STEPS = 24
# One pays in arrears in India; the other has agreed prices and copies of records.
PROVED = (10, 20)


@pytest.mark.parametrize("what", ["quantities", "charges"])
def test_the_week_is_that_of_the_independent_computation(
    computed: duckdb.DuckDBPyConnection, billed: Lake, what: str
) -> None:
    different = reference.differing(computed, billing.standing(billed, what), what)
    assert not different, f"{len(different)} differ, the first: {different[:SHOWN]}"


def test_records_are_accepted_once(computed: duckdb.DuckDBPyConnection, billed: Lake) -> None:
    query = "select meter, count(*) from {} group by meter order by meter"
    accepted = billed.connection.execute(query.format("usage_events")).fetchall()
    landed = dict(computed.execute(query.format("records")).fetchall())
    assert accepted == computed.execute(query.format("events")).fetchall()
    # What names the row of the file has no copies.
    assert {meter for meter, count in accepted if count == landed[meter]} == {"cpu", "image"}


def test_percentiles_of_too_few_samples_are_reported_and_not_billed(
    computed: duckdb.DuckDBPyConnection, billed: Lake
) -> None:
    reported = billed.connection.execute(
        "select account_id, resource_id, meter, slice_start, sum(samples)::bigint from short_percentiles "
        "group by all having sum(samples) <> 0 order by all"
    ).fetchall()
    short = computed.execute(
        "select account, vm, meter, make_timestamptz(slice_start), samples from ranked where not is_enough order by all"
    ).fetchall()
    assert reported == short
    assert 0 < len(short) < 60


def test_the_book_has_every_aggregation_and_every_model() -> None:
    meters = reference.book()["meters"].values()
    assert {meter["aggregation"] for meter in meters} == set(get_args(Aggregation))
    assert {price["model"] for _, price in reference.offered()} == set(MODELS)
    assert {meter.get("rounding", {}).get("per") for meter in meters} == {None, "record", "slice", "period"}
    windows = {(meter["aggregation"], meter.get("window", "hour")) for meter in meters}
    assert windows >= {(name, window) for name in ("max", "latest", "unique_count") for window in ("hour", "period")}


def test_the_book_has_every_kind_of_charge(computed: duckdb.DuckDBPyConnection) -> None:
    kinds = computed.execute("select distinct kind from charges order by kind").fetchall()
    assert kinds == [("commitment",), ("discount",), ("minimum",), ("recurring",), ("surcharge",), ("usage",)]
    words = {word for _, price in reference.offered() for word in price}
    assert words >= {"where", "when", "unit", "accumulate", "included", "pooled", "commit"}
    assert words >= {"minimum", "maximum", "account_maximum"}


def test_both_plans_have_the_same_prices() -> None:
    standard, in_arrears = (book_plan["prices"] for book_plan in reference.book()["plans"].values())
    assert standard == in_arrears


def test_the_hours_of_the_book_are_those_that_the_sql_knows() -> None:
    written = [price["when"] for _, price in reference.offered() if "when" in price]
    assert written == list(reference.WHENS.values())


def test_the_week_meets_every_price_tier_and_cap(computed: duckdb.DuckDBPyConnection) -> None:
    def names(query: str) -> set[str]:
        return {name for (name,) in computed.execute(query).fetchall()}

    assert names("select distinct price from charges_atto where is_use") == names("select price from prices")
    assert names("select distinct price from charges_atto where is_capped") == names(
        "select price from prices where maximum_atto is not null"
    )
    assert names("select distinct price from charges_atto where is_account_capped") == names(
        "select price from prices where account_maximum_atto is not null"
    )
    assert names("select distinct price || ' ' || tier from tiers_met") == names(
        "select price || ' ' || tier from tiers"
    )


def test_pools_grow_on_the_way_and_give_back_what_was_paid(computed: duckdb.DuckDBPyConnection) -> None:
    # How many slices have somebody who joins, and how many joined when others had paid for use that is free now.
    joined = computed.execute(
        "select price, count(distinct slice_start), count(*) filter (amount < 0) from charges_atto "
        "where not is_use group by price order by price"
    ).fetchall()
    assert joined == [("/memory-ap", 20, 1), ("/out-us", 63, 27), ("/writes-eu", 12, 2), ("account-15/out-us", 2, 0)]


def test_commitments_are_fallen_short_of_by_some_and_exceeded_by_others(computed: duckdb.DuckDBPyConnection) -> None:
    used = computed.execute(
        "with used as (select price, max(committed) as most, max(modelled) as above from charges_atto group by account, price) "
        "select price, count(*) filter (most < committed_billionths), count(*) filter (above > 0) "
        "from used join prices using (price) where committed_billionths > 0 group by price order by price"
    ).fetchall()
    assert used == [
        ("/image-us", 18, 21),
        ("/reads-us", 19, 21),
        ("/requests-eu", 36, 3),
        ("/writes-us", 10, 30),
        ("account-20/requests-eu", 0, 1),
    ]


def test_slices_are_cut_where_hours_and_periods_end(computed: duckdb.DuckDBPyConnection) -> None:
    found = computed.execute(
        "select zone, list_sort(list_distinct(list(slice_start % 3600000000 // 60000000))), "
        "max(period_end - period_start) filter (month = '2013-03-01') // 3600000000 "
        "from quarters join accounts using (account) group by zone order by zone"
    ).fetchall()
    # 22:15 and 06:45 in Berlin; 09:30 and 18:15 on weekends, and the end of March, where the account is.
    assert found == [
        ("America/St_Johns", [0, 15, 30, 45], 743),
        ("Asia/Kolkata", [0, 15, 30, 45], 744),
        ("Europe/Berlin", [0, 15, 30, 45], 743),
        ("UTC", [0, 15, 30, 45], 744),
    ]


def test_charges_go_down_where_they_may(computed: duckdb.DuckDBPyConnection) -> None:
    falling = computed.execute("select distinct price_id from charges_atto where amount < 0 order by 1").fetchall()
    volumes_and_those_that_fall = ["cpu-large", "image-month", "peak-month", "reads-ap", "writes-us"]
    pools = ["memory-ap", "out-us", "writes-eu"]
    assert [name for (name,) in falling] == sorted([*volumes_and_those_that_fall, *pools])


@pytest.mark.parametrize("what", ["quantities", "charges"])
def test_the_least_difference_is_noticed(computed: duckdb.DuckDBPyConnection, what: str) -> None:
    column, kind, least = {
        "quantities": ("quantity", "decimal(38, 9)", "0.000000001"),
        "charges": ("amount", "decimal(38, 18)", "0.000000000000000001"),
    }[what]
    with computed.cursor() as cursor:
        cursor.execute("set TimeZone = 'UTC'")
        rows = cursor.sql(f"from {what}").to_arrow_table()
        changed = f"({column} + if(row_number() over () = 7, {least}, 0))::{kind} as {column}"
        altered = cursor.sql(f"select * replace ({changed}) from {what}").to_arrow_table()
    assert reference.differing(computed, rows, what) == []
    assert len(reference.differing(computed, altered, what)) == 1
    assert len(reference.differing(computed, rows.slice(1), what)) == 1


@pytest.mark.parametrize(
    ("numbers", "steps"),
    [
        pytest.param(world.SOME_ACCOUNTS, SHORT_STEPS, id="some accounts", marks=pytest.mark.soak),
        pytest.param(world.ALL_ACCOUNTS, MANY_STEPS, id="all accounts", marks=pytest.mark.soak),
    ],
)
@pytest.mark.parametrize("seed", [3])
def test_some_steps_and_one_catch_up_run_give_the_same_books(
    data_file: Path, tmp_path: Path, numbers: tuple[int, ...], steps: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same steps every time
    with billing.new_project(tmp_path / "steps") as one, billing.new_project(tmp_path / "at once") as other:
        taken = billing.bill_in_steps(one, data_file, numbers, steps, chance)
        billing.catch_up(other, data_file, numbers)
        different = differences(books(other.lake), books(one.lake))
        assert not different, f"{different}\nclosed until {[f'{moment:%d. %H:%M}' for moment in taken]}"
        assert billing.unproved(one, PROVED) == []
