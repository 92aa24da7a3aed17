"""The proof of what is charged beside use: fees, percentages and true-ups, from what the books say alone (design 5, rule 7).

What belongs here: what each book says, row by row, and handing it to the statements of `sql/checks/wrong_*.sql`, which work
out in integers what is due. What does not: any computation of the engine but the calendar: it would prove itself.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from typing import Final, NamedTuple

import polars as pl

from rating.periods import INSTANT, instant, periods
from rating.pricebook import PriceBook, effective_books
from rating.pricebook.commitment import committed_in
from rating.true_ups import with_grace
from resources.facts import EPOCH, Facts, closed_until, facts_as_of
from resources.lake import Lake

_FOR_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
# Whole billionths, and whole 1e-18 of an amount.
_WHOLE: Final = pl.Decimal(38, 0)
_SAID: Final[dict[str, pl.DataType]] = {"said_from": INSTANT, "said_to": INSTANT}
_PERCENTAGES: Final = {
    "account_id": pl.String(),
    "plan": pl.String(),
    "kind": pl.String(),
    "percent_billionths": _WHOLE,
}
_FEES: Final = {
    "plan": pl.String(), "price_id": pl.String(), "bill": pl.String(), "currency": pl.String(), "fee_atto": _WHOLE,
}  # fmt: skip
_LEAST: Final = {
    "agreed_with": pl.String(), "plan": pl.String(), "price_id": pl.String(), "meter": pl.String(),
    "currency": pl.String(), "minimum_atto": _WHOLE, "committed_billionths": _WHOLE, "committed_price_billionths": _WHOLE,
}  # fmt: skip
Row = tuple[object, ...]


class _Said(NamedTuple):
    """A book and the time for which it holds."""

    book: PriceBook
    times: tuple[datetime, datetime]


def wrong_percentages(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The discounts and surcharges that are not what the charges of their slice make them."""
    facts = facts_as_of(lake, run)
    if facts.percentages.is_empty():
        return pl.DataFrame()
    said = _frame(_percentages(_standing(facts)), _PERCENTAGES)
    bounds = {"since": since, "run": run}
    named = {"plans": said["plan"].unique().to_list(), "accounts": said["account_id"].unique().to_list()}
    with lake.registered(percentages_said=said):
        return lake.frame("checks/wrong_percentages", {**bounds, **named})


def wrong_fees(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The recurring charges that are not what is due: of accounts with new ones, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    accounts = _to_prove(lake, facts, (since, run), "fees", is_said=not facts.fees.is_empty())
    if accounts.is_empty():
        return pl.DataFrame()
    return _wrong(lake, facts, run, accounts, "fees", fees_said=_frame(_fees(_standing(facts)), _FEES))


def wrong_true_ups(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The true-ups that are not what is due: of accounts with new ones, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    accounts = _to_prove(lake, facts, (since, run), "true_ups", is_said=not facts.minimums.is_empty())
    if accounts.is_empty():
        return pl.DataFrame()
    return _wrong(lake, facts, run, accounts, "true_ups", least_said=_frame(_least(_standing(facts)), _LEAST))


def _to_prove(lake: Lake, facts: Facts, runs: tuple[int, int], what: str, *, is_said: bool) -> pl.DataFrame:
    """The accounts to look at: those with new charges of a kind, and where all are looked at those with a plan."""
    since, run = runs
    charged = lake.frame(f"checks/{what}_charged", {"since": since, "run": run})
    subscribed = facts.subscriptions.select("account_id")
    return pl.concat([charged, subscribed if since == 0 and is_said else subscribed.clear()]).unique()


def _wrong(lake: Lake, facts: Facts, run: int, accounts: pl.DataFrame, what: str, **said: pl.DataFrame) -> pl.DataFrame:
    until = closed_until(lake, run) or EPOCH
    plans = facts.subscriptions.join(accounts, on="account_id", how="semi")
    months = _months(facts, plans, until)
    with lake.registered(accounts_to_prove=accounts, plans_to_prove=plans, months=months, **said):
        return lake.frame(f"checks/wrong_{what}", {"run": run, "until": until})


def _months(facts: Facts, plans: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The months of each zone from the first plan on, and when the grace of each is over."""
    first = instant(plans["effective_from"], "min") if plans.height else EPOCH
    months = periods(plans["time_zone"].unique(), min(first, until) - _DAY, until)
    return with_grace(months, facts.graces)


def _standing(facts: Facts) -> Iterator[_Said]:
    books = effective_books(facts.books)
    for book, following in zip_longest(books, books[1:]):
        yield _Said(book, (book.effective_from, following.effective_from if following else _FOR_EVER))


def _percentages(standing: Iterable[_Said]) -> Iterator[Row]:
    for book, times in standing:
        of_plans = [("", name, plan.discount, plan.surcharge) for name, plan in book.plans.items()]
        agreed = [(name, "", terms.discount, terms.surcharge) for name, terms in book.accounts.items()]
        for account, plan, discount, surcharge in (*of_plans, *agreed):
            if discount is not None:
                yield *times, account, plan, "discount", _whole(discount, 9)
            if surcharge is not None:
                yield *times, account, plan, "surcharge", _whole(surcharge, 9)


def _fees(standing: Iterable[_Said]) -> Iterator[Row]:
    for book, times in standing:
        for name, plan in book.plans.items():
            fee = plan.recurring
            for currency, amount in book.resolve(fee.amount).items() if fee else ():
                yield *times, name, fee.id if fee else "", fee.bill if fee else "", currency, _whole(amount, 18)


def _least(standing: Iterable[_Said]) -> Iterator[Row]:
    """Each price, with 0 where it has no minimum or commitment: of what an account agreed on, that is what holds."""
    books = list(standing)
    every = [(offer.plan, price) for book, _ in books for offer, price in book.offers()]
    having = {(plan, price.id) for plan, price in every if price.minimum or price.commit}
    for book, times in books:
        for offer, price in book.offers():
            if (offer.plan, price.id) not in having:
                continue
            minimum = book.resolve(price.minimum or {})
            unit_price = book.resolve(price.commit.unit_price) if price.commit else {}
            committed = _whole(committed_in(price.commit), 9)
            for currency in sorted({name for _, money in price.money() for name in book.resolve(money)}):
                least = (_whole(minimum.get(currency, Decimal(0)), 18), committed)
                worth = _whole(unit_price.get(currency, Decimal(0)), 9)
                yield *times, offer.account_id, offer.plan, price.id, price.meter, currency, *least, worth


def _whole(number: Decimal, scale: int) -> Decimal:
    """A number of the book in units of its last decimal."""
    return Decimal(int(Fraction(number) * 10**scale))


def _frame(rows: Iterable[Row], columns: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_SAID | columns, orient="row")
