"""Goal: every rule of semantics 3 about scopes, periods, versions and plans, in cases worked by hand."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from rating import rate
from rating.errors import FrameError, OutOfBoundsError
from rating.schemas import DUE, TOTALS, UNPRICED, no_rows
from tests.rating.reference import Document
from tests.rating.worlds import (
    Subscription,
    Use,
    book,
    counted,
    instant,
    prices_frame,
    subscriptions_frame,
    usage_frame,
)

TIERS = [{"up_to": "10", "unit_price": "1"}, {"unit_price": "2"}]
CPU = {"id": "cpu", "meter": "cpu", "model": "graduated", "tiers": TIERS}
MEMORY = {"id": "memory", "meter": "memory", "model": "unit", "unit_price": "0.5"}
BOOK = book("1", "2026-01-01", {"standard": [CPU, MEMORY], "pro": [{**MEMORY, "id": "cpu", "meter": "cpu"}]})
ACCOUNT = Subscription("a", instant("2026-01-01"))


def use(at: str, quantity: str, **values: str) -> Use:
    return replace(Use(instant(at), Decimal(quantity)), **values)  # type: ignore[arg-type]


def amounts(
    uses: Sequence[Use], books: Sequence[Document] = (BOOK,), subscriptions: Sequence[Subscription] = (ACCOUNT,)
) -> list[Decimal]:
    """What each use costs, in the order of events."""
    rated = rate(usage_frame(uses), prices_frame(books), subscriptions_frame(subscriptions), no_rows(TOTALS))
    return rated.due.sort("slice_start", "service_id", "resource_id", "meter", "dimensions")["amount"].to_list()


def test_a_tier_is_passed_inside_a_slice_in_the_order_of_resources() -> None:
    uses = [use("2026-11-01 01:00", "4", resource_id=name) for name in ("r3", "r1", "r2")]
    assert amounts(uses) == [4, 4, 6]


def test_services_come_before_resources_in_the_order_of_events() -> None:
    uses = [
        use("2026-11-01 01:00", "8", service_id="s2", resource_id="r1"),
        use("2026-11-01 01:00", "8", service_id="s1", resource_id="r2"),
    ]
    assert amounts(uses) == [8, 14]


def test_dimensions_are_the_last_in_the_order_of_events() -> None:
    uses = [use("2026-11-01 01:00", "8", dimensions=text) for text in ('{"disk":"b"}', '{"disk":"a"}')]
    assert amounts(uses) == [8, 14]


def test_a_new_month_begins_at_zero() -> None:
    assert amounts([use("2026-11-30 23:00", "12"), use("2026-12-01 00:00", "12")]) == [14, 14]


def test_a_month_ends_at_local_midnight_in_a_half_hour_zone() -> None:
    kolkata = Subscription("a", instant("2026-01-01"), time_zone="Asia/Kolkata")
    uses = [use("2026-11-30 18:00", "12"), use("2026-11-30 18:30", "12"), use("2026-12-01 00:00", "1")]
    assert amounts(uses, subscriptions=[kolkata]) == [14, 14, 2]


def test_accounts_do_not_share_tiers() -> None:
    uses = [use("2026-11-01 01:00", "8", account_id=name) for name in ("a", "b")]
    assert amounts(uses, subscriptions=[ACCOUNT, Subscription("b", instant("2026-01-01"))]) == [8, 8]


def test_by_resource_each_resource_has_its_own_tiers_and_cap() -> None:
    price = {**CPU, "accumulate": "resource", "maximum": "11"}
    uses = [
        *(use("2026-11-01 01:00", "8", resource_id=name) for name in ("r1", "r2")),
        *(use("2026-11-01 02:00", "4", resource_id=name) for name in ("r1", "r2")),
    ]
    assert amounts(uses, [book("1", "2026-01-01", {"standard": [price]})]) == [8, 8, 3, 3]


def test_the_quantity_runs_on_across_versions_of_one_price() -> None:
    dearer = {**CPU, "tiers": [{"up_to": "10", "unit_price": "3"}, {"unit_price": "4"}]}
    books = [BOOK, book("2", "2026-11-15", {"standard": [dearer, MEMORY]})]
    uses = [use("2026-11-14 23:00", "8"), use("2026-11-15 00:00", "4")]
    assert amounts(uses, books) == [8, 2 * 3 + 2 * 4]


def test_a_version_that_changes_inside_an_hour_holds_from_its_slice() -> None:
    books = [BOOK, book("2", "2026-11-15 10:15", {"standard": [CPU, {**MEMORY, "unit_price": "5"}]})]
    uses = [use(f"2026-11-15 10:{minute}", "1", meter="memory") for minute in ("00", "15")]
    assert amounts(uses, books) == [Decimal("0.5"), 5]


def test_the_version_is_that_of_the_book_in_which_the_definition_first_stood() -> None:
    books = [BOOK, book("2", "2026-11-15", {"standard": [CPU, {**MEMORY, "unit_price": "5"}]})]
    uses = [use("2026-11-20 00:00", "1", meter=meter) for meter in ("cpu", "memory")]
    rated = rate(usage_frame(uses), prices_frame(books), subscriptions_frame([ACCOUNT]), no_rows(TOTALS))
    assert rated.due.sort("meter")["version"].to_list() == ["1", "2"]


def test_another_plan_begins_at_zero_and_shares_are_prorated() -> None:
    price = {**MEMORY, "unit_price": "1", "included": "30", "maximum": "60"}
    books = [book("1", "2026-01-01", {"standard": [price], "pro": [price]})]
    change = Subscription("a", instant("2026-11-11"), plan="pro")
    uses = [
        use("2026-11-10 23:00", "12", meter="memory"),
        use("2026-11-11 00:00", "22", meter="memory"),
        use("2026-11-12 00:00", "99", meter="memory"),
    ]
    # 10 of 30 days: 10 included and 20 at most; then 20 of 30: 20 and 40.
    assert amounts(uses, books, [ACCOUNT, change]) == [2, 2, 38]


def test_a_share_is_rounded_once_half_even() -> None:
    price = {**MEMORY, "unit_price": "1", "included": "0.000000007", "maximum": "1"}
    books = [book("1", "2026-01-01", {"standard": [price]})]
    later = Subscription("a", instant("2026-11-16"))
    uses = [use("2026-11-16 00:00", "0.000000005", meter="memory"), use("2026-11-17 00:00", "9", meter="memory")]
    # Half of 7 nanos is 3.5, so 4.
    assert amounts(uses, books, [later]) == [Decimal("1e-9"), Decimal("0.5") - Decimal("1e-9")]


def test_the_months_seconds_count_the_hour_that_the_clock_takes() -> None:
    price = {**MEMORY, "unit_price": "1", "included": "743"}
    books = [book("1", "2026-01-01", {"standard": [price]})]
    # March in Berlin has 743 hours; one of them is left.
    late = Subscription("a", instant("2026-03-31 21:00"), time_zone="Europe/Berlin")
    assert amounts([use("2026-03-31 21:00", "3", meter="memory")], books, [late]) == [2]


def test_a_service_has_its_own_subscription_until_it_ends() -> None:
    own = [
        Subscription("a", instant("2026-11-01"), plan="pro", service_id="s", subscription_id="s2"),
        Subscription("a", instant("2026-11-02"), plan=None, service_id="s", subscription_id="s2"),
    ]
    uses = [use(f"2026-11-0{day} 00:00", "1", service_id=service) for day in (1, 2) for service in ("", "s")]
    assert amounts(uses, subscriptions=[ACCOUNT, *own]) == [1, Decimal("0.5"), 1, 1]


def test_a_quantity_that_goes_back_takes_its_cost_back() -> None:
    assert amounts([use("2026-11-01 01:00", "12"), use("2026-11-01 02:00", "-6")]) == [14, -8]


def test_nothing_is_due_below_zero() -> None:
    assert amounts([use("2026-11-01 01:00", "-6"), use("2026-11-01 02:00", "8")]) == [0, 2]


def test_forth_and_back_inside_one_slice_is_run_through_row_by_row() -> None:
    uses = [
        use("2026-11-01 01:00", "12", resource_id="r1"),
        use("2026-11-01 01:00", "-12", resource_id="r2"),
        use("2026-11-01 01:00", "5", resource_id="r3"),
    ]
    assert amounts(uses) == [14, -14, 5]


def test_usage_without_a_price_is_kept_with_the_reason() -> None:
    ended = Subscription("d", instant("2026-11-01"), plan=None)
    dollars = Subscription("c", instant("2026-01-01"), currency="USD")
    uses = [
        use("2026-11-01 01:00", "1"),
        use("2026-11-01 01:00", "1", meter="network"),
        use("2026-11-01 01:00", "1", account_id="b"),
        use("2026-11-01 01:00", "1", account_id="c"),
        use("2026-11-01 01:00", "1", account_id="d"),
        use("2025-12-31 23:00", "1", account_id="c"),
    ]
    rated = rate(
        usage_frame(uses), prices_frame([BOOK]), subscriptions_frame([ACCOUNT, dollars, ended]), no_rows(TOTALS)
    )
    assert rated.due.height == 1
    assert rated.unpriced.columns == list(UNPRICED)
    assert rated.unpriced.select("account_id", "meter", "reason").sort("account_id", "meter", "reason").rows() == [
        ("a", "network", "no_price"),
        ("b", "cpu", "no_subscription"),
        ("c", "cpu", "no_currency"),
        ("c", "cpu", "no_subscription"),
        ("d", "cpu", "no_subscription"),
    ]


def test_totals_are_where_the_next_run_begins() -> None:
    prices, subscriptions = prices_frame([BOOK]), subscriptions_frame([ACCOUNT])
    first = rate(usage_frame([use("2026-11-01 01:00", "8")]), prices, subscriptions, no_rows(TOTALS))
    assert first.totals.rows() == [
        ("a", "s1", "standard", "cpu", "", "cpu", instant("2026-11-01"), instant("2026-12-01"), 8)
    ]
    second = rate(usage_frame([use("2026-11-01 02:00", "4")]), prices, subscriptions, first.totals)
    assert (second.due["amount"].to_list(), second.totals["quantity"].to_list()) == ([6], [12])


def test_counted_quantities_are_taken_out_of_the_totals_first() -> None:
    prices, subscriptions = prices_frame([BOOK]), subscriptions_frame([ACCOUNT])
    uses = [use("2026-11-01 01:00", "8"), use("2026-11-01 02:00", "4")]
    whole = rate(usage_frame(uses), prices, subscriptions, no_rows(TOTALS))
    again = rate(usage_frame(counted(uses)), prices, subscriptions, whole.totals)
    assert again.due.sort("slice_start").equals(whole.due.sort("slice_start"))
    assert again.totals.equals(whole.totals)


def test_no_usage_makes_no_charges() -> None:
    rated = rate(usage_frame([]), prices_frame([BOOK]), subscriptions_frame([ACCOUNT]), no_rows(TOTALS))
    assert rated.due.equals(no_rows(DUE))
    assert rated.totals.equals(no_rows(TOTALS))
    assert rated.unpriced.equals(no_rows(UNPRICED))


@pytest.mark.parametrize("books", [[], [book("1", "2027-01-01", {"standard": [CPU]})]], ids=["none", "later"])
def test_without_a_book_in_force_nothing_is_priced(books: list[Document]) -> None:
    used = usage_frame([use("2026-11-01 01:00", "8")])
    rated = rate(used, prices_frame(books), subscriptions_frame([ACCOUNT]), no_rows(TOTALS))
    assert rated.unpriced["reason"].to_list() == ["no_price"]


BROKEN = {
    "a column is missing": (lambda usage: usage.drop("quantity"), "usage.*quantity"),
    "a float": (lambda usage: usage.with_columns(pl.col("quantity").cast(pl.Float64)), "usage.*Decimal"),
    "another scale": (lambda usage: usage.with_columns(pl.col("quantity").cast(pl.Decimal(38, 6))), "usage.*Decimal"),
    "a null": (lambda usage: usage.with_columns(service_id=pl.lit(None, dtype=pl.String)), "usage.*null"),
    "no zone": (
        lambda usage: usage.with_columns(pl.col("slice_start").dt.replace_time_zone(None)),
        "usage.*slice_start",
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_a_frame_that_breaks_its_contract_is_named(change: object, message: str) -> None:
    assert callable(change)
    broken = change(usage_frame([use("2026-11-01 01:00", "8")]))
    with pytest.raises(FrameError, match=message):
        rate(broken, prices_frame([BOOK]), subscriptions_frame([ACCOUNT]), no_rows(TOTALS))


def test_a_scope_that_stands_twice_in_the_totals_is_refused() -> None:
    prices, subscriptions = prices_frame([BOOK]), subscriptions_frame([ACCOUNT])
    totals = rate(usage_frame([use("2026-11-01 01:00", "8")]), prices, subscriptions, no_rows(TOTALS)).totals
    with pytest.raises(FrameError, match="twice"):
        rate(usage_frame([use("2026-11-01 02:00", "8")]), prices, subscriptions, pl.concat([totals, totals]))


LARGE = "499999999999999.5"


@pytest.mark.parametrize("accumulate", ["account", "resource"])
def test_a_running_quantity_of_1e15_stops_and_names_the_scope(accumulate: str) -> None:
    price = {**MEMORY, "accumulate": accumulate, "unit_price": "0.001"}
    uses = [use(f"2026-11-01 0{hour}:00", LARGE, meter="memory") for hour in (1, 2, 3)]
    assert len(amounts(uses[:2], [book("1", "2026-01-01", {"standard": [price]})])) == 2
    with pytest.raises(OutOfBoundsError, match=r"account_id 'a'.*price_id 'memory'.*1e15"):
        amounts(uses, [book("1", "2026-01-01", {"standard": [price]})])


def test_a_sum_that_would_wrap_stops_first() -> None:
    # In a group, 2e29 wraps around to something small in silence: the check has to come before the sum.
    large = Decimal("1e29") - 1
    uses = [use("2026-11-01 01:00", str(large), resource_id=name) for name in ("r1", "r2", "r3")]
    with pytest.raises(OutOfBoundsError, match=r"account_id a.*resource_id r1.*meter cpu.*quantity"):
        amounts(uses)


def test_an_amount_of_1e19_stops_and_names_the_scope() -> None:
    price = {**MEMORY, "unit_price": "999999"}
    books = [book("1", "2026-01-01", {"standard": [price]})]
    uses = [use(f"2026-11-01 0{hour}:00", "9e12", meter="memory") for hour in (1, 2)]
    assert amounts(uses[:1], books) == [Decimal("8999991e12")]
    with pytest.raises(OutOfBoundsError, match=r"account_id 'a'.*price_id 'memory'.*1e19"):
        amounts(uses, books)
