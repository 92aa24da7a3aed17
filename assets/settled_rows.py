"""Settlements by the use that they paid for, as documents and explanations state them (semantics 4 and 5).

What belongs here: loading. What does not: the matching (`rating/settled_use.py`).
"""

import polars as pl

from rating.modes import with_modes
from rating.periods import INSTANT
from rating.settled_use import SETTLED, settled_use
from resources.facts import Facts
from resources.lake import Lake


def settled_rows(lake: Lake, facts: Facts, run: int, accounts: pl.Series) -> pl.DataFrame:
    """What lots settled as of a run, of some accounts, by the slice of the use: account_id, slice_start, lot, kind, amount."""
    with lake.registered(accounts_to_settle=accounts.unique().alias("account_id").to_frame()):
        settled = lake.frame("steps/invoices/settlements", {"run": run}).cast({"slice_start": INSTANT})
        if settled.is_empty():
            return settled.select(SETTLED)
        opened = lake.frame("steps/invoices/open_use", {"run": run}).cast({"slice_start": INSTANT})
    prepaid = with_modes(opened, facts.modes).filter("prepaid").drop("prepaid")
    return settled_use(settled, prepaid)
