"""Goal: commitments by the hour go through every stage, each hour as it closes, with use or without."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from documents.invoice import Invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.explain import explain_line
from pipelines.quote import quote
from pipelines.quote_terms import read_terms
from pipelines.simulate import simulate
from resources.price_books import read_price_book
from resources.project import Project
from resources.rebuild import rebuild_caches
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import FIRST_DAY, HOUR, MONTH_END, charged, check_all

COMMIT = 'commit: {quantity: "2", per: hour, unit_price: "0.03"}'
START = "2026-10-29T12:00:00Z"
BOOK = tiny.BOOK.replace('included: "10"', f'included: "10"\n        {COMMIT}').replace("2026-10-01T00:00:00Z", START)
END = MONTH_END + 2 * HOUR
# From noon of the 29th to the end of October: in Berlin it ends an hour before.
HOURS = {"first": 60, "second": 59}
BY_TIME = {name: number * 2 * Decimal("0.03") for name, number in HOURS.items()}


def make(directory: Path, book: str = BOOK) -> Project:
    return tiny.open_days(directory, book, 3)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make(tmp_path / "p") as opened:
        yield opened


def rows(project: Project, query: str) -> list[tuple[Any, ...]]:
    return project.lake.connection.execute(query).fetchall()


def used(project: Project) -> list[tuple[Any, ...]]:
    """How much of October's use lies within the commitment, and how much above it, of the first account."""
    return rows(
        project,
        "select kind, sum(quantity_delta) from charges where account_id = 'first' and kind in ('committed', 'usage')"
        " and period_start < '2026-10-30' group by all order by all",
    )


def test_hour_by_hour_with_late_use_as_at_once(project: Project, tmp_path: Path) -> None:
    for until in (FIRST_DAY + HOUR, FIRST_DAY + 2 * HOUR, FIRST_DAY + 30 * HOUR, MONTH_END, END):
        tiny.bill(project, until)
    assert charged(project, "kind = 'hourly_commitment'") == BY_TIME
    assert used(project) == [("committed", 96), ("usage", 48)]
    tiny.land_record(project.settings, "late", FIRST_DAY + 7 * HOUR, 100)
    tiny.bill(project, END + HOUR)
    assert used(project) == [("committed", 96), ("usage", 148)]
    assert charged(project, "kind = 'hourly_commitment'") == BY_TIME
    check_all(project)
    with make(tmp_path / "once") as once:
        tiny.land_record(once.settings, "late", FIRST_DAY + 7 * HOUR, 100)
        tiny.bill(once, END + HOUR)
        assert_same(books(once.lake), books(project.lake))


def test_hours_without_any_use_are_charged(tmp_path: Path) -> None:
    with tiny.open_days(tmp_path / "p", BOOK, 1) as project:
        for until in (FIRST_DAY + HOUR, FIRST_DAY + 2 * HOUR, END):
            tiny.bill(project, until)
        assert charged(project, "kind = 'hourly_commitment'") == BY_TIME
        rebuild_caches(project.lake)
        before = rows(project, "select count(*) from charges")
        tiny.bill(project, END)
        assert rows(project, "select count(*) from charges") == before
        check_all(project)


QUARTER = FIRST_DAY + 9 * HOUR + timedelta(minutes=15)


@pytest.mark.parametrize("after", [FIRST_DAY + 3 * HOUR, END])
def test_a_subscription_that_ends_at_a_quarter_ends_there(tmp_path: Path, after: Any) -> None:  # noqa: ANN401
    ending = f"subscription_id,account_id,plan,effective_from\ns-first,first,,{QUARTER:%Y-%m-%dT%H:%M:%SZ}\n"
    with make(tmp_path / "p") as project, make(tmp_path / "once") as once:
        tiny.bill(project, after)
        for opened in (project, once):
            tiny.land(opened.settings, "subscriptions/end.csv", ending)
            tiny.bill(opened, END + HOUR)
        assert_same(books(once.lake), books(project.lake))
        assert charged(project, "kind = 'hourly_commitment'")["first"] == Decimal("21.25") * Decimal("0.06")
        check_all(project)


@pytest.mark.parametrize("after", [FIRST_DAY + 3 * HOUR, END])
@pytest.mark.parametrize("commit", ['commit: {quantity: "1", per: hour, unit_price: "0.05"}', ""])
def test_a_later_book_changes_it_from_its_quarter_on(tmp_path: Path, after: Any, commit: str) -> None:  # noqa: ANN401
    later = BOOK.replace('"2026-10"', '"later"').replace(START, f"{QUARTER:%Y-%m-%dT%H:%M:%SZ}").replace(COMMIT, commit)
    with make(tmp_path / "p") as project, make(tmp_path / "once") as once:
        tiny.bill(project, after)
        for opened in (project, once):
            if opened is once:
                tiny.bill(once, FIRST_DAY)
            opened.settings.price_book.write_text(later, encoding="utf-8")
            tiny.bill(opened, END + HOUR)
        assert_same(books(once.lake), books(project.lake))
        before, rest = Decimal("21.25") * Decimal("0.06"), Decimal("38.75") * Decimal("0.05" if commit else 0)
        assert charged(project, "kind = 'hourly_commitment'")["first"] == before + rest
        check_all(project)


def test_a_book_put_right_takes_back_what_was_charged(project: Project) -> None:
    tiny.bill(project, END)
    project.settings.price_book.write_text(BOOK.replace(COMMIT, ""), encoding="utf-8")
    tiny.bill(project, END + HOUR)
    assert charged(project, "kind = 'hourly_commitment'") == {"first": 0, "second": 0}
    check_all(project)


def test_an_invoice_shows_it_is_explained_and_can_be_proved(project: Project) -> None:
    tiny.bill(project, END)
    assert issue(project, "issue", tiny.PERIOD)["issued"] == 2
    number, text = rows(project, "select number, document from invoices order by account_id")[0]
    document = json.loads(text)
    assert Invoice.read(document)
    said = ("kind", "description", "quantity", "unit", "unit_price", "amount")
    commitment = "commitment of 2 request an hour"
    lines = {line["kind"]: tuple(line[name] for name in said) for line in document["lines"]}
    assert lines["hourly_commitment"] == (
        "hourly_commitment", commitment, "120.000000000", "request", "0.030000000", "3.60",
    )  # fmt: skip
    assert lines["committed"][:4] == ("committed", f"within the {commitment}", "96.000000000", "request")
    assert lines["committed"][-1] == "0.00"
    for line in document["lines"]:
        made = explain_line(project.lake, number, line["line"])
        assert made.slices["amount"].sum() == made.sums["books"]
    assert [finding.first_difference for finding in verify_invoice(project, number)] == [None] * 3
    project.lake.connection.execute(
        "update charges set amount_delta = amount_delta + 1 where kind = 'hourly_commitment' and slice_start = '2026-10-30'"
    )
    assert verify_invoice(project, number)[0].first_difference is not None


def test_a_simulation_has_it_too(tmp_path: Path) -> None:
    whole = BOOK.replace(START, "2026-10-01T00:00:00Z")
    with make(tmp_path / "p", tiny.BOOK) as project, make(tmp_path / "q", whole) as real:
        path = tmp_path / "asked.yaml"
        path.write_text(BOOK, encoding="utf-8")
        tiny.bill(project, END)
        tiny.bill(real, END)
        made = simulate(project.lake, read_price_book(path), tiny.PERIOD)
        assert dict(made.accounts.select("account_id", "then").iter_rows())["first"] == charged(real, "true")["first"]


BREAKS = {
    "an hour is lost": "delete from charges where kind = 'hourly_commitment' and slice_start = '2026-10-30 05:00:00+00'",
    "use within it is lost": "delete from charges where kind = 'committed' and slice_start = '2026-10-30 05:00:00+00'",
    "use above it is wrong": (
        "update charges set amount_delta = 1 where kind = 'usage' and slice_start = '2026-10-30 05:00:00+00'"
    ),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_what_is_wrong_or_lost_is_found(project: Project, broken: str) -> None:
    tiny.bill(project, END)
    last = project.lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(project.lake, 0, last).is_empty()
    project.lake.connection.execute(BREAKS[broken])
    assert charges_that_do_not_sum(project.lake, 0, last).height >= 1


def test_a_quote_has_those_of_the_whole_month(tmp_path: Path) -> None:
    text = "event_id,timestamp,account_id,resource_id,meter,quantity\n1,2026-10-05T08:00:00Z,a,site,requests,13\n"
    (tmp_path / "usage.csv").write_text(text, encoding="utf-8")
    (tmp_path / "book.yaml").write_text(BOOK, encoding="utf-8")
    terms = read_terms(tmp_path / "book.yaml", "standard", None, "UTC")
    made = quote(tmp_path / "usage.csv", "usage_records", terms)
    # 744 hours of two requests; of the 13 in one hour 11 are above, of which 10 are included.
    assert made.total == made.parts["amount"].sum() == 744 * 2 * Decimal("0.03") + Decimal("0.02")
