"""Goal: C(Q) is exact, agrees with other engines' published examples and with a slow reference."""

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.errors import OutOfBoundsError
from rating.money import AMOUNT, QUANTITY
from rating.pricebook import Price
from rating.pricing import tier_parts, total_cost
from tests.rating import reference
from tests.rating.reference import Document
from tests.rating.worlds import book, prices_frame

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "pricing.json"
NANO = Decimal("1e-9")


def as_price(document: Document) -> Price:
    return Price.model_validate({"id": "price", "meter": "cpu", **document})


def costs(document: Document, quantities: list[Decimal]) -> list[Decimal]:
    return total_cost(as_price(document), pl.Series(quantities, dtype=QUANTITY)).to_list()


def vectors() -> list[Document]:
    if not VECTORS.exists():
        return []
    cases: list[Document] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return cases


@pytest.mark.skipif(not VECTORS.exists(), reason="the worked examples of ../shared/vectors are not here")
def test_there_are_worked_examples() -> None:
    assert len(vectors()) == 31


@pytest.mark.parametrize("case", vectors(), ids=lambda case: case["id"])
def test_worked_examples_of_other_engines(case: Document) -> None:
    quantities = [Decimal(quantity) for quantity in case["cumulative"]]
    steps = zip(costs(case["price"], quantities), costs(case["price"], [Decimal(0), *quantities[:-1]]), strict=True)
    assert [after - before for after, before in steps] == [Decimal(amount) for amount in case["booked"]]


NAMED = {
    "the bound is inclusive": ("10", "10.000000000"),
    "just past the bound the fee is due": ("10.000000001", "13.000000002"),
    "nothing at zero": ("0", "0"),
    "nothing below zero": ("-5", "0"),
    "the smallest quantity": ("0.000000001", "0.000000001"),
}


@pytest.mark.parametrize(("quantity", "cost"), NAMED.values(), ids=NAMED)
def test_a_graduated_price_at_its_edges(quantity: str, cost: str) -> None:
    tiers = [{"up_to": "10", "unit_price": "1"}, {"unit_price": "2", "flat_fee": "3"}]
    assert costs({"model": "graduated", "tiers": tiers}, [Decimal(quantity)]) == [Decimal(cost)]


def test_included_is_taken_off_before_the_tiers_and_the_cap_comes_last() -> None:
    tiers = [{"up_to": "10", "unit_price": "1"}, {"unit_price": "2"}]
    price = {"model": "graduated", "included": "5", "maximum": "14", "tiers": tiers}
    assert costs(price, [Decimal(quantity) for quantity in (5, 15, 16, 17, 99)]) == [0, 10, 12, 14, 14]


def decimals(most: int, digits: int = 9) -> st.SearchStrategy[Decimal]:
    scale = 10**digits
    return st.integers(0, most * scale).map(lambda value: (Decimal(value) / scale).quantize(Decimal(1).scaleb(-digits)))


RISING = ("unit", "graduated", "package", "dynamic")
FALLING = ("volume", "stairstep")


@st.composite
def price_documents(draw: st.DrawFn, models: tuple[str, ...] = (*RISING, *FALLING)) -> Document:
    document: Document = {"included": f"{draw(st.one_of(st.just(Decimal(0)), decimals(100))):f}"}
    if draw(st.booleans()):
        document["maximum"] = f"{draw(decimals(10_000)):f}"
    document["model"] = model = draw(st.sampled_from(models))
    if model != "dynamic" and "maximum" not in document and draw(st.booleans()):
        quantity, unit_price = draw(decimals(1000).filter(bool)), draw(decimals(1000))
        document["commit"] = {"quantity": f"{quantity:f}", "per": "period", "unit_price": f"{unit_price:f}"}
    if model == "unit":
        return {**document, "unit_price": f"{draw(decimals(1000)):f}"}
    if model == "dynamic":
        return {**document, "multiplier": f"{draw(decimals(1000)):f}"}
    if model == "package":
        # No smaller, so that the largest quantity is still below 1e15 packages.
        size = draw(decimals(1000)) + Decimal("0.01")
        return {**document, "package_size": f"{size:f}", "package_price": f"{draw(decimals(1000)):f}"}
    bounds = sorted(draw(st.sets(decimals(1000).filter(bool), max_size=4)))
    tiers: list[Document] = [{"up_to": f"{bound:f}"} for bound in bounds] + [{}]
    for tier in tiers:
        if model != "stairstep":
            tier["unit_price"] = f"{draw(decimals(1000)):f}"
        if model == "stairstep" or draw(st.booleans()):
            tier["flat_fee"] = f"{draw(decimals(100)):f}"
    return {**document, "tiers": tiers}


def interesting_quantities(document: Document) -> list[Decimal]:
    """Zero, the bounds or full packages and a nano to either side, and very much."""
    included, committed = Decimal(document["included"]), _committed(document)
    bounds = [Decimal(tier["up_to"]) for tier in document.get("tiers", []) if "up_to" in tier]
    full = [Decimal(document.get("package_size", "0")) * count for count in (1, 2, 1000)]
    edges = [Decimal(0), included, *(included + committed + bound for bound in (Decimal(0), *bounds, *full))]
    return sorted({edge + step for edge in edges for step in (-NANO, 0, NANO)} | {Decimal("1e12")})


def _committed(document: Document) -> Decimal:
    return Decimal(document.get("commit", {}).get("quantity", "0"))


def slow_cost(document: Document, quantity: Decimal) -> Decimal:
    maximum = document.get("maximum")
    cap = None if maximum is None else Decimal(maximum)
    return reference.total_cost(document, quantity, Decimal(document["included"]), cap, _committed(document))


@settings(max_examples=150, deadline=None)
@given(price_documents(), st.lists(decimals(3000), max_size=5))
def test_the_cost_is_that_of_the_slow_reference(document: Document, quantities: list[Decimal]) -> None:
    chosen = interesting_quantities(document) + quantities
    assert costs(document, chosen) == [slow_cost(document, quantity) for quantity in chosen]


@settings(max_examples=50, deadline=None)
@given(price_documents(RISING))
def test_more_usage_never_lowers_the_total(document: Document) -> None:
    found = costs(document, interesting_quantities(document))
    assert found == sorted(found)


@settings(max_examples=60, deadline=None)
@given(price_documents(), st.lists(st.tuples(decimals(3000), decimals(3000)), min_size=1, max_size=5))
def test_the_parts_of_a_cost_sum_to_it_exactly(document: Document, pairs: list[tuple[Decimal, Decimal]]) -> None:
    prices = prices_frame([book("1", "2026-01-01", {"standard": [{"id": "price", "meter": "cpu", **document}]})])
    spans = pl.DataFrame(pairs, schema={"quantity_before": QUANTITY, "quantity_after": QUANTITY}, orient="row")
    parts = tier_parts(spans.with_row_index("row_id").join(prices, how="cross"))
    found = dict(parts.group_by("row_id").agg(pl.col("amount").sum()).iter_rows())
    used = dict(
        parts.filter(~pl.col("kind").is_in(["flat_fee", "cap"]))
        .group_by("row_id")
        .agg(pl.col("quantity").sum())
        .iter_rows()
    )
    for row_id, (before, after) in enumerate(pairs):
        assert found.get(row_id, 0) == slow_cost(document, after) - slow_cost(document, before)
        assert document["model"] == "package" or used.get(row_id, 0) == after - before
    for row in parts.filter(pl.col("kind") != "cap").iter_rows(named=True):
        assert row["amount"] == row["quantity"] * row["unit_price"]


def test_the_parts_by_name() -> None:
    tiers = [{"up_to": "10", "unit_price": "1"}, {"unit_price": "2", "flat_fee": "3"}]
    document = {"id": "p", "meter": "cpu", "model": "graduated", "included": "5", "maximum": "14", "tiers": tiers}
    prices = prices_frame([book("1", "2026-01-01", {"standard": [document]})])
    span = pl.DataFrame({"line": ["x"], "quantity_before": ["2"], "quantity_after": ["20"]}).cast(
        {"quantity_before": QUANTITY, "quantity_after": QUANTITY}
    )
    parts = tier_parts(span.join(prices, how="cross"), row_id="line")
    assert parts.rows() == [
        ("x", 0, "cap", 0, 0, -9),
        ("x", 0, "included", 3, 0, 0),
        ("x", 1, "usage", 10, 1, 10),
        ("x", 2, "flat_fee", 1, 3, 3),
        ("x", 2, "usage", 5, 2, 10),
    ]
    assert parts.schema["amount"] == AMOUNT


def test_what_is_committed_has_a_part_of_its_own_and_the_model_begins_above_it() -> None:
    commit = {"quantity": "4", "per": "period", "unit_price": "0.5"}
    document = {"id": "p", "meter": "cpu", "model": "package", "package_size": "10", "package_price": "7"}
    priced = {**document, "included": "5", "commit": commit}
    prices = prices_frame([book("1", "2026-01-01", {"standard": [priced]})])
    half = Decimal("0.5")
    assert parts_between("2", "7.5", prices) == [
        (0, "committed", 2 + half, half, Decimal("1.25")),
        (0, "included", 3, 0, 0),
    ]
    assert parts_between("8", "9.5", prices) == [(0, "committed", 1, half, half), (1, "usage", 1, 7, 7)]
    assert costs({**document, "included": "5", "commit": commit}, [Decimal(9), Decimal("9.000000001")]) == [2, 9]


def test_another_tier_gives_back_what_the_one_before_it_priced() -> None:
    tiers = [{"up_to": "10", "unit_price": "2", "flat_fee": "3"}, {"unit_price": "1"}]
    prices = prices_frame([book("1", "2026-01-01", {"standard": [{**VOLUME, "tiers": tiers}]})])
    assert parts_between("4", "10.5", prices) == [
        (1, "flat_fee", -1, 3, -3),
        (1, "usage", -4, 2, -8),
        (2, "usage", Decimal("10.5"), 1, Decimal("10.5")),
    ]


def test_a_step_of_stairs_says_how_much_was_used_and_costs_its_fee() -> None:
    tiers = [{"up_to": "10", "flat_fee": "3"}, {"flat_fee": "5"}]
    stairs = {"id": "p", "meter": "cpu", "model": "stairstep", "tiers": tiers}
    prices = prices_frame([book("1", "2026-01-01", {"standard": [stairs]})])
    assert parts_between("4", "11", prices) == [
        (1, "flat_fee", -1, 3, -3),
        (1, "usage", -4, 0, 0),
        (2, "flat_fee", 1, 5, 5),
        (2, "usage", 11, 0, 0),
    ]


def test_the_usage_of_a_package_is_packages() -> None:
    package = {
        "id": "p",
        "meter": "cpu",
        "model": "package",
        "package_size": "10",
        "package_price": "7",
        "included": "5",
    }
    # A tier that another price has, and this one has not, changes nothing.
    prices = prices_frame([book("1", "2026-01-01", {"other": [VOLUME], "standard": [package]})])
    assert parts_between("3", "26", prices.filter(plan="standard")) == [
        (0, "included", 2, 0, 0),
        (1, "usage", 3, 7, 21),
    ]


VOLUME = {
    "id": "p",
    "meter": "cpu",
    "model": "volume",
    "tiers": [{"up_to": "1", "unit_price": "9"}, {"unit_price": "1"}],
}


def parts_between(before: str, after: str, prices: pl.DataFrame) -> list[tuple[object, ...]]:
    span = pl.DataFrame({"row_id": [1], "quantity_before": [Decimal(before)], "quantity_after": [Decimal(after)]})
    exact = span.cast({"quantity_before": QUANTITY, "quantity_after": QUANTITY})
    return tier_parts(exact.join(prices, how="cross")).drop("row_id").rows()


def unit(price: str) -> Document:
    return {"model": "unit", "unit_price": price}


def package(size: str, price: str) -> Document:
    return {"model": "package", "package_size": size, "package_price": price}


DEAR = {"model": "volume", "tiers": [{"up_to": "1", "unit_price": "0"}, {"unit_price": "999999"}]}
TOO_MUCH = {
    "a running quantity of 1e15": (unit("0.000000001"), "1e15", "1e15 or more"),
    "an amount of 1e19": (unit("999999"), "10000010000011", "1e19"),
    "an amount that does not fit its type": (unit("999999"), "999999999999999", "1e19"),
    "an amount of a volume": (DEAR, "10000010000011", "1e19"),
    "a volume that does not fit its type": (DEAR, "999999999999999", "1e19"),
    "an amount of what is committed": (
        {**unit("0"), "commit": {"quantity": "999999", "per": "period", "unit_price": "999999"}},
        "1e15",
        "1e15",
    ),
    "an amount above what is committed": (
        {**unit("999999"), "commit": {"quantity": "1", "per": "period", "unit_price": "0"}},
        "10000010000012",
        "1e19",
    ),
    "an amount of packages": (package("1", "999999999999"), "10000001", "1e19"),
    "packages that do not fit their type": (package("0.01", "999999999999"), "9000000000000", "1e19"),
    "free packages of next to nothing": (package("0.000000001", "0"), "1000000", "1e15 packages"),
    "more packages than a decimal holds": (package("0.000000001", "0"), "999999999999999", "1e15 packages"),
}


@pytest.mark.parametrize(("price", "quantity", "what"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_is_too_large_stops_and_names_the_price(price: Document, quantity: str, what: str) -> None:
    with pytest.raises(OutOfBoundsError, match=rf"'price'.*{what}.*mend"):
        costs(price, [Decimal(quantity)])


LARGEST = {
    "free packages": (package("0.000000001", "0"), "999999.999999999", "0"),
    "dear packages": (package("0.01", "999999999999"), "99999", "9999899999990000100"),
    "volume beside a dear tier": (
        {"model": "volume", "tiers": [{"up_to": "1", "unit_price": "999999"}, {"unit_price": "0.001"}]},
        "900000000000000",
        "900000000000",
    ),
}


@pytest.mark.parametrize(("price", "quantity", "cost"), LARGEST.values(), ids=LARGEST)
def test_what_is_just_not_too_large_is_exact(price: Document, quantity: str, cost: str) -> None:
    assert costs(price, [Decimal(quantity)]) == [Decimal(cost)]


def test_the_largest_amount_is_still_exact() -> None:
    price = {"model": "unit", "unit_price": "999999.999999999"}
    quantity = Decimal("9999999999999.999999999")
    assert costs(price, [quantity]) == [quantity * Decimal("999999.999999999")]


def test_a_cheap_price_beside_a_dear_one_does_not_stop_a_large_quantity() -> None:
    tiers = [{"up_to": "1", "unit_price": "999999"}, {"unit_price": "0.001"}]
    assert costs({"model": "graduated", "tiers": tiers}, [Decimal("9e14")]) == [
        Decimal(999999) + Decimal("9e11") - Decimal("0.001")
    ]
