"""The folder that a backup goes to: what is there already, what is added, what is pruned.

What belongs here: keeping files, so that none is copied twice and none is changed. What does not: which files belong to
a backup (`taking.py`).
"""

import contextlib
import os
from dataclasses import InitVar, dataclass, field
from pathlib import Path

from resources.backup.copying import copy_file, has_size, sha256_of
from resources.backup.manifest import DATA, ROLES, KeptFile, Manifest
from resources.errors import BackupError


@dataclass
class Store:
    """The target: what the backup before left there, and what this one has added."""

    target: Path
    before: InitVar[Manifest | None]
    files: list[KeptFile] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self, before: Manifest | None) -> None:
        self._before = {(file.role, file.name): file for file in before.files} if before else {}

    def add_data(self, name: str, size: int, source: Path) -> None:
        """Keep a file of the lake, which never changes: its name and size say whether it is here."""
        stored = f"{DATA}/{name}"
        path = self.target / stored
        known = self._before.get((DATA, name))
        if has_size(path, size):
            sha256 = known.sha256 if known and known.size == size else sha256_of(path)
        else:
            sha256 = self._copy_data(source, size, path)
        self.files.append(KeptFile(DATA, name, stored, size, sha256, path.stat().st_mtime_ns))

    def _copy_data(self, source: Path, size: int, path: Path) -> str:
        try:
            copied, sha256 = self._copy(source, path)
        except FileNotFoundError:
            message = f"{source} is missing in the lake; put it back from an earlier backup, then back up again"
            raise BackupError(message) from None
        if copied != size:
            path.unlink()
            what = f"{source} is damaged: it has {copied} bytes, and the catalog says {size}"
            raise BackupError(f"{what}; put it back from an earlier backup")
        self.written.append(path)
        return sha256

    def add_content(self, role: str, name: str, source: Path) -> None:
        """Keep a file that may change: it is stored under its hash, beside what the backup before holds of it.

        A file that goes, changes or cannot be read meanwhile is left out, and reported: it is no reason to have no
        backup. (The lake may have taken it; documents can be made again from the lake.)
        """
        try:
            state = source.stat()
            source.open("rb").close()
        except FileNotFoundError:
            return
        except OSError:
            self.left_out.append(str(source))
            return
        known = self._before.get((role, name))
        same = known and (known.size, known.modified_ns) == (state.st_size, state.st_mtime_ns)
        if known and same and has_size(self.target / known.stored, known.size):
            self.files.append(known)
        else:
            self._add_new_content(role, name, source, state)

    def _add_new_content(self, role: str, name: str, source: Path, state: os.stat_result) -> None:
        passing = self.target / role / "passing"
        try:
            size, sha256 = self._copy(source, passing)
            now = source.stat()
        except FileNotFoundError:
            return
        if (now.st_size, now.st_mtime_ns) != (size, state.st_mtime_ns):
            self.left_out.append(str(source))
            return
        stored = f"{role}/{sha256[:16]}/{Path(name).name}"
        path = self.target / stored
        path.parent.mkdir(exist_ok=True)
        self.written.append(passing.replace(path))
        self.files.append(KeptFile(role, name, stored, size, sha256, now.st_mtime_ns))

    def _copy(self, source: Path, path: Path) -> tuple[int, str]:
        try:
            return copy_file(source, path)
        except FileNotFoundError:
            raise  # the callers know what it means
        except OSError as error:
            message = f"{source} cannot be copied to {path}: {error}; the backup before this one is untouched"
            raise BackupError(message) from error

    def prune(self) -> int:
        """Delete what the new manifest does not name, below the folders that only backups write."""
        named = {self.target / file.stored for file in self.files}
        pruned = 0
        for role in ROLES:
            for path in sorted((self.target / role).rglob("*"), reverse=True):  # files before the folders they are in
                if path.is_dir():
                    with contextlib.suppress(OSError):
                        path.rmdir()
                elif path not in named:
                    path.unlink()
                    pruned += 1
        return pruned
