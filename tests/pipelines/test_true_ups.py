"""Goal: minimums go through every stage, and late use restates them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from documents.invoice import Invoice
from pipelines.charge_proof import charges_that_do_not_sum
from resources.project import Project
from resources.rebuild import rebuild_caches
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import DAY, FIRST_DAY, HOUR, MONTH_END, charged, check_all

BOOK = (
    tiny.BOOK.replace('included: "10"', 'included: "10"\n        minimum: "31.00"').replace(
        "standard:\n", 'standard:\n    discount: "10"\n'
    )
    + "grace: 6 hours\n"
)
END = MONTH_END + DAY


def make(directory: Path) -> Project:
    return tiny.open_days(directory, BOOK, 3)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make(tmp_path / "p") as opened:
        yield opened


@pytest.fixture(scope="module")
def billed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one run billed it all; tests are given copies."""
    directory = tmp_path_factory.mktemp("billed") / "p"
    with make(directory) as opened:
        tiny.bill(opened, END)
    return directory


@pytest.fixture
def billed(billed_once: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it."""
    with tiny.a_copy(billed_once, tmp_path / "billed") as opened:
        yield opened


def test_run_by_run_with_late_use_as_at_once(project: Project, tmp_path: Path) -> None:
    for until in (FIRST_DAY + 30 * HOUR, MONTH_END, MONTH_END + 4 * HOUR):
        tiny.bill(project, until)
    # In Berlin October ends at 23:00 UTC, so its grace is over at 05:00.
    assert charged(project, "kind = 'minimum'") == {}
    tiny.bill(project, MONTH_END + 5 * HOUR)
    assert list(charged(project, "kind = 'minimum'")) == ["second"]
    tiny.bill(project, MONTH_END + 6 * HOUR)
    assert charged(project, "true")["first"] == 31
    tiny.land_record(project.settings, "late", FIRST_DAY + 7 * HOUR, 100)
    tiny.bill(project, END)
    assert charged(project, "true")["first"] == 31
    check_all(project)
    with make(tmp_path / "once") as once:
        tiny.land_record(once.settings, "late", FIRST_DAY + 7 * HOUR, 100)
        tiny.bill(once, END)
        assert_same(books(once.lake), books(project.lake))


@pytest.mark.parametrize(("before", "after"), [("24 hours", "1 hour"), ("1 hour", "72 hours")])
def test_a_later_book_changes_the_grace_of_the_month_before_it(tmp_path: Path, before: str, after: str) -> None:
    """The book that holds when a month ends says its grace; it may come when that has passed, or was not over yet."""
    first = BOOK.replace("grace: 6 hours", f"grace: {before}")
    second = first.replace('"2026-10"', '"2026-11"').replace("2026-10-01T00", "2026-11-01T00").replace(before, after)
    with make(tmp_path / "p") as project, make(tmp_path / "once") as once:
        project.settings.price_book.write_text(first, encoding="utf-8")
        tiny.bill(project, MONTH_END + 12 * HOUR)
        project.settings.price_book.write_text(second, encoding="utf-8")
        tiny.bill(project, MONTH_END + 13 * HOUR)
        # In Berlin October ended an hour before the later book began.
        found = charged(project, "kind = 'minimum'")
        assert [account for account, amount in found.items() if amount] == ["first" if after == "1 hour" else "second"]
        check_all(project)
        once.settings.price_book.write_text(first, encoding="utf-8")
        tiny.bill(once, FIRST_DAY)
        once.settings.price_book.write_text(second, encoding="utf-8")
        tiny.bill(once, MONTH_END + 13 * HOUR)
        assert_same(books(once.lake), books(project.lake))


def test_much_late_use_takes_a_true_up_back(billed: Project) -> None:
    tiny.land_record(billed.settings, "late", FIRST_DAY + 7 * HOUR, 100_000)
    tiny.bill(billed, END)
    assert charged(billed, "kind = 'minimum'")["first"] == 0
    check_all(billed)


def test_a_rebuild_appends_nothing(billed: Project) -> None:
    before = books(billed.lake)
    rows = billed.lake.connection.execute("select count(*) from charges").fetchone()
    rebuild_caches(billed.lake)
    tiny.bill(billed, END)
    assert billed.lake.connection.execute("select count(*) from charges").fetchone() == rows
    assert_same(before, books(billed.lake))


def test_an_invoice_shows_it_and_can_be_proved(billed: Project) -> None:
    assert issue(billed, "issue", tiny.PERIOD)["issued"] == 2
    number, text = billed.lake.connection.execute(
        "select number, document from invoices order by account_id"
    ).fetchall()[0]
    document = json.loads(text)
    assert Invoice.read(document)
    assert document["totals"]["lines"] == "31.00"
    assert [line["description"] for line in document["lines"] if line["kind"] == "minimum"] == ["up to the minimum"]
    assert [finding.first_difference for finding in verify_invoice(billed, number)] == [None] * 3
    billed.lake.connection.execute("update charges set amount_delta = amount_delta + 1 where kind = 'minimum'")
    assert verify_invoice(billed, number)[0].first_difference is not None


def test_a_wrong_or_lost_true_up_is_found(billed: Project) -> None:
    last = billed.lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(billed.lake, 0, last).is_empty()
    billed.lake.connection.execute("delete from charges where kind = 'minimum' and account_id = 'first'")
    assert charges_that_do_not_sum(billed.lake, 0, last).height == 1
