"""The words of the price book that come with later work, and are refused by name until then.

What belongs here: names, and nothing else. A word leaves this list when the engine learns it.
"""

from typing import Final

PENDING_KEYS: Final = frozenset(
    # of a price
    """allowance
    scope"""
    # of a plan or a book
    " trial coupons tax"
    # of a meter
    " baseline".split()
)

PENDING_VALUES: Final = {
    "accumulate": frozenset({"service", "parent"}),
}
