"""One connection to the catalog that a process keeps open, so that nobody waits for a second.

What belongs here: that connection. What does not: anything that is read or written through the lake (`lake.py`).

DuckLake opens a SQLite connection for every transaction and closes it again. Closing takes a lock for some microseconds,
in case it was the last connection, and whoever opens one in that moment has to wait. The SQLite inside DuckDB's
extension can only wait in whole seconds (seen: one reader and a top-up every 0.1 s, and each stood still for a second
every few seconds). A process that has a connection open already needs that lock neither to open more of them, nor is
its the last one, after which the catalog's log is deleted and made anew.
"""

import time

import duckdb

# A kept connection sees the catalog as it was when it was opened, and the log cannot be shortened past that.
RENEWED_AFTER_SECONDS = 5.0


class CatalogKeeper:
    """Keeps a SQLite connection of this process open, and renews it now and then."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, lake: str) -> None:
        self._connection, self._lake = connection, lake
        self._kept = self._open()
        self._since = time.monotonic()

    def _open(self) -> duckdb.DuckDBPyConnection:
        kept = self._connection.cursor()
        kept.execute("begin")
        kept.execute(f"select key from __ducklake_metadata_{self._lake}.ducklake_metadata limit 1").fetchall()
        return kept

    def renew(self) -> None:
        """Take a new connection, if this one is old, before letting go of it."""
        if time.monotonic() - self._since < RENEWED_AFTER_SECONDS:
            return
        before, self._kept = self._kept, self._open()
        self._since = time.monotonic()
        before.close()

    def close(self) -> None:
        """Let go of it."""
        self._kept.close()
