"""The rows of a landed file of reference data, as text: CSV, YAML or lines of JSON.

What belongs here: formats, and refusing a file that says what we would not hear. What does not: judging what a row says
(`reference.py`). A file is refused whole, so that no part of it is taken by mistake: these files are small and made by
hand or by a script, and are landed again.
"""

import csv
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl
import yaml

from resources.errors import UnreadableFileError
from resources.landing import LandedFile
from resources.strict_yaml import without_repeated_keys
from resources.whole_files import check_whole, csv_header

Record = dict[str, Any]


def read_rows(file: LandedFile, columns: Sequence[str]) -> pl.DataFrame:
    """The rows of a file in text columns, with their place in it as `row`.

    Raises:
        UnreadableFileError: it cannot be read whole, or has a column that we do not know (a mistyped one would be lost
            in silence, and its default billed).
    """
    reader = _READERS.get(file.path.suffix.lower())
    if reader is None:
        raise UnreadableFileError(f"its ending tells no format; files of reference data end in {', '.join(_READERS)}")
    check_whole(file)
    try:
        records = reader(file)
    except UnicodeDecodeError as error:
        raise UnreadableFileError("it is not text in UTF-8; land it in UTF-8") from error
    except OSError as error:
        raise UnreadableFileError(f"cannot be read ({error.strerror}); make it readable") from error
    for place, record in enumerate(records, 1):
        unknown = [name for name, value in record.items() if name not in columns and value not in (None, "")]
        if unknown:
            message = f"row {place} has {unknown[0]!r}, which is not known here; known are {', '.join(columns)}"
            raise UnreadableFileError(message)
    texts = {
        name: [_text(record.get(name), name, place) for place, record in enumerate(records, 1)] for name in columns
    }
    frame = pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String))
    return frame.with_columns(row=pl.int_range(1, frame.height + 1))


def _read_csv(file: LandedFile) -> list[Record]:
    names = csv_header(file)
    records = []
    with file.path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            next(reader)
            for fields in reader:
                if len(fields) not in (0, len(names)):
                    message = (
                        f"line {reader.line_num} has {len(fields)} fields, the header has {len(names)}; mend that line"
                    )
                    raise UnreadableFileError(message)
                if fields:
                    records.append(dict(zip(names, fields, strict=True)))
        except csv.Error as error:
            raise UnreadableFileError(f"line {reader.line_num} is not CSV ({error}); mend that line") from error
    return records


def _read_lines(file: LandedFile) -> list[Record]:
    records = []
    for number, line in enumerate(file.path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            try:
                # Numbers stay as they are written: amounts must not become floats.
                record = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
            except ValueError as error:
                raise UnreadableFileError(f"line {number} is not JSON ({error}); mend that line") from error
            if not isinstance(record, dict):
                raise UnreadableFileError(f"line {number} is no object; write a row as {{...}} on a line of its own")
            records.append(record)
    return records


class _TextLoader(yaml.BaseLoader):
    """YAML in which every scalar stays the text that was written (amounts must not become floats), but for null."""

    construct_mapping = without_repeated_keys(yaml.BaseLoader)


_TextLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", yaml.resolver.Resolver.yaml_implicit_resolvers["~"][0][1], list("~nN\0")
)
_TextLoader.add_constructor("tag:yaml.org,2002:null", lambda _loader, _node: None)


def _read_yaml(file: LandedFile) -> list[Record]:
    try:
        records = yaml.load(file.path.read_text(encoding="utf-8-sig"), Loader=_TextLoader)  # noqa: S506 - makes only text
    except yaml.YAMLError as error:
        raise UnreadableFileError(f"it is not YAML ({' '.join(str(error).split())}); mend that line") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnreadableFileError(
            "it holds no list of mappings; begin each row with '- ', and its keys with their names"
        )
    return records


def _text(value: object, name: str, place: int) -> str | None:
    """A value as text; a list is the lines of an address."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(value)
    raise UnreadableFileError(f"{name} of row {place} is neither text nor a list of texts; write it as text")


_READERS: Final[dict[str, Callable[[LandedFile], list[Record]]]] = {
    ".csv": _read_csv, ".ndjson": _read_lines, ".jsonl": _read_lines, ".yaml": _read_yaml, ".yml": _read_yaml,
}  # fmt: skip
