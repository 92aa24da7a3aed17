"""A small project that was billed hour by hour, as tests of the lake's files need it, and what its tables hold.

What belongs here: making, copying and reading such projects. What does not: what lands in them (`tests.faults.worlds`).
"""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from resources.catalogs import Catalog
from resources.lake import Lake
from resources.project import Project
from resources.settings import load_settings
from resources.writer import record
from tests.faults import runs, worlds
from tests.faults.books import Books, books

HOURS = 9
MACHINES = 30
HOUR = timedelta(hours=1)
INSTANT = pl.Datetime("us", "UTC")
# The first hours are billed in one go, the last ones after the upkeep, the backup or the restore of a test.
CAUGHT_UP = 3
BILLED = 7
TOP_UPS = 24
TABLES = """
account_balances accounts alert_rules alerts charges closed_months corrected_events corrections deliveries grants
held_charges ingested_files ingested_hours invoices ledger_entries lot_positions price_books rated_totals
rejected_events reratings run_hours runs schema_migrations step_heads subscriptions usage_events usage_hourly
waiting_alerts
""".split()


def sqlite_file(catalog: Catalog) -> Path:
    """The file of a SQLite catalog."""
    assert isinstance(catalog, Path)
    return catalog


@dataclass(frozen=True)
class Billed:
    """A project's directory, and the world of which all but the last hours are in its books."""

    directory: Path
    world: worlds.World

    def copy(self, directory: Path) -> "Billed":
        """The same project elsewhere."""
        shutil.copytree(self.directory, directory)
        return Billed(directory, self.world)

    def open(self) -> Project:
        """Open the project's lake."""
        return runs.open_project(self.directory)

    def open_read_only(self) -> Lake:
        """Open the lake as analysts do."""
        settings = load_settings(self.directory)
        return Lake(settings.lake.catalog, settings.lake.data, read_only=True, threads=1)

    def run_on(self) -> Books:
        """Land and bill the last hours; returns the books."""
        with self.open() as project:
            for hour in range(BILLED + 1, HOURS + 1):
                bill_hour(project, self.world, hour)
            return books(project.lake)


def bill_hour(project: Project, world: worlds.World, hour: int) -> None:
    """Land what has arrived by the end of this hour and bill it."""
    runs.land(project, world.arrived(hour))
    runs.run(project, worlds.START + hour * HOUR)


def top_up(lake: Lake, number: int) -> None:
    """Grant credit, as a command does: a commit of one row."""
    row = {
        "grant_id": f"top-up-{number}", "account_id": worlds.ACCOUNTS[number % 5], "kind": "promotional",
        "amount": Decimal(1), "currency": "EUR", "priority": 30, "effective_at": worlds.START, "expires_at": None,
        "receipt": "", "tax_paid": Decimal(0), "tax_code": "", "gateway": "", "reason": "", "void": False,
    }  # fmt: skip
    frame = pl.DataFrame([row], schema_overrides={"effective_at": INSTANT, "expires_at": INSTANT, "priority": pl.Int32})
    record(lake, "reference", "grant", lambda step: step.append("grants", frame))


def make(directory: Path, catalog: str = "", machines: int = MACHINES) -> Billed:
    """Bill a world, but for its last hours."""
    world = worlds.make(hours=HOURS, machines=machines)
    runs.make_project(directory, catalog)
    with runs.open_project(directory) as project:
        runs.take_books(project)
        runs.land(project, world.facts)
        for hour in range(CAUGHT_UP, BILLED + 1):
            bill_hour(project, world, hour)
        for number in range(TOP_UPS):
            top_up(project.lake, number)
    return Billed(directory, world)


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    """Every row of every table, in an order of its own."""
    return {table: lake.connection.execute(f"from {table} order by all").pl() for table in TABLES}


def assert_same_contents(expected: dict[str, pl.DataFrame], lake: Lake) -> None:
    """Fail unless the lake's tables hold these rows and no others."""
    found = contents(lake)
    different = [table for table in TABLES if not expected[table].equals(found[table])]
    assert not different, {table: (expected[table].height, found[table].height) for table in different}
