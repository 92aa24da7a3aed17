"""Goal: discounts and surcharges go through every stage: charges, checks, credit, invoices, proof and quote."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from documents.invoice import Invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.checks import CHECKS, Window
from pipelines.quote import quote
from pipelines.quote_terms import read_terms
from resources.project import Project
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import DAY, FIRST_DAY, HOUR, MONTH_END

D = Decimal
FIRST_BOOK = tiny.BOOK.replace("standard:\n", 'standard:\n    discount: "12.5"\n    recurring: {amount: "7.00"}\n')
# From noon of the last day on, the second account has agreed on a surcharge, which is no price of its plan.
SECOND_BOOK = (
    FIRST_BOOK.replace('"2026-10"', '"2026-10b"').replace("2026-10-01T00:00:00Z", "2026-10-31T12:00:00Z")
    + 'accounts: {second: {surcharge: "3"}}\n'
)


def make(directory: Path) -> Project:
    settings = tiny.make(directory)
    for number in range(3):
        tiny.land_day(settings, FIRST_DAY + number * DAY)
    opened = Project.open(settings, tiny.CLOCK)
    for book in (FIRST_BOOK, SECOND_BOOK):
        settings.price_book.write_text(book, encoding="utf-8")
        tiny.bill(opened, FIRST_DAY)
    return opened


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make(tmp_path / "p") as opened:
        yield opened


@pytest.fixture(scope="module")
def billed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one run billed it all; tests are given copies."""
    directory = tmp_path_factory.mktemp("billed") / "p"
    with make(directory) as opened:
        tiny.bill(opened, MONTH_END)
    return directory


@pytest.fixture
def billed(billed_once: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it."""
    with tiny.a_copy(billed_once, tmp_path / "billed") as opened:
        yield opened


def sums(project: Project) -> dict[tuple[str, str, str], D]:
    rows = project.lake.connection.execute(
        "select account_id, kind, version, sum(amount_delta) from charges group by all"
    ).fetchall()
    return {(account, kind, version): amount for account, kind, version, amount in rows}


def test_in_several_runs_with_a_late_record_as_in_one(project: Project, tmp_path: Path) -> None:
    for until in (FIRST_DAY + 20 * HOUR, FIRST_DAY + 40 * HOUR, MONTH_END):
        tiny.bill(project, until)
    tiny.land_record(project.settings, "late", FIRST_DAY + 7 * HOUR)
    tiny.bill(project, MONTH_END + HOUR)
    last = project.lake.value("steps/writer/next_run") - 1
    for check in CHECKS:
        assert check.find(project, Window(0, last)).is_empty(), check.name
    with make(tmp_path / "once") as once:
        tiny.land_record(once.settings, "late", FIRST_DAY + 7 * HOUR)
        tiny.bill(once, MONTH_END + HOUR)
        assert_same(books(once.lake), books(project.lake))
        found = sums(once)
    first = sum(
        (amount for key, amount in found.items() if key[0] == "first" and key[1] in ("usage", "recurring")), D(0)
    )
    assert found["first", "discount", "2026-10"] == -first / 8
    assert found["second", "surcharge", "2026-10b"] > 0


def test_an_invoice_shows_percentages_and_can_be_proved(billed: Project) -> None:
    assert issue(billed, "issue", tiny.PERIOD)["issued"] == 2
    rows = billed.lake.connection.execute("select number, document from invoices order by account_id").fetchall()
    shown = []
    for number, document in rows:
        assert Invoice.read(json.loads(document))
        lines = json.loads(document)["lines"]
        shown.append(
            {(line["title"], line["description"]) for line in lines if line["kind"] in ("discount", "surcharge")}
        )
        assert [finding.first_difference for finding in verify_invoice(billed, number)] == [None] * 3
    fee, use = "plan standard", "requests"
    assert shown[0] == {(fee, "discount 12.5 %"), (use, "discount 12.5 %")}
    assert shown[1] == {(fee, "discount 12.5 %"), (use, "discount 12.5 %"), (use, "surcharge 3 %")}
    billed.lake.connection.execute("update charges set amount_delta = amount_delta * 2 where kind = 'discount'")
    assert verify_invoice(billed, rows[0][0])[0].first_difference is not None


@pytest.mark.parametrize(
    "hand",
    [
        "update charges set amount_delta = amount_delta + 0.000000000000000001 where kind = 'discount'",
        "delete from charges where kind = 'surcharge'",
    ],
)
def test_a_percentage_that_is_not_what_is_due_is_found(billed: Project, hand: str) -> None:
    last = billed.lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(billed.lake, 0, last).is_empty()
    billed.lake.connection.execute(hand)
    assert charges_that_do_not_sum(billed.lake, 0, last).height > 0


def test_a_quote_shows_fees_and_discounts(tmp_path: Path) -> None:
    settings = tiny.make(tmp_path / "p")
    tiny.land_day(settings, FIRST_DAY)
    settings.price_book.write_text(FIRST_BOOK, encoding="utf-8")
    file = next((settings.landing / "usage_records").iterdir())
    made = quote(file, "usage_records", read_terms(settings.price_book, "standard", None, "UTC"))
    said = made.parts.select("title", "kind", "description").rows()
    assert [row for row in said if row[1] != "usage"] == [
        ("requests", "included", "included in the plan"),
        ("requests", "discount", "discount 12.5 %"),
        ("plan standard", "recurring", "monthly fee"),
        ("plan standard", "discount", "discount 12.5 %"),
    ]
    assert made.parts["amount"].sum() == made.total
