"""The manifest of a backup: which files it holds, with sizes and hashes.

What belongs here: its form, reading and writing it. What does not: copying files (`copying.py`).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from resources.errors import BackupError
from resources.staging import flush

NAME: Final = "manifest.json"
FORMAT: Final = 1
# A file in the target that is being written; it is never named in a manifest.
PART: Final = ".part"
# What a file is to the project. The catalog and its data files make the lake.
CATALOG, DATA, SETTINGS, PRICE_BOOK, DOCUMENTS, LANDING = (
    "catalog", "data", "settings", "price_book", "documents", "landing",
)  # fmt: skip
ROLES: Final = (CATALOG, DATA, SETTINGS, PRICE_BOOK, DOCUMENTS, LANDING)


@dataclass(frozen=True)
class KeptFile:
    """One file of a backup: `name` is its path in the folder of its role, `stored` its path in the backup."""

    role: str
    name: str
    stored: str
    size: int
    sha256: str
    modified_ns: int


@dataclass(frozen=True)
class Manifest:
    """What a whole backup holds; `lake_id` tells one lake from another, `snapshot` is the catalog's newest."""

    made_at: str
    lake_id: str
    snapshot: int
    files: tuple[KeptFile, ...]
    format: int = FORMAT

    def of(self, role: str) -> list[KeptFile]:
        """The files of one role."""
        return [file for file in self.files if file.role == role]

    def write(self, folder: Path) -> None:
        """Put the manifest in place, in one step: from then on the folder is this backup."""
        part = folder / f"{NAME}{PART}"
        part.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        flush([part], folder)
        part.replace(folder / NAME)
        flush([folder / NAME], folder)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a backup.

        Raises:
            BackupError: the folder holds none, or one that cannot be read.
        """
        path = folder / NAME
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            files = tuple(_kept_file(file) for file in document.pop("files"))
            manifest = cls(**document, files=files)
        except FileNotFoundError:
            message = f"{folder} is not a backup, or its first backup was broken off: it has no {NAME}"
            raise BackupError(message) from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"{path} is damaged ({error}); restore from another backup"
            raise BackupError(message) from error
        if manifest.format != FORMAT:
            message = f"{path} has format {manifest.format}, and this version of Meterbook reads {FORMAT}"
            raise BackupError(message)
        return manifest


def _kept_file(document: dict[str, Any]) -> KeptFile:
    file = KeptFile(**document)
    for path in (Path(file.name), Path(file.stored)):
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{path} leads out of the folder")
    return file
