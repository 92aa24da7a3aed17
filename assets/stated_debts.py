"""Prepaid use without credit that a document states: it is paid through `receivable`, and lots pass it over (semantics 4).

What belongs here: how much of it a document states. What does not: what follows for lots (`rating/settling.py`), and for
the use that settlements are stated with (`rating/settled_use.py`).
"""

import polars as pl

from assets.credit_rows import stated_debts
from assets.settled_rows import open_use, settled_rows
from rating.money import AMOUNT, ZERO_AMOUNT
from rating.sums import sum_by
from resources.facts import EPOCH, Facts, closed_until
from resources.lake import Lake


def newly_stated(lake: Lake, facts: Facts, documents: pl.DataFrame, snapshot_run: int, run: int) -> pl.DataFrame:
    """What documents state of prepaid use that no credit had paid, less what documents before them stated.

    `documents` (number, account_id, period_start, period_end, exact) state the books of `snapshot_run` for all slices
    before their period's end; `run` is the one that issues them. Where all of an account's use is prepaid, that is all that
    its document takes from `unbilled`. Returns number, account_id, period_start, stated_until, amount.
    """
    modes = facts.modes.group_by("account_id").agg(is_always=(pl.col("mode") == "prepaid").all())
    of_prepaid = documents.join(modes, on="account_id")
    known = of_prepaid.filter("is_always").select("account_id", amount=pl.col("exact").cast(AMOUNT))
    mixed = _of_both_modes(lake, facts, of_prepaid.filter(~pl.col("is_always")), snapshot_run, run)
    sums = pl.concat([known, mixed]).filter(pl.col("amount") != ZERO_AMOUNT)
    until = pl.lit(closed_until(lake, snapshot_run) or EPOCH)
    named = sums.join(documents, on="account_id").with_columns(stated_until=until)
    return named.select("number", "account_id", "period_start", "stated_until", "amount")


def _of_both_modes(lake: Lake, facts: Facts, documents: pl.DataFrame, snapshot_run: int, run: int) -> pl.DataFrame:
    """The same of accounts of which some use is postpaid: account_id, amount."""
    if documents.is_empty():
        return documents.select("account_id", amount=pl.col("exact").cast(AMOUNT))
    with lake.registered(touched=documents.select("account_id")):
        before = stated_debts(lake, run).select("account_id", -pl.col("amount"))
        opened = open_use(lake, facts, snapshot_run)
    settled = settled_rows(lake, facts, snapshot_run, documents["account_id"]).with_columns(-pl.col("amount"))
    both = pl.concat([_amounts(opened), _amounts(settled)])
    until_end = both.join(documents.select("account_id", "period_end"), on="account_id")
    so_far = until_end.filter(pl.col("slice_start") < pl.col("period_end")).select("account_id", "amount")
    return sum_by(pl.concat([so_far, before]), ["account_id"], "amount")


def _amounts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("account_id", "slice_start", pl.col("amount").cast(AMOUNT))
