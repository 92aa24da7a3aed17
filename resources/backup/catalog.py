"""The catalog of a lake as a file that nobody else uses: copied, read, and made to fit another place.

What belongs here: SQLite. A catalog that is in use is never opened here (see `copy_catalog.py`, and `server_catalog.py` for
catalogs in PostgreSQL, whose copies are SQLite files as well).
"""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resources.backup.server_catalog import COLUMNS, copy_from_server
from resources.catalogs import Catalog as AnyCatalog
from resources.catalogs import Postgres
from resources.errors import BackupError

COPY_CATALOG: Final = Path(__file__).with_name("copy_catalog.py")
DATA_FILES: Final = """
    select case when file.path_is_relative then s.path || t.path || file.path end, file.size
    from (
        select table_id, path, path_is_relative, file_size_bytes as size from ducklake_data_file
        union all select table_id, path, path_is_relative, file_size_bytes from ducklake_delete_file
    ) as file
    join ducklake_table as t using (table_id)
    join ducklake_schema as s using (schema_id)
    order by 1
"""


@dataclass(frozen=True)
class Catalog:
    """What a copied catalog says: which lake, its newest snapshot, every data file it names with its size, and its kind."""

    path: Path
    lake_id: str
    snapshot: int
    data_files: dict[str, int]
    of_server: bool


@contextlib.contextmanager
def copied_catalog(catalog: AnyCatalog, copy: Path) -> Iterator[Catalog]:
    """Copy a catalog that is in use, as it stands now; the copy is gone afterwards."""
    copy.unlink(missing_ok=True)
    try:
        if isinstance(catalog, Postgres):
            copy_from_server(catalog, copy)
        else:
            _copy_file(catalog, copy)
        yield read_catalog(copy)
    finally:
        copy.unlink(missing_ok=True)


def _copy_file(catalog: Path, copy: Path) -> None:
    command = [sys.executable, "-I", str(COPY_CATALOG), str(catalog), str(copy)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    if finished.returncode:
        reason = (finished.stderr.strip().splitlines() or ["it was ended"])[-1]
        raise BackupError(f"{catalog} cannot be copied to {copy}: {reason}")


def read_catalog(path: Path) -> Catalog:
    """Read what a copy of a catalog names.

    Raises:
        BackupError: SQLite finds it damaged, or it names files outside the data folder.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
            (state,) = connection.execute("pragma quick_check(1)").fetchone()
            if state != "ok":
                raise BackupError(f"{path} is damaged: {state}")
            (lake_id,) = connection.execute("select schema_uuid from ducklake_schema order by schema_id").fetchone()
            (snapshot,) = connection.execute("select max(snapshot_id) from ducklake_snapshot").fetchone()
            files = dict(connection.execute(DATA_FILES).fetchall())
            (of_server,) = connection.execute(
                "select count(*) from sqlite_master where name = ?", (COLUMNS,)
            ).fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise BackupError(f"{path} is no catalog of a lake, or is damaged: {error}") from error
    if None in files:
        raise BackupError(f"{path} names a file outside the lake's data folder, which a backup cannot hold")
    return Catalog(path, lake_id, snapshot, files, of_server=bool(of_server))


def settle_catalog(path: Path, data: Path) -> None:
    """Make a copied catalog the catalog of a lake whose files are in `data`.

    The catalog names its data folder by its full path, and each file by its path below it. Files that were given up
    before the backup are not in it, so nothing is left to clean up. In WAL mode readers may open it first.
    """
    with closing(sqlite3.connect(path)) as connection:
        with connection:
            connection.execute("update ducklake_metadata set value = ? where key = 'data_path'", (f"{data}/",))
            connection.execute("delete from ducklake_files_scheduled_for_deletion")
        connection.execute("pragma journal_mode = wal")
