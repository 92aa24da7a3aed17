"""What is asked beside prices: fees that no use moves, and percentages (semantics 3).

What belongs here: the shape of these terms, and the rules within them. What does not: prices (`model.py`), and what the
terms come to (`rating/fees.py`,
`rating/percentages.py`).

The docstrings of the parts and of their keys are what editors and `docs/pricebook.md` say: after a change, `make docs`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from rating.errors import Problem
from rating.pricebook.fields import FixedAmount, Name, Text
from rating.pricebook.part import Part


class Recurring(Part):
    """A fixed fee of a plan, due for each billing period of a subscription, whatever is used."""

    id: Name = "recurring"
    """The fee's name in the plan; no price of the plan has the same."""
    title: Text | None = None
    """What invoices call the fee; `monthly fee` if left out."""
    amount: FixedAmount
    """What a whole period costs, in each currency in which the plan has prices; a part of a period costs its share."""
    interval: Literal["month"] = "month"
    """How long a period is: the calendar month in the account's time zone."""
    bill: Literal["advance", "arrears"] = "advance"
    """When it is charged: with the first hour of the period, or of the time in it that is subscribed; or with the last."""


def percentage_problems(discount: Decimal | None, surcharge: Decimal | None) -> Iterator[Problem]:
    """One percentage at most: of two it would be unclear which comes first."""
    if discount is not None and surcharge is not None:
        yield Problem("surcharge", "stands beside a discount", "give one of the two")
