"""Goal: everything at once in one small world: run by run, late, corrected and put right is the same as all at once."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from pipelines.rerate import Request, rerate
from resources.project import Project
from resources.rebuild import rebuild_caches
from tests.faults.books import assert_same, books
from tests.pipelines import tiny, together
from tests.pipelines.tiny import HOUR, check_all, land


@pytest.fixture(scope="module")
def by_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Run by run: files as they come, a wrong book, a plan that changed a while ago, corrections, then the right book."""
    with together.make(tmp_path_factory.mktemp("together") / "by_runs") as project:
        settings, seen = project.settings, together.FIRST
        for until in together.CLOSED:
            together.land_records(
                settings, f"{until:%dT%H}", (one for one in together.records() if seen <= one.landed() < until)
            )
            if until == together.SECOND_BOOK_AT + HOUR:
                settings.price_book.write_text(together.WRONG, encoding="utf-8")
            if until == together.SECOND_BOOK_AT + 2 * HOUR:
                land(settings, "subscriptions/change.csv", together.CHANGE)
            if until == together.FIRST + 16 * HOUR:
                land(settings, "corrections/all.csv", together.CORRECTIONS)
            tiny.bill(project, until)
            seen = until
        check_all(project)
        settings.price_book.write_text(together.RIGHT, encoding="utf-8")
        assert not rerate(
            project, Request(settings.price_book, "2026-10", "a typing error", "finance")
        ).changed.is_empty()
        together.land_records(settings, "last", (one for one in together.records() if one.landed() >= seen))
        tiny.bill(project, together.UNTIL)
        yield project


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with together.billed_at_once(tmp_path_factory.mktemp("together") / "once") as project:
        yield project


def test_run_by_run_is_all_at_once(by_runs: Project, at_once: Project) -> None:
    assert_same(books(at_once.lake), books(by_runs.lake))


def test_all_is_met(at_once: Project) -> None:
    """Each kind of charge is there, and each price; caps are reached, and joining a pool gives back."""
    query = at_once.lake.connection.execute
    charged = "from charges group by all having sum(amount_delta) <> 0"
    assert {kind for (kind,) in query(f"select kind {charged}").fetchall()} == together.KINDS
    prices = {"out", "cpu", "cpu-night", "cpu-us", "disk", "recurring", "base"}
    assert {price for (price,) in query(f"select price_id {charged}").fetchall()} == prices
    assert {plan for (plan,) in query(f"select plan {charged}").fetchall()} == {"standard", "large"}
    of_first = (
        "from charges where account_id = 'first' and period_start < '2026-10-15' and kind = 'usage' and price_id ="
    )
    assert query(f"select sum(amount_delta) {of_first} 'disk'").fetchall() == [(Decimal("1.6"),)]
    given_back = query(f"select count(*) {of_first} 'out' and quantity_delta = 0 and amount_delta < 0").fetchone()
    assert given_back is not None
    assert given_back[0] > 0


def test_checks_are_green_and_invoices_are_proved(by_runs: Project, at_once: Project) -> None:
    check_all(at_once)
    write_drafts(by_runs, "drafts", tiny.PERIOD)
    assert issue(by_runs, "issue", tiny.PERIOD)["issued"] == 2
    for (number,) in by_runs.lake.connection.execute("select number from invoices").fetchall():
        assert [finding.first_difference for finding in verify_invoice(by_runs, number)] == [None] * 3
    check_all(by_runs)


def test_a_rebuild_appends_nothing(by_runs: Project) -> None:
    rows = "select count(*), sum(amount_delta) from charges"
    before = by_runs.lake.connection.execute(rows).fetchone()
    rebuild_caches(by_runs.lake)
    tiny.bill(by_runs, together.UNTIL)
    assert by_runs.lake.connection.execute(rows).fetchone() == before
