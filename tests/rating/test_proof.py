"""Goal: the proof, which knows sums of usage alone, agrees with the charges of every model."""

from decimal import Decimal

import polars as pl

from rating import rate
from rating.proof import VERSION, disagreements, scope_costs, spans
from rating.schemas import TOTALS, no_rows
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, Use, book, instant, prices_frame, subscriptions_frame, usage_frame

BOOK: list[Document] = [
    {"id": "u", "meter": "u", "model": "unit", "unit_price": "2", "included": "3"},
    {"id": "g", "meter": "g", "model": "graduated", "tiers": [{"up_to": "7", "unit_price": "2"}, {"unit_price": "1"}]},
    {"id": "v", "meter": "v", "model": "volume", "tiers": [{"up_to": "7", "unit_price": "3"}, {"unit_price": "1"}]},
    {"id": "s", "meter": "s", "model": "stairstep", "tiers": [{"up_to": "7", "flat_fee": "9"}, {"flat_fee": "4"}]},
    {"id": "p", "meter": "p", "model": "package", "package_size": "4", "package_price": "5", "maximum": "20"},
]
NEW: list[Document] = [{**BOOK[4], "package_size": "6", "id": price["id"], "meter": price["meter"]} for price in BOOK]


def test_the_charges_of_all_models_and_versions_sum_to_what_is_proved() -> None:
    books = [book("1", "2026-01-01", {"standard": BOOK}), book("2", "2026-11-01 02:00", {"standard": NEW})]
    prices, subscriptions = prices_frame(books), subscriptions_frame([Subscription("a", instant("2026-01-01"))])
    uses = [
        Use(instant(f"2026-11-01 0{hour}:00"), Decimal(quantity), meter=price["id"], resource_id=resource)
        for hour, quantity in ((0, "2.5"), (1, "6"), (2, "0.5"), (3, "9"))
        for resource in ("r1", "r2")
        for price in BOOK
    ]
    usage = usage_frame(uses)
    due = rate(usage, prices, subscriptions, no_rows(TOTALS)).due.with_columns(resource_id=pl.lit(""))
    standing = due.group_by(VERSION).agg(pl.col("quantity", "amount").sum())
    used = usage.group_by("account_id", "service_id", "meter").agg(first_slice=pl.col("slice_start").min())
    found = spans(used, prices, subscriptions, instant("2026-11-02"))
    located = usage.join(found.select("span", "meter", "span_start", "span_end"), on="meter").filter(
        (pl.col("span_start") <= pl.col("slice_start")) & (pl.col("slice_start") < pl.col("span_end"))
    )
    sums = located.group_by("span").agg(pl.col("quantity").sum()).with_columns(resource_id=pl.lit(""))
    costs = scope_costs(found, sums, prices, subscriptions)
    assert costs.height == 2 * len(BOOK)
    assert disagreements(costs, standing).is_empty()
    assert disagreements(costs.with_columns(amount=pl.col("amount") + 1), standing).height == costs.height
