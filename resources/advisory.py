"""Locks that a PostgreSQL server keeps for us: each dies with the connection that holds it, as a `flock` with its process.

What belongs here: having such a lock, waiting for it, and who holds it. What does not: what the locks are for (`lock.py`,
`file_guard.py`).

A lock is held by a transaction of a connection of its own, beside those with which the lake is read and written. Locks are
of one database, and a database holds one lake: so a number is enough to tell them apart.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Final

import duckdb

from resources.lake import Lake

# The first half of each lock's key, so that nothing else in the database is likely to use it ("mete" in ASCII).
CLASS: Final = 0x6D657465
WRITER, FILES = 1, 2
# Work that one process does at a time, beside the books.
OF_WORK: Final = {"deliver": 3}
# How long a wait takes within the server before it is looked whether to wait on. It keeps its place in the queue so long.
PATIENCE_SECONDS: Final = 5
METADATA: Final = "__ducklake_metadata_lake"
HOLDERS: Final = f"""
    select pid, coalesce(host(client_addr), 'this machine') from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
        and classid = {CLASS} and objid = {{number}} and granted
"""


@contextlib.contextmanager
def session(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own to the catalog's server, in a transaction that is never committed."""
    connection = lake.connection.cursor()
    try:
        connection.execute("begin")
        yield connection
    finally:
        # A server that ended the connection has ended the lock with it; whoever writes finds out at its commit.
        with contextlib.suppress(duckdb.Error):
            connection.execute("rollback")
        connection.close()


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    """What the server answers to a query in its own words, within the connection's transaction."""
    return connection.execute(
        "select * from postgres_query($database, $query)", {"database": METADATA, "query": query}
    ).fetchall()


def try_lock(connection: duckdb.DuckDBPyConnection, number: int) -> bool:
    """Take the lock for as long as the session lasts, if nobody has it. Never waits."""
    return bool(ask(connection, f"select pg_try_advisory_xact_lock({CLASS}, {number}) as taken")[0][0])


@contextlib.contextmanager
def locked(lake: Lake, number: int, timeout_seconds: float, *, shared: bool = False) -> Iterator[bool]:
    """Hold a lock; whoever waits is served in turn. Says whether it was had in time."""
    deadline = time.monotonic() + timeout_seconds
    while (patience := min(PATIENCE_SECONDS, deadline - time.monotonic())) > 0:
        with session(lake) as connection:
            if not _wait(connection, number, patience, shared=shared):
                continue
            yield True
            return
    yield False


def _wait(connection: duckdb.DuckDBPyConnection, number: int, patience: float, *, shared: bool) -> bool:
    """Wait for the lock; an error after all that time is the server's refusal to wait on, in whatever language."""
    limit = f"set local lock_timeout = '{max(1, int(patience * 1000))}ms'"
    connection.execute("call postgres_execute($database, $query)", {"database": METADATA, "query": limit})
    began = time.monotonic()
    try:
        ask(connection, f"select 1 as taken from pg_advisory_xact_lock{'_shared' * shared}({CLASS}, {number})")
    except duckdb.Error:
        if time.monotonic() - began < patience - 0.01:
            raise
        return False
    return True


def holders(lake: Lake, number: int) -> str:
    """Who holds a lock, as `pg_stat_activity` names it."""
    with session(lake) as connection:
        found = ask(connection, HOLDERS.format(number=number))
    return ", ".join(f"{pid} of {place}" for pid, place in found) or "unknown"
