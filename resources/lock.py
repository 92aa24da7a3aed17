"""The writer's lock: one writer of the lake at a time, whatever the process (design 3).

It is a `flock` on a file beside the catalog, so that it ends with the process that holds it, even one that is killed.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from resources.errors import LockTimeoutError

PAUSE_SECONDS = 0.005
TIMEOUT_SECONDS = 120.0


@contextlib.contextmanager
def writer_lock(catalog: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the lock of the lake with this catalog; waits for other writers, each of which needs well under a second.

    Raises:
        LockTimeoutError: if it cannot be had in time; names the process that holds it.
    """
    catalog.parent.mkdir(parents=True, exist_ok=True)
    path = catalog.with_name(catalog.name + ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for(descriptor, path, timeout_seconds)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode() or "unknown"
                message = (
                    f"process {holder} has held {path} for over {timeout_seconds:g} s; see what it does, "
                    "or end it: nothing is lost, and the next run takes up where it was"
                )
                raise LockTimeoutError(message) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return
