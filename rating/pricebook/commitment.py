"""What an account commits itself to use: the shape of a commitment, and with what it fits (semantics 3).

What belongs here: the keys of `commit`, and the rules between it and its price. What does not: what it comes to
(of a period: `rating/pricing/commitments.py` for use within it,
`rating/true_ups.py` for what is left of it; of an hour: `rating/hourly_commitments.py`).

The docstrings of the part and of its keys are what editors and `docs/pricebook.md` say: after a change, `make docs`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from rating.errors import Problem
from rating.money import FIXED_AMOUNT_LIMIT, multiply
from rating.pricebook.fields import Positive, UnitPrice
from rating.pricebook.part import Part


class Commit(Part):
    """A quantity that is paid whether it is used or not, at a unit price of its own."""

    quantity: Positive
    """How much is committed, in the unit of the price, for the whole of `per`; a part of it has its share."""
    per: Literal["hour", "period"]
    """For how long: the billing period, or each hour by itself, in which the price is in force."""
    unit_price: UnitPrice
    """What one unit costs within the committed quantity; use above it costs what the price's own model says."""


def commitment_problems(
    commit: Commit | None, model: str, accumulate: str, minimum: object, maximum: object
) -> Iterator[Problem]:
    """A commitment is the account's, of a quantity, and no other bound says something else of the same amount."""
    if commit is None:
        return
    if accumulate != "account":
        mend = "leave it out, or let the price accumulate by account"
        yield Problem("commit", f"has no meaning where quantities accumulate by {accumulate}", mend)
    if model == "dynamic":
        yield Problem("commit", "is of a quantity, and dynamic prices amounts of money", "use minimum in its place")
    if minimum is not None:
        yield Problem("minimum", "stands beside a commitment, which is the least that is due", "give one of the two")
    if maximum is not None:
        mend = "leave it out, or use minimum in place of commit"
        yield Problem("maximum", "stands beside a commitment, which is paid whatever the use", mend)
    worth = max(multiply(commit.quantity, price) for price in commit.unit_price.values())
    if worth >= FIXED_AMOUNT_LIMIT:
        what = f"comes to {worth.normalize():f}, which is too large"
        yield Problem("commit", what, f"quantity x unit_price must be below {FIXED_AMOUNT_LIMIT:f}")


def committed_in(commit: Commit | None) -> Decimal:
    """The committed quantity of a whole period; 0 without a commitment of one."""
    return commit.quantity if commit is not None and commit.per == "period" else Decimal(0)
