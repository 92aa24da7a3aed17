"""Where the catalog of a lake is: a SQLite file, or a database of a PostgreSQL server; and how DuckDB opens either.

What belongs here: all that must know the kind of a catalog, but for the writer's lock (`lock.py`), who may delete files
(`file_guard.py`) and copies of it (`backup/`). What does not: what a lake holds.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BUSY_TIMEOUT_MILLISECONDS: Final = 5000
# What a connection to PostgreSQL gets unless the setting says otherwise: somebody else's lock on the catalog's tables is an
# error after a while and no wait for ever, and `pg_stat_activity` names us.
DEFAULTS: Final = {"application_name": "meterbook", "connect_timeout": "10", "options": "'-c lock_timeout=30s'"}
KEYWORD: Final = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']+)\s*")
SQLITE, POSTGRES = "sqlite", "postgres"


class HiddenValueError(ValueError):
    """A setting that is refused, and must not be shown: it may hold a password."""


@dataclass(frozen=True)
class Postgres:
    """A database that holds the catalog, in libpq's keywords: `dbname=meterbook host=db.example user=meterbook`.

    The password is none of them: libpq takes it from PGPASSWORD, or from the file that PGPASSFILE names.
    """

    keywords: str

    def __post_init__(self) -> None:
        known = _keywords(self.keywords)
        if not known.keys().isdisjoint({"password", "sslpassword"}):
            raise HiddenValueError(
                "take the password out of it; PGPASSWORD or PGPASSFILE gives it, see docs/postgresql.md"
            )
        if not known.get("dbname"):
            raise HiddenValueError(
                "it needs dbname=..., as in 'postgres:dbname=meterbook host=db.example user=meterbook'"
            )

    def __str__(self) -> str:
        return f"postgres:{self.keywords}"

    @property
    def connection_text(self) -> str:
        """What libpq is given: of a keyword that comes twice it takes the last."""
        return " ".join([*(f"{key}={value}" for key, value in DEFAULTS.items()), self.keywords])


# A SQLite file is named by its path.
Catalog = Path | Postgres


def _keywords(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = KEYWORD.match(text, place)
        if match is None:
            raise HiddenValueError(
                "write keywords after 'postgres:', as in 'postgres:dbname=meterbook host=db.example'"
            )
        found[match[1]] = match[2]
        place = match.end()
    return found


def kind_of(catalog: Catalog) -> str:
    """`sqlite` or `postgres`."""
    return POSTGRES if isinstance(catalog, Postgres) else SQLITE


def beside(catalog: Catalog, data: Path) -> Path:
    """Beside what a process puts the files that it needs for a lake: its SQLite file, else its data folder."""
    return data if isinstance(catalog, Postgres) else catalog


def quoted(text: str | Path) -> str:
    """Text for inside single quotes, where SQL takes no bound parameter (paths in ATTACH and LOAD)."""
    return str(text).replace("'", "''")


def attach_text(catalog: Catalog) -> str:
    """The catalog as DuckLake's ATTACH takes it, for inside single quotes."""
    if isinstance(catalog, Postgres):
        return quoted(f"ducklake:postgres:{catalog.connection_text}")
    return quoted(f"ducklake:sqlite:{catalog}")


def attach_options(catalog: Catalog) -> list[str]:
    """The options of ATTACH that a kind of catalog needs."""
    if isinstance(catalog, Postgres):
        return []
    return ["META_JOURNAL_MODE 'WAL'", f"META_BUSY_TIMEOUT {BUSY_TIMEOUT_MILLISECONDS}"]


def settings_of(catalog: Catalog) -> list[str]:
    """Statements for a connection that has the catalog attached.

    On PostgreSQL a commit must come directly after the snapshot that its transaction read, or fail: a writer whose
    connection the server ended has lost its lock without knowing, and DuckLake would try its commit again behind that of
    the next one (`writer.py` looks into the same transaction whether it may commit). A SQLite catalog cannot lose a lock.
    """
    return ["set ducklake_max_retry_count = 0"] if isinstance(catalog, Postgres) else []
