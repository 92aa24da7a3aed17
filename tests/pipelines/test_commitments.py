"""Goal: committed quantities go through every stage: use within them, what is left of them, late use, lines and proof."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from documents.invoice import Invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.explain import explain_line
from pipelines.simulate import simulate
from resources.price_books import read_price_book
from resources.project import Project
from resources.rebuild import rebuild_caches
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import DAY, FIRST_DAY, HOUR, MONTH_END, charged, check_all

COMMIT = 'commit: {quantity: "400", per: period, unit_price: "0.03"}'
BOOK = tiny.BOOK.replace('included: "10"', f'included: "10"\n        {COMMIT}') + "grace: 6 hours\n"
END = MONTH_END + DAY
# In Berlin October has 745 hours, and the book begins with the third.
INCLUDED, COMMITTED = (round(Decimal(whole) * 743 / 745, 9) for whole in (10, 400))
LEAST = {"first": Decimal(12), "second": COMMITTED * Decimal("0.03")}
# 48 hours are used in UTC and 47 in Berlin, with 3 requests each: all that is not included is within the commitment.
USED = {"first": 134 * Decimal("0.03"), "second": (141 - INCLUDED) * Decimal("0.03")}


def make(directory: Path, book: str = BOOK) -> Project:
    return tiny.open_days(directory, book, 3)


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
    assert charged(project, "kind = 'commitment'") == {}
    assert charged(project, "kind = 'usage'") == USED
    # In Berlin October ends at 23:00 UTC, so its grace is over at 05:00.
    tiny.bill(project, MONTH_END + 5 * HOUR)
    assert list(charged(project, "kind = 'commitment'")) == ["second"]
    tiny.bill(project, MONTH_END + 6 * HOUR)
    assert charged(project, "kind = 'commitment'") == {name: LEAST[name] - USED[name] for name in USED}
    tiny.land_record(project.settings, "late", FIRST_DAY + 7 * HOUR, 100)
    tiny.bill(project, END)
    assert charged(project, "kind = 'usage'")["first"] == 234 * Decimal("0.03")
    assert charged(project, "true") == LEAST
    check_all(project)
    with make(tmp_path / "once") as once:
        tiny.land_record(once.settings, "late", FIRST_DAY + 7 * HOUR, 100)
        tiny.bill(once, END)
        assert_same(books(once.lake), books(project.lake))


def test_much_late_use_takes_the_rest_back(billed: Project) -> None:
    tiny.land_record(billed.settings, "late", FIRST_DAY + 7 * HOUR, 466)
    tiny.bill(billed, END)
    assert charged(billed, "kind = 'commitment'")["first"] == 0
    # 10 included, 400 committed, 100 in the first tier and 100 in the next.
    assert charged(billed, "true")["first"] == 12 + 2 + Decimal("0.5") + 100 * Decimal("0.0123")
    check_all(billed)


def test_a_commitment_that_a_later_book_brings_is_charged_for_its_time(tmp_path: Path) -> None:
    """Half of October's last two days are under it; to the quantity of each version the whole period counts."""
    with make(tmp_path / "p", tiny.BOOK + "grace: 6 hours\n") as project:
        tiny.bill(project, FIRST_DAY + 6 * HOUR)
        later = BOOK.replace('"2026-10"', '"later"').replace("2026-10-01T", "2026-10-31T").replace('"400"', '"31000"')
        project.settings.price_book.write_text(later, encoding="utf-8")
        tiny.bill(project, END)
        rest = charged(project, "kind = 'commitment'")["first"]
        assert rest == 1000 * Decimal("0.03") - charged(project, "kind = 'usage'")["first"]
        check_all(project)


def test_a_rebuild_appends_nothing(billed: Project) -> None:
    before = books(billed.lake)
    rows = billed.lake.connection.execute("select count(*) from charges").fetchone()
    rebuild_caches(billed.lake)
    tiny.bill(billed, END)
    assert billed.lake.connection.execute("select count(*) from charges").fetchone() == rows
    assert_same(before, books(billed.lake))


def test_an_invoice_shows_it_is_explained_and_can_be_proved(billed: Project) -> None:
    assert issue(billed, "issue", tiny.PERIOD)["issued"] == 2
    number, text = billed.lake.connection.execute(
        "select number, document from invoices order by account_id"
    ).fetchall()[0]
    document = json.loads(text)
    assert Invoice.read(document)
    said = ("kind", "description", "quantity", "amount")
    assert [tuple(line[name] for name in said) for line in document["lines"]] == [
        ("commitment", "rest of the commitment of 400 request", None, "7.98"),
        ("committed", "of the commitment of 400 request", "134.000000000", "4.02"),
        ("included", "included in the plan", "10.000000000", "0.00"),
    ]
    for line in document["lines"]:
        made = explain_line(billed.lake, number, line["line"])
        assert made.slices["amount"].sum() == made.sums["books"] == made.sums["amount"] == Decimal(line["amount"])
        assert made.price is not None
        assert (made.price["committed"], made.price["committed_price"]) == (400, Decimal("0.03"))
    assert [finding.first_difference for finding in verify_invoice(billed, number)] == [None] * 3
    billed.lake.connection.execute("update charges set amount_delta = amount_delta + 1 where kind = 'commitment'")
    assert verify_invoice(billed, number)[0].first_difference is not None


def test_a_simulation_has_it_too(tmp_path: Path) -> None:
    with make(tmp_path / "p", tiny.BOOK + "grace: 6 hours\n") as project:
        tiny.bill(project, END)
        path = tmp_path / "asked.yaml"
        path.write_text(BOOK, encoding="utf-8")
        made = simulate(project.lake, read_price_book(path), tiny.PERIOD)
        assert dict(made.accounts.select("account_id", "then").iter_rows()) == LEAST


def test_a_wrong_or_lost_charge_is_found(billed: Project) -> None:
    last = billed.lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(billed.lake, 0, last).is_empty()
    billed.lake.connection.execute("delete from charges where kind = 'commitment' and account_id = 'first'")
    assert charges_that_do_not_sum(billed.lake, 0, last).height == 1
