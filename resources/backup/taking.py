"""Taking a backup, while the pipeline runs.

What goes in: the lake (one snapshot of its catalog, and every data file that this catalog names), meterbook.toml, the
price book, the documents folder, and landing files that the lake has not taken (what it has taken is in its tables).
What does not: Dagster's own files, which can be lost without loss to the books, and secrets, which are in no file.

Data files never change, so a file that the target has is not copied again. While the copying goes on, upkeep deletes
no file (`file_guard.py`); the writer's lock is not held at all (see `copy_catalog.py`).
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from resources.backup.catalog import Catalog, copied_catalog
from resources.backup.manifest import CATALOG, DOCUMENTS, LANDING, NAME, PART, PRICE_BOOK, SETTINGS, Manifest
from resources.backup.server_catalog import has_lake
from resources.backup.store import Store
from resources.catalogs import Postgres
from resources.errors import BackupError, LakeMissingError
from resources.file_guard import keeping_files
from resources.lake import Lake
from resources.landing import landed_files
from resources.settings import FILE_NAME, Settings
from resources.staging import flush

# Marks a folder as a target of backups, also while the first one is under way; locked by the backup that writes there.
MARK: Final = ".meterbook-backup"
EVERY_RUN: Final = 2**62

Taken = set[tuple[str, str, int, int]]
Progress = Callable[[int, int], None]


def backup(settings: Settings, target: Path, progress: Progress = lambda _done, _total: None) -> dict[str, Any]:
    """Back the project up to a folder; the backup that is there already is brought up to date.

    `progress` is told how many of the lake's files are done, of how many. Returns counts, bytes, and the files that
    were left out because they changed while they were read.

    Raises:
        BackupError: the folder is no place for a backup, or a file cannot be read or written. What the folder held as a
            backup before, it still holds.
    """
    target = target.expanduser().resolve()
    _check_target(settings, target)
    # Opened by the server's lock alone: an open SQLite catalog could not shorten its log while files are copied.
    lake = Lake(settings.lake.catalog, settings.lake.data, read_only=True)
    with _locked(target), lake, keeping_files(lake):
        # Before the catalog is copied: what is taken later is not in the copy, so its landed file must be.
        taken = _taken_files(settings)
        with copied_catalog(settings.lake.catalog, target / f"catalog.sqlite{PART}") as catalog:
            store = Store(target, _manifest_before(target, catalog))
            _add_lake(store, settings, catalog, progress)
        _add_project(store, settings, taken)
        pruned = _finish(store, catalog)
    return {
        "snapshot": catalog.snapshot,
        "files": len(store.files),
        "bytes": sum(file.size for file in store.files),
        "files_copied": len(store.written),
        "bytes_copied": sum(path.stat().st_size for path in store.written),
        "files_pruned": pruned,
        "left_out": store.left_out,
    }


def _check_target(settings: Settings, target: Path) -> None:
    catalog = settings.lake.catalog
    if not (has_lake(catalog) if isinstance(catalog, Postgres) else catalog.exists()):
        raise LakeMissingError(f"there is no lake at {catalog} to back up")
    for place in (settings.lake.data, settings.documents, settings.landing):
        if target == place or place in target.parents:
            raise BackupError(f"{target} lies in {place}, which is backed up itself; name a folder elsewhere")
    ours = (target / MARK).exists() or (target / NAME).exists()
    if target.is_dir() and not ours and any(target.iterdir()):
        raise BackupError(f"{target} holds other files; name an empty folder, or one that holds a backup")


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """One backup at a time writes to a target."""
    target.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target / MARK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another backup writes to {target}; wait for it, or name another folder") from None
        yield
    finally:
        os.close(descriptor)


def _taken_files(settings: Settings) -> Taken:
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        files = lake.frame("steps/ingest/known_files", {"run": EVERY_RUN})
    taken = files.filter(files["status"] == "taken")
    return set(taken.select("source", "file", "size", "modified_ns").iter_rows())


def _manifest_before(target: Path, catalog: Catalog) -> Manifest | None:
    if not (target / NAME).exists():
        return None
    before = Manifest.read(target)
    if before.lake_id != catalog.lake_id:
        raise BackupError(f"{target} holds a backup of another lake, which would be lost; name another folder")
    return before


def _add_lake(store: Store, settings: Settings, catalog: Catalog, progress: Progress) -> None:
    for done, (name, size) in enumerate(catalog.data_files.items()):
        progress(done, len(catalog.data_files))
        store.add_data(name, size, settings.lake.data / name)
    store.add_content(CATALOG, "catalog.sqlite", catalog.path)
    progress(len(catalog.data_files), len(catalog.data_files))


def _add_project(store: Store, settings: Settings, taken: Taken) -> None:
    store.add_content(SETTINGS, FILE_NAME, settings.directory / FILE_NAME)
    store.add_content(PRICE_BOOK, settings.price_book.name, settings.price_book)
    for path in sorted(settings.documents.rglob("*")):
        if path.is_file():
            store.add_content(DOCUMENTS, path.relative_to(settings.documents).as_posix(), path)
    for folder in sorted(settings.landing.glob("*/")):
        for file in landed_files(settings.landing, folder.name):
            if (file.source, file.name, file.size, file.modified_ns) not in taken:
                name = file.path.relative_to(settings.landing).as_posix()
                store.add_content(LANDING, name, file.path)


def _finish(store: Store, catalog: Catalog) -> int:
    """Put the manifest in place once everything it names is on disk; then nothing else is needed any more."""
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    flush(store.written, store.target)
    Manifest(made_at, catalog.lake_id, catalog.snapshot, tuple(store.files)).write(store.target)
    return store.prune()
