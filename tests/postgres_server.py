"""A PostgreSQL server of the tests' own: in a folder under /tmp, on a socket there, and gone when they are over.

What belongs here: starting it, and making databases. What does not: what the tests do there.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tools.system_packages import postgres_program

# The server refuses to run as root; the Debian package makes this user.
SERVER_USER: Final = "postgres"
OWNER: Final = "meterbook"
LACKING: Final = "no PostgreSQL server here; install the package postgresql (as root, `make test` does on Debian)"
# Tests kill our processes, never the machine: so nothing need be on disk.
OPTIONS: Final = "-c listen_addresses='' -c fsync=off -c max_connections=200 -c shared_buffers=32MB"


@dataclass(frozen=True)
class Server:
    """A running server; its socket is in `folder`."""

    folder: Path

    def ask(self, query: str, database: str = "postgres") -> str:
        """What psql prints for a statement, without ornaments; by a program of its own, which shares nothing with us."""
        return subprocess.run(self.command(query, database), check=True, capture_output=True, text=True).stdout.strip()

    def command(self, query: str, database: str) -> list[str]:
        """The command that asks; each statement of a query is one of its own."""
        options = ["-XAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", OWNER]
        single = [part for text in query.split(";") for part in ("-c", text.strip())]
        return [str(postgres_program("psql")), *options, *single, database]

    def make_database(self) -> str:
        """A new, empty database; returns its name."""
        name = f"lake_{uuid.uuid4().hex[:12]}"
        self.ask(f"create database {name}")
        return name

    def copy_database(self, database: str) -> str:
        """A copy of a database to which nobody is connected; returns its name."""
        name = f"lake_{uuid.uuid4().hex[:12]}"
        self.end_connections(database)
        self.ask(f"create database {name} template {database}")
        return name

    def keywords(self, database: str) -> str:
        """How the setting `lake.catalog` names a database, behind `postgres:`."""
        return f"dbname={database} host={self.folder} user={OWNER}"

    def end_connections(self, database: str) -> int:
        """End every connection to a database, as an administrator or a failing server would."""
        ended = f"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{database}'"
        return int(self.ask(ended))


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server; skips the test where there is none to start."""
    if postgres_program("initdb") is None or (os.geteuid() == 0 and not _is_user(SERVER_USER)):
        pytest.skip(LACKING)
    folder = Path(tempfile.mkdtemp(prefix="meterbook-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, SERVER_USER, SERVER_USER)
        folder.chmod(0o755)
    try:
        _run("initdb", ["-D", f"{folder}/data", "-U", OWNER, "--auth=trust", "-N", "--locale=C", "-E", "UTF8"], folder)
        start = ["-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", f"-k {folder} {OPTIONS}", "start"]
        _run("pg_ctl", start, folder)
        try:
            yield Server(folder)
        finally:
            _run("pg_ctl", ["-D", f"{folder}/data", "-m", "immediate", "-w", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _run(program: str, arguments: Sequence[str], folder: Path) -> None:
    as_user: dict[str, Any] = (
        {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    command = [str(postgres_program(program)), *arguments]
    # Into a file: the server keeps what it is given open, and a pipe would never end.
    with (folder / "said").open("ab") as said:
        finished = subprocess.run(command, check=False, stdout=said, stderr=said, cwd=folder, **as_user)
    if finished.returncode:
        raise RuntimeError(f"{program} failed: {(folder / 'said').read_text(encoding='utf-8')}")
