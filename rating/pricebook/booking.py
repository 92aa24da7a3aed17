"""When what a price comes to is booked: the rule of `book` (semantics 3).

What belongs here: for which models it is, and what holds without it. What does not: holding charges back and booking them
(`rating/held.py`).
"""

from collections.abc import Iterator
from typing import Final, Literal, Protocol

from rating.errors import Problem

Book = Literal["hourly", "close"]
# Of these a period's last unit may change what all units before it cost.
BOOKED: Final = ("volume", "stairstep")


class _Priced(Protocol):
    """What of a price the rule is about."""

    @property
    def model(self) -> str: ...
    @property
    def book(self) -> Book | None: ...


def booking_problems(price: _Priced) -> Iterator[Problem]:
    """Only where a slice may be given back later it matters when it is booked."""
    if price.book is not None and price.model not in BOOKED:
        mend = f"leave it out, or use model: {' or '.join(BOOKED)}"
        yield Problem("book", f"does not belong to model {price.model}, which books every hour", mend)


def booked(price: _Priced) -> str:
    """When it is booked: `hourly`, `close`, or `mode`, which is as the account pays in each slice."""
    return "hourly" if price.model not in BOOKED else price.book or "mode"
