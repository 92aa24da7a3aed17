"""Goal: an account pays what was agreed with it, and no other account does (semantics 1 and 3), in cases worked by hand."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from rating import Rated, rate
from rating.agreed import add_agreed_with
from rating.errors import PriceBookError
from rating.pricebook import check_succession, parse_price_book
from rating.schemas import TOTALS, no_rows
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, Use, book, instant, prices_frame, subscriptions_frame, usage_frame

TIERS = [{"up_to": "10", "unit_price": "1"}, {"unit_price": "2"}]
CPU: Document = {"id": "cpu", "meter": "cpu", "model": "graduated", "tiers": TIERS}
MEMORY: Document = {"id": "memory", "meter": "memory", "model": "unit", "unit_price": "0.5"}
CHEAP: Document = {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "0.1"}
PLANS: dict[str, list[Document]] = {"standard": [CPU, MEMORY], "pro": [CPU]}
AGREED: dict[str, dict[str, list[Document]]] = {"a": {"standard": [CHEAP]}}
ACCOUNTS = [Subscription(name, instant("2026-01-01")) for name in ("a", "b")]


def use(at: str, quantity: str, account: str = "a", meter: str = "cpu") -> Use:
    return replace(Use(instant(at), Decimal(quantity)), account_id=account, meter=meter)


def rated(
    uses: Sequence[Use], books: Sequence[Document], subscriptions: Sequence[Subscription] = tuple(ACCOUNTS)
) -> Rated:
    return rate(usage_frame(uses), prices_frame(books), subscriptions_frame(subscriptions), no_rows(TOTALS))


def amounts(
    uses: Sequence[Use], books: Sequence[Document], subscriptions: Sequence[Subscription] = tuple(ACCOUNTS)
) -> list[Decimal]:
    """What each use costs, by account and time."""
    return rated(uses, books, subscriptions).due.sort("account_id", "slice_start", "meter")["amount"].to_list()


def test_an_agreed_price_is_the_account_s_alone_and_the_rest_of_the_plan_stays() -> None:
    uses = [use("2026-11-01", "20", name, meter) for name in ("a", "b") for meter in ("cpu", "memory")]
    assert amounts(uses, [book("1", "2026-01-01", PLANS, accounts=AGREED)]) == [2, 10, 30, 10]


def test_it_is_agreed_for_one_plan() -> None:
    to_pro = Subscription("a", instant("2026-11-02"), plan="pro")
    uses = [use("2026-11-01", "20"), use("2026-11-02", "20")]
    assert amounts(uses, [book("1", "2026-01-01", PLANS, accounts=AGREED)], [ACCOUNTS[0], to_pro]) == [2, 30]


def test_an_agreed_price_may_be_of_a_meter_that_the_plan_does_not_price() -> None:
    backup: Document = {**CHEAP, "id": "backup", "meter": "backup"}
    books = [book("1", "2026-01-01", PLANS, accounts={"a": {"standard": [backup]}})]
    found = rated([use("2026-11-01", "20", name, "backup") for name in ("a", "b")], books)
    assert found.due.select("account_id", "price_id", "amount").rows() == [("a", "backup", 2)]
    assert found.unpriced.select("account_id", "reason").rows() == [("b", "no_price")]


def test_the_quantity_runs_on_when_an_agreed_price_begins_and_when_it_ends() -> None:
    books = [
        book("1", "2026-01-01", PLANS),
        book("2", "2026-11-02", PLANS, accounts=AGREED),
        book("3", "2026-11-03", PLANS),
    ]
    uses = [use(f"2026-11-0{day}", "8", name) for day in (1, 2, 3) for name in ("a", "b")]
    assert amounts(uses, books) == [8, Decimal("0.8"), 16, 8, 2 + 2 * 6, 16]
    found = rated(uses, books).due.sort("account_id", "slice_start")
    # What comes back is another version for who had agreed: quantities of one version lie side by side.
    assert found["version"].to_list() == ["1", "2", "3", "1", "1", "1"]


def test_its_time_in_force_is_that_of_its_price_id() -> None:
    free: Document = {**CHEAP, "unit_price": "1", "included": "30"}
    paid: Document = {**free, "included": "60"}
    books = [
        book("1", "2026-01-01", {"standard": [free]}),
        book(
            "2", "2026-11-16", {"standard": [free]}, accounts={"a": {"standard": [paid, {**MEMORY, "included": "60"}]}}
        ),
    ]
    # The price id is in force all month, a price of memory for half of it.
    uses = [use("2026-11-16", "100"), use("2026-11-16", "100", "b"), use("2026-11-16", "100", meter="memory")]
    assert amounts(uses, books) == [40, 35, 70]


def test_an_agreed_price_without_the_account_s_currency_leaves_the_use_unpriced() -> None:
    both: Document = {**CHEAP, "unit_price": {"EUR": "1", "USD": "1"}}
    books = [book("1", "2026-01-01", {"standard": [both]}, accounts=AGREED)]
    in_dollars = [replace(one, currency="USD") for one in ACCOUNTS]
    found = rated([use("2026-11-01", "20", name) for name in ("a", "b")], books, in_dollars)
    assert found.due.select("account_id", "amount").rows() == [("b", 20)]
    assert found.unpriced.select("account_id", "reason").rows() == [("a", "no_currency")]


def test_an_account_that_there_is_not_changes_nothing() -> None:
    with_it = [book("1", "2026-01-01", PLANS, accounts={"nobody": {"standard": [CHEAP]}})]
    uses = [use("2026-11-01", "20", name) for name in ("a", "b")]
    assert amounts(uses, with_it) == amounts(uses, [book("1", "2026-01-01", PLANS)]) == [30, 30]


def test_frames_without_agreed_prices_say_so() -> None:
    frame = pl.DataFrame({"account_id": ["a", "b"], "plan": ["standard"] * 2, "price_id": ["cpu"] * 2})
    prices = [prices_frame([book("1", "2026-01-01", PLANS, accounts=agreed)]) for agreed in (None, AGREED)]
    assert [add_agreed_with(frame, one)["agreed_with"].to_list() for one in prices] == [["", ""], ["a", ""]]


BAD: dict[str, tuple[dict[str, list[Document]], str]] = {
    "of no plan": (
        {"large": [CHEAP]},
        "accounts.a.prices.large[0]: no plan 'large'; use a plan of this book: pro, standard",
    ),
    "of no meter": (
        {"standard": [{**CHEAP, "id": "x", "meter": "y"}]},
        "accounts.a.prices.standard[0].meter: no meter 'y'; use a meter of this book: cpu, memory",
    ),
    "of another meter": (
        {"pro": [{**CHEAP, "meter": "memory"}]},
        (
            "accounts.a.prices.pro[0].meter: is 'memory', and 'cpu' in plans.pro.prices[0], which has the same id; "
            "give it the same, or another price id"
        ),
    ),
    "that accumulates otherwise": (
        {"standard": [{**CHEAP, "accumulate": "resource"}]},
        (
            "accounts.a.prices.standard[0].accumulate: is 'resource', and 'account' in plans.standard.prices[0], "
            "which has the same id; give it the same, or another price id"
        ),
    ),
    "beside the plan's": (
        {"standard": [{**CHEAP, "id": "mine"}]},
        (
            "accounts.a.prices.standard[0].meter: 'cpu' is priced already by plans.standard.prices[0]; "
            "give it the id 'cpu', so that it replaces that price"
        ),
    ),
    "twice": (
        {"standard": [CHEAP, CHEAP]},
        "accounts.a.prices.standard[1].id: 'cpu' stands already in prices.standard[0]; give each price of a plan its own id",
    ),
    "two of one meter": (
        {"pro": [MEMORY, {**MEMORY, "id": "more"}]},
        (
            "accounts.a.prices.pro[1].meter: 'memory' is priced already by accounts.a.prices.pro[0]; "
            "price a meter once in a plan, or tell the prices apart by where or when"
        ),
    ),
    "that misses a currency": (
        {"pro": [{**CHEAP, "maximum": {"EUR": "1", "USD": "1"}}]},
        "accounts.a.prices.pro[0].unit_price: has no amount in USD; add USD, or take it out of the other amounts of this price",
    ),
}


@pytest.mark.parametrize(("agreed", "message"), BAD.values(), ids=BAD)
def test_a_bad_agreement_is_refused(agreed: dict[str, list[Document]], message: str) -> None:
    document = book("1", "2026-01-01", PLANS) | {"accounts": {"a": {"prices": agreed}}}
    with pytest.raises(PriceBookError) as caught:
        parse_price_book(document, "prices.yaml")
    assert [str(problem) for problem in caught.value.problems] == [message]


def test_a_price_id_means_the_same_in_every_book_whoever_agreed_on_it() -> None:
    backup: Document = {**CHEAP, "id": "backup", "meter": "backup"}
    by_resource: Document = {**backup, "accumulate": "resource"}
    books = [
        book("1", "2026-01-01", PLANS, accounts={"a": {"standard": [backup]}}),
        book("2", "2026-11-01", PLANS, accounts={"b": {"standard": [by_resource]}}),
    ]
    with pytest.raises(
        PriceBookError, match=r"accounts\.b\.prices\.standard\[0\]\.accumulate: is another than in version '1'"
    ):
        check_succession([parse_price_book(document, "prices.yaml") for document in books], "prices.yaml")
