"""The writer's lock: one writer of the lake at a time, whatever the process (design 3).

It ends with the process that holds it, even one that is killed: beside a SQLite catalog it is a `flock` on a file, in
PostgreSQL an advisory lock, which the server lets go with the connection.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from resources import advisory
from resources.catalogs import Postgres
from resources.errors import LockTimeoutError
from resources.lake import Lake

PAUSE_SECONDS = 0.005
TIMEOUT_SECONDS = 120.0


@contextlib.contextmanager
def writer_lock(lake: Lake, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the lock of this lake; waits for other writers, each of which needs well under a second.

    Raises:
        LockTimeoutError: if it cannot be had in time; names the process that holds it.
    """
    if isinstance(lake.catalog, Postgres):
        with _advisory_lock(lake, timeout_seconds):
            yield
    else:
        with _file_lock(lake.catalog, timeout_seconds):
            yield


@contextlib.contextmanager
def _advisory_lock(lake: Lake, timeout_seconds: float) -> Iterator[None]:
    with advisory.locked(lake, advisory.WRITER, timeout_seconds) as is_held:
        if not is_held:
            holder = f"the server's process {advisory.holders(lake, advisory.WRITER)}"
            raise LockTimeoutError(_timeout(holder, f"the writer's lock of {lake.catalog}", timeout_seconds))
        yield


def _timeout(holder: str, what: str, timeout_seconds: float) -> str:
    return (
        f"{holder} has held {what} for over {timeout_seconds:g} s; see what it does, or end it: nothing is lost, and the "
        "next run takes up where it was"
    )


@contextlib.contextmanager
def _file_lock(catalog: Path, timeout_seconds: float) -> Iterator[None]:
    catalog.parent.mkdir(parents=True, exist_ok=True)
    path = catalog.with_name(catalog.name + ".lock")
    deadline = time.monotonic() + timeout_seconds
    with contextlib.ExitStack() as held:
        # Whoever is next holds the turn, and whoever comes back at once stands behind: without it, one that writes
        # again and again (a top-up every 0.1 s) keeps a waiting run out for as long as luck will have it.
        with _locked(catalog.with_name(catalog.name + ".turn"), deadline, timeout_seconds):
            descriptor = held.enter_context(_locked(path, deadline, timeout_seconds))
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield


@contextlib.contextmanager
def alone(lake: Lake, work: str) -> Iterator[bool]:
    """Tell whether nobody else is at this work for the lake, and let nobody begin it meanwhile. It does not wait.

    It is no lock of the books: whoever writes them does not look at it.
    """
    if isinstance(lake.catalog, Postgres):
        with advisory.session(lake) as connection:
            yield advisory.try_lock(connection, advisory.OF_WORK[work])
        return
    descriptor = os.open(lake.catalog.with_name(f"{lake.catalog.name}.{work}"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path, deadline: float, timeout_seconds: float) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for(descriptor, path, deadline, timeout_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, deadline: float, timeout_seconds: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = _timeout(f"process {_holder(path)}", str(path.with_suffix(".lock")), timeout_seconds)
                raise LockTimeoutError(message) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _holder(path: Path) -> str:
    """The process that said that it holds the lock itself, whichever of the two files was waited for."""
    with contextlib.suppress(OSError):
        return path.with_suffix(".lock").read_text(encoding="ascii") or "unknown"
    return "unknown"
