"""Several price books, one after another.

What belongs here: which book holds when, how long one definition of a price stood, and what a later book
must not change. What does not: one book alone (`model.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby, zip_longest

from rating.errors import PriceBookError, Problem
from rating.pricebook.meters import Meter
from rating.pricebook.model import Price, PriceBook


@dataclass(frozen=True)
class PriceSpan:
    """One definition of a price from the book in which it first stood to the one that changed it.

    `account_id` is the account for which it holds, and empty where it holds for all that have agreed on no other.
    """

    plan: str
    price: Price
    book: PriceBook
    effective_from: datetime
    effective_to: datetime | None
    account_id: str = ""


def effective_books(books: Sequence[PriceBook]) -> list[PriceBook]:
    """Order books by when they begin; of two that begin at once the later in the sequence holds."""
    return [book for _, book in sorted({book.effective_from: book for book in books}.items())]


def price_spans(books: Sequence[PriceBook]) -> list[PriceSpan]:
    """How long each definition of each price stood (semantics 3: versions of one price id).

    An account that ever agreed on a price id has spans of its own for it, in all books: those of the plan before and
    after what was agreed too. So its versions follow each other, and Q runs on across them.
    """
    standing = effective_books(books)
    agreed = {
        (offer.plan, price.id, offer.account_id)
        for book in standing
        for offer, price in book.offers()
        if offer.account_id
    }
    rows = [
        PriceSpan(plan, price, book, book.effective_from, following.effective_from if following else None, account_id)
        for book, following in zip_longest(standing, standing[1:])
        for (plan, _, account_id), price in _definitions(book, agreed).items()
    ]
    rows.sort(key=lambda row: (*_timeline(row), row.effective_from))
    return [span for _, group in groupby(rows, key=_timeline) for span in _merge(list(group))]


def _timeline(span: PriceSpan) -> tuple[str, str, str]:
    return span.plan, span.price.id, span.account_id


def _definitions(book: PriceBook, agreed: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Price]:
    """The prices of one book by plan, price id and account; accounts that have agreed prices elsewhere have the plan's."""
    said = {(offer.plan, price.id, offer.account_id): price for offer, price in book.offers()}
    of_plan = {
        (plan, price_id, account_id): said[plan, price_id, ""]
        for plan, price_id, account_id in agreed
        if (plan, price_id, "") in said
    }
    return {**of_plan, **said}


def _merge(spans: list[PriceSpan]) -> Iterator[PriceSpan]:
    """Join neighbours that say the same: the version is that of the first."""
    current = spans[0]
    for following in spans[1:]:
        if current.effective_to == following.effective_from and _same(current, following):
            current = replace(current, effective_to=following.effective_to)
        else:
            yield current
            current = following
    yield current


def _same(left: PriceSpan, right: PriceSpan) -> bool:
    """Whether two books say the same of a price, its unit and its currencies."""
    return (
        left.price.model_copy(update=_amounts(left)) == right.price.model_copy(update=_amounts(right))
        and left.book.meters[left.price.meter].unit == right.book.meters[right.price.meter].unit
    )


def _amounts(span: PriceSpan) -> dict[str, object]:
    """The amounts of a price with every currency named, so that two ways to write them are equal."""
    price, resolve = span.price, span.book.resolve
    tiers = price.tiers and tuple(
        tier.model_copy(
            update={
                "unit_price": tier.unit_price and resolve(tier.unit_price),
                "flat_fee": tier.flat_fee and resolve(tier.flat_fee),
            }
        )
        for tier in price.tiers
    )
    return {
        "unit_price": price.unit_price and resolve(price.unit_price),
        "package_price": price.package_price and resolve(price.package_price),
        "multiplier": price.multiplier and resolve(price.multiplier),
        "maximum": price.maximum and resolve(price.maximum),
        "account_maximum": price.account_maximum and resolve(price.account_maximum),
        "minimum": price.minimum and resolve(price.minimum),
        "commit": price.commit and price.commit.model_copy(update={"unit_price": resolve(price.commit.unit_price)}),
        "tiers": tiers,
    }


def check_succession(books: Sequence[PriceBook], file: str) -> None:
    """Refuse books that change what must not change from one to a later one; `file` is the newest's.

    A meter's aggregation, unit and series never change (semantics 2). A price id keeps its meter and its
    way to accumulate, because Q runs on across its versions (semantics 3); it is never a fee's, because charges
    of both are known by plan and id. So it is where books in between leave the meter, price or fee out: each is held to
    the last book that had it, be it one whose place another has taken. A version names one book.
    """
    said, problems, standing = _Said(), list[Problem](), effective_books(books)
    for book in sorted(books, key=lambda book: book.effective_from):
        problems += [*_other_meters(said, book), *_other_prices(said, book)]
        said.add(book)
    for version, group in groupby(sorted(standing, key=lambda book: book.version), key=lambda book: book.version):
        if len(list(group)) > 1:
            problems.append(Problem("version", f"two books are called {version!r}", "give each book its own version"))
    if problems:
        raise PriceBookError(file, problems)


@dataclass(frozen=True)
class _Said:
    """What the books before one said last of each meter, price and fee, and the version that said it."""

    meters: dict[str, tuple[str, Meter]] = field(default_factory=dict)
    prices: dict[tuple[str, str], tuple[str, Price]] = field(default_factory=dict)
    fees: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, book: PriceBook) -> None:
        self.meters.update({name: (book.version, meter) for name, meter in book.meters.items()})
        self.prices.update({(plan, price.id): (book.version, price) for plan, _, price in book.prices()})
        self.fees.update(dict.fromkeys(_fees(book), book.version))


def _other_meters(said: _Said, book: PriceBook) -> Iterator[Problem]:
    """What a book says otherwise of meters, and must not."""
    for name in sorted(said.meters.keys() & book.meters.keys()):
        (version, before), meter = said.meters[name], book.meters[name]
        fields = ["unit", "aggregation", "series", "value"]
        # How records are metered has no time from which it holds either: hours metered before would say otherwise.
        if before.aggregation == meter.aggregation:
            fields += [key for key in Meter.model_fields if key not in (*fields, "title", "allow_negative")]
        for key in fields:
            if getattr(before, key) != getattr(meter, key):
                what = f"is another than in version {version!r}"
                yield Problem(f"meters.{name}.{key}", what, "it never changes; use a new meter")


def _other_prices(said: _Said, book: PriceBook) -> Iterator[Problem]:
    """What it says otherwise of price ids, and the ids that were a fee's, or are now."""
    for plan, path, price in book.prices():
        version, before = said.prices.get((plan, price.id), (book.version, price))
        for key in ("meter", "accumulate"):
            if getattr(before, key) != getattr(price, key):
                yield Problem(f"{path}.{key}", f"is another than in version {version!r}", "use a new price id")
        if of_fee := said.fees.get((plan, price.id)):
            yield Problem(f"{path}.id", f"is the id of a recurring fee in version {of_fee!r}", "use a new price id")
    for plan, fee in sorted(_fees(book) & said.prices.keys()):
        what = f"is the id of a price in version {said.prices[plan, fee][0]!r}"
        yield Problem(f"plans.{plan}.recurring.id", what, "give the fee an id of its own")


def _fees(book: PriceBook) -> set[tuple[str, str]]:
    """The fees of a book, as charges name them: by plan and id, like prices."""
    return {(name, plan.recurring.id) for name, plan in book.plans.items() if plan.recurring}
