"""The week under the book of everything: its accounts, its records, and landing them as a collector would.

What belongs here: what the product and the independent computation are both given. What does not: any import of the
product, or any number that the product should compute.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

from tests.real import reference as simple
from tests.real.landing import accounts, grants, subscriptions, write_rows

BOOK: Final = Path(__file__).parent / "everything.yaml"
SQL_FOLDER: Final = Path(__file__).parent / "sql"
# The week is the last of March 2013. An account's zone says when March ends for it: at 18:30 or 22:00 on the 31st, or
# at midnight or 02:30 after it. In April there are no records; six hours of it close March everywhere.
WEEK_START: Final = datetime(2013, 3, 25, tzinfo=UTC)
WEEK_END: Final = datetime(2013, 4, 1, tzinfo=UTC)
CLOSED_UNTIL: Final = WEEK_END + timedelta(hours=6)
EARLIER: Final = timedelta(days=129)
SINCE: Final = "2013-02-01T00:00:00Z"
ZONES: Final = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")
ALL_ACCOUNTS: Final = tuple(range(40))
# One of each zone; among them those with agreed prices, with copies of records and with machines of 0 cores.
SOME_ACCOUNTS: Final = (5, 10, 15, 20)
PAYS_AFTERWARDS: Final = 2
FILE_SPAN: Final = timedelta(hours=6)
LATE_SPAN: Final = timedelta(days=1)
LATE_BY: Final = timedelta(days=2)


class Landed(NamedTuple):
    """A file of records, and when a collector has it whole."""

    at: datetime
    path: Path


def statement(name: str) -> str:
    """The statement kept in `sql/<name>.sql`."""
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@contextmanager
def made_records(data_file: Path, numbers: Iterable[int]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the table `records` of these accounts' machines."""
    with simple.connect() as connection:
        make_records(connection, data_file, numbers)
        yield connection


def make_records(connection: duckdb.DuckDBPyConnection, data_file: Path, numbers: Iterable[int]) -> None:
    """Make the table `records`, straight from the real file."""
    connection.execute(simple.statement("define_billionths"))
    connection.execute(statement("define_decimals"))
    connection.execute(statement("read_samples"), {"file": str(data_file), "accounts": list(numbers)})
    connection.execute(statement("make_records"))


def land_reference(folder: Path) -> None:
    """Land the accounts, their plans and their credit."""
    write_rows(folder / "accounts" / "accounts.csv", (_long_before(row, zone) for row, zone in zoned_accounts()))
    write_rows(folder / "subscriptions" / "subscriptions.csv", _on_plans())
    write_rows(folder / "grants" / "grants.csv", (_in_march(row) for row in grants()))


def plan_of(number: int) -> str:
    """The plan of an account: every eighth pays afterwards; both plans have the same prices."""
    return "in-arrears" if number % 8 == PAYS_AFTERWARDS else "standard"


def zoned_accounts() -> Iterator[tuple[Mapping[str, str], str]]:
    """Each account of the week, and its zone."""
    for number, row in enumerate(accounts()):
        yield row, ZONES[number % len(ZONES)]


def land_records(folder: Path, data_file: Path, numbers: Iterable[int]) -> list[Landed]:
    """Land the records: a file each six hours, and one a day, two days later, of those that were late."""
    target = folder / "usage_records"
    target.mkdir(parents=True, exist_ok=True)
    with made_records(data_file, numbers) as connection:
        return [
            *_land(connection, target, FILE_SPAN, timedelta(0), is_late=False),
            *_land(connection, target, LATE_SPAN, LATE_BY, is_late=True),
        ]


def _land(
    connection: duckdb.DuckDBPyConnection, target: Path, span: timedelta, late_by: timedelta, *, is_late: bool
) -> Iterator[Landed]:
    start = WEEK_START
    while start < WEEK_END:
        path = target / f"{'late-' if is_late else ''}{start:%Y-%m-%dT%H}.parquet"
        bound = {"span_start": start.isoformat(), "span_end": (start + span).isoformat(), "is_late": is_late}
        connection.execute(statement("land_records"), {**bound, "file": str(path)})
        start += span
        yield Landed(min(start + late_by, WEEK_END), path)


def _long_before(row: Mapping[str, str], zone: str | None = None) -> Mapping[str, str]:
    """In force before the period begins, so that nothing is prorated."""
    return {**row, "effective_from": SINCE, **({"time_zone": zone} if zone else {})}


def _on_plans() -> Iterator[Mapping[str, str]]:
    for number, row in enumerate(subscriptions()):
        yield {**_long_before(row), "plan": plan_of(number)}


def _in_march(row: Mapping[str, str]) -> Mapping[str, str]:
    """As long before as the records are."""
    return {**row, "effective_at": _earlier(row["effective_at"]), "expires_at": _earlier(row["expires_at"])}


def _earlier(moment: str) -> str:
    return (datetime.fromisoformat(moment) - EARLIER).isoformat() if moment else ""
