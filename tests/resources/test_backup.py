"""Goal: a backup taken at any moment, restored anywhere, gives the same books; a broken one says so."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resources.backup import backup, restore, restore_settings
from resources.backup.manifest import NAME, Manifest
from resources.errors import BackupError, LakeError, LakeMissingError
from resources.lake import Lake
from resources.settings import Settings, load_settings
from resources.upkeep import Limits, upkeep
from tests.faults import runs
from tests.faults.books import Books, assert_same
from tests.resources.billed import Billed, assert_same_contents, contents, sqlite_file, top_up

EAGER = Limits(flushed_rows=1)
MUCH_LATER = timedelta(days=10)
FRESH = multiprocessing.get_context("spawn")
Contents = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class BackedUp:
    """A backup, the project it was taken of, and what the project's tables held then."""

    project: Billed
    folder: Path
    held: Contents

    @property
    def settings(self) -> Settings:
        return load_settings(self.project.directory)


@pytest.fixture(scope="session")
def first_backed_up(first_billed: Billed, tmp_path_factory: pytest.TempPathFactory) -> BackedUp:
    """A backup that is copied; no test changes it. In the project: merged files, small ones, rows in the catalog."""
    project = first_billed.copy(tmp_path_factory.mktemp("backed-up") / "project")
    (project.directory / "documents").mkdir()
    (project.directory / "documents" / "INV-2026-000001.pdf").write_bytes(b"%PDF-1.7 one")
    (project.directory / "landing" / "vm_samples" / "too-late.parquet").write_bytes(b"not taken yet")
    with project.open() as opened:
        upkeep(opened, EAGER)
        for number in range(5):
            top_up(opened.lake, 500 + number)
        held = contents(opened.lake)
    folder = project.directory.parent / "backup"
    backup(load_settings(project.directory), folder)
    return BackedUp(project, folder, held)


@pytest.fixture
def backed_up(first_backed_up: BackedUp, tmp_path: Path) -> BackedUp:
    """A backup of one's own, with its project."""
    project = first_backed_up.project.copy(tmp_path / "project")
    shutil.copytree(first_backed_up.folder, tmp_path / "backup")
    return BackedUp(project, tmp_path / "backup", first_backed_up.held)


def new_place(source: Path, directory: Path) -> Settings:
    """A directory with the backup's settings and nothing else."""
    restore_settings(source, directory)
    return load_settings(directory)


def assert_restores(source: Path, directory: Path, held: Contents) -> Settings:
    settings = new_place(source, directory)
    restore(source, settings)
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        assert_same_contents(held, lake)
    return settings


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_restored_elsewhere_the_books_are_the_same_and_go_on(
    backed_up: BackedUp, tmp_path: Path, expected_later: Books
) -> None:
    shutil.move(backed_up.folder, tmp_path / "moved backup")
    elsewhere = tmp_path / "it's elsewhere"
    settings = new_place(tmp_path / "moved backup", elsewhere)
    shutil.rmtree(backed_up.project.directory)
    told: list[tuple[int, int]] = []
    done = restore(tmp_path / "moved backup", settings, lambda number, total: told.append((number, total)))
    assert told[-1] == (done["files"], done["files"])
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        assert_same_contents(backed_up.held, lake)
        assert done["run"] == backed_up.held["runs"]["run"].max()
    assert (elsewhere / "documents" / "INV-2026-000001.pdf").read_bytes() == b"%PDF-1.7 one"
    assert settings.price_book.exists()
    # Of the landing folder only what the lake had not taken.
    assert tree(settings.landing) == {"vm_samples/too-late.parquet": b"not taken yet"}
    (settings.landing / "vm_samples" / "too-late.parquet").unlink(missing_ok=True)
    later = Billed(elsewhere, backed_up.project.world).run_on()
    with runs.open_project(elsewhere) as project:
        top_ups = project.lake.connection.execute(
            "select count(*) from grants where grant_id like 'top-up-50%'"
        ).fetchone()
        assert top_ups == (5,)
    assert_same(without_top_ups(expected_later), without_top_ups(later))


def without_top_ups(books: Books) -> Books:
    """The books up to the charges: the extra credit of this fixture changes entries only."""
    kept = {name: rows for name, rows in books.tables.items() if name != "ledger_entries"}
    return Books({**kept, "ledger_entries": books.tables["ledger_entries"].clear()})


def test_restored_in_place(backed_up: BackedUp) -> None:
    settings = backed_up.settings
    shutil.rmtree(sqlite_file(settings.lake.catalog).parent)
    restore(backed_up.folder, settings)
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        assert_same_contents(backed_up.held, lake)


def test_upkeep_after_restore_finds_nothing_missing(backed_up: BackedUp, tmp_path: Path) -> None:
    settings = assert_restores(backed_up.folder, tmp_path / "elsewhere", backed_up.held)
    with runs.open_project(settings.directory) as project:
        upkeep(project, EAGER, datetime.now(UTC) + MUCH_LATER)
        assert_same_contents(backed_up.held, project.lake)


def test_repeated_backup_copies_what_is_new(backed_up: BackedUp, tmp_path: Path) -> None:
    settings = backed_up.settings
    again = backup(settings, backed_up.folder)
    assert not [path for path in tree(backed_up.folder) if path.endswith(".part")]
    assert again["files_copied"] <= 1 + 4
    with backed_up.project.open() as project:
        stayed = again["files"]
        top_up(project.lake, 900)
        held = contents(project.lake)
    (settings.documents / "INV-2026-000002.pdf").write_bytes(b"%PDF-1.7 two")
    third = backup(settings, backed_up.folder)
    assert third["files"] == stayed + 1
    assert third["files_copied"] == 2  # the catalog and the document
    assert third["files_pruned"] == 1  # the catalog before
    assert_restores(backed_up.folder, tmp_path / "elsewhere", held)


def test_files_that_upkeep_gave_up_leave_the_backup(backed_up: BackedUp, tmp_path: Path) -> None:
    with backed_up.project.open() as project:
        upkeep(project, EAGER)
        upkeep(project, EAGER, datetime.now(UTC) + MUCH_LATER)
        held = contents(project.lake)
    assert backup(backed_up.settings, backed_up.folder)["files_pruned"] > 1
    named = {file.stored for file in Manifest.read(backed_up.folder).files}
    assert {path for path in tree(backed_up.folder) if not path.startswith(".")} == {*named, NAME}
    assert_restores(backed_up.folder, tmp_path / "elsewhere", held)


def test_backups_beside_runs_and_upkeep(backed_up: BackedUp, tmp_path: Path, expected_later: Books) -> None:
    """Whatever moment a backup hits, what it restores runs on to the same books."""
    stop = threading.Event()
    # The run that is open began now, and its steps read from one snapshot: their files must stay as long as they do.
    limits = replace(EAGER, longest_run=2 * MUCH_LATER, longest_query=2 * MUCH_LATER)

    def keep_up() -> None:
        with backed_up.project.open() as project:
            while not stop.is_set():
                upkeep(project, limits, datetime.now(UTC) + MUCH_LATER)

    upkeeping = threading.Thread(target=keep_up)
    process = FRESH.Process(target=run_on, args=(backed_up.project,))
    process.start()
    upkeeping.start()
    taken: list[Path] = []
    try:
        while process.is_alive() and len(taken) < 2:
            taken.append(tmp_path / f"backup-{len(taken)}")
            backup(backed_up.settings, taken[-1])
            time.sleep(0.5)
    finally:
        process.join()
        stop.set()
        upkeeping.join()
    assert process.exitcode == 0
    for number, folder in enumerate(taken):
        settings = new_place(folder, tmp_path / f"restored-{number}")
        restore(folder, settings)
        (settings.landing / "vm_samples" / "too-late.parquet").unlink(missing_ok=True)
        later = Billed(settings.directory, backed_up.project.world).run_on()
        assert_same(without_top_ups(expected_later), without_top_ups(later), folder.name)


def run_on(project: Billed) -> None:
    (project.directory / "landing" / "vm_samples" / "too-late.parquet").unlink()
    project.run_on()


class BrokenOffError(Exception):
    """Stands for whatever ends a process in the middle."""


def broken_off_after(files: int) -> Callable[[int, int], None]:
    def progress(done: int, _total: int) -> None:
        if done >= files:
            raise BrokenOffError

    return progress


def test_first_backup_broken_off_is_no_backup(backed_up: BackedUp, tmp_path: Path) -> None:
    folder = tmp_path / "new backup"
    with pytest.raises(BrokenOffError):
        backup(backed_up.settings, folder, broken_off_after(3))
    with pytest.raises(BackupError, match="broken off: it has no manifest"):
        restore(folder, backed_up.settings)
    whole = backup(backed_up.settings, folder)
    assert whole["files_copied"] == whole["files"] - 3  # what it had copied is kept
    assert_restores(folder, tmp_path / "elsewhere", backed_up.held)


def test_repeated_backup_broken_off_leaves_the_one_before(backed_up: BackedUp, tmp_path: Path) -> None:
    with backed_up.project.open() as project:
        upkeep(project, EAGER)
        top_up(project.lake, 901)
    (backed_up.settings.documents / "INV-2026-000001.pdf").write_bytes(b"another document")
    for files in (0, 5):
        with pytest.raises(BrokenOffError):
            backup(backed_up.settings, backed_up.folder, broken_off_after(files))
        assert_restores(backed_up.folder, tmp_path / f"elsewhere-{files}", backed_up.held)


def back_up_for_ever(settings: Settings, folder: Path) -> None:
    with runs.open_project(settings.directory) as project:
        top_up(project.lake, 902)
    while True:
        backup(settings, folder)


@pytest.mark.parametrize("seconds", [1.0, 2.5])
def test_killed_backup_leaves_a_whole_one(backed_up: BackedUp, tmp_path: Path, seconds: float) -> None:
    process = FRESH.Process(target=back_up_for_ever, args=(backed_up.settings, backed_up.folder))
    process.start()
    time.sleep(seconds)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    settings = new_place(backed_up.folder, tmp_path / "elsewhere")
    assert restore(backed_up.folder, settings)["run"] - backed_up.held["runs"]["run"].max() in (0, 1)
    backup(backed_up.settings, backed_up.folder)


@pytest.mark.parametrize("files", [0, 4, -1])
def test_restore_broken_off_does_not_look_whole(backed_up: BackedUp, tmp_path: Path, files: int) -> None:
    settings = new_place(backed_up.folder, tmp_path / "elsewhere")
    total = len(Manifest.read(backed_up.folder).files)
    with pytest.raises(BrokenOffError):
        restore(backed_up.folder, settings, broken_off_after(files % (total + 1)))
    for read_only in (True, False):
        with pytest.raises(LakeError, match=r"there is no lake|run `meterbook restore` again"):
            assert Lake(settings.lake.catalog, settings.lake.data, read_only=read_only).connection
    assert not sqlite_file(settings.lake.catalog).exists()
    assert_restores(backed_up.folder, settings.directory, backed_up.held)


def damages() -> Iterator[tuple[str, Callable[[Path], str], str]]:
    """Name, what is done to the backup (returns what the error must name), and what the error says."""

    def stored(folder: Path, role: str) -> Path:
        return folder / Manifest.read(folder).of(role)[0].stored

    def removed(role: str) -> Callable[[Path], str]:
        def damage(folder: Path) -> str:
            stored(folder, role).unlink()
            return stored(folder, role).name

        return damage

    def cut_off(folder: Path) -> str:
        path = stored(folder, "data")
        os.truncate(path, path.stat().st_size - 1)
        return path.name

    def flipped(role: str) -> Callable[[Path], str]:
        def damage(folder: Path) -> str:
            path = stored(folder, role)
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
            return path.name

        return damage

    def manifest(change: Callable[[str], str]) -> Callable[[Path], str]:
        def damage(folder: Path) -> str:
            (folder / NAME).write_text(change((folder / NAME).read_text()))
            return NAME

        return damage

    def gone(folder: Path) -> str:
        (folder / NAME).unlink()
        return NAME

    yield "data file missing", removed("data"), "missing or damaged"
    yield "catalog missing", removed("catalog"), "missing or damaged"
    yield "document missing", removed("documents"), "missing or damaged"
    yield "data file cut off", cut_off, "missing or damaged"
    yield "data file flipped", flipped("data"), "its content is not what was backed up"
    yield "catalog flipped", flipped("catalog"), "its content is not what was backed up"
    yield "price book flipped", flipped("price_book"), "its content is not what was backed up"
    yield "manifest missing", gone, "it has no manifest"
    yield "manifest cut off", manifest(lambda text: text[: len(text) // 2]), "is damaged"
    yield "manifest of another kind", manifest(lambda _: "[1, 2]"), "is damaged"
    yield (
        "manifest leads outside",
        manifest(lambda text: text.replace("vm_samples/", "../../")),
        "leads out of the folder",
    )
    yield (
        "manifest of a later version",
        manifest(lambda text: text.replace('"format": 1', '"format": 2')),
        "has format 2",
    )


@pytest.mark.parametrize(("damage", "says"), [case[1:] for case in damages()], ids=[case[0] for case in damages()])
def test_damaged_backup_is_refused_by_name(
    backed_up: BackedUp, tmp_path: Path, damage: Callable[[Path], str], says: str
) -> None:
    settings = new_place(backed_up.folder, tmp_path / "elsewhere")
    named = damage(backed_up.folder)
    with pytest.raises(BackupError, match=says) as refused:
        restore(backed_up.folder, settings)
    assert named in str(refused.value)
    assert not sqlite_file(settings.lake.catalog).exists()


def test_nothing_is_overwritten(backed_up: BackedUp, tmp_path: Path) -> None:
    before = tree(backed_up.project.directory)
    with pytest.raises(BackupError, match="there is a lake at"):
        restore(backed_up.folder, backed_up.settings)
    assert tree(backed_up.project.directory).keys() - before.keys() <= {"lake/catalog.sqlite.lock"}
    cases = {
        "lake/data/main/usage_events/mine.parquet": "no catalog names them",
        "lake/catalog.sqlite-wal": "there is a lake at",
        "prices.yaml": "are in the way: .*prices.yaml",
        "documents/INV-2026-000001.pdf": "are in the way: .*INV-2026-000001.pdf",
    }
    for number, (name, says) in enumerate(cases.items()):
        settings = new_place(backed_up.folder, tmp_path / f"elsewhere-{number}")
        mine = settings.directory / name
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text("mine")
        with pytest.raises(BackupError, match=says):
            restore(backed_up.folder, settings)
        assert mine.read_text() == "mine"
        assert not sqlite_file(settings.lake.catalog).exists()


def test_settings_that_are_there_say_where_to_restore_to(backed_up: BackedUp, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    text = 'documents = "papers"\n[lake]\ncatalog = "books/c.sqlite"\ndata = "disk"\n[seller]\nname = "Other"\n'
    (elsewhere / "meterbook.toml").write_text(text)
    assert_restores(backed_up.folder, elsewhere, backed_up.held)
    assert (elsewhere / "meterbook.toml").read_text() == text
    assert (elsewhere / "papers" / "INV-2026-000001.pdf").exists()
    assert list((elsewhere / "disk").rglob("*.parquet"))


def test_targets_that_are_refused(backed_up: BackedUp, first_billed: Billed, tmp_path: Path) -> None:
    settings = backed_up.settings
    for place in (settings.lake.data / "backup", settings.documents, settings.landing / "x"):
        with pytest.raises(BackupError, match="which is backed up itself"):
            backup(settings, place)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "sea.jpg").write_bytes(b"blue")
    with pytest.raises(BackupError, match="holds other files"):
        backup(settings, photos)
    assert tree(photos) == {"sea.jpg": b"blue"}
    with runs.opened(tmp_path / "another") as another:
        other = another.settings
    before = tree(backed_up.folder)
    with pytest.raises(BackupError, match="another lake"):
        backup(other, backed_up.folder)
    assert tree(backed_up.folder) == before
    with pytest.raises(LakeMissingError):
        backup(
            settings.model_copy(update={"lake": settings.lake.model_copy(update={"catalog": tmp_path / "none"})}),
            photos,
        )
    assert first_billed.directory.exists()


def test_lake_that_is_damaged_itself_is_named(backed_up: BackedUp, tmp_path: Path) -> None:
    settings = backed_up.settings
    with backed_up.project.open():
        path = settings.lake.data / Manifest.read(backed_up.folder).of("data")[2].name
    os.truncate(path, 10)
    with pytest.raises(BackupError, match=f"{path.name} is damaged"):
        backup(settings, tmp_path / "new backup")
    path.unlink()
    with pytest.raises(BackupError, match=f"{path.name} is missing in the lake"):
        backup(settings, tmp_path / "new backup")


def test_a_file_that_grows_meanwhile_is_left_out(backed_up: BackedUp, tmp_path: Path) -> None:
    growing = backed_up.settings.landing / "vm_samples" / "growing.csv"
    growing.write_bytes(b"x" * 20_000_000)
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            with growing.open("ab") as file:
                file.write(b"x")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        done = backup(backed_up.settings, tmp_path / "new backup")
    finally:
        stop.set()
        thread.join()
    assert done["left_out"] == [str(growing)]
    assert_restores(tmp_path / "new backup", tmp_path / "elsewhere", backed_up.held)


def test_full_disk_is_one_clear_error(backed_up: BackedUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with backed_up.project.open() as project:
        upkeep(project, EAGER)
        top_up(project.lake, 903)
    before = json.loads((backed_up.folder / NAME).read_text())
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match="No space left on device; the backup before this one is untouched"):
        backup(backed_up.settings, backed_up.folder)
    assert json.loads((backed_up.folder / NAME).read_text()) == before


def test_moved_project_opens(backed_up: BackedUp, tmp_path: Path, expected_later: Books) -> None:
    """The catalog names the data folder by its full path; a project that was moved, or copied, uses its own files."""
    moved = tmp_path / "moved"
    shutil.copytree(backed_up.project.directory, moved)
    project = Billed(moved, backed_up.project.world)
    with project.open_read_only() as lake:
        assert_same_contents(backed_up.held, lake)
        assert files_used(lake) == {str(moved)}
    with project.open() as opened:
        assert files_used(opened.lake) == {str(moved)}
        upkeep(opened, EAGER, datetime.now(UTC) + MUCH_LATER)
    shutil.rmtree(moved / "landing" / "vm_samples")
    later = project.run_on()
    assert_same(without_top_ups(expected_later), without_top_ups(later))
    with backed_up.project.open() as opened:  # the one that was copied lost nothing
        assert_same_contents(backed_up.held, opened.lake)
    with duckdb.connect() as plain:
        (path,) = plain.execute(f"select count(*) from glob('{moved}/lake/data/**/*.parquet')").fetchone() or (0,)
        assert path > 0


def files_used(lake: Lake) -> set[str]:
    rows = lake.connection.execute("select data_file from ducklake_list_files('lake', 'usage_hourly')").fetchall()
    return {name.partition("/lake/data/")[0] for (name,) in rows}


def test_data_folder_that_lacks_files_is_refused(backed_up: BackedUp, tmp_path: Path) -> None:
    settings = backed_up.settings
    for read_only in (True, False):
        with pytest.raises(LakeError, match=r"move them, or set lake\.data to"):
            assert Lake(settings.lake.catalog, tmp_path / "empty", read_only=read_only).connection
    with backed_up.project.open() as project:
        assert_same_contents(backed_up.held, project.lake)
