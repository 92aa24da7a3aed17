"""The books of some accounts: what should stand less what stands, as legs (semantics 4).

What belongs here: loading what burn-down takes of the touched accounts, and what differs. What does not: which accounts are
touched (`touched_credit.py`), and in which parts they come (`account_parts.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from assets.credit_rows import RECURRING, USE, lots_of_touched, rows_to_burn, scoped_accounts, stated_debts
from rating.credit_scopes import Fits
from rating.credits import DRAWS, NO_LOT, UNBILLED, BurnDown, burn_down
from rating.ledger import expiry_legs, rollover_legs, settlement_legs, usage_legs
from rating.money import ZERO_AMOUNT
from rating.periods import instant
from rating.postings import draw_difference, expiries, rollovers, unbilled_difference
from rating.restarts import forget_counted, forget_states, indebted, together
from rating.sums import sum_by, sum_neighbours
from resources.account_rows import Accounts, rows_of_accounts
from resources.facts import EPOCH, facts_as_of
from resources.lake import Parameters
from resources.writer import Step

CHARGE = ("account_id", "slice_start", "amount_delta", "run")


@dataclass(frozen=True)
class Part:
    """Accounts that are posted at once: those that are touched of a range, all of them in it or none.

    Attributes:
        step: the step that posts.
        touched: account_id, first_slice, by account_id.
        restarted: account_id, from_scratch, restart_from, of these accounts.
        repeated: grant_id, of the grants that have more rows than one.
        whole_run: the run that last wrote where all lots stand.
        is_whole: whether no other accounts are touched.
        recent, closed: the first hour that closed since the last run, and the end of the last one.
    """

    step: Step
    touched: pl.DataFrame
    restarted: pl.DataFrame
    repeated: pl.DataFrame
    whole_run: int
    is_whole: bool
    recent: datetime | None
    closed: datetime

    @property
    def accounts(self) -> tuple[str, str]:
        """The range of these accounts, both ends included."""
        return self.touched["account_id"][0], self.touched["account_id"][-1]

    @property
    def range(self) -> Parameters:
        """The range of these accounts, by which statements pass over the files and rows of others."""
        first, last = self.accounts
        return {"first_account": first, "last_account": last}

    def bounds(self, **more: datetime | int) -> Parameters:
        """The parameters of statements that read the rows of these accounts."""
        return {"run": self.step.run, **self.range, **more}


@dataclass(frozen=True)
class Posted:
    """What posting some accounts comes to.

    Attributes:
        legs: what is to be appended; balanced by itself.
        known: of how many lots was known where they stood.
        state: account_id, lot, position: where the lots of these accounts stand now.
    """

    legs: pl.DataFrame
    known: int
    state: pl.DataFrame


@dataclass(frozen=True)
class _Worked:
    """What was worked out: for whom, their lots, and where these stood and stand."""

    part: Part
    lots: pl.DataFrame
    before: pl.DataFrame
    burned: BurnDown
    state: pl.DataFrame


def post_part(part: Part) -> Posted:
    """Work out what should stand of these accounts, and what of it does not."""
    with part.step.lake.registered(touched=part.touched):
        before = part.step.lake.frame("steps/ledger/positions", part.bounds(oldest=part.whole_run))
        lots = lots_of_touched(part.step.lake, part.step.run, part.closed, part.repeated, part.range)
        stated = stated_debts(part.step.lake, part.step.run)
    part = _from_the_beginning(part, indebted(before, lots))
    rows, fits = _rows(part, lots)
    known = forget_states(part.restarted, before)
    burned = burn_down(_forgotten(part, rows), lots.drop("currency"), known, fits, part.closed, stated)
    state = _state(known, burned.positions, is_whole=rows["account_id"].n_unique() == part.touched.height)
    legs = pl.concat(_legs(_Worked(part, lots, before, burned, state)))
    return Posted(legs, before.height, pl.concat([state, _gone(part, before, state)]))


def _gone(part: Part, before: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
    """A row for each account that had positions and has none any more: of an account its newest rows hold, so it needs some."""
    if part.restarted.filter("from_scratch").is_empty():
        return state.clear()
    gone = before.select("account_id").unique().join(state, on="account_id", how="anti")
    return gone.select("account_id", lot=pl.lit(NO_LOT), position=ZERO_AMOUNT).cast(state.schema)


def _from_the_beginning(part: Part, indebted_ones: pl.DataFrame) -> Part:
    """Touch accounts that restart from the beginning there."""
    restarted = together(part.restarted, indebted_ones)
    scratched = restarted.filter("from_scratch").select("account_id", begins="restart_from")
    both = part.touched.join(scratched, on="account_id", how="left", maintain_order="left")
    touched = both.select("account_id", first_slice=pl.coalesce("begins", "first_slice"))
    return replace(part, touched=touched, restarted=restarted)


def _rows(part: Part, lots: pl.DataFrame) -> tuple[pl.DataFrame, Fits]:
    """The charges of the accounts since their first slice, told apart where lots do."""
    touched = part.touched
    first, last = (instant(touched["first_slice"], at) for at in ("min", "max"))
    recent = part.recent or last
    late_accounts = touched.filter(pl.col("first_slice") < recent)["account_id"]
    scoped = scoped_accounts(lots)
    plain = touched.filter(~pl.col("account_id").is_in(scoped.implode())) if scoped.len() else touched
    periods: tuple[tuple[Accounts, datetime, datetime], ...] = (
        ((part.accounts[0], f"{part.accounts[1]}\0"), recent, part.closed),  # up to the next id that there may be
        (late_accounts, first, recent),
    )
    net = _net_charges(part, plain, periods)
    mine = touched.filter(pl.col("account_id").is_in(scoped.implode()))
    told_apart = _net_charges(part, mine, ((scoped, first, part.closed),), USE) if mine.height else net.clear()
    return rows_to_burn(part.step.lake, part.step.run, net, told_apart, lots)


def _net_charges(
    part: Part, touched: pl.DataFrame, periods: Sequence[tuple[Accounts, datetime, datetime]], keys: Sequence[str] = ()
) -> pl.DataFrame:
    """Net charges of the touched accounts by slice (and by `keys`), in their order, with the part that was posted before."""
    step = part.step
    rows = pl.concat([_charges(part, *period, keys) for period in periods])
    # Accounts are numbers from here on: text is slow to group and to sort by.
    numbered = touched.with_row_index("account")
    since = rows.lazy().filter(pl.col("run") <= step.run).join(numbered.lazy(), on="account_id")
    known = since.filter(pl.col("slice_start") >= pl.col("first_slice")).collect(engine="streaming")
    counted = pl.when(pl.col("run") <= step.head).then("amount_delta").otherwise(pl.lit(0, pl.Decimal(38, 18)))
    wanted = known.select("account", "slice_start", *keys, amount="amount_delta", counted=counted)
    net = sum_by(wanted, ("account", "slice_start", *keys), "amount", "counted").sort("account", "slice_start")
    return net.select(numbered["account_id"].gather(net["account"]), pl.exclude("account"))


def _charges(
    part: Part, accounts: Accounts, first: datetime, until: datetime, keys: Sequence[str] = ()
) -> pl.DataFrame:
    """Charges by slice, run, and `keys`; the files have those of an account together."""
    rows = rows_of_accounts(part.step.lake, "charges", (*CHARGE, *keys), accounts, first, until)
    return sum_neighbours(rows, ("account_id", "slice_start", *keys, "run"), "amount_delta")


def _forgotten(part: Part, rows: pl.DataFrame) -> pl.DataFrame:
    """Forget what was counted of accounts whose positions are forgotten; without positions, of all."""
    if part.step.is_rebuilding:
        return rows.with_columns(counted=pl.lit(0, pl.Decimal(38, 18)))
    return forget_counted(part.restarted, rows)


def _state(known: pl.DataFrame, moved: pl.DataFrame, *, is_whole: bool) -> pl.DataFrame:
    """Where every lot of these accounts stands now: those that moved, and the others as they were.

    Of an account with charges every lot is among `moved`. If all have some (`is_whole`), there are no others to look for.
    """
    owes = pl.col("lot") == NO_LOT
    unmoved = known.clear() if is_whole else known.filter(~owes).join(moved, on="lot", how="anti")
    still_owed = known.filter(owes).join(moved.filter(owes), on="account_id", how="anti")
    return pl.concat([moved, *(part.select(moved.columns) for part in (unmoved, still_owed))])


def _legs(worked: _Worked) -> list[pl.DataFrame]:
    """What should stand less what stands, booked."""
    part, burned, lots = worked.part, worked.burned, worked.lots
    lake, first = part.step.lake, instant(part.touched["first_slice"], "min")
    with lake.registered(touched=part.touched):
        draws = lake.frame("steps/ledger/standing_draws", part.bounds(first=first))
        unbilled = lake.frame("steps/ledger/standing_unbilled", part.bounds(first=first))
        expired = lake.frame("steps/ledger/standing_expiries", part.bounds())
        settled = _standing_settlements(worked)
        rolled = _standing_rollovers(worked)
    # The charges of a rebuild are posted already.
    new = lake.frame("steps/ledger/new_charges", part.bounds(**part.step.bounds_of_facts()))
    rest = unbilled_difference(burned.unbilled, unbilled.select(UNBILLED.names()))
    due = (lots, worked.state, part.closed)
    return [
        usage_legs(
            draw_difference(burned.draws, draws.select(DRAWS.names())), rest, new, lots, _currencies(part, rest)
        ),
        settlement_legs(draw_difference(burned.settled, settled), lots),
        rollover_legs(draw_difference(rollovers(*due), rolled), lots),
        expiry_legs(draw_difference(expiries(*due), expired.select(DRAWS.names())), lots),
    ]


def _standing_settlements(worked: _Worked) -> pl.DataFrame:
    """What stands as settled by the lots that were worked out again, and by accounts that restart."""
    part = worked.part
    owed_before = worked.before.filter(pl.col("lot") == NO_LOT)
    if owed_before.is_empty() and not part.step.is_rebuilding:
        return DRAWS.to_frame()
    scratched = part.restarted.filter("from_scratch").select("account_id")
    if scratched.is_empty() and worked.burned.reworked.is_empty():
        return DRAWS.to_frame()
    standing = part.step.lake.frame("steps/ledger/standing_settlements", part.bounds(first=EPOCH))
    restarting = standing.join(scratched, on="account_id", how="semi")
    reworked = standing.join(scratched, on="account_id", how="anti").join(
        worked.burned.reworked, on=["account_id", "lot"], how="semi"
    )
    return pl.concat([restarting, reworked]).select(DRAWS.names())


def _standing_rollovers(worked: _Worked) -> pl.DataFrame:
    """What stands as rolled over, where there is a recurring grant."""
    if worked.lots.filter(pl.col("kind") == RECURRING).is_empty():
        return DRAWS.to_frame()
    part = worked.part
    standing = part.step.lake.frame("steps/ledger/standing_rollovers", part.bounds(first=EPOCH))
    return standing.select(DRAWS.names())


def _currencies(part: Part, rest: pl.DataFrame) -> pl.DataFrame:
    """The currency of each account with a rest. The subscriptions know nearly all; of one whose last was voided, its row does."""
    wanted = rest.select("account_id").unique()
    subscriptions = facts_as_of(part.step.lake, part.step.run).subscriptions
    known = subscriptions.join(wanted, on="account_id", how="semi").select("account_id", "currency").unique()
    unknown = wanted.join(known, on="account_id", how="anti")
    if unknown.is_empty():
        return known
    accounts = part.step.lake.frame("steps/reference/accounts_now", {"run": part.step.run})
    return pl.concat([known, accounts.join(unknown, on="account_id", how="semi").select("account_id", "currency")])
