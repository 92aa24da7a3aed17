"""Goal: what DuckDB loads is signed. A process checks a file once, and again when it is another."""

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from resources.extensions import connect_with, extension_files
from resources.lake import connect


@pytest.fixture
def scanner(tmp_path: Path) -> Path:
    """A copy of the smaller extension, which a test may spoil."""
    return Path(shutil.copy(extension_files()[0], tmp_path))


def spoil(file: Path) -> None:
    """Change one byte in its place; the file keeps its size and its time."""
    times = file.stat()
    with file.open("r+b") as opened:
        opened.seek(1_000_000)
        byte = opened.read(1)
        opened.seek(1_000_000)
        opened.write(bytes([byte[0] ^ 1]))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_spoilt_extension_is_refused(scanner: Path) -> None:
    spoil(scanner)
    for _ in range(2):
        with pytest.raises(duckdb.IOException, match="signature"):
            connect_with([scanner], {})


def test_an_extension_that_was_replaced_is_checked_again(scanner: Path) -> None:
    connect_with([scanner], {}).close()
    connect_with([scanner], {}).close()
    other = Path(shutil.copy(scanner, scanner.with_name("other")))
    spoil(other)
    other.replace(scanner)
    with pytest.raises(duckdb.IOException, match="signature"):
        connect_with([scanner], {})


def test_a_connection_loads_nothing_unsigned_whether_it_checked_or_not(scanner: Path) -> None:
    known = Path(shutil.copy(extension_files()[1], scanner.parent))
    for _ in range(2):
        with connect_with([known], {}) as connection:
            spoil(scanner)
            with pytest.raises(duckdb.IOException, match="signature"):
                connection.execute(f"load '{scanner}'")
            with pytest.raises(duckdb.InvalidInputException, match="allow_unsigned_extensions"):
                connection.execute("set allow_unsigned_extensions = true")
            spoil(scanner)  # the same byte again: as it was


def test_ordinary_connections_load_nothing_unsigned() -> None:
    for _ in range(2):
        with connect() as connection:
            assert connection.execute("select current_setting('allow_unsigned_extensions')").fetchone() == (False,)
