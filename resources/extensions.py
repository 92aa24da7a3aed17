"""The extensions of DuckDB, which come as wheels: nothing is fetched over the network.

What belongs here: where they are, and loading them. What does not: connections (`lake.py`).

DuckDB checks the signature of an extension whenever it loads one: 70 MB of hashes for each connection, six of which an
hourly run in Dagster opens. What a process has checked once it need not check again while the file stays as it is.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

import duckdb

# The extension for each kind of catalog, and the package that brings it; and DuckLake's own.
OF_KIND: Final = {
    "sqlite": ("sqlite_scanner", "duckdb_extension_sqlite_scanner"),
    "postgres": ("postgres_scanner", "duckdb_extension_postgres_scanner"),
}
DUCKLAKE: Final = ("ducklake", "duckdb_extension_ducklake")
# A file as it was when its signature was checked: its path, inode, size, and when anything of it last changed.
Seen = tuple[Path, int, int, int]

_checked: set[Seen] = set()


def extension_files(kinds: Iterable[str] = ("sqlite",)) -> list[Path]:
    """The files of the extensions for these kinds of catalog, in the order in which they are loaded."""
    packages = [*(OF_KIND[kind] for kind in kinds), DUCKLAKE]
    version = f"v{duckdb.__version__}"
    folders = [(name, Path(next(iter(import_module(package).__path__)))) for name, package in packages]
    return [folder / "extensions" / version / f"{name}.duckdb_extension" for name, folder in folders]


def connect_with(files: list[Path], config: Mapping[str, str | int]) -> duckdb.DuckDBPyConnection:
    """A connection in memory with these extensions, whose signatures this process has checked.

    Afterwards it loads no extension without a signature, nor can it be told to.

    Raises:
        duckdb.IOException: the signature of a file is missing or does not fit.
    """
    seen = {_seen(file) for file in files}
    is_known = seen <= _checked
    unsigned = {"allow_unsigned_extensions": "true"} if is_known else {}
    connection = duckdb.connect(":memory:", config={**config, **unsigned})
    for file in files:
        connection.execute("load '" + str(file).replace("'", "''") + "'")
    if is_known:
        connection.execute("set allow_unsigned_extensions = false")
    _checked.update(seen)
    return connection


def _seen(file: Path) -> Seen:
    status = file.stat()
    return file, status.st_ino, status.st_size, status.st_ctime_ns
