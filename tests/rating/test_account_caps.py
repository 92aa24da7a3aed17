"""Goal: what an account pays for all its resources stops at `account_maximum`, in the order of events, and is proved."""

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from rating import Rated, rate
from rating.account_caps import proved_together
from rating.errors import FrameError
from rating.invoicing import usage_lines
from rating.pricing import cost_columns
from rating.proof import VERSION, disagreements, scope_costs, spans
from rating.proration import prorate
from rating.schemas import TOTALS, no_rows
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, Use, World, book, instant, prices_frame, subscriptions_frame, usage_frame

CPU: Document = {
    "id": "cpu", "meter": "cpu", "model": "unit", "accumulate": "resource", "unit_price": "2", "maximum": "10",
    "account_maximum": "25",
}  # fmt: skip
SUBSCRIBED = (Subscription("a", instant("2026-01-01")),)
NEW = {**CPU, "unit_price": "2.25", "account_maximum": "30"}
ONE_BOOK = World((book("1", "2026-01-01", {"standard": [CPU]}),), SUBSCRIBED)
TWO_BOOKS = World((*ONE_BOOK.books, book("2", "2026-11-01 03:00", {"standard": [NEW]})), SUBSCRIBED)


def use(hour: int, resource: str, quantity: str, counted: str = "0") -> Use:
    at = instant(f"2026-11-01 {hour:02}:00")
    return Use(at, Decimal(quantity), resource_id=resource, counted=Decimal(counted))


def rated(world: World, uses: list[Use], totals: pl.DataFrame | None = None) -> Rated:
    state = no_rows(TOTALS) if totals is None else totals
    return rate(usage_frame(uses), prices_frame(world.books), subscriptions_frame(world.subscriptions), state)


def amounts(found: Rated) -> dict[tuple[int, str], Decimal]:
    return {
        (at.hour, resource): amount
        for at, resource, amount in found.due.select("slice_start", "resource_id", "amount").rows()
    }


USED = [
    use(0, "r1", "3"),
    use(0, "r2", "4"),
    use(1, "r1", "9"),
    use(1, "r3", "1"),
    use(2, "r3", "4"),
    use(4, "r2", "1"),
]


def test_the_cap_is_reached_in_the_order_of_events() -> None:
    assert amounts(rated(ONE_BOOK, USED)) == {
        (0, "r1"): 6,
        (0, "r2"): 8,
        (1, "r1"): 4,  # its own maximum
        (1, "r3"): 2,
        (2, "r3"): 5,  # of 8: the account's maximum
        (4, "r2"): 0,
    }


def test_within_a_slice_services_resources_and_dimensions_are_in_order() -> None:
    at = instant("2026-11-01")
    named = [("s", "r1", '{"a":"2"}'), ("", "r3", "{}"), ("s", "r0", "{}"), ("", "r2", "{}"), ("s", "r1", '{"a":"1"}')]
    uses = [Use(at, Decimal(4), "a", service, resource, "cpu", dimensions) for service, resource, dimensions in named]
    found = {key[1:3] + key[4:5]: amount for key, amount in by_key(rated(ONE_BOOK, uses).due).items()}
    assert found == {
        ("", "r2", "{}"): 8,
        ("", "r3", "{}"): 8,
        ("s", "r0", "{}"): 8,
        ("s", "r1", '{"a":"1"}'): 1,  # of 8: up to the account's maximum
        ("s", "r1", '{"a":"2"}'): 0,
    }


def test_an_hour_later_it_goes_on_where_it_stood() -> None:
    """What r1 and r2 cost before is known from their quantities, though only r3 is used again."""
    first = rated(ONE_BOOK, USED[:4])
    assert amounts(rated(ONE_BOOK, USED[4:5], first.totals)) == {(2, "r3"): 5}


def test_a_late_record_takes_what_was_left_for_later_ones() -> None:
    whole = rated(ONE_BOOK, USED)
    touched = [replace(one, counted=one.quantity) for one in USED[2:]]
    late = rated(ONE_BOOK, [*touched, use(1, "r0", "2")], whole.totals)
    assert amounts(late) == {(1, "r0"): 4, (1, "r1"): 4, (1, "r3"): 2, (2, "r3"): 1, (4, "r2"): 0}


def test_another_version_has_another_cap_for_what_follows() -> None:
    found = amounts(rated(TWO_BOOKS, USED))
    assert found == {(key[5].hour, key[2]): amount for key, amount in TWO_BOOKS.charges(USED).items()}
    assert found[4, "r2"] == 1  # 9 to its own maximum of 10, and 28 to 29 of the account's 30


def test_two_versions_in_a_period_cannot_go_on_from_totals() -> None:
    first = rated(TWO_BOOKS, USED[:5])
    with pytest.raises(FrameError, match=r"account 'a', price 'cpu', period from 2026-11-01.*give all its slices"):
        rated(TWO_BOOKS, USED[5:], first.totals)


def test_what_is_agreed_with_one_account_holds_up_no_other() -> None:
    plans = {"standard": [CPU]}
    books = (book("1", "2026-01-01", plans), book("2", "2026-11-01 03:00", plans, accounts={"b": {"standard": [NEW]}}))
    subscribed = tuple(Subscription(name, instant("2026-01-01"), subscription_id=name) for name in ("a", "b"))
    world = World(books, subscribed)
    before, after = ([replace(one, account_id=name) for one in USED[part] for name in ("a", "b")] for part in PARTS)
    whole, first = rated(world, [*before, *after]).due, rated(world, before)
    again = rated(world, [one for one in after if one.account_id == "a"], first.totals)
    assert by_key(whole) == world.charges([*before, *after])
    assert by_key(again.due) == {key: amount for key, amount in by_key(whole).items() if key in by_key(again.due)}
    with pytest.raises(FrameError, match="account 'b'"):
        rated(world, after, first.totals)


PARTS = (slice(0, 5), slice(5, 6))


def by_key(due: pl.DataFrame) -> dict[tuple[object, ...], Decimal]:
    names = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
    return {row[:-1]: row[-1] for row in due.select(*names, "amount").iter_rows()}


def test_a_volume_that_falls_gives_back_only_what_was_charged() -> None:
    tiers = [{"up_to": "10", "unit_price": "3"}, {"unit_price": "1"}]
    volume = {"id": "cpu", "meter": "cpu", "model": "volume", "accumulate": "resource", "tiers": tiers}
    world = World((book("1", "2026-01-01", {"standard": [{**volume, "account_maximum": "25"}]}),), SUBSCRIBED)
    assert amounts(rated(world, [use(0, "r1", "10"), use(1, "r1", "2")])) == {(0, "r1"): 25, (1, "r1"): -13}


def lines_of(world: World, found: Rated) -> pl.DataFrame:
    prices, subscriptions = prices_frame(world.books), subscriptions_frame(world.subscriptions)
    keys = [
        "account_id",
        "subscription_id",
        "plan",
        "price_id",
        "version",
        "resource_id",
        "meter",
        "currency",
        "period_start",
    ]
    used = found.due.group_by(keys).agg(pl.col("quantity").sum())
    columns = [*cost_columns(prices), "plan", "price_id", "version", "currency", "effective_from"]
    priced = used.join(prices.select(columns), on=["plan", "price_id", "version", "currency"])
    ends = priced.with_columns(period_end=pl.lit(instant("2026-12-01"), priced.schema["period_start"]))
    return usage_lines(prorate(ends, prices, subscriptions))


@pytest.mark.parametrize("world", [ONE_BOOK, TWO_BOOKS], ids=["one book", "two books"])
def test_lines_sum_to_the_charges_and_the_cap_has_its_own(world: World) -> None:
    found = rated(world, USED)
    lines = lines_of(world, found)
    assert lines["exact"].sum() == found.due["amount"].sum() == sum(world.charges(USED).values())
    charged = dict(found.due.group_by("version").agg(pl.col("amount").sum()).iter_rows())
    assert dict(lines.group_by("version").agg(pl.col("exact").sum()).iter_rows()) == charged
    # r1 goes 14 above its own maximum, and the account 3 above its own; r2's last unit finds 2 left of its maximum.
    assert lines.filter(version="1", kind="cap")["exact"].to_list() == [-17 if world is TWO_BOOKS else -19]


@pytest.mark.parametrize("world", [ONE_BOOK, TWO_BOOKS], ids=["one book", "two books"])
def test_the_proof_sums_over_the_resources(world: World) -> None:
    prices, subscriptions = prices_frame(world.books), subscriptions_frame(world.subscriptions)
    usage = usage_frame(USED)
    used = usage.group_by("account_id", "service_id", "meter").agg(first_slice=pl.col("slice_start").min())
    held = spans(used, prices, subscriptions, instant("2026-11-02"))
    located = usage.join(held.select("span", "span_start", "span_end"), how="cross").filter(
        (pl.col("span_start") <= pl.col("slice_start")) & (pl.col("slice_start") < pl.col("span_end"))
    )
    sums = located.group_by("span", "resource_id").agg(pl.col("quantity").sum())
    costs = scope_costs(held, sums, prices, subscriptions)
    assert proved_together(prices).rows() == [("standard", "cpu", "account")]
    due = rated(world, USED).due.with_columns(resource_id=pl.lit(""))
    standing = due.group_by(VERSION).agg(pl.col("quantity", "amount").sum())
    assert costs.height == len(world.books)
    assert disagreements(costs, standing).is_empty()
    assert disagreements(costs, standing.with_columns(pl.col("amount") + Decimal("1e-18"))).height == costs.height
