"""Raw files as DuckDB relations: `landed` (as they came), `raw` (in the columns that a source asks for), `yielded`.

What belongs here: formats. What does not: which columns a source reads (`sources.py`), their types (`conversions.py`),
whether a text file is whole (`whole_files.py`), judging what a record says (`sql/steps/ingest/judged.sql`).
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from resources.catalogs import quoted
from resources.conversions import as_it_came, converted
from resources.errors import UnreadableFileError
from resources.lake import Lake
from resources.landing import LandedFile
from resources.sources import Source
from resources.statements import files_of, statement
from resources.whole_files import check_whole, csv_header

LARGEST_LINE_BYTES = 64 * 1024 * 1024
# What DuckDB raises for the content of a file. For much that is damaged in Parquet it raises its bare `Error`, which all
# of its errors are: those that are none of these, but something more exact, are a fault of ours and end the run.
UNREADABLE = (UnreadableFileError, duckdb.Error)
_OF_CONTENT = (
    UnreadableFileError, duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException,
    duckdb.OutOfRangeException, duckdb.NotSupportedError, duckdb.SerializationException,
)  # fmt: skip
REJECTS = "store_rejects = true, rejects_scan = 'reject_scans', rejects_table = 'reject_errors', rejects_limit = 0"


# Under this key a lake's memo has how many CSV files were opened last, each as a table of its own.
CSV_FILES = "csv_files"


def define_macros(lake: Lake) -> None:
    """The conversions that sources and the judge use; once a connection."""
    if "macros" not in lake.memo:
        for path in files_of("macros"):
            lake.run_statement(f"macros/{path.stem}")
        lake.memo["macros"] = True


def shape_of(lake: Lake, file: LandedFile) -> object:
    """What files must share to be read together: format, compression and, in Parquet, columns and types.

    A union of two types would change values: a decimal beside a float becomes a float.
    """
    if file.format != "parquet":
        return file.format, file.compression
    try:
        query = f"describe select * from {_parquet([file])}"
        return tuple(row[:2] for row in lake.connection.execute(query).fetchall())
    except UNREADABLE:
        return file.name


def open_files(lake: Lake, source: Source, files: Sequence[LandedFile]) -> None:
    """Make `landed`, `raw`, `malformed` and `yielded` for files of one shape, the macro `record_of`, the type `landed_name`.

    Raises:
        UnreadableFileError: one of the files cannot be read, or lacks a column. (A damaged Parquet page may show only
            when the records are read: then DuckDB raises there.)
    """
    connection = lake.connection
    try:
        _drop_landed(lake)
        _opener(files[0])(lake, source, files)
        kinds = read_from(lake, source, "landed")
    except UNREADABLE as error:
        raise UnreadableFileError(reason_of(error)) from error
    # The names of the files as a type: a column of it takes a byte a record, not sixteen.
    landed_names = ", ".join(f"'{quoted(file.name)}'" for file in files)
    connection.execute(f"create or replace temp type landed_name as enum ({landed_names})")
    connection.execute(f"create or replace temp macro record_of(came) as {as_it_came(kinds, 'came')}")
    query = statement(f"sources/{source.name}")
    names = [row[0] for row in connection.execute(f"describe ({query})").fetchall()]
    fault = "" if "fault" in names else ", null::varchar as fault"
    connection.execute(
        f"create or replace temp view yielded as select '{source.name}' as source, *{fault} from ({query})"
    )


def read_from(lake: Lake, source: Source, relation: str) -> dict[str, str]:
    """Let `raw`, and so `yielded`, hold the rows of `landed`, or of a relation with some of them; returns its types."""
    query = f"select column_name, column_type from (describe {relation})"
    kinds = dict(lake.connection.execute(query).fetchall())
    selected = ", ".join(converted(column.name, column.type, kinds) for column in source.columns)
    lake.connection.execute(
        f'create or replace temp view raw as select landed_file as file, landed_row as "row", {selected} from {relation}'
    )
    return kinds


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, in a line that says what to do. Raises the error again if it is a fault of ours."""
    if isinstance(error, UnreadableFileError):
        return str(error)
    if type(error) is not duckdb.Error and not isinstance(error, _OF_CONTENT):
        raise error
    what = str(error).splitlines()[0].partition("Error: ")
    if "state machine reached an invalid state" in what[2]:
        return (
            "cannot be read: its lines end in several ways (CRLF and LF), or a quote is out of place; "
            "land it with one line end"
        )
    return f"cannot be read ({(what[2] or what[0]).strip()}); land it again, whole"


def _opener(file: LandedFile) -> Callable[[Lake, Source, Sequence[LandedFile]], None]:
    if file.format is None:
        message = "its ending tells no format; land .parquet, or .csv, .ndjson, .jsonl or .json"
        raise UnreadableFileError(f"{message} (.gz or .zst may follow these)")
    return _OPENERS[file.format]


def _drop_landed(lake: Lake) -> None:
    """Forget the files before: `landed` may be a view over tables of another format."""
    connection = lake.connection
    connection.execute("drop view if exists temp.landed")
    of_csv = [f"landed_{place}" for place in range(lake.memo.pop(CSV_FILES, 0))]
    for name in (*of_csv, "landed_lines", "landed_unusual", "reject_scans", "reject_errors"):
        connection.execute(f"drop table if exists temp.{name}")
    connection.execute("create or replace temp table malformed (file varchar, row bigint, line varchar)")


def _place(files: Sequence[LandedFile]) -> int:
    """Where a file's name in its source's folder begins in its path: all files of a call lie under one such folder."""
    return len(str(files[0].path)) - len(files[0].name) + 1


def _literal(path: Path) -> str:
    """A path as DuckDB takes it for this file alone: it would read `u*.csv`, the name of a file, as a pattern for many."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def _paths(files: Sequence[LandedFile]) -> str:
    return "[" + ", ".join(f"'{quoted(_literal(file.path))}'" for file in files) + "]"


def _parquet(files: Sequence[LandedFile]) -> str:
    # A folder named like account_id=acme is a folder: it adds no column, and takes none's place.
    return f"read_parquet({_paths(files)}, hive_partitioning = false)"


def _open_parquet(lake: Lake, source: Source, files: Sequence[LandedFile]) -> None:
    described = lake.connection.execute(f"describe select * from {_parquet(files)}").fetchall()
    source.check_columns(row[0] for row in described)
    lake.connection.execute(
        "create or replace temp view landed as "
        f"select * exclude (landed_path, file_row_number), landed_path[{_place(files)}:] as landed_file, "
        "file_row_number + 1 as landed_row "
        f"from read_parquet({_paths(files)}, hive_partitioning = false, filename = 'landed_path', file_row_number = true)"
    )


def _open_csv(lake: Lake, source: Source, files: Sequence[LandedFile]) -> None:
    """Each file by itself: a bad line is then a row of `malformed` with its number, and the rest goes on."""
    connection = lake.connection
    lake.memo[CSV_FILES] = len(files)
    for place, file in enumerate(files):
        check_whole(file)
        columns = csv_header(file)
        source.check_columns(columns)
        types = ", ".join(f"'{quoted(name)}': 'VARCHAR'" for name in columns)
        connection.execute(
            f"create or replace temp table landed_{place} as "
            "select *, $name as landed_file, row_number() over () as landed_row "
            f"from read_csv($path, columns = {{{types}}}, auto_detect = false, header = true, strict_mode = true, "
            "delim = ',', quote = '\"', escape = '\"', "
            f"compression = '{file.compression or 'none'}', {REJECTS})",
            {"path": _literal(file.path), "name": file.name},
        )
        _keep_bad_lines(connection, file)
    parts = " union all by name ".join(f"from landed_{place}" for place in range(len(files)))
    connection.execute(f"create or replace temp view landed as {parts}")


def _keep_bad_lines(connection: duckdb.DuckDBPyConnection, file: LandedFile) -> None:
    """The lines that DuckDB could not read, into `malformed`.

    Raises:
        UnreadableFileError: a quote opens and does not close: where the next record begins, nobody knows.
    """
    run_on = connection.execute(statement("steps/ingest/run_on_line")).fetchone()
    if run_on:
        message = (
            f"in line {run_on[0]} a quote opens that does not close there: {run_on[1]!r}; "
            "write a quote inside of quotes twice, or land the file whole, if it was cut off"
        )
        raise UnreadableFileError(message)
    connection.execute(statement("steps/ingest/malformed_csv"), {"name": file.name})


def _open_json(lake: Lake, source: Source, files: Sequence[LandedFile]) -> None:
    """Lines of JSON: an object, or an array of objects, a line. What is neither is a row of `malformed`."""
    del source  # a key that is missing is the record's fault, not the file's
    connection = lake.connection
    for file in files:
        check_whole(file)
    # Without a delimiter a line is one column. Line ends may be mixed here, which strict mode refuses.
    connection.execute(
        "create or replace temp table lines as "
        f"select filename[{_place(files)}:] as landed_file, line, row_number() over () as number "
        f"from read_csv({_paths(files)}, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, "
        "strict_mode = false, delim = '', quote = '', escape = '', filename = true, "
        f"compression = '{files[0].compression or 'none'}', max_line_size = {LARGEST_LINE_BYTES}, {REJECTS})"
    )
    connection.execute(statement("steps/ingest/unreadable_lines"), {"place": _place(files)})
    connection.execute(statement("steps/ingest/landed_json"))
    connection.execute(statement("steps/ingest/malformed_json"))
    connection.execute(
        "create or replace temp view landed as select * exclude (bad_line) from landed_lines where bad_line is null"
    )


_OPENERS = {"parquet": _open_parquet, "csv": _open_csv, "json": _open_json}
