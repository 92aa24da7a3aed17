"""Which of several prices of a meter holds: what a book must say so that there is never a doubt (semantics 3).

What belongs here: prices agreed with accounts, and prices that could tie. What does not: the choice itself, which is
made for usage (`rating/choosing.py`), and what one price may say by itself (`model.py`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from rating.errors import Problem
from rating.pricebook.conditions import When


class Choosable(Protocol):
    """What of a price tells where it holds."""

    @property
    def id(self) -> str:
        """Its name, once in a plan."""

    @property
    def meter(self) -> str:
        """What it prices."""

    @property
    def accumulate(self) -> str:
        """Whose quantity it counts."""

    @property
    def where(self) -> dict[str, str] | None:
        """For which dimensions it holds."""

    @property
    def when(self) -> When | None:
        """At which hours and days it holds."""


@dataclass(frozen=True)
class Offer:
    """A price with its path and its plan; `account_id` is empty where it is for all accounts of the plan."""

    path: str
    plan: str
    account_id: str
    price: Choosable


def agreement_problems(offers: Sequence[Offer], plans: Collection[str]) -> Iterator[Problem]:
    """An agreed price is of a plan of the book, and a price id means one thing, whoever agreed on it."""
    first: dict[tuple[str, str], Offer] = {}
    for offer in offers:
        if offer.plan not in plans:
            mend = f"use a plan of this book: {', '.join(sorted(plans)) or 'none'}"
            yield Problem(offer.path, f"no plan {offer.plan!r}", mend)
        known = first.setdefault((offer.plan, offer.price.id), offer)
        for field in ("meter", "accumulate"):
            here, there = getattr(offer.price, field), getattr(known.price, field)
            if here != there:
                what = f"is {here!r}, and {there!r} in {known.path}, which has the same id"
                yield Problem(f"{offer.path}.{field}", what, "give it the same, or another price id")


def tie_problems(offers: Sequence[Offer]) -> Iterator[Problem]:
    """Two prices of a meter that hold for the same usage, for all accounts of a plan or for one that has agreed prices."""

    def of_plan(offer: Offer) -> str:
        return offer.plan

    for _, group in groupby(sorted(offers, key=of_plan), key=of_plan):
        in_plan = list(group)
        for account_id in sorted({offer.account_id for offer in in_plan}):
            yield from _ties(_holding(in_plan, account_id))


def _holding(offers: Sequence[Offer], account_id: str) -> list[Offer]:
    """The prices of a plan for an account: its own, and those of all that it does not replace."""
    own = [offer for offer in offers if offer.account_id == account_id]
    replaced = {offer.price.id for offer in own}
    return (
        [offer for offer in offers if not offer.account_id and offer.price.id not in replaced] + own
        if account_id
        else own
    )


def _ties(offers: Sequence[Offer]) -> Iterator[Problem]:
    """Every two of these that could tie, of which one at least is the account's own."""
    account_id = offers[-1].account_id
    for position, later in enumerate(offers):
        for earlier in offers[:position]:
            if later.account_id == account_id and _can_tie(earlier.price, later.price):
                yield _tie(earlier, later)


def _can_tie(left: Choosable, right: Choosable) -> bool:
    """Whether two prices hold for the same usage at the same time, and neither before the other."""
    return (
        left.meter == right.meter and _same_dimensions(left.where or {}, right.where or {}) and _same_times(left, right)
    )


def _same_dimensions(left: dict[str, str], right: dict[str, str]) -> bool:
    """Whether the same dimensions can fit both, and as many of them."""
    return len(left) == len(right) and all(right.get(key, value) == value for key, value in left.items())


def _same_times(left: Choosable, right: Choosable) -> bool:
    """Whether both always hold, or both at some time; hours of different zones are taken to overlap."""
    if left.when is None or right.when is None:
        return left.when is right.when
    return left.when.zone != right.when.zone or not left.when.quarters().isdisjoint(right.when.quarters())


def _tie(earlier: Offer, later: Offer) -> Problem:
    """Say how two prices could tie, and how to tell them apart."""
    other, price = earlier.price, later.price
    if price.when is not None and other.when is not None:
        zones = "" if price.when.zone == other.when.zone else ", in the same zone"
        what = f"holds at times of {earlier.path} too, for the same dimensions"
        return Problem(f"{later.path}.when", what, f"let one end where the other begins{zones}")
    if price.where:
        what = f"could hold for the same usage as {earlier.path}"
        return Problem(f"{later.path}.where", what, "give a key of both another value, or one of them a key more")
    what = f"{price.meter!r} is priced already by {earlier.path}"
    if earlier.account_id != later.account_id:
        return Problem(f"{later.path}.meter", what, f"give it the id {other.id!r}, so that it replaces that price")
    return Problem(
        f"{later.path}.meter", what, "price a meter once in a plan, or tell the prices apart by where or when"
    )
