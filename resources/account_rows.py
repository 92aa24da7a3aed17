"""The rows of a few accounts out of tables that hold all accounts: what late records touch.

What belongs here: finding those rows fast. What does not: what they are for (`assets/`).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from resources.lake import Lake

PARTITION = ("year", "month", "day")
# From one account on, by the order of their ids, up to another that is not among them; None: to the last.
Range = tuple[str, str | None]
# A few accounts by name, a range of them, or all.
Accounts = pl.Series | Range | None


def rows_of_accounts(
    lake: Lake, table: str, columns: Sequence[str], accounts: Accounts, first: datetime, until: datetime
) -> pl.DataFrame:
    """The rows of `accounts` with `slice_start` in [first, until), of a table that is laid out by `slice_start`.

    Polars reads them from the lake's files: it looks at the accounts first and passes over the rest of a file, which
    takes a third of the time of the same query in DuckDB 1.5 (`make bench`). Rows that the catalog holds, and tables from
    which rows were deleted, are read by DuckDB.
    """
    if isinstance(accounts, pl.Series) and accounts.is_empty():
        return _of_lake(lake, table, columns, "false", first, until)
    wanted = of_accounts(accounts)
    inside = (pl.col("slice_start") >= first) & (pl.col("slice_start") < until)
    files = lake.connection.execute(
        f"select data_file, delete_file from ducklake_list_files('lake', '{table}')"
    ).fetchall()
    if any(deleted for _, deleted in files) or _holds_deletions(lake, table):
        return _of_lake(lake, table, columns, "true", first, until).filter(wanted)
    found = [_of_lake(lake, table, columns, "filename not like '%.parquet'", first, until).filter(wanted)]
    paths = [path for path, _ in files if _may_hold(Path(path), first, until)]
    if paths:
        # Files that upkeep merged have a column of DuckLake's own.
        scan = pl.scan_parquet(
            paths, glob=False, hive_partitioning=False, extra_columns="ignore", parallel="prefiltered"
        )
        found.append(scan.filter(wanted, inside).select(columns).collect(engine="streaming"))
    return pl.concat(found, rechunk=True)


def of_accounts(accounts: Accounts) -> pl.Expr:
    """Whether a row is of one of these accounts."""
    if accounts is None:
        return pl.lit(value=True)
    if isinstance(accounts, tuple):
        first, before = accounts
        since = pl.col("account_id") >= first
        return since if before is None else since & (pl.col("account_id") < before)
    # Their range passes over most of a file in which rows are account by account.
    inside = pl.col("account_id").is_between(pl.lit(accounts.min()), pl.lit(accounts.max()))
    return inside & pl.col("account_id").is_in(accounts.unique().implode())


def since_touched(rows: pl.DataFrame, touched: pl.DataFrame, run: int) -> pl.DataFrame:
    """The rows up to a run, each from the `first_slice` on that `touched` has for it by its other columns."""
    key = [name for name in touched.columns if name != "first_slice"]
    known = rows.lazy().filter(pl.col("run") <= run).join(touched.lazy(), on=key)
    since = known.filter(pl.col("slice_start") >= pl.col("first_slice")).drop("first_slice")
    return since.collect(engine="streaming")


def _of_lake(
    lake: Lake, table: str, columns: Sequence[str], condition: str, first: datetime, until: datetime
) -> pl.DataFrame:
    """Rows as DuckDB reads them. A condition on `filename` leaves out whole files without opening them."""
    query = (
        f"select {', '.join(columns)} from {table} where slice_start >= $first and slice_start < $until and {condition}"
    )
    return lake.connection.execute(query, {"first": first, "until": until}).pl()


def _holds_deletions(lake: Lake, table: str) -> bool:
    """Whether the catalog holds deleted rows of the table's files: the list of files does not tell of those."""
    held = lake.value(f"steps/writer/held_deletions_{lake.kind}", {"table": table})
    if held is None:
        return False
    row = lake.connection.execute(f'select count(*) from __ducklake_metadata_lake."{held}"').fetchone()
    return row is not None and row[0] > 0


def _may_hold(path: Path, first: datetime, until: datetime) -> bool:
    """Whether the day of a file's folder lies in the range; a file in no such folder may hold any."""
    parts = dict(part.partition("=")[::2] for part in path.parts if "=" in part)
    if not all(name in parts for name in PARTITION):
        return True
    day = date(*(int(parts[name]) for name in PARTITION))
    return first.astimezone(UTC).date() <= day <= until.astimezone(UTC).date()
