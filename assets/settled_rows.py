"""Settlements by the use that they paid for, as documents and explanations state them (semantics 4 and 5).

What belongs here: loading, and working it out again where scopes tell uses apart. What does not: the matching of the others
(`rating/settled_use.py`).
"""

from datetime import datetime

import polars as pl

from assets.credit_rows import lots_of_touched, rows_to_burn, scoped_accounts, stated_debts
from rating.credit_schemas import POSITIONS
from rating.credits import burn_down
from rating.modes import with_modes
from rating.money import AMOUNT
from rating.periods import INSTANT
from rating.settled_use import SETTLED, settled_use
from resources.facts import EPOCH, Facts, closed_until
from resources.lake import Lake


def settled_rows(lake: Lake, facts: Facts, run: int, accounts: pl.Series) -> pl.DataFrame:
    """What lots settled as of a run, of some accounts, by the slice of the use: account_id, slice_start, lot, kind, amount."""
    with lake.registered(touched=accounts.unique().alias("account_id").to_frame()):
        settled = lake.frame("steps/invoices/settlements", {"run": run}).cast({"slice_start": INSTANT})
    if settled.is_empty():
        return settled.select(SETTLED)
    closed = closed_until(lake, run) or EPOCH
    with lake.registered(touched=settled.select("account_id").unique()):
        lots = lots_of_touched(lake, run, closed)
        stated, opened = stated_debts(lake, run), open_use(lake, facts, run)
    is_scoped = pl.col("account_id").is_in(scoped_accounts(lots).implode())
    plain = settled_use(*(frame.filter(~is_scoped) for frame in (settled, opened, stated)))
    told_apart = _told_apart(lake, run, closed, *(frame.filter(is_scoped) for frame in (settled, lots, stated)))
    return pl.concat([plain.select(SETTLED), told_apart.select(SETTLED)])


def open_use(lake: Lake, facts: Facts, run: int) -> pl.DataFrame:
    """What no lot paid of prepaid slices when they were used, of the accounts in `touched`, a registered frame.

    Returns account_id, slice_start, amount.
    """
    rows = lake.frame("steps/invoices/open_use", {"run": run}).cast({"slice_start": INSTANT})
    return with_modes(rows, facts.modes).filter("prepaid").drop("prepaid")


def _told_apart(
    lake: Lake, run: int, closed: datetime, settled: pl.DataFrame, lots: pl.DataFrame, stated: pl.DataFrame
) -> pl.DataFrame:
    """The same of accounts with scoped lots: burnt down from their beginning, since no position knows uses (`SETTLED`)."""
    if settled.is_empty():
        return settled
    with lake.registered(touched=settled.select("account_id").unique()):
        charges = lake.frame("steps/invoices/charges_told_apart", {"run": run}).cast({"slice_start": INSTANT})
    nothing = charges.clear().select("account_id", "slice_start", "amount", "counted")
    rows, fits = rows_to_burn(lake, run, nothing, charges, lots)
    burned = burn_down(rows, lots.drop("currency"), POSITIONS.to_frame(), fits, closed, stated)
    kinds = settled.select("lot", "kind").unique("lot")
    started = lots.select("lot", started="effective_at")
    placed = burned.settled_use.join(kinds, on="lot").join(started, on="lot")
    return placed.with_columns(pl.coalesce("slice_start", "started"), pl.col("amount").cast(AMOUNT)).select(SETTLED)
