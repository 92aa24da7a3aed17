"""Bills the real week with the product.

What belongs here: making projects for the week and running them. What does not: what the books must be (`reference.py`).
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pipelines.hourly import run_hourly
from resources.clock import FixedClock
from resources.lake import Lake
from resources.project import Project
from resources.settings import load_settings
from tests.real import reference
from tests.real.landing import land_week

BEGIN: Final = datetime(2013, 8, 1, tzinfo=UTC)
END: Final = datetime(2013, 8, 8, tzinfo=UTC)
WEEK_HOURS: Final = 168
# Crosses a midnight and bounds of tiers, hour by hour after what is caught up at once; the whole week is for `make soak`.
SHORT_HOURS: Final = 26
SHORT_AT_ONCE: Final = 21
SETTINGS: Final = """
price_book = "prices.yaml"
[seller]
name = "Example Cloud"
"""


@contextmanager
def new_project(directory: Path) -> Iterator[Project]:
    """A project with the price book of the week, on the day after it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "meterbook.toml").write_text(SETTINGS, encoding="utf-8")
    shutil.copy(Path(__file__).parent / "prices.yaml", directory / "prices.yaml")
    with Project.open(load_settings(directory), FixedClock(END + timedelta(days=1))) as project:
        yield project


def bill_by_the_hour(project: Project, data_file: Path, hours: int, at_once: int) -> None:
    """Land each hour's file when its hour is over, and close that hour; the first `at_once` hours in one run."""
    hidden = _land_hidden(project, data_file, hours)
    for hour, file in enumerate(hidden, start=1):
        file.rename(file.with_name(file.name.removeprefix(".")))
        if hour >= at_once:
            run_hourly(project, BEGIN + timedelta(hours=hour))


def catch_up(project: Project, data_file: Path, hours: int) -> None:
    """Land the same files at once, and close their hours in one run."""
    for file in _land_hidden(project, data_file, hours):
        file.rename(file.with_name(file.name.removeprefix(".")))
    run_hourly(project, BEGIN + timedelta(hours=hours))


def _land_hidden(project: Project, data_file: Path, hours: int) -> list[Path]:
    """The files of the first hours, under names that a run passes over."""
    aside = project.settings.directory / "aside"
    files = [file.relative_to(aside) for file in land_week(aside, "hour", data_file)]
    for late in files[hours:]:
        (aside / late).unlink()
    shutil.move(aside, project.settings.landing)
    landed = [project.settings.landing / file for file in files[:hours]]
    return [file.rename(file.with_name(f".{file.name}")) for file in landed]


def books_to_compare(lake: Lake) -> reference.Books:
    """Quantities and charges in the columns of the independent computation."""
    quantities = lake.connection.execute(
        "select resource_id as vm, meter, slice_start as hour, sum(quantity) as quantity from usage_hourly group by all"
    ).pl()
    charges = lake.connection.execute(
        "select account_id as account, price_id, resource_id as vm, slice_start, sum(quantity_delta) as quantity, "
        "sum(amount_delta) as amount from charges group by all"
    ).pl()
    return reference.Books(quantities=quantities, charges=charges)
