"""Where DuckDB puts what does not fit into memory: a folder of each connection's own, beside the lake.

What belongs here: those folders' names, and deleting those that a killed process left. What does not: when that is done
(`upkeep.py`).

DuckDB makes the folder when it first spills, and deletes it when the connection closes. It also deletes the files of any other
connection that are in it, so no two may share one. (Its own choice is `.tmp` in the working folder: a disk that nobody
chose, shared by whoever works there.) What a killed process leaves is never read again; it only takes room.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

INFIX = ".spill-"


def spill_folder(beside: Path) -> Path:
    """A new name of a folder beside the catalog; nothing is made yet."""
    return beside.with_name(f"{beside.name}{INFIX}{os.getpid()}-{secrets.token_hex(8)}")


def delete_left_spill(catalog: Path, before: datetime) -> int:
    """Delete the folders beside a catalog in which nothing was written since `before`; returns how many there were.

    A folder is of a process that was killed if it is older than anything that can still be open. Safe beside others that
    do the same.
    """
    left = [folder for folder in _folders(catalog) if _last_written(folder) < before]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return sum(not folder.exists() for folder in left)


def _folders(catalog: Path) -> Iterator[Path]:
    names = (path for path in catalog.parent.iterdir() if path.name.startswith(f"{catalog.name}{INFIX}"))
    return (path for path in names if path.is_dir() and not path.is_symlink())


def _last_written(folder: Path) -> datetime:
    """When anything in it was written last; now, where it is being deleted by its connection."""
    try:
        times = [path.stat().st_mtime for path in (folder, *folder.iterdir())]
    except FileNotFoundError:
        return datetime.now(UTC)
    return datetime.fromtimestamp(max(times), UTC)
