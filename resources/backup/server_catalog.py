"""Copies the tables of a catalog in PostgreSQL into a SQLite file, and such a file into an empty database.

What belongs here: the two copies. What does not: what the tables hold (`catalog.py` reads the file like any other).

A copy is one snapshot of the server, which nobody waits for. What SQLite knows as well (whole numbers, truth) stays what it
is; everything else is kept as PostgreSQL writes it, and is read back by PostgreSQL: nothing is rounded on the way. Beside
the tables lies `meterbook_columns`, by which they are made again.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import duckdb

from resources.catalogs import POSTGRES, SQLITE, Postgres, quoted
from resources.errors import BackupError
from resources.lake import connect

COLUMNS: Final = "meterbook_columns"
KEPT_TYPES: Final = ("bigint", "integer", "boolean")
READ_COLUMNS: Final = """
    select c.relname::text as table_name, a.attname::text as column_name, a.attnum::bigint as place,
        format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
        exists (
            select from pg_index as i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey)
        ) as in_key
    from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        and c.relname like 'ducklake%'
"""
Column = tuple[str, str, int, str, bool, bool]


def copy_from_server(catalog: Postgres, copy: Path) -> None:
    """Write a catalog, as it stands now, into a SQLite file, flushed to disk.

    Raises:
        BackupError: the server does not answer, or the file cannot be written.
    """
    with _both(catalog, copy) as connection, _told(f"{catalog} cannot be copied to {copy}"):
        connection.execute("begin")
        connection.execute(
            f"create table copy.{COLUMNS} as select * from postgres_query('server', $query)", {"query": READ_COLUMNS}
        )
        for table, columns in groupby(_columns_of_copy(connection), key=lambda column: column[0]):
            selected = ", ".join(_as_kept(name, kind) for _, name, _, kind, *_ in columns)
            connection.execute(
                f"create table copy.\"{table}\" as select * from postgres_query('server', $query)",
                {"query": f'select {selected} from "{table}"'},
            )
        connection.execute("commit")
    with copy.open("rb") as file:
        os.fsync(file.fileno())


def copy_to_server(copy: Path, catalog: Postgres) -> None:
    """Make the tables of a copy again in a database that has none of them, in one transaction.

    Raises:
        BackupError: the server does not answer, or refuses; its database is as it was.
    """
    with _both(catalog, copy) as connection, _told(f"{copy} cannot be restored to {catalog}"):
        connection.execute("begin")
        for table, columns in groupby(_columns_of_copy(connection), key=lambda column: column[0]):
            _fill(connection, table, list(columns))
        connection.execute("commit")


def has_lake(catalog: Postgres) -> bool:
    """Whether the database holds a lake.

    Raises:
        BackupError: the server does not answer.
    """
    with contextlib.closing(connect(kind=POSTGRES)) as connection, _told(f"{catalog} cannot be looked into"):
        _attach_server(connection, catalog)
        query = {"query": "select to_regclass('ducklake_snapshot') is not null as is_there"}
        row = connection.execute("select * from postgres_query('server', $query)", query).fetchone()
    return bool(row and row[0])


def _fill(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]) -> None:
    """Make a table and fill it; the rows go to the server as text, which it reads itself."""
    definitions = [f'"{name}" {kind}{" not null" * required}' for _, name, _, kind, required, _ in columns]
    key = ", ".join(f'"{name}"' for _, name, *_, in_key in columns if in_key)
    definitions += [f"primary key ({key})"] if key else []
    texts = ", ".join(f'"{name}"::varchar as "{name}"' for _, name, *_ in columns)
    read = ", ".join(f'"{name}"::{kind}' for _, name, _, kind, *_ in columns)
    connection.execute(f'create table server."meterbook_restored" as select {texts} from copy."{table}"')
    for order in (
        f'create table "{table}" ({", ".join(definitions)})',
        f'insert into "{table}" select {read} from meterbook_restored',
        "drop table meterbook_restored",
    ):
        connection.execute("call postgres_execute('server', $order)", {"order": order})
    # DuckDB remembers the tables of the server, and we are going to make this one again.
    connection.execute("call pg_clear_cache()")


def _as_kept(name: str, kind: str) -> str:
    return f'"{name}"' if kind in KEPT_TYPES else f'"{name}"::text as "{name}"'


def _columns_of_copy(connection: duckdb.DuckDBPyConnection) -> list[Column]:
    names = "table_name, column_name, place, type, required::boolean, in_key::boolean"
    return connection.execute(f"select {names} from copy.{COLUMNS} order by table_name, place").fetchall()


@contextlib.contextmanager
def _both(catalog: Postgres, copy: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has the server as `server` and the file as `copy`."""
    with contextlib.closing(connect(kind=POSTGRES, more=(SQLITE,))) as connection:
        with _told(f"{catalog} cannot be reached"):
            _attach_server(connection, catalog)
            connection.execute(f"attach '{quoted(copy)}' as copy (type sqlite)")
        try:
            yield connection
        finally:
            with contextlib.suppress(duckdb.Error):
                connection.execute("rollback")


def _attach_server(connection: duckdb.DuckDBPyConnection, catalog: Postgres) -> None:
    connection.execute(f"attach '{quoted(catalog.connection_text)}' as server (type postgres)")


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise BackupError(f"{what}: {error}") from error
