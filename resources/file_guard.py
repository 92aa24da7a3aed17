"""Who may delete files of the lake, and when: nobody while a backup copies them.

What belongs here: that one agreement between `upkeep.py` and `backup.py`. What does not: the writer's lock (`lock.py`),
which a backup does not hold while it copies: that may take hours, and runs go on meanwhile.

It is shared by backups, and ends with the process that holds it: a `flock` beside a SQLite catalog, an advisory lock in
PostgreSQL.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from resources import advisory
from resources.catalogs import Postgres
from resources.errors import LockTimeoutError
from resources.lake import Lake

# Deleting takes well under a second.
TIMEOUT_SECONDS = 120.0


@contextlib.contextmanager
def keeping_files(lake: Lake) -> Iterator[None]:
    """Let no file of the lake be deleted meanwhile; waits while some are being deleted (well under a second).

    Raises:
        LockTimeoutError: files are being deleted for much longer than that (PostgreSQL alone; a file is waited for).
    """
    if isinstance(lake.catalog, Postgres):
        with advisory.locked(lake, advisory.FILES, TIMEOUT_SECONDS, shared=True) as is_held:
            if not is_held:
                holder = advisory.holders(lake, advisory.FILES)
                raise LockTimeoutError(
                    f"the server's process {holder} deletes files of {lake.catalog}; see what it does"
                )
            yield
    else:
        with _opened(lake.catalog) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield


@contextlib.contextmanager
def deleting_files(lake: Lake) -> Iterator[bool]:
    """Whether files may be deleted now; while it is held no backup begins. Never waits."""
    if isinstance(lake.catalog, Postgres):
        with advisory.session(lake) as connection:
            yield advisory.try_lock(connection, advisory.FILES)
    else:
        with _opened(lake.catalog) as descriptor:
            yield _try_lock(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _opened(catalog: Path) -> Iterator[int]:
    path = catalog.with_name(catalog.name + ".keep")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
