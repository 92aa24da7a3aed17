"""A small project that was billed hour by hour, as tests of the lake's files need it, and what its tables hold.

What belongs here: making, copying and reading such projects. What does not: what lands in them (`tests.faults.worlds`).
"""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from resources.lake import Lake
from resources.project import Project
from tests.faults import runs, worlds

HOURS = 20
MACHINES = 10
HOUR = timedelta(hours=1)
# What the last hours bring: some tests run them after the upkeep, the backup or the restore.
LEFT_FOR_LATER = 2
TABLES = """
accounts charges closed_months grants ingested_files ingested_hours invoices ledger_entries lot_positions price_books
rated_totals rejected_events run_hours runs schema_migrations step_heads subscriptions usage_events usage_hourly
""".split()


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

    def run_on(self, until: int = HOURS) -> None:
        """Land and bill what the world still has, up to an hour."""
        with self.open() as project:
            for hour in range(HOURS - LEFT_FOR_LATER + 1, until + 1):
                bill_hour(project, self.world, hour)


def bill_hour(project: Project, world: worlds.World, hour: int) -> None:
    """Land what arrives by the end of this hour and bill it."""
    runs.land(project, (file for file in world.usage if hour - 1 < file.arrives <= hour))
    runs.run(project, worlds.START + hour * HOUR)


def make(directory: Path) -> Billed:
    """Bill a world hour by hour, but for its last hours."""
    world = worlds.make(hours=HOURS, machines=MACHINES)
    with runs.opened(directory) as project:
        runs.take_books(project)
        runs.land(project, world.facts)
        for hour in range(1, HOURS - LEFT_FOR_LATER + 1):
            bill_hour(project, world, hour)
    return Billed(directory, world)


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    """Every row of every table, in an order of its own."""
    return {table: lake.connection.execute(f"from {table} order by all").pl() for table in TABLES}


def assert_same_contents(expected: dict[str, pl.DataFrame], lake: Lake) -> None:
    """Fail unless the lake's tables hold these rows and no others."""
    found = contents(lake)
    different = [table for table in TABLES if not expected[table].equals(found[table])]
    assert not different, {table: (expected[table].height, found[table].height) for table in different}
