"""Sources: kinds of raw records, each a file of `sql/sources/` that selects the `usage_events` columns.

What belongs here: what a source declares. What does not: reading its files (`raw_files.py`). Comments declare the columns
that it reads, `-- column: NAME TYPE [optional]`, with the types text, number, time, map (dimensions) and json. It may
select a column `fault` with a reason of its own to refuse a record.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from resources.errors import ResourceError, UnreadableFileError
from resources.statements import files_of

COLUMN = re.compile(
    r"^-- column: (?P<name>\w+) (?P<type>text|number|time|map|json)(?P<optional> optional)?$", re.MULTILINE
)
COLUMNS_SHOWN = 20


@dataclass(frozen=True)
class SourceColumn:
    """One column that a source reads from its files."""

    name: str
    type: str
    optional: bool


@dataclass(frozen=True)
class Source:
    """One kind of raw record: its name is its folder under `landing/` and its file in `sql/sources/`."""

    name: str
    columns: tuple[SourceColumn, ...]

    def check_columns(self, names: Iterable[str]) -> None:
        """Raise if a file with these columns lacks one that is needed, or has one under a name of ours."""
        there = list(names)
        ours = [name for name in there if name.lower().startswith("landed_") or name.lower() == "file_row_number"]
        if ours:
            raise UnreadableFileError(f"column {ours[0]!r} has a name that we need ourselves; rename it")
        missing = [column.name for column in self.columns if not column.optional and column.name not in there]
        if missing:
            needed = ", ".join(column.name for column in self.columns if not column.optional)
            shown = ", ".join(there[:COLUMNS_SHOWN]) + (", ..." if len(there) > COLUMNS_SHOWN else "")
            message = f"column {missing[0]!r} is missing: {self.name} needs {needed}; the file has {shown}"
            raise UnreadableFileError(message)


def sources() -> list[Source]:
    """All sources of usage events that this installation knows.

    Raises:
        ResourceError: a source declares a column in a way that we do not know.
    """
    found = []
    for path in files_of("sources"):
        text = path.read_text(encoding="utf-8")
        columns = [
            SourceColumn(match["name"], match["type"], bool(match["optional"])) for match in COLUMN.finditer(text)
        ]
        if len(columns) != text.count("-- column:"):
            types = "text, number, time, map or json"
            message = f"{path}: a column is declared as `-- column: NAME TYPE [optional]`, with the type {types}"
            raise ResourceError(message)
        found.append(Source(path.stem, tuple(columns)))
    return found
