"""Settlements by the use that they paid for, as documents and explanations state them (semantics 4 and 5).

What belongs here: loading. What does not: the matching (`rating/settled_use.py`).
"""

import polars as pl

from assets.credit_rows import stated_debts
from rating.modes import with_modes
from rating.periods import INSTANT
from rating.settled_use import SETTLED, settled_use
from resources.facts import Facts
from resources.lake import Lake


def settled_rows(lake: Lake, facts: Facts, run: int, accounts: pl.Series) -> pl.DataFrame:
    """What lots settled as of a run, of some accounts, by the slice of the use: account_id, slice_start, lot, kind, amount."""
    with lake.registered(touched=accounts.unique().alias("account_id").to_frame()):
        settled = lake.frame("steps/invoices/settlements", {"run": run}).cast({"slice_start": INSTANT})
        if settled.is_empty():
            return settled.select(SETTLED)
        stated = stated_debts(lake, run)
        opened = open_use(lake, facts, run)
    return settled_use(settled, opened, stated)


def open_use(lake: Lake, facts: Facts, run: int) -> pl.DataFrame:
    """What no lot paid of prepaid slices when they were used, of the accounts in `touched`, a registered frame.

    Returns account_id, slice_start, amount.
    """
    rows = lake.frame("steps/invoices/open_use", {"run": run}).cast({"slice_start": INSTANT})
    return with_modes(rows, facts.modes).filter("prepaid").drop("prepaid")
