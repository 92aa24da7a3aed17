"""Restoring a backup: into a project that has no lake.

The data files are copied to where the settings say, each checked against the manifest; the catalog, which makes them a
lake, is made to fit its new place and renamed into it last. A restore that was broken off leaves a mark beside the
catalog's place: until it is repeated, the lake does not open.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resources.backup.catalog import read_catalog, settle_catalog
from resources.backup.copying import copy_file, has_size, sha256_of
from resources.backup.manifest import CATALOG, DATA, DOCUMENTS, LANDING, PRICE_BOOK, SETTINGS, KeptFile, Manifest
from resources.backup.server_catalog import copy_to_server, has_lake
from resources.backup.taking import Progress
from resources.catalogs import Catalog, Postgres
from resources.errors import BackupError
from resources.lake import Lake, restoring_mark
from resources.lock import writer_lock
from resources.settings import FILE_NAME, Settings
from resources.staging import flush

NAMED = 5


def restore_settings(source: Path, directory: Path) -> Path:
    """Write the backup's meterbook.toml into `directory`, unless it has one; returns its path.

    For a machine that has nothing yet: `load_settings(directory)` says afterwards where `restore` puts the rest.
    """
    path = directory / FILE_NAME
    kept = Manifest.read(source).of(SETTINGS)
    if not path.exists() and kept:
        _copy_checked(source, kept[0], path)
    return path


def restore(source: Path, settings: Settings, progress: Progress = lambda _done, _total: None) -> dict[str, Any]:
    """Restore the backup in `source` to where the settings say.

    `progress` is told how many files are done, of how many. Returns counts and the newest run of the books.

    Raises:
        BackupError: the backup is not whole (every missing or damaged file is named), or something is in the way: a
            lake, or another price book, document or landing file of the same name.
    """
    source = source.expanduser().resolve()
    manifest = Manifest.read(source)
    _check_whole(source, manifest)
    mark = restoring_mark(settings.lake.catalog, settings.lake.data)
    with _alone(settings):
        _check_way(manifest, settings)
        flush([_copy_checked(source, manifest.of(CATALOG)[0], mark)], mark.parent)
        _check_kind(mark, settings)
        _copy_files(source, manifest, settings, progress)
        _put_in_place(mark, settings, manifest)
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        run = lake.value("steps/writer/next_run") - 1
    size = sum(file.size for file in manifest.files)
    return {
        "made_at": manifest.made_at,
        "snapshot": manifest.snapshot,
        "run": run,
        "files": len(manifest.files),
        "bytes": size,
    }


def _check_whole(source: Path, manifest: Manifest) -> None:
    """Every file is there, with its size; hashes are checked while the files are copied."""
    broken = [file.stored for file in manifest.files if not has_size(source / file.stored, file.size)]
    if broken:
        raise BackupError(f"{source} is not whole; missing or damaged: {_listed(broken)}; nothing was restored")
    if len(manifest.of(CATALOG)) != 1:
        raise BackupError(f"{source} names no catalog; nothing was restored")


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Nobody writes to the lake meanwhile; in PostgreSQL it comes about in one transaction."""
    if isinstance(settings.lake.catalog, Postgres):
        yield
    else:
        with writer_lock(Lake(settings.lake.catalog, settings.lake.data)):
            yield


def _is_there(catalog: Catalog, *, is_broken_off: bool) -> bool:
    """Whether there is a lake already; one that our own restore just made is none."""
    if isinstance(catalog, Postgres):
        return has_lake(catalog) and not is_broken_off
    return any(catalog.with_name(catalog.name + ending).exists() for ending in ("", "-wal", "-journal"))


def _check_kind(mark: Path, settings: Settings) -> None:
    """A catalog goes back to the kind of place that it was taken from: small rows lie in it in another form in each."""
    of_server = read_catalog(mark).of_server
    if of_server == isinstance(settings.lake.catalog, Postgres):
        return
    mark.unlink()
    kinds = ("a SQLite file", "a PostgreSQL database")
    raise BackupError(
        f"the backup's catalog is from {kinds[of_server]}, and lake.catalog names {kinds[not of_server]}; "
        f"let it name {kinds[of_server]}, and restore again"
    )


def _check_way(manifest: Manifest, settings: Settings) -> None:
    """Nothing may be overwritten; what a restore that was broken off has left is not in the way."""
    catalog, data = settings.lake.catalog, settings.lake.data
    is_broken_off = restoring_mark(catalog, data).exists()
    if _is_there(catalog, is_broken_off=is_broken_off):
        raise BackupError(f"there is a lake at {catalog}; move it and {data} away, or restore to another directory")
    if not is_broken_off and any(path.is_file() for path in data.rglob("*")):
        raise BackupError(f"{data} holds files, and no catalog names them; move them away first")
    others = [
        str(path)
        for file, path in _places(manifest, settings)
        if file.role not in (DATA, SETTINGS) and path.exists() and not _holds(path, file)
    ]
    if others:
        raise BackupError(f"other files are in the way: {_listed(others)}; move them away first")


def _places(manifest: Manifest, settings: Settings) -> Iterator[tuple[KeptFile, Path]]:
    """Where each file goes, but for the catalog."""
    folders = {DATA: settings.lake.data, DOCUMENTS: settings.documents, LANDING: settings.landing}
    for file in manifest.files:
        if file.role == PRICE_BOOK:
            yield file, settings.price_book
        elif file.role == SETTINGS:
            yield file, settings.directory / FILE_NAME
        elif file.role in folders:
            yield file, folders[file.role] / file.name


def _copy_files(source: Path, manifest: Manifest, settings: Settings, progress: Progress) -> None:
    for done, (file, path) in enumerate(_places(manifest, settings)):
        progress(done, len(manifest.files))
        kept = file.role == SETTINGS and path.exists()  # the settings that are in force say where to restore to
        if not kept and not _holds(path, file):
            _copy_checked(source, file, path)
    progress(len(manifest.files), len(manifest.files))
    data = [path for file, path in _places(manifest, settings) if file.role == DATA]
    flush(data, settings.lake.data)


def _copy_checked(source: Path, file: KeptFile, path: Path) -> Path:
    stored = source / file.stored
    try:
        size, sha256 = copy_file(stored, path)
    except OSError as error:
        raise BackupError(f"{stored} cannot be copied to {path}: {error}; mend that and restore again") from error
    if (size, sha256) != (file.size, file.sha256):
        path.unlink()
        raise BackupError(f"{stored} is damaged: its content is not what was backed up; restore from another backup")
    return path


def _holds(path: Path, file: KeptFile) -> bool:
    return has_size(path, file.size) and sha256_of(path) == file.sha256


def _put_in_place(mark: Path, settings: Settings, manifest: Manifest) -> None:
    named = set(read_catalog(mark).data_files)
    missing = sorted(named - {file.name for file in manifest.of(DATA)})
    if missing:
        raise BackupError(
            f"the backup lacks files that its catalog names: {_listed(missing)}; restore from another backup"
        )
    settle_catalog(mark, settings.lake.data)
    flush([mark], mark.parent)
    catalog = settings.lake.catalog
    if isinstance(catalog, Postgres):
        if not has_lake(catalog):  # else this is all that was missing when a restore was broken off
            copy_to_server(mark, catalog)
        mark.unlink()
    else:
        mark.replace(catalog)
        flush([catalog], catalog.parent)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
