"""Raw files as DuckDB relations: `landed` (as they came), `raw` (in the columns that a source asks for), `yielded`.

What belongs here: formats, encodings and column types. What does not: judging what a record says
(`sql/steps/ingest/judged.sql`). A source is a file of `sql/sources/` whose comments declare the columns that it reads:
`-- column: NAME TYPE [optional]`, with the types text, number, time, map (dimensions) and json.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from resources.errors import ResourceError
from resources.lake import Lake, quoted
from resources.landing import LandedFile
from resources.statements import files_of, statement

COLUMN = re.compile(r"^-- column: (?P<name>\w+) (?P<type>text|number|time|map|json)(?P<optional> optional)?$", re.M)
LARGEST_LINE_BYTES = 64 * 1024 * 1024
# JSON never holds this character unescaped, so each line is read as one column.
NO_DELIMITER = "\\x01"
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


class UnreadableFileError(ResourceError):
    """A landed file that cannot be read whole; the message says why."""


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


def sources() -> list[Source]:
    """All sources of usage events that this installation knows."""
    found = []
    for path in files_of("sources"):
        matches = COLUMN.finditer(path.read_text(encoding="utf-8"))
        columns = (SourceColumn(match["name"], match["type"], bool(match["optional"])) for match in matches)
        found.append(Source(path.stem, tuple(columns)))
    return found


def define_macros(lake: Lake) -> None:
    """The conversions that sources and the judge use."""
    for path in files_of("macros"):
        lake.run_statement(f"macros/{path.stem}")


def open_files(lake: Lake, source: Source, files: Sequence[LandedFile]) -> None:
    """Make `landed`, `raw`, `malformed` and `yielded` for files of one format.

    Raises:
        UnreadableFileError: one of the files cannot be read, or lacks a column. (A damaged Parquet page may show only when
            the records are read: then DuckDB raises there.)
    """
    try:
        _opener(files[0])(lake.connection, files)
        kinds = dict(lake.connection.execute("select column_name, column_type from (describe landed)").fetchall())
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise UnreadableFileError(_reason(error)) from error
    selected = ", ".join(_converted(column, kinds, source) for column in source.columns)
    lake.connection.execute(f"create or replace temp view raw as select file, \"row\", {selected} from landed")  # noqa: S608
    lake.connection.execute(
        f"create or replace temp view yielded as select '{source.name}' as source, * from ({statement(f'sources/{source.name}')})"
    )


def _opener(file: LandedFile) -> Callable[[duckdb.DuckDBPyConnection, Sequence[LandedFile]], None]:
    if file.format is None:
        message = "its ending tells no format; land .parquet, .csv, .ndjson, .jsonl or .json (.gz or .zst may follow)"
        raise UnreadableFileError(message)
    return _OPENERS[file.format]


def _reason(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def _name(files: Sequence[LandedFile]) -> str:
    """How a file is called in its source's folder, from its path: all files of a call lie under one such folder."""
    return f"filename[{len(str(files[0].path)) - len(files[0].name) + 1}:]"


def _paths(files: Sequence[LandedFile]) -> str:
    return "[" + ", ".join(f"'{quoted(file.path)}'" for file in files) + "]"


def _open_parquet(connection: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> None:
    connection.execute(
        "create or replace temp view landed as "  # noqa: S608 - quoted paths
        f"select * exclude (filename, file_row_number), {_name(files)} as file, file_row_number + 1 as row "
        f"from read_parquet({_paths(files)}, filename = true, file_row_number = true, union_by_name = true)"
    )
    connection.execute("create or replace temp table malformed (file varchar, row bigint, line varchar)")


def _open_csv(connection: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> None:
    """Each file by itself: a bad line is then a row of `malformed` with its number, and the rest goes on."""
    connection.execute("drop table if exists reject_scans")
    connection.execute("drop table if exists reject_errors")
    connection.execute("create or replace temp table malformed (file varchar, row bigint, line varchar)")
    parts = []
    for place, file in enumerate(files):
        _refuse_cut_off(file)
        connection.execute(
            f"create or replace temp table landed_{place} as select *, $name as file, row_number() over () as row "  # noqa: S608
            "from read_csv($path, header = true, all_varchar = true, null_padding = false, strict_mode = true, "
            "delim = ',', quote = '\"', escape = '\"', store_rejects = true, rejects_scan = 'reject_scans', "
            "rejects_table = 'reject_errors', rejects_limit = 0)",
            {"path": str(file.path), "name": file.name},
        )
        connection.execute(
            "insert into malformed select $name, line, any_value(csv_line) from reject_errors "
            "where file_id = (select max(file_id) from reject_scans) group by line",
            {"name": file.name},
        )
        parts.append(f"from landed_{place}")
    connection.execute(f"create or replace temp view landed as {' union all by name '.join(parts)}")


def _open_json(connection: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> None:
    """Lines of JSON: an object, or an array of objects, a line. What is neither is a row of `malformed`."""
    for file in files:
        _refuse_cut_off(file)
    connection.execute(
        "create or replace temp table lines as "  # noqa: S608
        f"select {_name(files)} as file, line, row_number() over () as number from read_csv({_paths(files)}, columns = {{'line': 'VARCHAR'}}, header = false, delim = '{NO_DELIMITER}', "
        f"quote = '', escape = '', filename = true, max_line_size = {LARGEST_LINE_BYTES}, auto_detect = false)"
    )
    connection.execute(statement("steps/ingest/landed_json"))
    connection.execute("create or replace temp view landed as from landed_events")
    connection.execute(statement("steps/ingest/malformed_json"))


def _refuse_cut_off(file: LandedFile) -> None:
    """A text file without an end of its last line was cut off, or is still being written."""
    if file.path.suffix in (".gz", ".zst"):
        return
    if file.size == 0:
        message = "the file is empty; land it again with its records"
        raise UnreadableFileError(message)
    with file.path.open("rb") as content:
        content.seek(-1, 2)
        if content.read(1) not in (b"\n", b"\r"):
            message = "the last line does not end: the file is cut off; land it whole, with a line end"
            raise UnreadableFileError(message)


_OPENERS = {"parquet": _open_parquet, "csv": _open_csv, "json": _open_json}


def _converted(column: SourceColumn, kinds: dict[str, str], source: Source) -> str:
    name = f'"{column.name}"'
    kind = kinds.get(column.name)
    if "event_json" in kinds:
        name, kind = f"(event_json -> '$.{column.name}')", "JSON"
    if kind is None:
        if not column.optional:
            message = f"column {column.name!r} is missing; {source.name} reads {', '.join(c.name for c in source.columns)}"
            raise UnreadableFileError(message)
        name, kind = "null::varchar", "VARCHAR"
    return f'{_CONVERSIONS[column.type](name, kind)} as "{column.name}"'


def _text(name: str, kind: str) -> str:
    return f"({name} ->> '$')" if kind == "JSON" else f"{name}::varchar"


def _number(name: str, kind: str) -> str:
    if kind in ("DOUBLE", "FLOAT"):
        return f"exact_of_double({name}::double)"
    if kind in INTEGERS or kind.startswith("DECIMAL"):
        return f"case when abs({name}) >= 1000000000000 then 1e27 else {name} end::decimal(38, 9)"
    return f"exact_of_text({_text(name, kind)})"


def _time(name: str, kind: str) -> str:
    if kind.startswith("TIMESTAMP"):
        return f"{name}::timestamptz"
    return f"try_cast({_text(name, kind)} as timestamptz)" if kind in ("VARCHAR", "JSON") else "null::timestamptz"


def _map(name: str, kind: str) -> str:
    if kind == "JSON":
        return f"canonical_dimensions({name}::varchar)"
    return f"canonical_dimensions({name if kind == 'VARCHAR' else f'to_json({name})::varchar'})"


def _json(name: str, kind: str) -> str:
    return name if kind == "JSON" else f"to_json({name})"


_CONVERSIONS = {"text": _text, "number": _number, "time": _time, "map": _map, "json": _json}
