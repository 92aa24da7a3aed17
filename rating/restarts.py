"""From where an account has to be computed again when its lots change (semantics 4).

What belongs here: which accounts a new, changed or voided grant touches, and what must be forgotten of them.
What does not: the computation itself (`rating/credits.py`), and slices touched by charges (those know their hour).
"""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from rating.money import ZERO_AMOUNT

_BEGINNING: Final = pl.lit(datetime(1970, 1, 1, tzinfo=UTC), dtype=pl.Datetime("us", "UTC"))


def restarts(grants: pl.DataFrame, after_run: int) -> pl.DataFrame:
    """Tell from which slice the accounts restart whose grants have rows newer than `after_run`.

    `grants` (grant_id, account_id, effective_at, run) has all rows of the grants that changed. A grant that was
    not known before changes nothing earlier than the hour it starts in, and leaves the order of the other lots
    as it was. One that is restated or voided may change that order, on which positions and draws rest, so its
    account (the one it had before, too) restarts from the beginning: `forget_states` and `forget_counted`.
    Returns account_id, from_scratch, restart_from.
    """
    judged = grants.with_columns(was_known=(pl.col("run") <= after_run).any().over("grant_id"))
    touching = judged.filter((pl.col("run") > after_run).any().over("grant_id"))
    hour = pl.col("effective_at").dt.truncate("1h")
    return (
        touching.group_by("account_id")
        .agg(from_scratch=pl.col("was_known").any(), first=hour.min())
        .select(
            "account_id",
            "from_scratch",
            restart_from=pl.when("from_scratch").then(_BEGINNING).otherwise("first"),
        )
        .sort("account_id")
    )


def recut(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Tell which accounts restart because their hours are cut into other slices than when they were computed.

    Both are cuts (account_id, cut_at; `rating/periods.py`) of the hours that were closed at the last computation:
    as known then, and as known now. A lot that lived in the whole hour may not have lived in each of its slices,
    so no position of the account can be trusted. Returns the columns of `restarts`.
    """
    cut = ["account_id", "cut_at"]
    moved = pl.concat(
        [before.select(cut).join(now, on=cut, how="anti"), now.select(cut).join(before, on=cut, how="anti")]
    )
    return moved.select("account_id", from_scratch=pl.lit(value=True), restart_from=_BEGINNING).unique()


def indebted(positions: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """Tell which accounts restart because they were ever in debt and have a lot that does not pay for everything.

    `positions` and `lots` as `burn_down` takes them. A position says what an account owes, not for which use, which a
    scope asks for. Who has no scoped lot, or never owed, computes on from positions. Returns the columns of `restarts`.
    """
    scoped = lots.filter(pl.col("scope") != "").select("account_id").unique()
    owing = scoped.join(positions.filter(pl.col("lot") == ""), on="account_id", how="semi")
    return owing.select("account_id", from_scratch=pl.lit(value=True), restart_from=_BEGINNING)


def together(*restarted: pl.DataFrame) -> pl.DataFrame:
    """Put restarts for several reasons together: each account from the earliest, from the beginning if any says so."""
    every = pl.concat(restarted).group_by("account_id")
    return every.agg(pl.col("from_scratch").any(), pl.col("restart_from").min()).sort("account_id")


def forget_states(restarted: pl.DataFrame, states: pl.DataFrame) -> pl.DataFrame:
    """Leave out the positions or draws of accounts that restart from the beginning."""
    scratched = restarted.filter("from_scratch")
    if scratched.is_empty():
        return states
    return states.join(scratched, on="account_id", how="anti", maintain_order="left")


def forget_counted(restarted: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """Set `counted` to nothing for accounts that restart from the beginning: no position holds their charges."""
    scratched = restarted.filter("from_scratch").select("account_id", forgotten=pl.lit(value=True))
    if scratched.is_empty():
        return charges
    marked = charges.join(scratched, on="account_id", how="left", maintain_order="left")
    counted = pl.when("forgotten").then(ZERO_AMOUNT).otherwise("counted")
    return marked.with_columns(counted=counted).drop("forgotten")
