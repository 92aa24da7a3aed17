"""The landing folder: which files lie there, and whether a file is the same as before.

What belongs here: names, sizes, times and hashes of files. What does not: what is in them (`raw_files.py`).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".ndjson": "json", ".jsonl": "json", ".json": "json"}
COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class LandedFile:
    """A file under `landing/<source>/`; `name` is its path in that folder."""

    source: str
    name: str
    path: Path
    size: int
    modified_ns: int

    @property
    def format(self) -> str | None:
        """`parquet`, `csv` or `json` by its ending (.gz and .zst may follow); None for any other file."""
        suffixes = [suffix for suffix in self.path.suffixes[-2:] if suffix not in COMPRESSED]
        return ENDINGS.get(suffixes[-1].lower()) if suffixes else None

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


def landed_files(landing: Path, source: str) -> list[LandedFile]:
    """The files of a source, in the order of their names. Names that begin with a dot are not landed yet."""
    folder = landing / source
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            state = path.stat()
            found.append(LandedFile(source, name, path, state.st_size, state.st_mtime_ns))
    return found
