"""Copies a SQLite catalog while others write to it: a program of its own, `copy_catalog.py CATALOG COPY`.

Not a function, because a second SQLite in one process (Python's beside DuckDB's) would drop the first one's locks on
the file when it closes it (POSIX locks belong to the process), and the lake could be damaged.

SQLite's online backup copies one snapshot, in one step. In WAL mode that neither waits for writers nor holds them up,
and each commit of the lake is one transaction of the catalog: so the writer's lock is not needed.
"""

import os
import sqlite3
import sys
from contextlib import closing

BUSY_TIMEOUT_SECONDS = 30


def copy(catalog: str, target: str) -> None:
    """Write a copy that is one file, flushed to disk."""
    with (
        closing(sqlite3.connect(f"file:{_escaped(catalog)}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_SECONDS)) as source,
        closing(sqlite3.connect(target)) as result,
    ):
        source.backup(result)
        result.execute("pragma journal_mode = delete")
    with open(target, "rb") as file:  # noqa: PTH123 - this program starts faster without pathlib
        os.fsync(file.fileno())


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2])
