"""The proof of when charges are booked: commitments by the hour, and what is held back until a period is over.

What belongs here: that what stands is what is due of them. What does not: what use costs (`charge_proof.py`), and fees,
percentages and true-ups (`proof_beside_use.py`).
"""

import polars as pl

from assets.charge_kinds import due_of_commitments, of_all_meters
from assets.true_ups import due_of_closings
from rating import difference
from rating.held import is_held
from rating.hourly_commitments import hourly_commitments
from rating.periods import INSTANT
from rating.schemas import DUE, no_rows
from rating.true_ups import CLOSE
from resources.facts import EPOCH, closed_until, facts_as_of
from resources.lake import Lake


def wrong_commitments(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """The commitments by the hour that are not what is due: of accounts with new ones, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    charged = lake.frame("checks/commitments_charged", {"since": since, "run": run})
    having = since == 0 and hourly_commitments(facts.prices).height
    every = facts.subscriptions.select("account_id") if having else charged.clear()
    accounts = pl.concat([charged, every]).unique()
    if accounts.is_empty():
        return accounts
    with lake.registered(accounts_to_prove=accounts):
        standing = lake.frame("checks/standing_commitments", {"run": run})
    touched = of_all_meters(facts, accounts.with_columns(first_slice=pl.lit(EPOCH, INSTANT)))
    return _missing(due_of_commitments(facts, touched, closed_until(lake, run) or EPOCH), _as_due(standing))


def wrong_closings(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """What is not booked as it should be of what was held back: of accounts with new rows, and of all where `since` is 0."""
    facts = facts_as_of(lake, run)
    charged = lake.frame("checks/closings_charged", {"since": since, "run": run})
    having = since == 0 and not facts.bookings.is_empty()
    every = facts.subscriptions.select("account_id") if having else charged.clear()
    touched = pl.concat([charged, every]).unique().with_columns(first_slice=pl.lit(EPOCH, INSTANT))
    if touched.is_empty():
        return no_rows(DUE)
    bounds = {"run": run, "first": EPOCH}
    with lake.registered(accounts_to_true_up=touched):
        standing = lake.frame("steps/charges/standing_true_ups", bounds).filter(pl.col("kind") == CLOSE)
        held = lake.frame("steps/charges/held", bounds)
    return _missing(due_of_closings(facts, held, touched, closed_until(lake, run) or EPOCH), _as_due(standing))


def wrongly_booked(lake: Lake, since: int, run: int) -> pl.DataFrame:
    """What slices are charged at once that should be held back until their period is over, or the other way round."""
    facts = facts_as_of(lake, run)
    if facts.bookings.is_empty():
        return no_rows(DUE)
    with lake.registered(prices_to_prove=facts.bookings.select("plan", "price_id").unique()):
        rows = lake.frame("checks/booked_slices", {"since": since, "run": run})
    slices = rows.with_columns(pl.col(name).cast(dtype) for name, dtype in DUE.items())
    return slices.filter(is_held(slices, facts.bookings, facts.modes) == slices["booked"])


def _as_due(standing: pl.DataFrame) -> pl.DataFrame:
    """Sums of charges in the columns of what is due."""
    return standing.select(pl.col(name).cast(dtype) for name, dtype in DUE.items())


def _missing(due: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    changes = difference(due, standing)
    return changes.rename({"quantity_delta": "quantity_missing", "amount_delta": "amount_missing"})
