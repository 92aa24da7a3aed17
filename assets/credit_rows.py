"""What burn-down takes from the lake: lots, and charges by slice as far as lots tell them apart (semantics 4).

What belongs here: loading and shaping, for posting and for proof alike. What does not: what lots pay
(`rating/credits.py`), and what is appended (`ledger_entries.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rating.credit_schemas import LOTS, STATED_DEBTS, USES
from rating.credit_scopes import Fits, classify_uses, plain_charges
from rating.modes import with_modes
from rating.recurring import recurring_lots
from rating.sums import sum_by
from resources.facts import EPOCH, facts_as_of, slices_of
from resources.lake import Lake, Parameters

HOUR: Final = timedelta(hours=1)
RECURRING: Final = "recurring"
# Text in which no account is left out.
ANY_ACCOUNT: Final = {"first_account": "", "last_account": "\U0010ffff"}
# What tells charges apart for lots with a scope, in the table of charges.
USE: Final = ("plan", "price_id", "service_id", "resource_id", "meter", "dimensions", "kind")


def repeated_grants(lake: Lake, run: int) -> pl.DataFrame:
    """The grants that have more rows than one: grant_id."""
    return lake.frame("steps/ledger/repeated_grants", {"run": run})


def lots_of_touched(
    lake: Lake,
    run: int,
    closed: datetime,
    repeated: pl.DataFrame | None = None,
    bounds: Parameters = ANY_ACCOUNT,
) -> pl.DataFrame:
    """The lots of the accounts in `touched`, a frame registered with the lake: columns of `LOTS`, and currency.

    A recurring grant has a lot for each period that began until `closed`. `repeated` is what `repeated_grants` finds, and
    `bounds` (first_account, last_account) a range in which all these accounts are, by whoever knows them.
    """
    with lake.registered(repeated=repeated_grants(lake, run) if repeated is None else repeated):
        grants = lake.frame("steps/ledger/lots", {"run": run, **bounds}).with_columns(series=pl.lit(""))
    recurs = pl.col("kind") == RECURRING
    recurring = grants.filter(recurs)
    if recurring.height:
        zoned = with_zones(lake, run, recurring.drop("series"))
        made = recurring_lots(zoned, EPOCH, closed).select(grants.columns)
        grants = pl.concat([grants.filter(~recurs), made])
    return grants.rename({"grant_id": "lot"}).select(
        *(pl.col(name).cast(kind) for name, kind in LOTS.items()), "currency"
    )


def stated_debts(lake: Lake, run: int) -> pl.DataFrame:
    """What documents state of prepaid use without credit, of the accounts in `touched`: columns of `STATED_DEBTS`."""
    rows = lake.frame("steps/ledger/stated_debts", {"run": run})
    return rows.select(pl.col(name).cast(kind) for name, kind in STATED_DEBTS.items())


def with_zones(lake: Lake, run: int, grants: pl.DataFrame) -> pl.DataFrame:
    """Add the time zone of each grant's account."""
    with lake.registered(grants_to_place=grants.select("account_id")):
        zones = lake.frame("steps/ledger/zones", {"run": run})
    return grants.join(zones, on="account_id", how="left")


def scoped_accounts(lots: pl.DataFrame) -> pl.Series:
    """The accounts that have a lot which does not pay for everything."""
    return lots.filter(pl.col("scope") != "")["account_id"].unique()


def rows_to_burn(
    lake: Lake, run: int, net: pl.DataFrame, told_apart: pl.DataFrame, lots: pl.DataFrame
) -> tuple[pl.DataFrame, Fits]:
    """The rows that `burn_down` takes, and which scope fits which of them.

    `net` (account_id, slice_start, amount, counted) has a row a slice, of accounts whose lots pay for everything;
    `told_apart` has the columns of `USE` too, and several rows a slice, of the others.
    """
    plain = plain_charges(_marked(lake, run, net))
    if told_apart.is_empty():
        return plain, classify_uses(USES.to_frame(), lots["scope"])[1]
    marked = _marked(lake, run, told_apart)
    summed = sum_by(marked, [name for name in USES if name not in ("amount", "counted")], "amount", "counted")
    told, fits = classify_uses(summed.select(pl.col(name).cast(kind) for name, kind in USES.items()), lots["scope"])
    return pl.concat([plain, told]), fits


def _marked(lake: Lake, run: int, charges: pl.DataFrame) -> pl.DataFrame:
    """Charges with the end of their slice, and whether it is prepaid."""
    between = pl.col("account_id").is_between(pl.lit(charges["account_id"].min()), pl.lit(charges["account_id"].max()))
    return with_modes(burn_slices(lake, run, charges), facts_as_of(lake, run).modes.filter(between))


def net_of(charges: pl.DataFrame, keys: Sequence[str] = ()) -> pl.DataFrame:
    """Charges added up by account and slice, and by `keys`."""
    return sum_by(charges, ("account_id", "slice_start", *keys), "amount", "counted")


def burn_slices(lake: Lake, run: int, charges: pl.DataFrame) -> pl.DataFrame:
    """Add the end of each slice: the next boundary of its account, or the hour's."""
    first, last = charges["slice_start"].min(), charges["slice_start"].max()
    end = pl.col("slice_start").dt.truncate("1h") + HOUR
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return charges.with_columns(slice_end=end)
    cut_slices = slices_of(facts_as_of(lake, run).cuts(first, last + HOUR)).drop("hour")
    joined = charges.join(cut_slices, on=["account_id", "slice_start"], how="left", maintain_order="left")
    return joined.with_columns(slice_end=pl.coalesce("slice_end", end))
