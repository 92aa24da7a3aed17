"""Who may delete files of the lake, and when: nobody while a backup copies them.

What belongs here: that one agreement between `upkeep.py` and `backup.py`. What does not: the writer's lock (`lock.py`),
which a backup does not hold while it copies: that may take hours, and runs go on meanwhile.

It is a `flock` beside the catalog, shared by backups, so that it ends with the process that holds it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def keeping_files(catalog: Path) -> Iterator[None]:
    """Let no file of the lake be deleted meanwhile; waits while some are being deleted (well under a second)."""
    with _opened(catalog) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def deleting_files(catalog: Path) -> Iterator[bool]:
    """Whether files may be deleted now; while it is held no backup begins. Never waits."""
    with _opened(catalog) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def _opened(catalog: Path) -> Iterator[int]:
    path = catalog.with_name(catalog.name + ".keep")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
