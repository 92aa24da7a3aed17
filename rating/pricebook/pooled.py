"""A pooled allowance: what each resource in use adds to what a price includes (semantics 3).

What belongs here: its shape, and what it does not go with. What does not: what it comes to (`rating/pools.py`).

The docstrings of the keys are what editors and `docs/pricebook.md` say: after a change, `make docs`.
"""

from collections.abc import Iterator

from rating.errors import Problem
from rating.pricebook.fields import Name, Quantity
from rating.pricebook.part import Part


class Pooled(Part):
    """What every resource in use adds to what is included for the account."""

    meter: Name
    """The meter of this book whose use makes a resource count: its first use in a billing period does."""
    quantity: Quantity
    """What a resource adds that counts from the start of a period on, in the unit of the price; a later one its share."""


def pool_problems(pooled: Pooled | None, accumulate: str) -> Iterator[Problem]:
    """A pool is shared by all resources of the account."""
    if pooled is not None and accumulate != "account":
        mend = "leave it out and use included, which each resource has by itself; or accumulate by account"
        yield Problem("pooled", f"has no meaning for accumulate {accumulate}", mend)
