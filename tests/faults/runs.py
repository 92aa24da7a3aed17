"""Projects in which the world lands and is billed, in one way or another.

What belongs here: making a project, landing files, running the hourly steps. What does not: the world (`worlds.py`).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.hourly import hourly_steps, run_hourly
from resources.clock import FixedClock
from resources.project import Project
from resources.settings import load_settings
from tests.faults.books import Books, books
from tests.faults.worlds import BOOKS, END, START, File, World

# All that happens is over when the runs judge it: no record is refused as future.
CLOCK = FixedClock(END + timedelta(days=2))


def make_project(directory: Path, catalog: str = "", data: str = "lake/data") -> Path:
    """A project without files, whose lake is made when it is opened, at its usual place or another."""
    directory.mkdir(parents=True)
    lake = f'[lake]\ncatalog = "{catalog}"\ndata = "{data}"\n' if catalog else ""
    text = f'price_book = "prices.yaml"\nthreads = 1\n[seller]\nname = "Seller"\n{lake}'
    (directory / "meterbook.toml").write_text(text, encoding="utf-8")
    return directory


def open_project(directory: Path) -> Project:
    """Open the project's lake, with the clock of the tests."""
    return Project.open(load_settings(directory), CLOCK)


@contextmanager
def opened(directory: Path) -> Iterator[Project]:
    """Make a project, open it, and close it again."""
    with open_project(make_project(directory)) as project:
        yield project


def land(project: Project, files: Iterable[File]) -> None:
    """Put files where a collector would."""
    land_in(project.settings.landing, files)


def land_in(landing: Path, files: Iterable[File]) -> None:
    """The same, for a project that nobody has open."""
    for file in files:
        path = landing / file.source / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)


def price(project: Project, book: str) -> None:
    """Put a price book in its place; the next run takes it."""
    project.settings.price_book.write_text(book, encoding="utf-8")


def take_books(project: Project, *, which: Iterable[str] = BOOKS) -> None:
    """Take price books one after the other, before anything else."""
    for book in which:
        price(project, book)
        hourly_steps(project, f"book-{hash(book)}", START)["price_book"]()


def run(project: Project, until: datetime = END) -> None:
    """Run the hourly steps once."""
    run_hourly(project, until)


def unbroken(directory: Path, world: World, until: datetime = END) -> Books:
    """The books of one run over everything: what every other way must come to."""
    with opened(directory) as project:
        take_books(project)
        land(project, [*world.facts, *world.usage])
        run(project, until)
        return books(project.lake)
