"""How long what a book says has stood: neighbouring books that say the same are one.

What belongs here: time, for anything that books say by a key. What does not: prices, whose sameness needs more
(`succession.py`).
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import Generic, TypeVar

from rating.pricebook.model import PriceBook
from rating.pricebook.succession import effective_books

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Standing(Generic[Key, Value]):
    """One value of a key, from the book in which it first stood to the one that changed it."""

    key: Key
    value: Value
    version: str
    effective_from: datetime
    effective_to: datetime | None


def standing(
    books: Sequence[PriceBook], said: Callable[[PriceBook], Mapping[Key, Value]]
) -> list[Standing[Key, Value]]:
    """What `said` reads of each book, with the time for which it holds, in the order of that time."""
    ordered = effective_books(books)
    latest: dict[Key, Standing[Key, Value]] = {}
    spans: list[Standing[Key, Value]] = []
    for book, following in zip_longest(ordered, ordered[1:]):
        until = following.effective_from if following else None
        for key, value in said(book).items():
            before = latest.get(key)
            if before is not None and (before.value, before.effective_to) == (value, book.effective_from):
                spans.remove(before)
                latest[key] = replace(before, effective_to=until)
            else:
                latest[key] = Standing(key, value, book.version, book.effective_from, until)
            spans.append(latest[key])
    return spans
