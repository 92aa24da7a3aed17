"""Goal: what resources bring to a shared pool counts from when they join, and the books do not know in which order it came."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating import Rated, difference, rate
from rating.errors import FrameError, PriceBookError
from rating.pools import Activity, activity_in, touched_by_pools
from rating.pricebook import parse_price_book
from rating.proof import VERSION, disagreements, scope_costs, spans
from rating.schemas import CHARGE_KEY, DUE, TOTALS, no_rows
from tests.rating.pools_reference import charges_with_pools
from tests.rating.reference import Document
from tests.rating.test_rate_properties import (
    START,
    by_key,
    many_uses,
    merge,
    moments,
    ordered,
    slow,
    uses,
    worlds,
)
from tests.rating.worlds import (
    Subscription,
    Use,
    World,
    book,
    counted,
    instant,
    prices_frame,
    subscriptions_frame,
    usage_frame,
)

TRAFFIC: Document = {
    "id": "out", "meter": "out", "model": "unit", "unit_price": "2", "included": "5",
    "pooled": {"meter": "cpu", "quantity": "30"},
}  # fmt: skip
CPU: Document = {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "0"}
SUBSCRIBED = (Subscription("a", instant("2026-01-01")),)
ONE_BOOK = World((book("1", "2026-01-01", {"standard": [TRAFFIC, CPU]}),), SUBSCRIBED)
FIRST = instant("2026-11-01")


def use(day: int, resource: str, meter: str, quantity: str) -> Use:
    return Use(FIRST + timedelta(days=day), Decimal(quantity), resource_id=resource, meter=meter)


def rated(world: World, chosen: list[Use]) -> Rated:
    return rate(
        usage_frame(chosen), prices_frame(world.books), subscriptions_frame(world.subscriptions), no_rows(TOTALS)
    )


def nonzero(amounts: dict[Any, Decimal]) -> dict[Any, Decimal]:
    return {key: amount for key, amount in amounts.items() if amount}


def traffic(found: Rated) -> dict[tuple[int, str], Decimal]:
    """What traffic costs, by day and resource."""
    rows = found.due.filter(pl.col("meter") == "out", pl.col("amount") != 0)
    return {((at - FIRST).days, name): a for at, name, a in rows.select("slice_start", "resource_id", "amount").rows()}


def test_each_machine_brings_its_share_of_the_period_that_is_left() -> None:
    """30 from the first day on, 15 from the middle of the 30 days."""
    chosen = [use(0, "m1", "cpu", "1"), use(15, "m2", "cpu", "1"), use(16, "m3", "out", "51")]
    assert traffic(rated(ONE_BOOK, chosen)) == {(16, "m3"): 2}
    assert traffic(rated(ONE_BOOK, chosen[1:])) == {(16, "m3"): 62}
    assert traffic(rated(ONE_BOOK, chosen[2:])) == {(16, "m3"): 92}


def test_who_comes_later_gives_back_what_was_paid_and_is_free_now() -> None:
    """A charge without quantity of the machine that joins; the next use is free until the pool is empty again."""
    chosen = [use(1, "m1", "out", "10"), use(15, "m2", "cpu", "1"), use(16, "m1", "out", "12")]
    found = rated(ONE_BOOK, chosen)
    assert traffic(found) == {(1, "m1"): 10, (15, "m2"): -10, (16, "m1"): 4}
    given_back = found.due.filter(pl.col("amount") < 0).row(0, named=True)
    assert (given_back["quantity"], given_back["dimensions"], given_back["kind"]) == (0, "{}", "usage")


def test_no_more_is_given_back_than_was_paid() -> None:
    assert traffic(rated(ONE_BOOK, [use(1, "m1", "out", "6"), use(3, "m2", "cpu", "1")])) == {
        (1, "m1"): 2,
        (3, "m2"): -2,
    }


def test_leaving_takes_nothing_back_and_coming_again_brings_nothing() -> None:
    chosen = [use(0, "m1", "cpu", "1"), use(2, "m1", "cpu", "7"), use(20, "m1", "cpu", "1"), use(25, "m1", "out", "36")]
    assert traffic(rated(ONE_BOOK, chosen)) == {(25, "m1"): 2}


def test_use_of_nothing_does_not_count() -> None:
    assert traffic(rated(ONE_BOOK, [use(0, "m1", "cpu", "0"), use(1, "m1", "out", "6")])) == {(1, "m1"): 2}


def test_every_period_begins_anew() -> None:
    december = [use(30, "m1", "out", "6"), use(31, "m1", "cpu", "1")]
    found = traffic(rated(ONE_BOOK, [use(0, "m1", "cpu", "1"), *december]))
    assert found == {(30, "m1"): 2, (31, "m1"): -2}


def test_a_share_that_does_not_divide_is_rounded_half_even_by_resource() -> None:
    world = World((book("1", "2026-01-01", {"standard": [{**TRAFFIC, "included": "0"}, CPU]}),), SUBSCRIBED)
    at = FIRST + timedelta(hours=1)
    chosen = [replace(use(0, name, "cpu", "1"), slice_start=at) for name in ("m1", "m2")]
    # 30 x 2588400 / 2592000 = 29.958333333|3, twice.
    found = traffic(rated(world, [*chosen, use(1, "m3", "out", "60")]))
    assert found == {(1, "m3"): 2 * (60 - 2 * Decimal("29.958333333"))}


def test_the_meter_of_the_price_itself_may_pool() -> None:
    own = {**TRAFFIC, "included": "0", "pooled": {"meter": "out", "quantity": "30"}}
    world = World((book("1", "2026-01-01", {"standard": [own, CPU]}),), SUBSCRIBED)
    chosen = [use(0, "m1", "out", "40"), use(15, "m2", "out", "7")]
    # m2 joins with 15 before it uses 7: 10 of the 40 had been paid, so 5 of them are left, and then 2 of its own.
    assert traffic(rated(world, chosen)) == {(0, "m1"): 20, (15, "m2"): -20 + 4}


def test_a_price_that_holds_at_some_hours_or_places_only_has_the_pool_of_all_machines() -> None:
    """Joining is no use of the price: it counts whenever and wherever the machine was used."""
    night = {**TRAFFIC, "when": {"hours": "22:00-06:00"}, "where": {"zone": "eu"}}
    world = World((book("1", "2026-01-01", {"standard": [night, CPU]}),), SUBSCRIBED)
    used = replace(use(1, "m1", "out", "10"), slice_start=FIRST + timedelta(hours=23), dimensions='{"zone":"eu"}')
    joined = replace(use(15, "m2", "cpu", "1"), slice_start=FIRST + timedelta(days=15, hours=12))
    assert traffic(rated(world, [used, joined])) == {(0, "m1"): 10, (15, "m2"): -10}


def test_what_is_agreed_with_an_account_has_its_own_pool() -> None:
    agreed = {"a": {"standard": [{**TRAFFIC, "pooled": {"meter": "disk", "quantity": "300"}}]}}
    disk = {**CPU, "id": "disk", "meter": "disk"}
    two = (*SUBSCRIBED, Subscription("b", instant("2026-01-01")))
    world = World((book("1", "2026-01-01", {"standard": [TRAFFIC, CPU, disk]}, accounts=agreed),), two)
    chosen = [use(0, "m1", "cpu", "1"), use(15, "m1", "disk", "1"), use(16, "m1", "out", "156")]
    assert traffic(rated(world, chosen)) == {(16, "m1"): 2}
    assert traffic(rated(world, [replace(one, account_id="b") for one in chosen])) == {(16, "m1"): 242}


def test_a_plan_that_is_left_has_had_its_pool_for_its_time() -> None:
    """30 x 10 / 30 in the first ten days, and from the day of the change on 30 x 20 / 30 for whoever is used again."""
    rows = (*SUBSCRIBED, Subscription("a", FIRST + timedelta(days=10), "pro"))
    prices = [{**TRAFFIC, "included": "0"}, CPU]
    world = World((book("1", "2026-01-01", {"standard": prices, "pro": prices}),), rows)
    chosen = [use(0, "m1", "cpu", "1"), use(0, "m2", "cpu", "1"), use(1, "m1", "out", "21")]
    assert traffic(rated(world, chosen)) == {(1, "m1"): 2}
    after = [*chosen, use(11, "m1", "cpu", "1"), use(12, "m1", "out", "21")]
    assert traffic(rated(world, after)) == {(1, "m1"): 2, (12, "m1"): 4}


@st.composite
def pooling_worlds(draw: st.DrawFn) -> World:
    """Worlds in which some prices of the account have a pool, in some versions, by one meter or another."""
    world = draw(worlds().filter(lambda drawn: not _capped(drawn)))
    for document in world.books:
        for plan in document["plans"].values():
            for price in plan["prices"]:
                price.pop("commit", None)  # a price has one of the two
                if price["accumulate"] == "account" and draw(st.booleans()):
                    meter = draw(st.sampled_from(("cpu", "memory")))
                    price["pooled"] = {"meter": meter, "quantity": draw(st.sampled_from(("5", "0.000000007", "400")))}
    return world


def _capped(world: World) -> bool:
    every = [price for document in world.books for plan in document["plans"].values() for price in plan["prices"]]
    return any("account_maximum" in price for price in every)


@slow
@given(pooling_worlds(), many_uses)
def test_it_agrees_with_the_slow_reference(world: World, chosen: list[Use]) -> None:
    result = rated(world, chosen)
    assert nonzero(by_key(result.due)) == nonzero(charges_with_pools(world, chosen))
    assert not result.due.select(CHARGE_KEY).is_duplicated().any()


def touched_by(world: World, chosen: list[Use]) -> pl.DataFrame:
    """From where rating has to begin: what the lake tells it."""
    frame = usage_frame(chosen).group_by("account_id", "meter").agg(first_slice=pl.col("slice_start").min())
    return touched_by_pools(frame, prices_frame(world.books), subscriptions_frame(world.subscriptions))


def rate_from(
    world: World, known: list[Use], given_uses: list[Use], touched: pl.DataFrame, totals: pl.DataFrame
) -> Rated:
    prices, subscriptions = prices_frame(world.books), subscriptions_frame(world.subscriptions)
    if "pooled_meter" not in prices.columns:
        return rate(usage_frame(given_uses), prices, subscriptions, totals)
    activity = Activity(activity_in(usage_frame(known), prices).slices, touched)
    return rate(usage_frame(given_uses), prices, subscriptions, totals, activity)


@slow
@given(pooling_worlds(), many_uses, st.sets(moments, max_size=4))
def test_batches_give_what_the_whole_gives(world: World, chosen: list[Use], cuts: set[datetime]) -> None:
    whole = rated(world, chosen)
    totals, parts = no_rows(TOTALS), [no_rows(DUE)]
    for start, end in pairwise([START, *sorted(cuts), START + timedelta(days=9)]):
        part = [one for one in chosen if start <= one.slice_start < end]
        known = [one for one in chosen if one.slice_start < end]
        found = rate_from(world, known, part, touched_by(world, part), totals)
        totals = merge(totals, found.totals)
        parts.append(found.due)
    assert ordered(pl.concat(parts)).equals(ordered(whole.due))
    assert ordered(totals).equals(ordered(whole.totals))


@slow
@given(pooling_worlds(), many_uses, uses, st.sampled_from(("more", "void")))
def test_late_and_corrected_use_converges(world: World, chosen: list[Use], late: Use, what: str) -> None:
    """A record more, or one less: rated again from the first touched slice on, all is as from scratch."""
    known = {one.key: one for one in chosen}
    standing = rated(world, chosen)
    if what == "void":
        late = replace(chosen[0], quantity=-chosen[0].quantity)
    old = known.get(late.key)
    grown = replace(late, quantity=late.quantity + (old.quantity if old else 0))
    complete = list({**known, late.key: grown}.values())
    touched = touched_by(world, [late])
    first = {(row["account_id"], row["meter"]): row["first_slice"] for row in touched.iter_rows(named=True)}
    again = {
        one.key: one
        for one in counted(chosen)
        if (since := first.get((one.account_id, one.meter))) is not None and one.slice_start >= since
    }
    again[late.key] = replace(grown, counted=old.quantity if old else Decimal(0))
    result = rate_from(world, complete, list(again.values()), touched, standing.totals)
    before = standing.due.join(touched, on=["account_id", "meter"]).filter(
        pl.col("slice_start") >= pl.col("first_slice")
    )
    changes = difference(result.due, before.drop("first_slice"))
    scratch = rated(world, complete)
    assert ordered(changes).equals(ordered(difference(scratch.due, standing.due)))


@slow
@given(pooling_worlds(), many_uses)
def test_charges_sum_to_what_is_proved(world: World, chosen: list[Use]) -> None:
    prices, subscriptions, used = (
        prices_frame(world.books),
        subscriptions_frame(world.subscriptions),
        usage_frame(chosen),
    )
    due = rated(world, chosen).due.join(
        prices.select("plan", "price_id", "accumulate").unique(), on=["plan", "price_id"], how="left"
    )
    own = pl.when(pl.col("accumulate") == "resource").then("resource_id").otherwise(pl.lit(""))
    charged = due.with_columns(resource_id=own).group_by(VERSION).agg(pl.col("quantity", "amount").sum())
    until = START + timedelta(days=9)
    services = used.group_by("account_id", "service_id", "meter").agg(first_slice=pl.lit(instant("2026-09-01")))
    held = spans(services.cast({"first_slice": pl.Datetime("us", "UTC")}), prices, subscriptions, until)
    located = used.join(held, on=["account_id", "service_id", "meter"]).filter(
        (pl.col("slice_start") >= pl.col("span_start")) & (pl.col("slice_start") < pl.col("span_end"))
    )
    scoped = pl.when(pl.col("accumulate") == "resource").then("resource_id").otherwise(pl.lit(""))
    usage = located.group_by("span", resource_id=scoped).agg(pl.col("quantity").sum())
    activity = activity_in(used, prices) if "pooled_meter" in prices.columns else None
    proved = scope_costs(held, usage, prices, subscriptions, activity)
    assert disagreements(proved, charged).is_empty()
    if charged.height:
        assert disagreements(proved.with_columns(pl.col("amount") + 1), charged).height


def test_totals_without_activity_are_refused() -> None:
    first = rated(ONE_BOOK, [use(0, "m1", "out", "1")])
    prices, subscriptions = prices_frame(ONE_BOOK.books), subscriptions_frame(ONE_BOOK.subscriptions)
    with pytest.raises(FrameError, match="give the activity of its meter"):
        rate(usage_frame([use(1, "m1", "out", "1")]), prices, subscriptions, first.totals)


@pytest.mark.parametrize(
    ("pooled", "others", "path", "mend"),
    [
        ({"meter": "gpu", "quantity": "1"}, {}, "pooled.meter: no meter 'gpu'", "use a meter of this book: cpu, out"),
        ({"meter": "cpu", "quantity": "1"}, {"accumulate": "resource"}, "pooled: has no meaning", "use included"),
        ({"meter": "cpu"}, {}, "pooled.quantity: is missing", ""),
        ({"quantity": "1"}, {}, "pooled.meter: is missing", ""),
        ({"meter": "cpu", "quantity": 0.5}, {}, "pooled.quantity: ", "quotes"),
        ({"meter": "cpu", "quantity": "-1"}, {}, "pooled.quantity: ", ""),
        ({"meter": "cpu", "quantity": "1", "per": "hour"}, {}, "pooled.per: ", ""),
        ("cpu", {}, "pooled: is not a mapping", "write keys and values"),
    ],
)
def test_what_cannot_be_meant_is_refused(pooled: object, others: Document, path: str, mend: str) -> None:
    document = book("1", "2026-01-01", {"standard": [{**TRAFFIC, "pooled": pooled, **others}, CPU]})
    with pytest.raises(PriceBookError) as refused:
        parse_price_book(document, "prices.yaml")
    (problem,) = refused.value.problems
    assert f"plans.standard.prices[0].{path}" in str(problem)
    assert mend in str(problem)
