"""The lake: DuckLake tables with their catalog in SQLite or PostgreSQL (design 3).

What belongs here: opening connections and running statements. What does not: committing (`writer.py`), and anything
that knows what the tables mean.
"""

import contextlib
import ctypes
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Self

import duckdb
import polars as pl

from resources.catalog_keeper import CatalogKeeper
from resources.catalogs import (
    SQLITE,
    Catalog,
    Postgres,
    attach_options,
    attach_text,
    beside,
    kind_of,
    quoted,
    settings_of,
)
from resources.errors import LakeError, LakeMissingError
from resources.extensions import connect_with, extension_files
from resources.moved_data import REFUSAL, follow_moved_data
from resources.spill import spill_folder
from resources.statements import statement

NAME = "lake"
# Small appends stay rows of the catalog until upkeep flushes them; larger ones are staged as files by the writer, since
# DuckLake does not flush the Parquet files that it writes itself (design 3).
INLINE_ROWS = 100
# How DuckLake refuses to open for reading what is not there.
NOT_THERE = "creating a new DuckLake is explicitly disabled"
# Seen with a catalog in PostgreSQL that lets a question wait for a lock until its time is over: DuckLake takes the answer for
# an empty one and fails with an index out of bounds, after which DuckDB takes no statement any more.
GAVE_UP = (
    "DuckDB gave up on the catalog {catalog}: {error}. That happens where its server ends a question, for a lock that is held"
    " too long or a lost connection. Nothing is half done; try the same again"
)
GIVEN_UP = (duckdb.FatalException, duckdb.InternalException)
# Where unqualified names are looked up: functions and temporary tables before the lake, because each question to the
# lake's catalog costs milliseconds. (DuckDB looks for `abs` in every schema on the way to its own.)
SEARCH_PATH = f"memory.main,system.main,{NAME}.main,{NAME}.books"
# Of what an optimizer of DuckDB asks DuckLake to know of a table, DuckLake looks into its catalog for each question: 3 ms,
# and 10 ms for a table in which nothing ever was. These statements are asked in each run, and answered by a few rows
# whatever is known of their tables. (Those about what is new since a head gain: where nothing is, no table is read.)
WITHOUT_STATISTICS = frozenset(
    {
        "steps/alerts/any_watched",
        "steps/charges/any_held",
        "steps/charges/first_closing",
        "steps/corrections/any_corrected",
        "steps/ledger/first_open",
    }
)
NO_STATISTICS = "set disabled_optimizers = 'join_order,statistics_propagation'"

Parameters = Mapping[str, Any]


def connect(
    *,
    kind: str = SQLITE,
    more: Sequence[str] = (),
    threads: int | None = None,
    memory_limit: str | None = None,
    spill: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in UTC for a kind of catalog, with extensions that come as wheels: nothing is fetched.

    `more` names kinds to read besides. `memory_limit` is what DuckDB may hold; without it, two fifths of the memory that
    there is. `spill` is the folder for what does not fit into it, this connection's alone; without it one for temporary
    files.
    """
    config: dict[str, str | int] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    config["temp_directory"] = str(spill or spill_folder(Path(gettempdir()) / "meterbook"))
    config |= {"threads": threads} if threads else {}
    config |= {"memory_limit": memory_limit} if memory_limit else {}
    connection = connect_with(extension_files((kind, *more)), config)
    if not memory_limit:
        _leave_room(connection)
    connection.execute("set TimeZone = 'UTC'")
    # DuckDB draws bars for slow queries of its own accord, into logs as well; commands draw ours.
    connection.execute("set enable_progress_bar = false")
    return connection


def _leave_room(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB hold half of its own default, which is four fifths of what the machine or its container has.

    Frames need room beside it, and the tables that DuckDB holds for a step can go to the disk: an hour of 64 million
    records costs the processor as much with 1.25 GB as with 4 (`make bench ARGS=growth`).
    """
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    amount, unit = str(row[0] if row else "").split()
    connection.execute(f"set memory_limit = '{float(amount) / 2} {unit}'")


def _look_up_cheaply(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute(f"set search_path = '{SEARCH_PATH}'")
    except duckdb.CatalogException:  # a new lake, which has no schema for views yet
        connection.execute(f"use {NAME}")


def restoring_mark(catalog: Catalog, data: Path) -> Path:
    """Where a restore makes the catalog ready; while it is there, the lake is not whole and does not open."""
    place = beside(catalog, data)
    return place.with_name(place.name + ".restoring")


class Lake:
    """One lake as one process sees it: where it is, and an open connection to it.

    `Lake(catalog, data)` attaches for reading and writing; `read_only=True` attaches so that nothing can be changed.
    Use it as a context manager. Statements are the files of `sql/`, with bound parameters.
    """

    def __init__(
        self,
        catalog: Catalog,
        data: Path,
        *,
        read_only: bool = False,
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        self.catalog, self.data, self.read_only = catalog, data, read_only
        self.kind = kind_of(catalog)
        self._options = {"threads": threads, "memory_limit": memory_limit}
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._keeper: CatalogKeeper | None = None
        # What was read and cannot change any more, for as long as the connection is open; whoever keeps something here
        # says in the key what it is and as of when.
        self.memo: dict[Hashable, Any] = {}
        # Told of every write, with the step and "staged", "committing" or "committed": tests break off there.
        self.watch: Callable[[str, str], None] = lambda _step, _moment: None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection; opened at first use."""
        if self._connection is None:
            self._connection = self._attach()
            # On PostgreSQL a pool keeps connections open, and nobody waits for anybody who opens one.
            self._keeper = CatalogKeeper(self._connection, NAME) if self.kind == SQLITE else None
        if self._keeper is not None:
            self._keeper.renew()
        return self._connection

    def _attach(self) -> duckdb.DuckDBPyConnection:
        self._check_place()
        spill = spill_folder(beside(self.catalog, self.data))
        connection = connect(kind=self.kind, **self._options, spill=spill)  # type: ignore[arg-type]  # the options have their types
        options = [
            *attach_options(self.catalog),
            f"DATA_PATH '{quoted(self.data)}'",
            "READ_ONLY" if self.read_only else f"DATA_INLINING_ROW_LIMIT {INLINE_ROWS}",
        ]
        attach = f"attach '{attach_text(self.catalog)}' as {NAME} ({', '.join(options)}"
        try:
            connection.execute(f"{attach})")
        except duckdb.Error as error:
            if REFUSAL not in str(error):
                raise self._does_not_open(error) from error
            connection.execute(f"{attach}, OVERRIDE_DATA_PATH true)")
            follow_moved_data(connection, self.data, read_only=self.read_only)
        for setting in settings_of(self.catalog):
            connection.execute(setting)
        _look_up_cheaply(connection)
        return connection

    def _check_place(self) -> None:
        if restoring_mark(self.catalog, self.data).exists():
            message = f"a restore of the lake at {self.catalog} was broken off; run `meterbook restore` again"
            raise LakeError(message)
        # Of a catalog in PostgreSQL the server says whether it is there.
        if self.read_only and not isinstance(self.catalog, Postgres) and not self.catalog.exists():
            raise LakeMissingError(self._missing())
        beside(self.catalog, self.data).parent.mkdir(parents=True, exist_ok=True)

    def _does_not_open(self, error: duckdb.Error) -> LakeError:
        if NOT_THERE in str(error):
            return LakeMissingError(self._missing())
        return LakeError(f"the lake at {self.catalog} does not open: {error}")

    def _missing(self) -> str:
        return f"there is no lake at {self.catalog}; run `meterbook init` for a new project, then `meterbook run`"

    def close(self) -> None:
        """Close the connection; the lake may be used again and then opens a new one."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
        if self._connection is not None:
            _close(self._connection)
            self._connection = None
            self.memo.clear()

    @contextlib.contextmanager
    def reopening(self) -> Iterator[None]:
        """After an error that DuckDB does not survive, let the next use open the lake anew.

        Raises:
            LakeError: there was one.
        """
        try:
            yield
        except LakeError as error:
            if isinstance(error.__cause__, GIVEN_UP):
                self.close()
            raise
        except GIVEN_UP as error:
            self.close()
            told = str(error).partition("\n")[0]
            raise LakeError(GAVE_UP.format(catalog=self.catalog, error=told)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run_statement(self, name: str, parameters: Parameters | None = None) -> duckdb.DuckDBPyConnection:
        """Run the statement `sql/<name>.sql`."""
        return self.connection.execute(statement(name), dict(parameters or {}))

    def frame(self, name: str, parameters: Parameters | None = None) -> pl.DataFrame:
        """What the statement `sql/<name>.sql` selects, handed to Polars through Arrow."""
        return self.run_statement(name, parameters).pl()

    def value(self, name: str, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - as the statement says
        """The first column of the first row that the statement selects."""
        row = self.row(name, parameters)
        return None if row is None else row[0]

    def row(self, name: str, parameters: Parameters | None = None) -> tuple[Any, ...] | None:
        """The first row that the statement selects."""
        with self._without_statistics() if name in WITHOUT_STATISTICS else contextlib.nullcontext():
            return self.run_statement(name, parameters).fetchone()

    @contextlib.contextmanager
    def _without_statistics(self) -> Iterator[None]:
        self.connection.execute(NO_STATISTICS)
        try:
            yield
        finally:
            # After some errors the transaction takes no statement any more; it is the error that is to be heard of.
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("reset disabled_optimizers")

    @contextlib.contextmanager
    def default(self) -> Iterator[None]:
        """Let statements make tables and views in the lake meanwhile, not in memory."""
        self.connection.execute(f"use {NAME}")
        try:
            yield
        finally:
            _look_up_cheaply(self.connection)

    @contextlib.contextmanager
    def registered(self, **frames: pl.DataFrame) -> Iterator[None]:
        """Let statements name these frames as tables meanwhile, without a copy."""
        for name, frame in frames.items():
            self.connection.register(name, frame)
        try:
            yield
        finally:
            for name in frames:
                self.connection.unregister(name)


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """Close a connection. One that DuckDB gave up on stays as it is for ever: to close it, or forget it, ends the process."""
    try:
        connection.execute("select 1")
    except GIVEN_UP:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        return
    except duckdb.Error:
        pass  # a transaction that was broken off
    connection.close()
