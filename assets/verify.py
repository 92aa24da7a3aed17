"""Proof of an invoice: worked out again from the usage events and the facts as of its run (semantics 5).

What belongs here: the recomputation and the comparison, stage by stage. What does not: new rules; every stage is computed
by the code that wrote the books, but from the beginning, and from the records alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from assets.charge_kinds import due_of_all_kinds, of_all_meters
from assets.corrected_events import define_counted_events
from assets.credit_rows import lots_of_touched, net_of, rows_to_burn, scoped_accounts, stated_debts
from assets.invoices import Drafted, draft
from assets.stated_debts import newly_stated
from assets.true_ups import due_of_closings, due_of_minimums
from assets.usage_hourly import meter_from_records
from rating import rate
from rating.credits import POSITIONS, burn_down
from rating.schemas import CHARGE_KEY, TOTALS, no_rows
from rating.sums import sum_by
from resources.errors import ResourceError
from resources.facts import EPOCH, closed_until, facts_as_of
from resources.lake import Lake
from resources.project import Project


class UnknownInvoiceError(ResourceError):
    """There is no invoice of that number."""


@dataclass(frozen=True)
class Finding:
    """What a stage of the proof found: how many rows were compared, and the first that differs."""

    stage: str
    rows: int
    first_difference: str | None


def verify_invoice(project: Project, number: str) -> list[Finding]:
    """Compare an invoice with its recomputation: quantities and charges, draws, lines and totals, in this order.

    Raises:
        UnknownInvoiceError: no invoice has this number.
    """
    lake = project.lake
    found = lake.frame("steps/verify/invoice", {"number": number})
    if found.is_empty():
        message = f"there is no invoice {number!r}; `meterbook sql -c 'select number from invoices'` lists them"
        raise UnknownInvoiceError(message)
    invoice = found.row(0, named=True)
    account, snapshot = invoice["account_id"], invoice["snapshot_run"]
    due, held = _rated(lake, account, snapshot)
    findings = [_compare_charges(lake, account, snapshot, due, held)]
    findings.append(_compare_draws(lake, account, snapshot, due))
    findings.append(_compare_lines(project, invoice))
    return findings


def _head(lake: Lake, step: str, run: int) -> int:
    """The run of a step's last commit up to a run: it saw the facts up to there."""
    return int(lake.value("steps/verify/head", {"step": step, "run": run}))


def _rated(lake: Lake, account: str, snapshot: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The charges of the account, from its records, and what is held back until periods are over."""
    run = _head(lake, "usage_hourly", snapshot)
    facts = facts_as_of(lake, run)
    with _records_of(lake, account, run):
        usage = meter_from_records(lake, facts, run, closed_until(lake, run) or EPOCH)
    own = usage.filter(pl.col("account_id") == account)
    facts = facts_as_of(lake, _head(lake, "charges", snapshot))
    zero = pl.lit(0, pl.Decimal(38, 9))
    subscriptions = facts.subscriptions.filter(pl.col("account_id") == account)
    rated = rate(own.with_columns(counted=zero), facts.prices, subscriptions, no_rows(TOTALS), cut=facts.cuts).due
    closed = closed_until(lake, _head(lake, "charges", snapshot)) or EPOCH
    accounts = pl.DataFrame({"account_id": [account], "first_slice": [EPOCH]})
    due = due_of_all_kinds(facts, rated, of_all_meters(facts, accounts), closed)
    true_ups = due_of_minimums(facts, due.whole, accounts, closed)
    return pl.concat([due.booked, true_ups, due_of_closings(facts, due.held, accounts, closed)]), due.held


@contextmanager
def _records_of(lake: Lake, account: str, run: int) -> Iterator[None]:
    """Let the metering statements see only the records of the account's resources, and those after them."""
    define_counted_events(lake, run)
    lake.run_statement("steps/verify/records", {"account": account, "run": run})
    try:
        yield
    finally:
        lake.connection.execute("drop table temp.usage_events")


def _compare_charges(lake: Lake, account: str, snapshot: int, due: pl.DataFrame, held: pl.DataFrame) -> Finding:
    standing = lake.frame("steps/verify/charges", {"account": account, "run": snapshot})
    both = pl.concat([due.with_columns(held=pl.lit("")), held.with_columns(held=pl.lit("until its period is over"))])
    return _compare("quantities and charges", both, standing, (*CHARGE_KEY, "held"), ("quantity", "amount"))


def _compare_draws(lake: Lake, account: str, snapshot: int, due: pl.DataFrame) -> Finding:
    run = _head(lake, "ledger_entries", snapshot)
    closed = closed_until(lake, run) or EPOCH
    charges = due.with_columns(counted=pl.lit(0, pl.Decimal(38, 18)))
    with lake.registered(touched=pl.DataFrame({"account_id": [account]})):
        lots = lots_of_touched(lake, run, closed)
        stated = stated_debts(lake, run)
    is_scoped = account in scoped_accounts(lots)
    rows, fits = rows_to_burn(
        lake, run, net_of(charges.clear() if is_scoped else charges), charges if is_scoped else charges.clear(), lots
    )
    burned = burn_down(rows, lots.drop("currency"), POSITIONS.to_frame(), fits, closed, stated)
    draws = lake.frame("steps/verify/draws", {"account": account, "run": snapshot})
    key = ("account_id", "slice_start", "lot")
    credit = pl.concat([burned.draws, burned.settled])
    return _compare("draws on credit", sum_by(credit, key, "amount"), draws, key, ("amount",))


def _compare_lines(project: Project, invoice: dict[str, object]) -> Finding:
    run = int(str(invoice["run"]))
    lake = project.lake
    before = draft(lake, project.settings, run - 1, str(invoice["period"]), account=str(invoice["account_id"]))
    stated = lake.frame("steps/verify/lines", {"number": invoice["number"]})
    key = ("period_start", "plan", "price_id", "version", "tier", "kind")
    lines = _compare("lines", before.lines, stated, key, ("quantity", "amount", "exact"))
    if lines.first_difference is not None:
        return lines
    totals = ("net", "promotional_credit", "paid_credit", "tax", "due")
    header = pl.DataFrame([invoice]).select("account_id", *(pl.col(name).cast(pl.Decimal(38, 18)) for name in totals))
    compared = _compare("lines and totals", before.invoices, header, ("account_id",), totals)
    if compared.first_difference is not None:
        return compared
    debts = _compare_debts(lake, before, invoice, run)
    return Finding(compared.stage, lines.rows + compared.rows + debts.rows, debts.first_difference)


def _compare_debts(lake: Lake, before: Drafted, invoice: dict[str, object], run: int) -> Finding:
    """Whether later lots pass over what the invoice states of prepaid use without credit, and nothing else."""
    documents = before.invoices.with_columns(number=pl.lit(invoice["number"]))
    facts = facts_as_of(lake, before.snapshot_run)
    due = newly_stated(lake, facts, documents, before.lines, before.snapshot_run, run - 1)
    standing = lake.frame("steps/verify/stated_debts", {"number": invoice["number"]})
    return _compare("lines and totals", due, standing, ("account_id", "period_start", "stated_until"), ("amount",))


def _compare(
    stage: str, due: pl.DataFrame, standing: pl.DataFrame, key: Sequence[str], values: Sequence[str]
) -> Finding:
    """Compare row by row; a row of nothing but zeros is the same as none."""
    names = [f"recomputed_{name}" for name in values]
    left = due.select(*key, *(pl.col(name).alias(f"recomputed_{name}") for name in values))
    both = left.join(standing.select(*key, *values), on=list(key), how="full", coalesce=True, nulls_equal=True)
    same = [pl.col(new).fill_null(0) == pl.col(old).fill_null(0) for new, old in zip(names, values, strict=True)]
    differing = both.filter(~pl.all_horizontal(same)).sort(key)
    if differing.is_empty():
        return Finding(stage, both.height, None)
    row = differing.row(0, named=True)
    where = ", ".join(f"{name} {row[name]}" for name in key if str(row[name]) not in ("", "{}"))
    what = "; ".join(f"{name} stands as {row[name]}, recomputed {row[f'recomputed_{name}']}" for name in values)
    return Finding(stage, both.height, f"{where}: {what}")
