"""Bills the week under the book of everything with the product.

What belongs here: making projects, landing and running them. What does not: what the books must be (`reference.py`).
"""

import random
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from assets.invoices import issue
from assets.verify import verify_invoice
from pipelines.checks import CHECKS, Window
from pipelines.hourly import run_hourly
from resources.clock import FixedClock
from resources.lake import Lake
from resources.project import Project
from resources.settings import load_settings
from tests.real.everything import world
from tests.real.everything.world import Landed

SETTINGS: Final = """
price_book = "everything.yaml"
[seller]
name = "Example Cloud"
"""
# Of the files that could be landed at a step, about so many wait for a later one.
HELD_BACK: Final = 0.2
QUERIES: Final = {
    "quantities": "select account_id as account, resource_id as vm, meter, dimensions, slice_start, "
    "sum(quantity)::decimal(38, 9) as quantity from usage_hourly group by all",
    "charges": "select account_id as account, price_id, resource_id as vm, meter, dimensions, slice_start, kind, "
    "sum(quantity_delta)::decimal(38, 9) as quantity, sum(amount_delta)::decimal(38, 18) as amount "
    "from charges group by all",
}


@contextmanager
def new_project(directory: Path) -> Iterator[Project]:
    """A project with the book, its accounts landed, some days after the week."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "meterbook.toml").write_text(SETTINGS, encoding="utf-8")
    shutil.copy(world.BOOK, directory)
    with Project.open(load_settings(directory), FixedClock(world.WEEK_END + timedelta(days=2))) as project:
        world.land_reference(project.settings.landing)
        yield project


def catch_up(project: Project, data_file: Path, numbers: Iterable[int] = world.ALL_ACCOUNTS) -> None:
    """Land all, and close all hours in one run."""
    world.land_records(project.settings.landing, data_file, numbers)
    run_hourly(project, world.CLOSED_UNTIL)


def bill_in_steps(
    project: Project, data_file: Path, numbers: Iterable[int], steps: int, chance: random.Random
) -> list[datetime]:
    """Close the hours in that many runs, at hours drawn at random; files come when they are whole, or some steps later."""
    waiting = world.land_records(project.settings.directory / "aside", data_file, numbers)
    hours = (world.CLOSED_UNTIL - world.WEEK_START) // timedelta(hours=1)
    drawn = sorted(chance.sample(range(1, hours), steps - 2))
    # The last closes nothing more: it takes what came when the month was over.
    until = [*(world.WEEK_START + timedelta(hours=hour) for hour in drawn), world.CLOSED_UNTIL, world.CLOSED_UNTIL]
    for number, moment in enumerate(until, start=1):
        arrived = [file for file in waiting if file.at <= moment and (number == steps or chance.random() > HELD_BACK)]
        for file in arrived:
            _land(project, file)
        waiting = [file for file in waiting if file not in arrived]
        run_hourly(project, moment)
    return until


def standing(lake: Lake, what: str) -> object:
    """Quantities or charges as the lake has them, in the columns of the independent computation."""
    return lake.connection.execute(QUERIES[what]).pl()


def unproved(project: Project, numbers: Iterable[int]) -> list[str]:
    """What the checks find wrong, and the invoices of March of these accounts that cannot be proved."""
    last = project.lake.value("steps/writer/next_run") - 1
    wrong = [check.name for check in CHECKS if not check.find(project, Window(0, last)).is_empty()]
    issue(project, "issue", "2013-03")
    accounts = [f"account-{number:02d}" for number in numbers]
    invoices = project.lake.connection.execute(
        "select number, account_id from invoices where list_contains($accounts, account_id) order by number",
        {"accounts": accounts},
    ).fetchall()
    missing = sorted(set(accounts) - {account for _, account in invoices})
    findings = [(account, finding) for number, account in invoices for finding in verify_invoice(project, number)]
    return [
        *wrong,
        *(f"{account} has no invoice" for account in missing),
        *(f"{account}: {finding.first_difference}" for account, finding in findings if finding.first_difference),
    ]


def _land(project: Project, file: Landed) -> None:
    folder = project.settings.landing / "usage_records"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.move(file.path, folder / file.path.name)
