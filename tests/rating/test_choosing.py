"""Goal: of several prices of a meter the right one holds (semantics 3), in cases worked by hand and against a slow choice."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rating import Rated, rate
from rating.errors import PriceBookError
from rating.pricebook import parse_price_book
from rating.schemas import DUE, TOTALS, no_rows
from tests.rating.reference import Document
from tests.rating.worlds import (
    DAYS,
    Subscription,
    Use,
    World,
    book,
    instant,
    prices_frame,
    subscriptions_frame,
    usage_frame,
)

ACCOUNT = Subscription("a", instant("2026-01-01"))
PRICE: Document = {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "1"}


def price(price_id: str, cost: str, **conditions: object) -> Document:
    return {**PRICE, "id": price_id, "unit_price": cost, **conditions}


def use(at: str, quantity: str = "1", **values: str) -> Use:
    return replace(Use(instant(at), Decimal(quantity)), **values)  # type: ignore[arg-type]


def rated(
    uses: Sequence[Use],
    prices: list[Document],
    subscription: Subscription = ACCOUNT,
    totals: pl.DataFrame | None = None,
) -> Rated:
    frame = prices_frame([book("1", "2026-01-01", {"standard": prices})])
    return rate(
        usage_frame(uses), frame, subscriptions_frame([subscription]), no_rows(TOTALS) if totals is None else totals
    )


def chosen(uses: Sequence[Use], prices: list[Document], subscription: Subscription = ACCOUNT) -> list[str]:
    """The price of each use, in the order of time and dimensions; "" for none."""
    found = rated(uses, prices, subscription)
    unpriced = found.unpriced.with_columns(price_id=pl.lit(""))
    columns = ["slice_start", "dimensions", "price_id"]
    return pl.concat([found.due.select(columns), unpriced.select(columns)]).sort(columns)["price_id"].to_list()


IN = {
    "nowhere": "{}",
    "eu": '{"region":"eu"}',
    "eu gold": '{"region":"eu","tier":"gold"}',
    "us gold": '{"region":"us","tier":"gold"}',
    "Eu": '{"region":"Eu"}',
}


def test_the_price_with_most_dimensions_that_fit_holds() -> None:
    prices = [
        price("other", "1"),
        price("eu", "2", where={"region": "eu"}),
        price("eu-gold", "3", where={"region": "eu", "tier": "gold"}),
    ]
    found = {name: chosen([use("2026-11-01", dimensions=text)], prices) for name, text in IN.items()}
    assert found == {"nowhere": ["other"], "eu": ["eu"], "eu gold": ["eu-gold"], "us gold": ["other"], "Eu": ["other"]}


def test_where_nothing_fits_there_is_no_price() -> None:
    found = rated(
        [use("2026-11-01", dimensions=text) for text in IN.values()], [price("eu", "2", where={"region": "eu"})]
    )
    assert found.due["dimensions"].sort().to_list() == sorted((IN["eu"], IN["eu gold"]))
    assert found.unpriced["reason"].to_list() == ["no_price"] * 3


def test_no_usage_has_no_charges() -> None:
    found = rated([], [price("eu", "2", where={"region": "eu"}), DAY])
    assert (found.due.height, found.unpriced.height, found.totals.schema) == (0, 0, no_rows(TOTALS).schema)


def test_keys_and_values_may_be_any_text() -> None:
    odd = {'^a$ "b"': "x\\y", "*": "", "k.e[0]": "\u00fc'"}
    texts = [json.dumps(odd, sort_keys=True, ensure_ascii=False), json.dumps({**odd, "*": " "}, sort_keys=True)]
    prices = [price("odd", "2", where=odd), price("other", "1")]
    assert [chosen([use("2026-11-01", dimensions=text)], prices) for text in texts] == [["odd"], ["other"]]


def test_the_uses_of_one_price_run_on_in_the_order_of_events_whatever_their_dimensions() -> None:
    tiers = [{"up_to": "2", "unit_price": "1"}, {"unit_price": "10"}]
    prices = [
        {"id": "cpu", "meter": "cpu", "model": "graduated", "tiers": tiers},
        price("gold", "100", where={"tier": "gold"}),
        price("silver", "200", where={"tier": "silver", "region": "x"}),
    ]
    texts = ['{"region":"x"}', '{"tier":"gold"}', '{"tier":"silver"}', '{"tier":"z"}']
    uses = [use("2026-11-01", resource_id=f"r{one}", dimensions=text) for one in (1, 2) for text in texts]
    due = rated(uses, prices).due.sort("resource_id", "dimensions")
    assert due["amount"].to_list() == [1, 100, 1, 10, 10, 100, 10, 10]
    by_resource = [{**one, "accumulate": "resource"} for one in prices]
    assert rated(uses, by_resource).due.sort("resource_id", "dimensions")["amount"].to_list() == [1, 100, 1, 10] * 2


def test_a_price_that_fits_but_lacks_the_currency_does_not_give_way() -> None:
    both = {"EUR": "1", "USD": "1"}
    prices = [price("other", "1") | {"unit_price": both}, price("eu", "2", where={"region": "eu"})]
    dollars = replace(ACCOUNT, currency="USD")
    found = rated([use("2026-11-01", dimensions=IN[name]) for name in ("nowhere", "eu")], prices, dollars)
    assert found.due["price_id"].to_list() == ["other"]
    assert found.unpriced.select("dimensions", "reason").rows() == [(IN["eu"], "no_currency")]


DAY = price("day", "2", when={"hours": "08:00-20:00", "days": ["mon", "tue", "wed", "thu", "fri"]})
NIGHT = price("night", "1", when={"hours": "22:00-06:00", "days": ["fri"]})


def test_a_price_holds_by_the_clock_of_the_account() -> None:
    # Friday, 13 November; Kathmandu is 5:45 ahead.
    kathmandu = replace(ACCOUNT, time_zone="Asia/Kathmandu")
    times = ["2026-11-13 02:00", "2026-11-13 02:15", "2026-11-13 14:00", "2026-11-13 14:15", "2026-11-14 02:15"]
    uses = [use(time) for time in times]
    assert chosen(uses, [DAY, price("other", "1")], kathmandu) == ["other", "day", "day", "other", "other"]
    assert chosen(uses, [DAY], kathmandu) == ["", "day", "day", "", ""]


def test_hours_that_pass_midnight_belong_to_the_day_on_which_they_begin() -> None:
    times = [
        "2026-11-13 05:45",
        "2026-11-13 21:45",
        "2026-11-13 22:00",
        "2026-11-14 05:45",
        "2026-11-14 06:00",
        "2026-11-14 22:00",
    ]
    assert chosen([use(time) for time in times], [NIGHT]) == ["", "", "night", "night", "", ""]


def test_days_are_25_or_23_hours_long_when_the_clock_changes() -> None:
    berlin = replace(ACCOUNT, time_zone="Europe/Berlin")
    night = price("night", "1", when={"hours": "00:00-06:00"})
    autumn = [use(f"2026-10-{24 + hour // 24} {hour % 24:02}:00") for hour in range(20, 32)]
    assert chosen(autumn, [night], berlin).count("night") == 7
    spring = [use(f"2026-03-{28 + hour // 24} {hour % 24:02}:00") for hour in range(20, 32)]
    assert chosen(spring, [night], berlin).count("night") == 5


def test_a_price_has_its_own_zone_if_it_says_so() -> None:
    berlin = price("day", "2", when={"hours": "08:00-20:00", "zone": "Europe/Berlin"})
    assert chosen([use("2026-11-13 07:00"), use("2026-11-13 19:00")], [berlin]) == ["day", ""]


def test_dimensions_count_before_hours() -> None:
    prices = [DAY, price("gold", "3", where={"tier": "gold"}), price("other", "1")]
    gold_day = price("gold-day", "4", where={"tier": "gold"}, when={"hours": "08:00-09:00"})
    times = ["2026-11-13 08:00", "2026-11-13 10:00"]
    uses = [use(time, dimensions=text) for time in times for text in ("{}", '{"tier":"gold"}')]
    # Sorted by the text of dimensions: that with a tier comes first.
    assert chosen(uses, [*prices, gold_day]) == ["gold-day", "day", "gold", "day"]


def test_what_holds_at_some_hours_is_in_force_all_the_time() -> None:
    night = price("night", "1", when={"hours": "00:00-06:00"}, included="10", maximum="5")
    due = rated([use("2026-11-13 01:00", "12"), use("2026-11-14 01:00", "12")], [night, price("other", "1")]).due
    assert due.sort("slice_start")["amount"].to_list() == [2, 3]


def test_each_price_counts_for_itself() -> None:
    tiers = [{"up_to": "2", "unit_price": "1"}, {"unit_price": "10"}]
    prices: list[Document] = [
        {"id": name, "meter": "cpu", "model": "graduated", "tiers": tiers, **conditions}
        for name, conditions in (("day", {"when": {"hours": "08:00-20:00"}}), ("other", {}))
    ]
    uses = [use(f"2026-11-13 {hour}:00", "2") for hour in ("07", "08", "19", "20")]
    assert rated(uses, prices).due.sort("slice_start")["amount"].to_list() == [2, 2, 20, 20]


ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")
TEXTS = ["{}", '{"region":"eu"}', '{"region":"eu","tier":"gold"}', '{"tier":"gold"}', '{"region":"us","tier":"silver"}']
# Two days around a change of the clock: in Newfoundland, and on Lord Howe Island by half an hour.
STARTS = (instant("2026-10-31 12:00"), instant("2026-10-03 06:00"))

clocks = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
hours = st.tuples(clocks, st.one_of(clocks, st.just("24:00"))).filter(lambda two: two[0] != two[1]).map("-".join)
days = st.lists(st.sampled_from(DAYS), min_size=1, max_size=5, unique=True)
whens = st.fixed_dictionaries({}, optional={"hours": hours, "days": days, "zone": st.sampled_from(ZONES)}).filter(
    lambda when: "hours" in when or "days" in when
)
wheres = st.fixed_dictionaries(
    {}, optional={"region": st.sampled_from(("eu", "us")), "tier": st.sampled_from(("gold", "silver"))}
).filter(bool)
conditions = st.fixed_dictionaries({}, optional={"where": wheres, "when": whens})
TIERED: Document = {"meter": "cpu", "model": "graduated", "included": "3", "maximum": "500"}


@st.composite
def price_lists(draw: st.DrawFn, prefix: str, accumulate: str) -> list[Document]:
    """Prices that a book takes: one that could tie with those before it is left out."""
    taken: list[Document] = []
    for number, condition in enumerate(draw(st.lists(conditions, min_size=1, max_size=5))):
        tiers = [{"up_to": "5", "unit_price": f"{number}.1"}, {"unit_price": f"{number}.{draw(st.integers(2, 9))}"}]
        new = {**TIERED, "id": f"{prefix}{number}", "accumulate": accumulate, "tiers": tiers, **condition}
        try:
            parse_price_book(book("1", "2026-01-01", {"standard": [*taken, new]}), "test")
        except PriceBookError:
            continue
        taken.append(new)
    return taken


@st.composite
def worlds(draw: st.DrawFn) -> World:
    accumulate = draw(st.sampled_from(("account", "resource")))
    lists = [draw(price_lists("p", accumulate)) for _ in range(2)]
    agreed = [{"a": {"standard": _agreed(lists[0], lists[1])}}, {}]
    if draw(st.booleans()):
        agreed.reverse()
    books = [
        book("1", "2026-01-01", {"standard": lists[0]}, accounts=agreed[0] if draw(st.booleans()) else {}),
        book(
            "2",
            draw(st.sampled_from(("2026-10-03 20:15", "2026-11-01 03:45"))),
            {"standard": lists[0]},
            accounts=agreed[1],
        ),
    ]
    subscriptions = tuple(
        Subscription(name, instant("2026-01-01"), time_zone=draw(st.sampled_from(ZONES))) for name in ("a", "b")
    )
    return World(tuple(books), subscriptions)


def _agreed(of_plan: list[Document], wanted: list[Document]) -> list[Document]:
    """The wanted prices if a book takes them beside the plan's; else the plan's, dearer."""
    try:
        parse_price_book(book("1", "2026-01-01", {"standard": of_plan}, accounts={"a": {"standard": wanted}}), "test")
    except PriceBookError:
        return [{**one, "tiers": [{"unit_price": "77"}]} for one in of_plan]
    return wanted


uses = st.builds(
    Use,
    slice_start=st.tuples(st.sampled_from(STARTS), st.integers(0, 4 * 40)).map(
        lambda two: two[0] + timedelta(minutes=15 * two[1])
    ),
    quantity=st.sampled_from(("0", "0.5", "1", "4.000000001", "250")).map(Decimal),
    account_id=st.sampled_from(("a", "b")),
    service_id=st.sampled_from(("", "s")),
    resource_id=st.sampled_from(("r1", "r2")),
    dimensions=st.sampled_from(TEXTS),
)
many_uses = st.lists(uses, min_size=1, max_size=30, unique_by=lambda one: one.key)
slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def rated_in(world: World, given_uses: Sequence[Use], totals: pl.DataFrame | None = None) -> Rated:
    state = no_rows(TOTALS) if totals is None else totals
    return rate(usage_frame(given_uses), prices_frame(world.books), subscriptions_frame(world.subscriptions), state)


@slow
@given(worlds(), many_uses)
def test_it_agrees_with_the_slow_choice(world: World, given_uses: list[Use]) -> None:
    found = rated_in(world, given_uses)
    names = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
    assert {row[:-1]: row[-1] for row in found.due.select(*names, "amount").iter_rows()} == world.charges(given_uses)
    assert found.due.height + found.unpriced.height == len(given_uses)


@slow
@given(worlds(), many_uses, st.sets(st.integers(0, 4 * 40), max_size=3))
def test_batches_give_what_the_whole_gives(world: World, given_uses: list[Use], cuts: set[int]) -> None:
    whole = rated_in(world, given_uses)
    totals, parts = no_rows(TOTALS), [no_rows(DUE)]
    edges = [
        instant("2026-01-01"),
        *(STARTS[0] + timedelta(minutes=15 * cut) for cut in sorted(cuts)),
        instant("2027-01-01"),
    ]
    for start, end in pairwise(edges):
        part = rated_in(world, [one for one in given_uses if start <= one.slice_start < end], totals)
        scope = [name for name in TOTALS if name not in ("period_end", "quantity")]
        totals = pl.concat([totals.join(part.totals, on=scope, how="anti"), part.totals.select(totals.columns)])
        parts.append(part.due)
    assert pl.concat(parts).sort(DUE.keys()).equals(whole.due.sort(DUE.keys()))
    assert totals.sort(TOTALS.keys()).equals(whole.totals.sort(TOTALS.keys()))
