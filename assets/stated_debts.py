"""Prepaid use without credit that a document states: it is paid through `receivable`, and lots pass it over (semantics 4).

What belongs here: how much of it a document states. What does not: what follows for lots (`rating/settling.py`), and for
the use that settlements are stated with (`rating/settled_use.py`).
"""

from typing import Final

import polars as pl

from assets.credit_rows import stated_debts
from assets.settled_rows import open_use, settled_rows
from rating.held import PREPAID
from rating.money import AMOUNT, ZERO_AMOUNT
from rating.periods import INSTANT, in_periods
from rating.sums import sum_by
from resources.facts import EPOCH, Facts, closed_until
from resources.lake import Lake

_PERIOD: Final = ("account_id", "period_start")


def newly_stated(
    lake: Lake, facts: Facts, documents: pl.DataFrame, lines: pl.DataFrame, snapshot_run: int, run: int
) -> pl.DataFrame:
    """What documents state of prepaid use that no credit had paid, less what documents before them stated.

    `documents` (number, account_id, time_zone, period_end) state the books of `snapshot_run` for all slices before their
    period's end, `lines` (account_id, period_start, exact) is what is new of that; `run` is up to which run documents came
    before them. Where all of an account's use is prepaid, its lines are all that its document takes from `unbilled`.
    Returns number, account_id, period_start (of the use), stated_until, amount.
    """
    modes = facts.modes.group_by("account_id").agg(is_always=(pl.col("mode") == PREPAID).all())
    of_prepaid = documents.join(modes, on="account_id")
    always = of_prepaid.filter("is_always").select("account_id")
    known = lines.join(always, on="account_id", how="semi").select(*_PERIOD, amount=pl.col("exact").cast(AMOUNT))
    mixed = _of_both_modes(lake, facts, of_prepaid.filter(~pl.col("is_always")), snapshot_run, run)
    sums = sum_by(pl.concat([known, mixed]), _PERIOD, "amount").filter(pl.col("amount") != ZERO_AMOUNT)
    until = pl.lit(closed_until(lake, snapshot_run) or EPOCH)
    named = sums.join(documents, on="account_id").with_columns(stated_until=until)
    return named.select("number", *_PERIOD, "stated_until", "amount")


def _of_both_modes(lake: Lake, facts: Facts, documents: pl.DataFrame, snapshot_run: int, run: int) -> pl.DataFrame:
    """The same of accounts of which some use is postpaid: account_id, period_start, amount."""
    if documents.is_empty():
        return pl.DataFrame(schema={"account_id": pl.String(), "period_start": INSTANT, "amount": AMOUNT})
    with lake.registered(touched=documents.select("account_id")):
        before = stated_debts(lake, run)
        opened = open_use(lake, facts, snapshot_run)
    settled = settled_rows(lake, facts, snapshot_run, documents["account_id"]).with_columns(-pl.col("amount"))
    so_far = in_periods(pl.concat([_amounts(opened), _amounts(settled)]), documents)
    both = pl.concat([so_far.select(*_PERIOD, "amount"), before.select(*_PERIOD, -pl.col("amount"))])
    until = documents.select("account_id", until="period_end")
    return both.join(until, on="account_id").filter(pl.col("period_start") < pl.col("until")).drop("until")


def _amounts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("account_id", pl.col("slice_start").cast(INSTANT), pl.col("amount").cast(AMOUNT))
