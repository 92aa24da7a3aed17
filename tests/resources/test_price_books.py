"""The price book on disk: refused whole with what is wrong and how to mend it, while the one in force stays."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.price_book import take_book
from rating.errors import PriceBookError
from rating.pricebook import effective_books
from resources.price_books import books_as_of, read_price_book, take_price_book
from resources.writer import record
from tests.resources.worlds import BOOK, World

LATER = BOOK.replace('"2026-10"', '"2026-11"').replace("2026-10-01", "2026-11-01")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("METERBOOK_THREADS", "1")
    made = World(tmp_path / "world")
    yield made
    made.project.close()


def take(world: World, text: str, first_open: datetime | None = None) -> str | None:
    path = world.project.settings.price_book
    path.write_text(text, encoding="utf-8")
    taken = record(
        world.project.lake, "reference", "book", lambda step: take_price_book(step, path, lambda: first_open)
    )
    return taken.version if taken else None


def versions(world: World) -> list[str]:
    return [book.version for book in books_as_of(world.project.lake, 10**6)]


# --- files that are no price book: what the error says

MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "holds"),
    "a list": ("- version: x\n", "holds"),
    "no YAML": ("version: [\n", "file: is not YAML"),
    "tabs": ("version: x\n\tcurrency: EUR\n", "file: is not YAML"),
    "no UTF-8": (b"version: caf\xe9\n", "file: is not YAML ('utf-8' codec"),
    "a date that is none": (BOOK.replace("2026-10-01T00:00:00Z", "2026-13-01T00:00:00Z"), "month must be in 1..12"),
    "a key twice": (BOOK.replace("currency: EUR", "currency: EUR\ncurrency: USD"), "currency stands twice in the mapping"),
    "a meter twice": (BOOK.replace("  balance:", "  requests:"), "requests stands twice in the mapping at line"),
    "a plan twice": (BOOK + "  standard: {prices: []}\n", "standard stands twice"),
    "a float": (BOOK.replace('"0.01"', "0.01"), "plans.standard.prices[0].unit_price"),
    "something to run": ("!!python/object/apply:os.getcwd []\n", "file: is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_file_that_is_no_price_book(tmp_path: Path, name: str) -> None:
    content, said = MISTAKES[name]
    path = tmp_path / "book.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PriceBookError) as raised:
        read_price_book(path)
    text = str(raised.value)
    assert said in text
    assert text.startswith(f"{path}: the price book has 1 problem\n  {path}: ")
    assert "; " in text.splitlines()[1], "it says how to mend it"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PriceBookError, match="file: not found; write it there, or set price_book"):
        read_price_book(tmp_path / "no.yaml")
    with pytest.raises(PriceBookError, match=r"file: cannot be read \(Is a directory\); make it a file"):
        read_price_book(tmp_path)


# --- books that do not fit those before

UNFIT: dict[str, tuple[str, str]] = {
    "another unit in the same version": (BOOK.replace("unit: request,", "unit: call,"), "than in version '2026-10 as it stands'"),
    "another unit from the same time": (
        BOOK.replace('"2026-10"', '"b"').replace("unit: request,", "unit: call,"), "meters.requests.unit",
    ),
    "another unit": (LATER.replace("unit: request,", "unit: call,"), "meters.requests.unit"),
    "another aggregation": (
        LATER.replace("unit: GB, aggregation: sum,", "unit: GB, aggregation: time_weighted, max_gap: 5 min,"),
        "meters.balance.aggregation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_a_book_that_does_not_fit_is_refused_and_the_one_in_force_stays(world: World, name: str) -> None:
    text, said = UNFIT[name]
    with pytest.raises(PriceBookError) as raised:
        take(world, text)
    assert said in str(raised.value)
    assert str(raised.value).count(str(world.project.settings.price_book)) == len(raised.value.problems) + 1
    assert versions(world) == ["2026-10"]
    assert take(world, LATER) == "2026-11"


# Books that leave out the price `requests`, and its meter: one after the first, and one that takes its place.
LEFT_OUT = BOOK.replace("meter: requests", "meter: balance").replace("id: requests", "id: another")
LEFT_OUT = LEFT_OUT.replace("  requests: {unit: request, aggregation: sum}\n", "")
GONE = {
    "later": LEFT_OUT.replace('"2026-10"', '"2026-11"').replace("2026-10-01", "2026-11-01"),
    "in its place": LEFT_OUT.replace('"2026-10"', '"2026-10b"'),
}
BACK = BOOK.replace('"2026-10"', '"2026-12"').replace("2026-10-01", "2026-12-01")


@pytest.mark.parametrize("name", GONE)
def test_what_a_book_left_out_comes_back_as_it_was_or_not_at_all(world: World, name: str) -> None:
    taken = take(world, GONE[name])
    with pytest.raises(
        PriceBookError, match=r"prices\[0\]\.meter: is another than in version '2026-10'; use a new price id"
    ):
        take(world, BACK.replace("meter: requests", "meter: balance"))
    with pytest.raises(PriceBookError, match=r"meters\.requests\.unit: is another than in version '2026-10'; it never"):
        take(world, BACK.replace("unit: request,", "unit: call,"))
    assert versions(world) == ["2026-10", taken]
    assert take(world, BACK) == "2026-12"


def test_a_book_is_taken_once(world: World) -> None:
    assert take(world, LATER) == "2026-11"
    assert take(world, f"# another comment\n{LATER}") is None
    assert take(world, BOOK) is None, "the book before stands already"
    assert versions(world) == ["2026-10", "2026-11"]
    assert world.query("select count(*) from price_books") == [(2,)]


def test_the_same_version_with_other_content_replaces_it(world: World) -> None:
    assert take(world, BOOK.replace('"0.01"', '"0.02"')) == "2026-10"
    assert versions(world) == ["2026-10"]
    ((document,),) = world.query("select document from price_books order by run desc limit 1")
    assert json.loads(document)["plans"]["standard"]["prices"][0]["unit_price"] == "0.02"
    assert take(world, BOOK) == "2026-10", "and back again"


def test_another_version_that_begins_at_the_same_time_takes_its_place(world: World) -> None:
    assert take(world, BOOK.replace('"2026-10"', '"2026-10b"').replace('"0.01"', '"0.02"')) == "2026-10b"
    assert [book.version for book in effective_books(books_as_of(world.project.lake, 10**6))] == ["2026-10b"]
    assert take(world, BOOK) == "2026-10", "and back again"
    assert [book.version for book in effective_books(books_as_of(world.project.lake, 10**6))] == ["2026-10"]


INVOICED = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", [BOOK.replace('"0.01"', '"0.02"'), BOOK.replace("2026-10-01", "2026-11-01").replace("0.01", "0.02")]
)
def test_a_period_that_is_invoiced_keeps_its_prices(world: World, text: str) -> None:
    with pytest.raises(
        PriceBookError,
        match=r"2026-10-01T00:00:00\+00:00 lies in a period that has an issued invoice; let it begin at 2026-11-01",
    ):
        take(world, text, INVOICED)
    assert take(world, LATER, INVOICED) == "2026-11"
    assert take(world, LATER.replace('"0.01"', '"0.02"'), INVOICED) == "2026-11"
    assert take(world, BOOK, INVOICED) is None


def test_a_bad_book_does_not_hold_up_the_run(world: World) -> None:
    world.project.settings.price_book.write_text("version: [\n", encoding="utf-8")
    report = take_book(world.project, "job")
    assert report["taken"] is False
    assert "is not YAML" in report["refused"]
    assert versions(world) == ["2026-10"]


def test_without_any_book_a_bad_one_ends_the_run(tmp_path: Path) -> None:
    world = World(tmp_path / "world", template=False)
    world.project.settings.price_book.write_text("version: [\n", encoding="utf-8")
    with pytest.raises(PriceBookError, match="is not YAML"):
        take_book(world.project, "job")
    world.project.close()
