"""Posting alone: an hour and late charges of all accounts, and an account with many lots.

What belongs here: what is charged, what is measured, and what must be true of the result. What does not: the lakes
(`world.py`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from assets.ledger_entries import post_charges
from benchmarks.credit.sizes import CHARGES_OF_ACCOUNT, CreditSizes
from benchmarks.credit.world import charge, hours_between, make_million, make_one
from benchmarks.history import open_project
from benchmarks.measure import BenchmarkError, Measured, Rewind, in_fresh_process, peak_bytes
from benchmarks.sizes import MEASURED_HOUR


@dataclass(frozen=True)
class Posted:
    """One posting: for how many accounts and charges, and its measurement."""

    what: str
    charges: int
    measured: Measured


def measure_million(folder: Path, sizes: CreditSizes, show: Callable[[str], None]) -> list[Posted]:
    """An hour of all accounts, and then late charges of six hours instead."""
    project, made = folder / "million", folder / "million.made"
    if not made.exists():
        show(f"{sizes.accounts:,} accounts, and the hours before")
        in_fresh_process(make_million, project, sizes)
        made.touch()
    rewind = Rewind(project)
    late = hours_between(sizes.history_start, MEASURED_HOUR)
    cases = {
        f"an hour of {sizes.accounts:,} accounts": ([MEASURED_HOUR], CHARGES_OF_ACCOUNT, True),
        f"{len(late)} hours late, all of them": (late, 1, False),
    }
    posted = []
    for what, (hours, charges, closes) in cases.items():
        show(what)
        in_fresh_process(charge, project, "measured", sizes.accounts, hours, charges=charges, closes=closes)
        measured = in_fresh_process(post, project, "measured")
        rewind.back()
        posted.append(Posted(what, sizes.accounts * len(hours) * charges, measured))
    return posted


def measure_many_lots(folder: Path, sizes: CreditSizes, show: Callable[[str], None]) -> list[Posted]:
    """One account: all of its hours at once, and one hour more."""
    project = folder / "one"
    show(f"an account with {sizes.lots:,} lots")
    in_fresh_process(make_one, project, sizes)
    year = in_fresh_process(post, project, "year")
    in_fresh_process(charge, project, "more", 1, [MEASURED_HOUR], charges=CHARGES_OF_ACCOUNT, closes=True)
    more = in_fresh_process(post, project, "more")
    return [
        Posted(f"{sizes.lots:,} lots, {sizes.slices:,} hours", sizes.slices * CHARGES_OF_ACCOUNT, year),
        Posted("the same, an hour more", CHARGES_OF_ACCOUNT, more),
    ]


def post(folder: Path, job: str) -> Measured:
    """Post what was charged last, and check that every cent of it went somewhere."""
    with open_project(folder) as project:
        began, started = time.process_time(), time.perf_counter()
        report = post_charges(project, job)
        seconds, processor = time.perf_counter() - started, time.process_time() - began
        peak = peak_bytes()
        charged = project.lake.connection.execute(
            "select sum(amount_delta) from charges where run = (select max(run) from charges)"
        ).fetchall()[0][0]
    booked = sum(Decimal(amount) for side in ("drawn", "unbilled") for amount in report[side].values())
    if booked != charged or not charged:
        raise BenchmarkError(f"{charged} was charged and {booked} booked: {report}")
    return Measured({"ledger_entries": seconds}, processor, peak, report)
