"""Whether a text file is whole: not empty, not cut off, not damaged by its compression.

What belongs here: looking at a file's bytes before DuckDB reads it, which takes a cut-off .gz or .zst for a shorter
file. What does not: what its lines say (`raw_files.py`).
"""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

from resources.errors import UnreadableFileError
from resources.landing import LandedFile

CHUNK_BYTES = 1024 * 1024
# The last line is looked at in so many bytes from the end.
TAIL_BYTES = 1024 * 1024


def check_whole(file: LandedFile) -> None:
    """Raise if a text file is empty or cut off.

    Its last line must end: else it was cut off, or is still being written. A last line that is whole JSON may lack its
    end.

    Raises:
        UnreadableFileError: says what is wrong and how to mend it.
    """
    tail = _tail(file)
    if not tail:
        raise UnreadableFileError("the file is empty; land it again with its records")
    if tail[-1:] in (b"\n", b"\r") or (file.format == "json" and _ends_with_json(tail)):
        return
    if tail[-1:] == b"\0":
        raise UnreadableFileError("it is not text in UTF-8 (UTF-16, by its look); land it in UTF-8")
    message = "the last line does not end: the file is cut off, or still being written; land it whole, with a line end"
    raise UnreadableFileError(message)


def csv_header(file: LandedFile) -> list[str]:
    """The names in the first line of a CSV file, without any two alike: a nameless column has its place as name.

    Raises:
        UnreadableFileError: it has none, or is not UTF-8.
    """
    # The wrapper decodes far ahead of the first line, where a bad line may lie: that is not the header's fault.
    with (
        _opened(file) as content,
        io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        try:
            names = next(csv.reader(text, strict=True), [])
            "".join(names).encode()
        except (csv.Error, UnicodeEncodeError) as error:
            message = "its first line is no header in UTF-8; begin with the names of the columns"
            raise UnreadableFileError(message) from error
    if not any(name.strip() for name in names):
        raise UnreadableFileError("its first line is empty; begin with the names of the columns")
    stripped = [name.strip() or f"column {place}" for place, name in enumerate(names, 1)]
    repeated = sorted({name for name in stripped if [other.lower() for other in stripped].count(name.lower()) > 1})
    if repeated:
        message = f"column {repeated[0]!r} stands twice in its header; give each column its own name"
        raise UnreadableFileError(message)
    return stripped


def _ends_with_json(tail: bytes) -> bool:
    try:
        return isinstance(json.loads(tail.splitlines()[-1]), dict | list)
    except ValueError:
        return False


def _tail(file: LandedFile) -> bytes:
    with _opened(file) as content:
        if not file.compression:
            content.seek(max(file.size - TAIL_BYTES, 0))
            return content.read()
        tail = b""
        while chunk := content.read(CHUNK_BYTES):
            tail = (tail + chunk)[-TAIL_BYTES:]
        return tail


@contextlib.contextmanager
def _opened(file: LandedFile) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed; a checksum that fails and an end that is missing are errors."""
    try:
        with file.path.open("rb") as raw:
            yield _decompressed(raw, file.compression) if file.compression else raw
    except UnreadableFileError:
        raise
    except (OSError, pa.ArrowException) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        mend = "make it readable" if isinstance(error, PermissionError) else "land it again, whole"
        raise UnreadableFileError(f"cannot be read ({what}); {mend}") from error


def _decompressed(raw: IO[bytes], compression: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw), compression))
