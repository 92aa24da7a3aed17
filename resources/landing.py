"""The landing folder: which files lie there, and whether a file is the same as before.

What belongs here: names, sizes, times and hashes of files. What does not: what is in them (`raw_files.py`).
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".ndjson": "json", ".jsonl": "json", ".json": "json"}
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class LandedFile:
    """A file under `landing/<source>/`; `name` is its path in that folder."""

    source: str
    name: str
    path: Path
    size: int
    modified_ns: int

    @property
    def compression(self) -> str | None:
        """`gzip` or `zstd` by its last ending; None if it is not compressed as a whole."""
        return COMPRESSED.get(self.path.suffix.lower())

    @property
    def format(self) -> str | None:
        """`parquet`, `csv` or `json` by its ending (a text may be compressed: .csv.gz); None for any other file."""
        name = self.path.stem if self.compression else self.path.name
        found = ENDINGS.get(Path(name).suffix.lower())
        return None if self.compression and found == "parquet" else found

    @property
    def has_readable_name(self) -> bool:
        """Whether the name is UTF-8, as all that reads the file needs it."""
        try:
            str(self.path).encode()
        except UnicodeEncodeError:
            return False
        return True

    def sha256(self) -> str:
        """The SHA-256 of what the file holds now."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def is_unchanged(self, sha256: str) -> bool:
        """Whether size, time and SHA-256 are still what they were (semantics 2)."""
        try:
            now = self.path.stat()
            return (now.st_size, now.st_mtime_ns) == (self.size, self.modified_ns) and self.sha256() == sha256
        except OSError:
            return False


class Recheck:
    """Whether files are still what they were when they were hashed: found out beside other work, once it has begun."""

    def __init__(self, files: Sequence[LandedFile], sha256: Mapping[str, str]) -> None:
        self._files, self._sha256 = files, sha256
        self._pool = ThreadPoolExecutor(1)
        self._changed: Future[list[str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self) -> Future[list[str]]:
        """Hash them again: nothing reads them any more."""
        self._changed = self._changed or self._pool.submit(self._find)
        return self._changed

    def changed(self) -> list[str]:
        """The names of those that changed or went away."""
        return self.begin().result()

    def _find(self) -> list[str]:
        return [file.name for file in self._files if not file.is_unchanged(self._sha256[file.name])]


def landed_files(landing: Path, source: str) -> list[LandedFile]:
    """The files of a source, in the order of their names. Names that begin with a dot are not landed yet.

    A folder that cannot be listed stands in for its files: reading it fails, and says so.
    """
    folder = landing / source
    unlisted: list[OSError] = []
    found = list(_found(folder, source, unlisted))
    closed = [Path(error.filename) for error in unlisted if not isinstance(error, FileNotFoundError)]
    found += [LandedFile(source, f"{_name(path, folder)}/", path, 0, 0) for path in closed]
    return sorted(found, key=lambda file: file.name)


def _found(folder: Path, source: str, unlisted: list[OSError]) -> Iterator[LandedFile]:
    for parent, folders, names in os.walk(folder, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in [Path(parent, name) for name in names if not name.startswith(".")]:
            size = modified_ns = 0
            try:
                state = path.stat()
            except FileNotFoundError:
                continue  # moved on meanwhile by whoever lands files
            except OSError:
                pass  # reading it fails too, and says why
            else:
                if not stat.S_ISREG(state.st_mode):
                    continue
                size, modified_ns = state.st_size, state.st_mtime_ns
            yield LandedFile(source, _name(path, folder), path, size, modified_ns)


def _name(path: Path, folder: Path) -> str:
    return os.fsencode(path.relative_to(folder).as_posix()).decode(errors="backslashreplace")
