"""Goal: a lake whose catalog is in PostgreSQL does all that one with a SQLite file does, and says as clearly what is wrong."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resources import advisory
from resources.account_rows import rows_of_accounts
from resources.backup import backup, restore, restore_settings
from resources.catalogs import Postgres
from resources.errors import BackupError, LakeError, LakeMissingError, LockTimeoutError
from resources.file_guard import deleting_files, keeping_files
from resources.lake import Lake
from resources.lock import alone, writer_lock
from resources.migrations import migrate
from resources.settings import load_settings
from resources.upkeep import Limits, upkeep
from tests.faults import runs, worlds
from tests.faults.assailants import grant
from tests.faults.victim import forking
from tests.postgres_server import Server
from tests.resources import billed
from tests.resources.billed import Billed, assert_same_contents, contents, top_up

EAGER = Limits(flushed_rows=1)
MUCH_LATER = timedelta(days=10)
# Long for a machine with much to do, and short for one that hangs.
SOON_SECONDS = 60.0
HOLDERS = "select pid from pg_locks where locktype = 'advisory' and objid = {} and granted"


@pytest.fixture(scope="module")
def first_billed(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Billed:
    """A billed project; no test changes it."""
    catalog = f"postgres:{postgres.keywords(postgres.make_database())}"
    return billed.make(tmp_path_factory.mktemp("billed") / "project", catalog, machines=6)


@pytest.fixture
def project(first_billed: Billed, postgres: Server, tmp_path: Path) -> Billed:
    """A billed project of one's own: a copy of the folder, and of the database."""
    copy = first_billed.copy(tmp_path / "project")
    point_to(copy.directory, postgres.copy_database(database_of(first_billed.directory)), postgres)
    return copy


@pytest.fixture
def lake(postgres: Server, tmp_path: Path) -> Iterator[Lake]:
    """An empty lake."""
    with Lake(Postgres(postgres.keywords(postgres.make_database())), tmp_path / "data", threads=1) as opened:
        yield opened


def database_of(directory: Path) -> str:
    catalog = load_settings(directory).lake.catalog
    assert isinstance(catalog, Postgres)
    return catalog.keywords.split()[0].removeprefix("dbname=")


def point_to(directory: Path, database: str, server: Server) -> None:
    """Let a project's settings name another database."""
    file = directory / "meterbook.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    changed = [f'catalog = "postgres:{server.keywords(database)}"' if "catalog" in line else line for line in lines]
    file.write_text("\n".join(changed), encoding="utf-8")


def same_place(lake: Lake) -> Lake:
    """The same lake, as another process would open it."""
    return Lake(lake.catalog, lake.data, threads=1)


def test_a_lake_that_is_not_there(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    empty = Postgres(postgres.keywords(postgres.make_database()))
    with pytest.raises(LakeMissingError, match="there is no lake at postgres:dbname=lake_"):
        assert Lake(empty, tmp_path, read_only=True).connection
    for keywords, words in (
        (postgres.keywords("nonesuch"), '"nonesuch" does not exist'),
        (f"dbname=x host={tmp_path}", "No such file or directory"),
        (f"{postgres.keywords('postgres')} user=nobody", '"nobody" does not exist'),
    ):
        with pytest.raises(LakeError, match=words) as caught:
            assert Lake(Postgres(keywords), tmp_path).connection
        assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


def test_one_writer_at_a_time_and_the_other_is_told_who_it_is(lake: Lake, postgres: Server) -> None:
    with same_place(lake) as other:
        with writer_lock(lake):
            (holder,) = postgres.ask(HOLDERS.format(advisory.WRITER)).splitlines()
            told = f"process {holder} of this machine has held the writer's lock"
            with pytest.raises(LockTimeoutError, match=told), writer_lock(other, timeout_seconds=0.2):
                raise AssertionError
        with writer_lock(other, timeout_seconds=SOON_SECONDS):
            pass
        assert postgres.ask(HOLDERS.format(advisory.WRITER)) == ""


def hold(keywords: str, data: Path, held: Path) -> None:
    """Take the writer's lock and keep it."""
    with Lake(Postgres(keywords), data, threads=1) as lake, writer_lock(lake):
        held.touch()
        time.sleep(10 * SOON_SECONDS)


def test_the_lock_of_a_killed_writer_is_free(lake: Lake, tmp_path: Path) -> None:
    assert isinstance(lake.catalog, Postgres)
    assert lake.connection
    process = forking().Process(target=hold, args=(lake.catalog.keywords, lake.data, tmp_path / "held"))
    process.start()
    until = time.monotonic() + SOON_SECONDS
    while not (tmp_path / "held").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with pytest.raises(LockTimeoutError), writer_lock(lake, timeout_seconds=0.1):
        raise AssertionError
    process.kill()
    with writer_lock(lake, timeout_seconds=SOON_SECONDS):
        pass


@pytest.mark.parametrize("moment", ["before its transaction", "within its transaction"])
def test_a_writer_that_lost_its_lock_writes_nothing_twice(project: Billed, postgres: Server, moment: str) -> None:
    """The server ends the connection that holds the lock, another writer is first, and the first one goes on."""

    def lose_the_lock() -> None:
        for pid in postgres.ask(HOLDERS.format(advisory.WRITER)).splitlines():
            postgres.ask(f"select pg_terminate_backend({pid})")
        grant(other, 7)

    with project.open() as first, project.open() as other:
        if moment == "within its transaction":
            first.lake.watch = lambda _step, now: lose_the_lock() if now == "committing" else None
            with pytest.raises(
                LakeError, match=r"(?s)did not confirm the commit.*(duplicate key|ducklake_max_retry_count)"
            ):
                grant(first, 7)
        else:
            with writer_lock(first.lake):
                lose_the_lock()
            grant(first, 7)
        first.lake.watch = lambda _step, _now: None
        grant(first, 8)
        found = first.lake.connection.execute(
            "select grant_id from grants where grant_id like 'top-up-0000_' order by all"
        )
        assert found.fetchall() == [("top-up-00007",), ("top-up-00008",)]


def test_a_lake_that_duckdb_gives_up_on_is_opened_anew(postgres: Server, tmp_path: Path) -> None:
    """A lock that is held too long makes DuckLake fail with an error that no connection survives, and closing one ends us."""
    database = postgres.make_database()
    keywords = f"{postgres.keywords(database)} options='-c lock_timeout=100ms'"
    with Lake(Postgres(keywords), tmp_path / "data", threads=1) as lake:
        migrate(lake)
        top_up(lake, 0)
        query = (
            "select 'ducklake_inlined_data_' || table_id || '_2' from ducklake_table where table_name = 'step_heads'"
        )
        told = pytest.raises(LakeError, match=r"(?s)gave up on the catalog.*try the same again")
        with locked(postgres, database, postgres.ask(query, database)), told:
            top_up(lake, 1)
        top_up(lake, 1)
        assert lake.connection.execute("select count(*) from grants").fetchone() == (2,)


@contextlib.contextmanager
def locked(server: Server, database: str, table: str) -> Iterator[None]:
    """A table that somebody else has locked."""
    hold = f"begin; lock table {table} in access exclusive mode; select pg_sleep(600)"
    held = f"select count(*) from pg_locks where relation = '{table}'::regclass and granted"
    with subprocess.Popen(
        server.command(hold, database), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as holder:
        try:
            while server.ask(held, database) == "0":
                time.sleep(0.02)
            yield
        finally:
            server.ask(f"select pg_terminate_backend(pid) from pg_locks where relation = '{table}'::regclass", database)
            holder.wait()


def test_files_are_kept_while_a_backup_copies_them(lake: Lake) -> None:
    with same_place(lake) as second, same_place(lake) as third:
        with keeping_files(lake), keeping_files(second), deleting_files(third) as may_delete:
            assert not may_delete
        with deleting_files(third) as may_delete:
            assert may_delete


def test_work_that_one_process_does_at_a_time(lake: Lake) -> None:
    with same_place(lake) as other:
        with alone(lake, "deliver") as first, alone(other, "deliver") as second, writer_lock(other):
            assert (first, second) == (True, False)
        with alone(other, "deliver") as is_alone:
            assert is_alone


def test_upkeep_keeps_the_rows(project: Billed) -> None:
    with project.open() as opened:
        before = contents(opened.lake)
        done = upkeep(opened, EAGER)
        assert done["rows_flushed"] > 100
        assert done["files_merged"] > 0
        assert_same_contents(before, opened.lake)
        later = upkeep(opened, EAGER, datetime.now(UTC) + MUCH_LATER)
        assert later["snapshots_expired"] > 30
        assert later["files_deleted"] >= done["files_merged"]
        assert_same_contents(before, opened.lake)


def test_rows_of_accounts_see_deletions_that_the_catalog_holds(project: Billed) -> None:
    start = worlds.START
    with project.open() as opened:
        read = [opened.lake, "charges", ["account_id", "run"], None, start, start + timedelta(days=2)]
        before = rows_of_accounts(*read)  # type: ignore[arg-type]
        delete = "delete from charges where rowid = (select min(rowid) from charges)"
        (gone,) = opened.lake.connection.execute(delete).fetchone() or (0,)
        assert gone == 1
        assert rows_of_accounts(*read).height == before.height - 1  # type: ignore[arg-type]


def restored(project: Billed, folder: Path, directory: Path, server: Server) -> Billed:
    """The project as a backup gives it back, into a database of its own."""
    restore_settings(folder, directory)
    point_to(directory, server.make_database(), server)
    restore(folder, load_settings(directory))
    return Billed(directory, project.world)


def test_backed_up_and_restored_the_books_are_the_same_and_go_on(
    project: Billed, postgres: Server, tmp_path: Path
) -> None:
    with project.open() as opened:
        upkeep(opened, EAGER)
        for number in range(5):
            top_up(opened.lake, 500 + number)
        held = contents(opened.lake)
    done = backup(load_settings(project.directory), tmp_path / "backup")
    assert done["files"] > 10
    again = restored(project, tmp_path / "backup", tmp_path / "again", postgres)
    with again.open() as opened:
        assert_same_contents(held, opened.lake)
    again.run_on()
    with again.open() as opened:
        upkeep(opened, EAGER, datetime.now(UTC) + MUCH_LATER)
    assert backup(load_settings(again.directory), tmp_path / "backup")["files_copied"] > 0


def test_restore_that_was_broken_off_is_repeated(
    project: Billed, postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project.open() as opened:
        held = contents(opened.lake)
    settings = load_settings(project.directory)
    backup(settings, tmp_path / "backup")
    again = tmp_path / "again"
    restore_settings(tmp_path / "backup", again)
    point_to(again, postgres.make_database(), postgres)
    for place in ("copy_to_server", "_copy_files"):
        with monkeypatch.context() as broken:
            broken.setattr(f"resources.backup.restoring.{place}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                restore(tmp_path / "backup", load_settings(again))
        with pytest.raises(LakeError, match="was broken off; run `meterbook restore` again"):
            Billed(again, project.world).open()
    restore(tmp_path / "backup", load_settings(again))
    with Billed(again, project.world).open() as opened:
        assert_same_contents(held, opened.lake)
    with pytest.raises(BackupError, match="there is a lake at postgres:"):
        restore(tmp_path / "backup", load_settings(again))


def test_a_backup_goes_back_to_a_catalog_of_its_kind(project: Billed, postgres: Server, tmp_path: Path) -> None:
    backup(load_settings(project.directory), tmp_path / "backup")
    restore_settings(tmp_path / "backup", tmp_path / "again")
    file = tmp_path / "again" / "meterbook.toml"
    of_server = file.read_text(encoding="utf-8")
    file.write_text(of_server[: of_server.index("[lake]")], encoding="utf-8")
    with pytest.raises(BackupError, match=r"is from a PostgreSQL database, and lake.catalog names a SQLite file"):
        restore(tmp_path / "backup", load_settings(tmp_path / "again"))
    assert not list((tmp_path / "again" / "lake").glob("*.restoring"))
    with runs.open_project(tmp_path / "again"):
        backup(load_settings(tmp_path / "again"), tmp_path / "other backup")
    shutil.rmtree(tmp_path / "again" / "lake")
    file.write_text(of_server, encoding="utf-8")
    point_to(tmp_path / "again", postgres.make_database(), postgres)
    with pytest.raises(BackupError, match=r"is from a SQLite file, and lake.catalog names a PostgreSQL database"):
        restore(tmp_path / "other backup", load_settings(tmp_path / "again"))
