"""The errors that the engine raises: one small tree.

What belongs here: exceptions that name the thing and the mend. What does not: bad records, which are
rows and not errors (`rejected_events`, `unpriced`).

    MeterbookError
    ├── PriceBookError      a price book is wrong; lists every problem in it
    ├── CurrencyError       a currency code that we do not know
    ├── FrameError          a frame that crosses into or out of the engine breaks its contract
    ├── OutOfBoundsError    a quantity or an amount too large for exact arithmetic
    ├── UnitError           two units that do not fit each other
    └── BalanceError        legs that do not sum to zero
"""

from collections.abc import Sequence
from dataclasses import dataclass


class MeterbookError(Exception):
    """The root: whoever runs Meterbook can catch this one."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a document: where, what, and how to mend it."""

    path: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.mend}"


class PriceBookError(MeterbookError):
    """A price book that is refused whole (semantics 1); `problems` has all that was found."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"{file}: the price book has {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n".join([heading, *(f"  {file}: {problem}" for problem in self.problems)]))


class CurrencyError(MeterbookError):
    """A currency code that is not in ISO 4217."""


class FrameError(MeterbookError):
    """A frame does not keep the contract of its schema (`rating/schemas.py`)."""


class OutOfBoundsError(MeterbookError):
    """A quantity, price or amount beyond the bounds of semantics 5; the message names the scope."""


class UnitError(MeterbookError):
    """A unit that cannot be read, or that does not fit another; a price book says where (`PriceBookError`)."""


class BalanceError(MeterbookError):
    """The legs of a ledger transaction do not sum to zero."""
