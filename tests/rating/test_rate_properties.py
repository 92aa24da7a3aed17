"""Goal: the books are a function of the facts, not of the order or the batches in which they came (design 1).

Worlds with several plans, books, zones, services and resources are rated by the engine and by a slow reference,
whole, in batches, again from the totals, and with a late record.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, repeat
from random import Random
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rating import Rated, difference, rate
from rating.money import QUANTITY
from rating.pricebook import Price
from rating.pricing import total_cost
from rating.schemas import CHARGE_KEY, DUE, TOTALS, no_rows
from tests.rating.reference import Document
from tests.rating.worlds import (
    UNITS,
    Subscription,
    Use,
    World,
    book,
    counted,
    in_unit,
    instant,
    month,
    prices_frame,
    subscriptions_frame,
    usage_frame,
)

START = instant("2026-10-31 12:00")
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns")
QUANTITIES = ("0", "0.000000001", "0.5", "1", "3.999999999", "4", "4.000000001", "7", "250", "1000000000000")
CHANGES = ("2026-10-31 18:30", "2026-11-01 00:00", "2026-11-01 02:30", "2026-11-01 20:00", "2026-11-02 10:15")

money = st.sampled_from(("0", "0.000000001", "0.01", "1", "1.5", "20"))
quantities = st.sampled_from(QUANTITIES).map(Decimal)
moments = st.integers(0, 4 * 40).map(lambda quarters: START + timedelta(minutes=15 * quarters))


# Of quantities; a meter of amounts has `dynamic` prices and no others.
RISING = ("unit", "graduated", "package")
MODELS = (*RISING, "volume", "stairstep")
EVERY = (*MODELS, "dynamic")


@st.composite
def prices(draw: st.DrawFn, price_id: str, meter: str, accumulate: str, models: tuple[str, ...] = MODELS) -> Document:
    price: Document = {"id": price_id, "meter": meter, "accumulate": accumulate}
    if draw(st.booleans()):
        price["included"] = draw(st.sampled_from(("4", "100", "0.000000003")))
    if draw(st.booleans()):
        price["maximum"] = draw(st.sampled_from(("0", "7", "1000")))
    if draw(st.booleans()):
        price["unit"] = draw(st.sampled_from(sorted(UNITS)))
    if accumulate == "resource" and draw(st.booleans()):
        price["account_maximum"] = draw(st.sampled_from(("0", "9", "1500")))
    price["model"] = model = draw(st.sampled_from(models))
    if accumulate == "account" and model != "dynamic" and "maximum" not in price and draw(st.booleans()):
        quantity = draw(st.sampled_from(("3", "4", "100.000000001")))
        price["commit"] = {"quantity": quantity, "per": "period", "unit_price": draw(money)}
    if model == "unit":
        return {**price, "unit_price": draw(money)}
    if model == "dynamic":
        return {**price, "multiplier": draw(money)}
    if model == "package":
        size = draw(st.sampled_from(("0.5", "3.999999999", "4", "1000000000000")))
        return {**price, "package_size": size, "package_price": draw(money)}
    bounds = sorted(draw(st.sets(st.sampled_from((4, 8, 100, 10**12)), max_size=3)))
    keys = ("flat_fee",) if model == "stairstep" else ("unit_price", "flat_fee")
    tiers: list[Document] = [{"up_to": str(bound), **{key: draw(money) for key in keys}} for bound in bounds]
    return {**price, "tiers": [*tiers, {keys[0]: draw(money)}]}


@st.composite
def worlds(draw: st.DrawFn, models: tuple[str, ...] = MODELS) -> World:
    times = ["2026-01-01 00:00", *sorted(draw(st.sets(st.sampled_from(CHANGES), max_size=2)))]
    accumulate = draw(st.sampled_from(("account", "resource")))
    books = []
    for number, time in enumerate(times):
        plans = {
            "standard": [
                draw(prices("cpu", "cpu", accumulate, models)),
                draw(prices("memory", "memory", "account", models)),
            ],
            "pro": [draw(prices(draw(st.sampled_from(("cpu", "other"))), "cpu", "account", models))],
        }
        books.append(book(str(number), time, plans))
    zone = {account: draw(st.sampled_from(ZONES)) for account in ("a", "b")}
    rows: dict[tuple[str, str, datetime], str | None] = {
        ("a", "", instant("2026-01-01")): "standard",
        ("b", "", instant("2026-11-01 05:15")): "pro",
    }
    for _ in range(draw(st.integers(0, 3))):
        key = (draw(st.sampled_from(("a", "b"))), draw(st.sampled_from(("", "s"))))
        rows[(*key, instant(draw(st.sampled_from(CHANGES))))] = draw(st.sampled_from(("standard", "pro", None)))
    subscriptions = tuple(
        Subscription(account, at, plan, service, f"subscription-{service}", time_zone=zone[account])
        for (account, service, at), plan in rows.items()
    )
    return World(tuple(books), subscriptions)


def _restartable(world: World) -> World:
    """A price with an account maximum goes on from totals only while its version stays."""
    every = [price for document in world.books for plan in document["plans"].values() for price in plan["prices"]]
    capped = any("account_maximum" in price for price in every)
    return World(world.books[:1], world.subscriptions) if capped else world


restartable_worlds = worlds().map(_restartable)
uses = st.builds(
    Use,
    slice_start=moments,
    quantity=quantities,
    account_id=st.sampled_from(("a", "b")),
    service_id=st.sampled_from(("", "s")),
    resource_id=st.sampled_from(("r1", "r2")),
    meter=st.sampled_from(("cpu", "memory")),
    dimensions=st.sampled_from(("{}", '{"disk":"a"}')),
)
many_uses = st.lists(uses, min_size=1, max_size=25, unique_by=lambda one: one.key)
slow = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def rated(world: World, chosen: list[Use], totals: pl.DataFrame | None = None) -> Rated:
    state = no_rows(TOTALS) if totals is None else totals
    return rate(usage_frame(chosen), prices_frame(world.books), subscriptions_frame(world.subscriptions), state)


def by_key(due: pl.DataFrame) -> dict[tuple[Any, ...], Decimal]:
    names = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
    return {row[:-1]: row[-1] for row in due.select(*names, "amount").iter_rows()}


def merge(older: pl.DataFrame, newer: pl.DataFrame) -> pl.DataFrame:
    """The newest state of each scope."""
    scope = [name for name in TOTALS if name not in ("period_end", "quantity")]
    return pl.concat([older.join(newer, on=scope, how="anti"), newer.select(older.columns)])


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(frame.columns)


@slow
@given(worlds(), many_uses)
def test_it_agrees_with_the_slow_reference(world: World, chosen: list[Use]) -> None:
    result = rated(world, chosen)
    assert by_key(result.due) == world.charges(chosen)
    assert result.due.height + result.unpriced.height == len(chosen)


@slow
@given(
    st.tuples(*(prices(model, model, "account", (model,)) for model in EVERY)),
    st.lists(st.tuples(st.integers(0, 3), quantities, st.booleans()), min_size=2, max_size=4),
)
def test_all_models_side_by_side(priced: tuple[Document, ...], steps: list[tuple[int, Decimal, bool]]) -> None:
    """Every model takes the same steps, some within a slice and some back, in one frame."""
    world = World((book("1", "2026-01-01", {"standard": list(priced)}),), (Subscription("a", instant("2026-01-01")),))
    chosen = [
        Use(
            instant(f"2026-11-01 0{hour}:00"),
            -quantity if back else quantity,
            meter=model,
            resource_id=f"r{number}",
        )
        for number, (hour, quantity, back) in enumerate(steps)
        for model in EVERY
    ]
    assert by_key(rated(world, chosen).due) == world.charges(chosen)


@slow
@given(worlds(), many_uses, st.randoms())
def test_the_order_of_the_rows_does_not_matter(world: World, chosen: list[Use], random: Random) -> None:
    shuffled = list(chosen)
    random.shuffle(shuffled)
    first, second = rated(world, chosen), rated(world, shuffled)
    assert ordered(first.due).equals(ordered(second.due))
    assert ordered(first.totals).equals(ordered(second.totals))


@slow
@given(restartable_worlds, many_uses, st.sets(moments, max_size=4))
def test_batches_give_what_the_whole_gives(world: World, chosen: list[Use], cuts: set[datetime]) -> None:
    whole = rated(world, chosen)
    totals, parts = no_rows(TOTALS), [no_rows(DUE)]
    edges = [START, *sorted(cuts), START + timedelta(days=9)]
    for start, end in pairwise(edges):
        part = rated(world, [one for one in chosen if start <= one.slice_start < end], totals)
        totals = merge(totals, part.totals)
        parts.append(part.due)
    assert ordered(pl.concat(parts)).equals(ordered(whole.due))
    assert ordered(totals).equals(ordered(whole.totals))


@slow
@given(restartable_worlds, many_uses, uses)
def test_a_late_record_changes_only_what_it_must(world: World, chosen: list[Use], late: Use) -> None:
    """Rating again from the touched slice, with the totals and what they count, is rating from scratch."""
    standing, known = rated(world, chosen), {one.key: one for one in chosen}
    old = known.get(late.key)
    grown = replace(late, quantity=late.quantity + (old.quantity if old else 0))
    complete = list({**known, late.key: grown}.values())
    touched = [
        one
        for one in counted(chosen)
        if (one.account_id, one.meter) == (late.account_id, late.meter) and one.slice_start >= late.slice_start
    ]
    again = {one.key: one for one in touched}
    again[late.key] = replace(grown, counted=old.quantity if old else Decimal(0))
    result = rated(world, list(again.values()), standing.totals)
    scratch = rated(world, complete)
    before = standing.due.filter(
        (pl.col("account_id") == late.account_id)
        & (pl.col("meter") == late.meter)
        & (pl.col("slice_start") >= late.slice_start)
    )
    changes = difference(result.due, before)
    assert ordered(merge(standing.totals, result.totals)).equals(ordered(scratch.totals))
    assert ordered(_applied(standing.due, changes)).equals(ordered(_nonzero(scratch.due)))
    assert not changes.filter((pl.col("quantity_delta") == 0) & (pl.col("amount_delta") == 0)).height
    assert ordered(changes).equals(ordered(difference(scratch.due, standing.due)))


def _applied(due: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    renamed = changes.rename({"quantity_delta": "quantity", "amount_delta": "amount"})
    sums = pl.concat([due, renamed.select(due.columns)]).group_by(CHARGE_KEY).agg(pl.col("quantity", "amount").sum())
    return _nonzero(sums.select(due.columns))


def _nonzero(due: pl.DataFrame) -> pl.DataFrame:
    return due.filter((pl.col("quantity") != 0) | (pl.col("amount") != 0))


@slow
@given(worlds(RISING), many_uses, uses)
def test_more_usage_never_lowers_the_total_of_a_scope(world: World, chosen: list[Use], more: Use) -> None:
    """Within one version, and one of the models that never fall; across two, usage may move into the cheaper one."""
    single = World(world.books[:1], world.subscriptions)
    without = [one for one in chosen if one.key != more.key]
    assert sum(by_key(rated(single, without).due).values()) <= sum(by_key(rated(single, [*without, more]).due).values())


@slow
@given(worlds(RISING), many_uses)
def test_nothing_negative_comes_out_of_nothing_negative(world: World, chosen: list[Use]) -> None:
    assert all(amount >= 0 for amount in by_key(rated(world, chosen).due).values())


@slow
@given(st.sampled_from(("account", "resource")).flatmap(lambda scope: prices("cpu", "cpu", scope, EVERY)), many_uses)
def test_the_slices_of_a_period_sum_to_its_cost(price: Document, chosen: list[Use]) -> None:
    world = World((book("1", "2026-01-01", {"standard": [price]}),), (Subscription("a", instant("2026-01-01")),))
    mine = [replace(one, account_id="a", meter="cpu") for one in chosen]
    due = rated(world, list({one.key: one for one in mine}.values())).due
    scope = ["period_start", *(["resource_id"] if price["accumulate"] == "resource" else [])]
    sums = due.group_by(scope).agg(pl.col("quantity", "amount").sum())
    periods = [month(start, "UTC") for start in sums["period_start"]]
    converted = [in_unit(*of) for of in zip(sums["quantity"], repeat(price.get("unit")), *zip(*periods, strict=True))]
    expected = total_cost(Price.model_validate(price), pl.Series(converted, dtype=QUANTITY)).to_list()
    if "account_maximum" not in price:
        assert sums["amount"].to_list() == expected
    for start in set(periods):
        cost = sum(cost for cost, period in zip(expected, periods, strict=True) if period == start)
        charged = sums.filter(period_start=start[0])["amount"].sum()
        assert charged == min(cost, Decimal(price.get("account_maximum", "Infinity")))
