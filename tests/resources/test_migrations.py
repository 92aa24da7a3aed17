"""Goal: a lake has every table and view of `sql/`, or is as it was."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from resources import migrations
from resources.errors import LakeError
from resources.lake import Lake
from resources.statements import files_of


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """A lake without tables."""
    with Lake(tmp_path / "catalog.sqlite", tmp_path / "data", threads=1) as made:
        yield made


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of schema and views that a test may change, in place of `sql/`."""
    folder = tmp_path / "sql"
    for name, text in (
        ("schema/001_one", "create table one (a integer); create table two (b integer)"),
        ("schema/002_more", "alter table one add column c integer"),
        ("views/000_schema", "create schema if not exists books"),
        ("views/010_both", "create or replace view books.both as select * from one, two"),
    ):
        write(folder, name, text)
    monkeypatch.setattr(migrations, "files_of", lambda name: sorted((folder / name).glob("*.sql")))
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sql").write_text(text, encoding="utf-8")


def snapshots(lake: Lake) -> int:
    row = lake.connection.execute("select count(*) from ducklake_snapshots('lake')").fetchone()
    return int(row[0]) if row else 0


def test_a_new_lake_gets_all_in_order_and_a_second_time_nothing(lake: Lake) -> None:
    expected = [f"{folder}/{path.stem}" for folder in ("schema", "views") for path in files_of(folder)]
    assert migrations.migrate(lake) == expected
    before = snapshots(lake)
    assert migrations.migrate(lake) == []
    assert snapshots(lake) == before


def test_only_what_is_new_is_applied(lake: Lake, files: Path) -> None:
    migrations.migrate(lake)
    write(files, "schema/003_third", "create table three (d integer)")
    write(files, "views/010_both", "create or replace view books.both as select one.* from one, two, three")
    assert migrations.migrate(lake) == ["schema/003_third", "views/010_both"]
    assert lake.connection.execute("select a, c from lake.books.both").fetchall() == []


def test_a_statement_that_fails_leaves_the_lake_as_it_was(lake: Lake, files: Path) -> None:
    write(files, "views/010_both", "create or replace view books.both as select nothing_like_it from one")
    before = snapshots(lake)
    with pytest.raises(duckdb.BinderException, match="nothing_like_it"):
        migrations.migrate(lake)
    # The table that says what was applied is made before, in a commit of its own.
    assert snapshots(lake) == before + 1
    tables = lake.connection.execute("select table_name from duckdb_tables() where database_name = 'lake'").fetchall()
    assert tables == [("schema_migrations",)]
    write(files, "views/010_both", "create or replace view books.both as select a from one")
    assert len(migrations.migrate(lake)) == 4


def test_a_schema_file_that_was_applied_may_not_change(lake: Lake, files: Path) -> None:
    migrations.migrate(lake)
    before = snapshots(lake)
    write(files, "schema/001_one", "create table one (a integer, b integer)")
    write(files, "schema/003_third", "create table three (d integer)")
    with pytest.raises(LakeError, match=r"sql/schema/001_one\.sql was changed after it was applied"):
        migrations.migrate(lake)
    assert snapshots(lake) == before
