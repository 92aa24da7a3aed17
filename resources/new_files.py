"""Which landed files are new, and which of them are read together.

What belongs here: choosing files by their name, content and shape. What does not: reading their records
(`raw_files.py`, `ingest.py`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl

from resources.file_rows import UNKNOWN_CONTENT, failed_rows, skipped_rows
from resources.lake import Lake
from resources.landing import LandedFile

LARGEST_BATCH_BYTES = 1024 * 1024 * 1024


class KnownFiles:
    """What earlier runs know of files: by name (to pass over what has not changed) and by content."""

    def __init__(self, lake: Lake, run: int) -> None:
        rows = lake.frame("steps/ingest/known_files", {"run": run})
        settled = rows.filter(pl.col("sha256") != UNKNOWN_CONTENT)
        self._settled = set(settled.select("source", "file", "size", "modified_ns").iter_rows())
        taken = rows.filter(pl.col("status") == "taken")
        self._taken = {(row[0], row[1]): row[2] for row in taken.select("source", "sha256", "records").iter_rows()}
        failed = rows.filter(pl.col("status") == "failed")
        self._errors = set(failed.select("source", "file", "size", "modified_ns", "error").iter_rows())

    def passes_over(self, file: LandedFile) -> bool:
        """Whether a file of this name, size and time was read before: then it is not even opened."""
        return (file.source, file.name, file.size, file.modified_ns) in self._settled

    def records_taken(self, file: LandedFile, sha256: str) -> int | None:
        """How many records the same content held when it was taken; None if it was not."""
        return self._taken.get((file.source, sha256))

    def has_error(self, file: LandedFile, error: str) -> bool:
        """Whether this error of this file, as it is, is recorded already."""
        return (file.source, file.name, file.size, file.modified_ns, error) in self._errors


@dataclass
class NewFiles:
    """New files of one source: those to read together, in the order of their names, and those that are not read.

    Attributes:
        skipped: files whose content was taken before, with its hash and the records that it held.
        errors: why a file cannot even be hashed, by name, where that is not recorded yet.
    """

    readable: list[LandedFile] = field(default_factory=list)
    sha256: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[LandedFile, str, int]] = field(default_factory=list)
    unreadable: list[LandedFile] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def unread_rows(self) -> pl.DataFrame:
        """The rows of `ingested_files` for files that are not read."""
        return pl.concat([skipped_rows(self.skipped), failed_rows(self.unreadable, self.sha256, self.errors)])


def choose(files: Iterable[LandedFile], known: KnownFiles, shape_of: Callable[[LandedFile], object]) -> NewFiles:
    """The first files that can be read together: of one shape, and not too large.

    A file with the content of an earlier one among them waits: when that one was taken, it is skipped.
    """
    new = NewFiles()
    shape: object = None
    size = 0
    contents: set[str] = set()
    for file in files:
        content = _hash(file, known, new)
        if content is None or content in contents:
            continue
        records = known.records_taken(file, content)
        if records is not None:
            new.skipped.append((file, content, records))
            continue
        if new.readable and (shape_of(file) != shape or size + file.size > LARGEST_BATCH_BYTES):
            break
        shape = shape if new.readable else shape_of(file)
        size += file.size
        contents.add(content)
        new.readable.append(file)
    return new


def _hash(file: LandedFile, known: KnownFiles, new: NewFiles) -> str | None:
    """The hash of a file; None if it cannot be read, which is noted, or is gone."""
    try:
        content = file.sha256()
    except FileNotFoundError:
        return None
    except OSError as error:
        mend = "make it readable" if isinstance(error, PermissionError) else "see whether the disk is sound"
        message = f"cannot be read ({error.strerror}); {mend}, then it is taken by the next run"
    else:
        new.sha256[file.name] = content
        if file.has_readable_name:
            return content
        message = "its name is not UTF-8; rename it"
    new.sha256[file.name] = UNKNOWN_CONTENT
    if not known.has_error(file, message):
        new.unreadable.append(file)
        new.errors[file.name] = message
    return None
