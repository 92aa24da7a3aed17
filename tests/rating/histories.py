"""Random histories of credit, of hundreds of accounts at a time, and books that converge over them as the lake's do."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl

from rating.credit_schemas import DRAWS, LOTS, POSITIONS, STATED_DEBTS, UNBILLED, USES
from rating.credit_scopes import Fits, classify_uses, plain_charges
from rating.credits import BurnDown, burn_down
from rating.postings import expiries, rollovers
from rating.restarts import forget_counted, forget_states, indebted, restarts, together
from rating.sums import sum_by
from tests.rating.credit_reference import MIDNIGHT, Books, Charge, Lot, Scope, Stated, at
from tests.rating.frames import TEXT, TIME, D, frame

KEYS = tuple(name for name in USES if name not in ("amount", "counted"))
GRANTS = {"grant_id": TEXT, "account_id": TEXT, "effective_at": TIME, "run": pl.Int64()}


def scope_text(scope: Scope) -> str:
    """A scope as the lake keeps it."""
    parts: dict[str, Any] = {}
    for key, wanted in scope:
        if key == "dimensions":
            parts.setdefault(key, {})[wanted[0]] = wanted[1]
        else:
            parts[key] = list(wanted)
    return json.dumps(parts, sort_keys=True) if parts else ""


def lots_frame(lots: Iterable[Lot]) -> pl.DataFrame:
    rows = [[scope_text(lot.scope) if name == "scope" else getattr(lot, name) for name in LOTS] for lot in lots]
    return frame(LOTS, *rows)


def charges_frame(charges: Iterable[Charge]) -> pl.DataFrame:
    """Charges as rows of `USES`, nothing of them counted."""
    return frame(
        USES,
        *(
            (
                one.account_id, one.start, one.end, one.plan, one.price_id, one.service_id, one.resource_id, one.meter,
                json.dumps(dict(one.dimensions), sort_keys=True), one.kind, one.prepaid, one.amount, D(0),
            )
            for one in charges
        ),
    )  # fmt: skip


def rows_to_burn(charges: pl.DataFrame, lots: pl.DataFrame) -> tuple[pl.DataFrame, Fits]:
    """The rows that `burn_down` takes: told apart for accounts with scoped lots, one net row a slice for the others."""
    scoped = lots.filter(pl.col("scope") != "")
    mine = scoped.select("account_id").unique()
    told, fits = classify_uses(charges.join(mine, on="account_id", how="semi"), scoped["scope"])
    keys = ["account_id", "slice_start", "slice_end", "prepaid"]
    others = sum_by(charges.join(mine, on="account_id", how="anti"), keys, "amount", "counted")
    return pl.concat([told, plain_charges(others)]), fits


@dataclass(frozen=True)
class Facts:
    """What is known after a batch: charges, grants that are new or restated, the hours closed, and what documents stated."""

    charges: Sequence[Charge]
    lots: Sequence[Lot]
    closed_until: datetime
    stated: Sequence[Stated] = ()


@dataclass
class Converging:
    """Keeps books over several computations, as the lake does: each run computes what its facts touched."""

    charges: pl.DataFrame = field(default_factory=lambda: USES.to_frame().with_columns(run=pl.lit(0)))
    lots: dict[str, Lot] = field(default_factory=dict)
    grant_rows: list[tuple[str, str, datetime, int]] = field(default_factory=list)
    draws: pl.DataFrame = field(default_factory=DRAWS.to_frame)
    unbilled: pl.DataFrame = field(default_factory=UNBILLED.to_frame)
    settled: pl.DataFrame = field(default_factory=DRAWS.to_frame)
    settled_use: pl.DataFrame = field(default_factory=DRAWS.to_frame)
    positions: pl.DataFrame = field(default_factory=POSITIONS.to_frame)
    stated: pl.DataFrame = field(default_factory=STATED_DEBTS.to_frame)
    closed_until: datetime = MIDNIGHT - timedelta(days=30)
    run: int = 0

    def take(self, facts: Facts) -> None:
        self.run += 1
        added = charges_frame(facts.charges).with_columns(run=pl.lit(self.run))
        self.charges = pl.concat([self.charges, added])
        self.lots |= {lot.lot: lot for lot in facts.lots}
        self.grant_rows += [(lot.series or lot.lot, lot.account_id, lot.effective_at, self.run) for lot in facts.lots]
        stated = ((one.account_id, one.until, MIDNIGHT, one.amount) for one in facts.stated)
        self.stated = pl.concat([self.stated, frame(STATED_DEBTS, *stated)])
        closed_before, self.closed_until = self.closed_until, facts.closed_until
        lots = lots_frame(self.lots.values())
        grants = frame(GRANTS, *self.grant_rows)
        restarted = together(restarts(grants, self.run - 1), indebted(self.positions, lots))
        begun = lots.filter(pl.col("effective_at").is_between(closed_before, self.closed_until, closed="right"))
        touched = pl.concat(
            [
                added.select("account_id", first_slice="slice_start"),
                begun.select("account_id", first_slice=pl.col("effective_at").dt.truncate("1h")),
                restarted.select("account_id", first_slice="restart_from"),
            ]
        )
        self._converge(touched.group_by("account_id").agg(pl.col("first_slice").min()), restarted, lots)

    def _converge(self, touched: pl.DataFrame, restarted: pl.DataFrame, lots: pl.DataFrame) -> None:
        since = self.charges.join(touched, on="account_id").filter(pl.col("slice_start") >= pl.col("first_slice"))
        nothing = pl.lit(D(0), pl.Decimal(38, 18))
        counted = since.with_columns(counted=pl.when(pl.col("run") < self.run).then("amount").otherwise(nothing))
        net = sum_by(counted.select(USES.names()), KEYS, "amount", "counted")
        own = lots.join(touched, on="account_id", how="semi")
        rows, fits = rows_to_burn(forget_counted(restarted, net), own)
        known = forget_states(restarted, self.positions.join(touched, on="account_id", how="semi"))
        result = burn_down(rows, own, known, fits, self.closed_until, self.stated)
        self._post(result, touched, restarted)

    def _post(self, result: BurnDown, touched: pl.DataFrame, restarted: pl.DataFrame) -> None:
        def kept(standing: pl.DataFrame) -> pl.DataFrame:
            both = standing.join(touched, on="account_id", how="left")
            return both.filter((pl.col("slice_start") >= pl.col("first_slice")).fill_null(value=False) ^ True)

        self.draws = pl.concat([kept(self.draws).select(DRAWS.names()), result.draws])
        self.unbilled = pl.concat([kept(self.unbilled).select(UNBILLED.names()), result.unbilled])
        standing = forget_states(restarted, self.settled).join(result.reworked, on=["account_id", "lot"], how="anti")
        self.settled = pl.concat([standing, result.settled])
        self.settled_use = result.settled_use
        unmoved = forget_states(restarted, self.positions).join(result.positions, on=["account_id", "lot"], how="anti")
        self.positions = pl.concat([unmoved, result.positions])

    def books(self) -> Books:
        """The books in the shape of the reference's."""
        lots = lots_frame(self.lots.values())
        state = self.positions.filter(pl.col("lot") != "")
        rolled = rollovers(lots, state, self.closed_until).filter(pl.col("amount") > 0)
        return Books(
            draws=_by_lot(self.draws),
            unbilled={(account, start): amount for account, start, amount in self.unbilled.iter_rows()},
            settled=_by_lot(self.settled),
            positions={lot: position for _, lot, position in state.iter_rows()},
            rolled=_by_lot(rolled),
            expired=_by_lot(expiries(lots, state, self.closed_until)),
        ).clear_zeros()


def _by_lot(rows: pl.DataFrame) -> dict[tuple[str, datetime, str], Decimal]:
    named = rows.select("account_id", "slice_start", "lot", "amount").iter_rows()
    return {(account, start, lot): amount for account, start, lot, amount in named}


def at_once(
    charges: Iterable[Charge], lots: Iterable[Lot], closed_until: datetime, stated: Iterable[Stated] = ()
) -> Books:
    """The books of all facts in one computation."""
    kept = Converging()
    kept.take(Facts(list(charges), list(lots), closed_until, list(stated)))
    return replace(kept.books(), settled_use=_by_lot(kept.settled_use))


# Random histories. Few hours, few lots and small amounts, so that everything meets everything.
HOURS = 10
SCOPES: tuple[Scope, ...] = (
    (("meters", ("cpu",)),), (("meters", ("cpu", "out")),), (("plans", ("p",)),), (("prices", ("x",)), ("meters", ("out",))),
    (("dimensions", ("zone", "a")),), (("dimensions", ("zone", "b")), ("meters", ("cpu",))), (("meters", ("none",)),),
)  # fmt: skip


@dataclass(frozen=True)
class History:
    """What happened to some accounts: batches of facts, in the order in which they came."""

    batches: list[Facts]

    @property
    def charges(self) -> list[Charge]:
        return [charge for batch in self.batches for charge in batch.charges]

    @property
    def stated(self) -> list[Stated]:
        return [one for batch in self.batches for one in batch.stated]

    def lots(self) -> list[Lot]:
        """The lots as they are in the end."""
        return list({lot.lot: lot for batch in self.batches for lot in batch.lots}.values())


def history(seed: int, accounts: int, batches: int) -> History:
    """Histories of so many accounts in so many batches; each batch closes more hours, or none."""
    random = Random(seed)  # noqa: S311 - no secrets
    closed = [*sorted(random.randint(1, HOURS) for _ in range(batches - 1)), HOURS]
    charges: list[list[Charge]] = [[] for _ in closed]
    lots: list[list[Lot]] = [[] for _ in closed]
    stated: list[list[Stated]] = [[] for _ in closed]
    for number in range(accounts):
        account = f"a{number:05}"
        for charge in _charges(random, account):
            ready = [batch for batch, hour in enumerate(closed) if charge.end <= at(hour)]
            charges[random.choice(ready) if random.random() < 0.4 else ready[0]].append(charge)
        for versions in _lots(random, account):
            first = random.randrange(batches)
            for lot in versions:
                lots[first].append(lot)
                if random.random() < 0.1:
                    lots[random.randrange(first, batches)].append(_restated(random, lot))
        for batch in range(1, batches):
            if random.random() < 0.2:
                stated[batch].append(Stated(account, at(closed[batch - 1]), _cents(random, -8, 80)))
    hours = (at(hour) for hour in closed)
    return History([Facts(*facts) for facts in zip(charges, lots, hours, stated, strict=True)])


def _cents(random: Random, least: int, most: int) -> Decimal:
    return D(random.randint(least, most)) / 4


def _charges(random: Random, account: str) -> Iterator[Charge]:
    """Charges of one account, in slices that are hours or parts of them; sometimes of two modes."""
    modes = random.choice(((0, True), (0, False), (random.randint(1, HOURS * 4), random.random() < 0.5)))
    has_kinds = random.random() < 0.6
    negative = random.choice((0.0, 0.2, 0.4))
    for hour in range(HOURS):
        if random.random() < 0.4:
            continue
        edges = [0.0, 0.5, 1.0] if random.random() < 0.2 else [0.0, 1.0]
        for start, end in pairwise(edges):
            prepaid = modes[1] if (hour + start) * 4 >= modes[0] else not modes[1]
            for _ in range(random.randint(1, 4) if has_kinds else 1):
                amount = _cents(random, 1, 20) * (-1 if random.random() < negative else 1)
                charge = Charge(account, at(hour + start), at(hour + end), amount, prepaid, kind=random.choice("fu"))
                yield _of_kind(random, charge) if has_kinds else charge


def _of_kind(random: Random, charge: Charge) -> Charge:
    zone = random.choice(((), (("zone", "a"),), (("zone", "b"),), (("disk", "c"), ("zone", "a"))))
    return replace(
        charge, plan=random.choice("pq"), price_id=random.choice("xy"), meter=random.choice(("cpu", "out", "disk")),
        resource_id=random.choice("rs"), dimensions=zone,
    )  # fmt: skip


def _lots(random: Random, account: str) -> Iterator[list[Lot]]:
    """Lots of one account: some of them recurring, which come as all their periods' lots at once."""
    is_scoped = random.random() < 0.4
    for number in range(random.choice((0, 1, 1, 2, 3, 4, 6))):
        scope = random.choice(SCOPES) if is_scoped and random.random() < 0.6 else ()
        lot = Lot(
            account, f"{account}-{number}", _cents(random, 0, 60), at(random.randint(-8, HOURS * 4 + 8) / 4),
            kind=random.choice(("paid", "paid", "promotional", "adjustment")), priority=random.randint(0, 1), scope=scope,
        )  # fmt: skip
        if random.random() < 0.25:
            yield list(_periods(random, lot))
        else:
            ends = lot.effective_at + (at(random.randint(1, 24) / 4) - at(0))
            yield [lot if random.random() < 0.5 else replace(lot, expires_at=ends)]


def _periods(random: Random, lot: Lot) -> Iterator[Lot]:
    """The lots of a recurring grant; a period is two hours or three."""
    length, start = random.randint(2, 3), random.randint(0, 4)
    roll_over = _cents(random, 0, 40)
    for hour in range(start, HOURS + length, length):
        yield replace(
            lot, lot=f"{lot.lot}/{hour:02}", kind="recurring", effective_at=at(hour), expires_at=at(hour + length),
            series=lot.lot, roll_over=roll_over,
        )  # fmt: skip


def _restated(random: Random, lot: Lot) -> Lot:
    """A lot that is voided, or worth something else, or begins at another time."""
    if lot.series:
        return replace(lot, amount=_cents(random, 0, 60))
    if random.random() < 0.5:
        return replace(lot, amount=D(0), roll_over=D(0))
    return replace(
        lot, amount=_cents(random, 0, 60), effective_at=min(lot.expires_at or at(9), at(random.randint(0, HOURS)))
    )
