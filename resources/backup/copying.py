"""Copying one file so that it is whole or not there, and knowing its hash.

What belongs here: bytes. What does not: which files, and where to.
"""

import hashlib
import os
from pathlib import Path

from resources.backup.manifest import PART

BLOCK_BYTES = 1 << 20


def copy_file(source: Path, destination: Path) -> tuple[int, str]:
    """Copy a file with its time, flushed to disk before it gets its name; returns its size and SHA-256."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(destination.name + PART)
    hashed = hashlib.sha256()
    size = 0
    with source.open("rb") as reading, part.open("wb") as writing:
        while block := reading.read(BLOCK_BYTES):
            hashed.update(block)
            size += writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())
        state = os.fstat(reading.fileno())
    os.utime(part, ns=(state.st_atime_ns, state.st_mtime_ns))
    part.replace(destination)
    return size, hashed.hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of what a file holds."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_size(path: Path, size: int) -> bool:
    """Whether there is a file of this size."""
    return path.is_file() and path.stat().st_size == size
