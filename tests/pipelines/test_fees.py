"""Goal: recurring fees are charged once, hour by hour or at once, and every stage after them has them right."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from documents.invoice import Invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.explain import Hour, explain_hour, explain_line
from pipelines.simulate import simulate
from pipelines.status import status_of
from resources.price_books import read_price_book
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.settings import Settings
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import DAY, FIRST_DAY, HOUR, MONTH_END, check_all

D = Decimal
UNTIL = MONTH_END + 12 * HOUR
BOOK = (
    tiny.BOOK.replace("  standard:\n", '  standard:\n    title: Standard\n    recurring: {amount: "31.00"}\n')
    + """
  large:
    recurring: {id: base, title: base fee, amount: "62.00", bill: arrears}
    prices:
      - {id: requests, meter: requests, model: unit, unit_price: "0.01"}
"""
)
IDLE = """subscription_id,account_id,plan,effective_from
s-idle,idle,standard,2026-10-31T06:15:00Z
"""
IDLE_ACCOUNT = """account_id,effective_from,name,currency,time_zone,tax_rate
idle,2026-10-01T00:00:00Z,Idle,EUR,Asia/Kolkata,0
"""
CHANGE = """subscription_id,account_id,plan,effective_from
s-first,first,large,2026-10-31T06:00:00Z
"""


def make(directory: Path) -> Settings:
    settings = tiny.make(directory)
    settings.price_book.write_text(BOOK, encoding="utf-8")
    land(settings, "accounts/idle.csv", IDLE_ACCOUNT)
    land(settings, "subscriptions/idle.csv", IDLE)
    for number in range(3):
        tiny.land_day(settings, FIRST_DAY + number * DAY)
    return settings


def land(settings: Settings, name: str, text: str) -> None:
    path = settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.open(make(tmp_path / "p"), tiny.CLOCK) as opened:
        yield opened


@pytest.fixture(scope="module")
def billed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one run billed it all; tests are given copies."""
    directory = tmp_path_factory.mktemp("billed") / "p"
    with Project.open(make(directory), tiny.CLOCK) as opened:
        tiny.bill(opened, UNTIL)
    return directory


@pytest.fixture
def billed(billed_once: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it."""
    with tiny.a_copy(billed_once, tmp_path / "billed") as opened:
        yield opened


def at_once(directory: Path, *, changed: bool) -> Project:
    settings = make(directory)
    if changed:
        land(settings, "subscriptions/change.csv", CHANGE)
    opened = Project.open(settings, tiny.CLOCK)
    tiny.bill(opened, UNTIL)
    return opened


def fees(project: Project) -> list[tuple[Any, ...]]:
    return project.lake.connection.execute(
        "select account_id, plan, slice_start, sum(quantity_delta), sum(amount_delta) from charges"
        " where kind = 'recurring' group by all having sum(amount_delta) <> 0 order by all"
    ).fetchall()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def test_fees_hour_by_hour_are_those_of_one_run(project: Project, tmp_path: Path) -> None:
    until = FIRST_DAY + 40 * HOUR
    while until < UNTIL:
        tiny.bill(project, until)
        if until == FIRST_DAY + 40 * HOUR:
            land(project.settings, "subscriptions/change.csv", CHANGE)
        # Every hour around the changes of the plan, the months and the subscriptions, few elsewhere.
        until += HOUR if until.hour in (5, 6, 7, 18, 19, 23, 0) else 3 * HOUR
    tiny.bill(project, UNTIL)
    check_all(project)
    with at_once(tmp_path / "once", changed=True) as once:
        assert_same(books(once.lake), books(project.lake))
        assert len(fees(once)) == 6


def test_who_uses_nothing_pays_the_fee(billed: Project) -> None:
    share = [(row[2], row[4]) for row in fees(billed) if row[0] == "idle"]
    # November begins at 18:30 UTC in India, so 12 and a quarter hours of October are subscribed.
    assert share == [
        (utc("2026-10-31T06:15"), (D(31) * 49 / 4 / 744).quantize(D("1e-18"))),
        (utc("2026-10-31T18:30"), D(31)),
    ]
    check_all(billed)


def test_hours_in_which_nothing_begins_read_and_write_no_fee(project: Project) -> None:
    tiny.bill(project, FIRST_DAY + 5 * HOUR)
    before = fees(project)
    tiny.bill(project, FIRST_DAY + 29 * HOUR)
    assert fees(project) == before
    assert [row[0] for row in before] == ["first", "second"]


def test_a_change_of_plan_restates_what_was_charged_in_advance(project: Project) -> None:
    tiny.bill(project, FIRST_DAY + 2 * DAY)
    land(project.settings, "subscriptions/change.csv", CHANGE)
    tiny.bill(project, UNTIL)
    hours = 30 * 24 + 6
    assert [row[1:] for row in fees(project) if row[0] == "first"] == [
        ("large", utc("2026-10-31T23:00"), (D(18) / 744).quantize(D("1e-9")), (D(62) * 18 / 744).quantize(D("1e-18"))),
        (
            "standard",
            utc("2026-10-01T00:00"),
            (D(hours) / 744).quantize(D("1e-9")),
            (D(31) * hours / 744).quantize(D("1e-18")),
        ),
    ]
    check_all(project)


def test_a_voided_subscription_gives_everything_back(billed: Project) -> None:
    void = IDLE.replace("effective_from\n", "effective_from,void\n").replace("00Z\n", "00Z,true\n")
    land(billed.settings, "subscriptions/void.csv", void)
    tiny.bill(billed, UNTIL)
    assert "idle" not in {row[0] for row in fees(billed)}
    check_all(billed)


def test_a_subscription_that_moves_to_another_account_leaves_nothing_behind(billed: Project, tmp_path: Path) -> None:
    moved = IDLE.replace(",idle,", ",second,")
    land(billed.settings, "subscriptions/moved.csv", moved)
    tiny.bill(billed, UNTIL)
    assert "idle" not in {row[0] for row in fees(billed)}
    check_all(billed)
    with Project.open(make(tmp_path / "once"), tiny.CLOCK) as once:
        land(once.settings, "subscriptions/idle.csv", moved)
        tiny.bill(once, UNTIL)
        assert_same(books(once.lake), books(billed.lake))


def test_a_book_without_the_fee_gives_everything_back(billed: Project) -> None:
    billed.settings.price_book.write_text(tiny.BOOK, encoding="utf-8")
    tiny.bill(billed, UNTIL)
    assert fees(billed) == []
    check_all(billed)


def test_a_rebuild_appends_nothing(billed: Project) -> None:
    before = books(billed.lake)
    rows = billed.lake.connection.execute("select count(*) from charges").fetchone()
    rebuild_caches(billed.lake)
    tiny.bill(billed, UNTIL)
    assert billed.lake.connection.execute("select count(*) from charges").fetchone() == rows
    assert_same(before, books(billed.lake))


def test_an_invoice_shows_the_fee_and_can_be_proved(project: Project) -> None:
    land(project.settings, "subscriptions/change.csv", CHANGE)
    tiny.bill(project, UNTIL)
    write_drafts(project, "drafts", tiny.PERIOD)
    assert issue(project, "issue", tiny.PERIOD)["issued"] == 3
    rows = project.lake.connection.execute(
        "select number, account_id, document from invoices order by account_id"
    ).fetchall()
    lines = {
        account: [(line["title"], line["description"], line["unit"], line["unit_price"], line["amount"])
                  for line in json.loads(document)["lines"] if line["kind"] == "recurring"]
        for _, account, document in rows
    }  # fmt: skip
    assert lines["first"] == [
        ("plan large", "base fee", "month", "62.000000000", "1.50"),
        ("Standard", "monthly fee", "month", "31.000000000", "30.25"),
    ]
    assert lines["second"] == [("Standard", "monthly fee", "month", "31.000000000", "30.92")]
    for number, _, document in rows:
        assert Invoice.read(json.loads(document))
        assert [finding.first_difference for finding in verify_invoice(project, number)] == [None] * 3
    check_all(project)
    project.lake.connection.execute("update charges set amount_delta = amount_delta + 1 where kind = 'recurring'")
    assert verify_invoice(project, rows[0][0])[0].first_difference is not None


def test_a_fee_is_explained_and_simulated(billed: Project) -> None:
    issue(billed, "issue", tiny.PERIOD)
    query = "select number, line, exact from invoice_lines where kind = 'recurring' and account_id = 'first'"
    for number, line, exact in billed.lake.connection.execute(query).fetchall():
        explained = explain_line(billed.lake, number, line)
        assert explained.slices["amount"].sum() == explained.sums["books"] == exact
        assert explained.records.is_empty()
    for hour in explain_hour(billed.lake, Hour("first", utc("2026-10-01T00:00"), price="recurring")):
        assert hour.sums["amount"] == 31
    same = simulate(billed.lake, read_price_book(billed.settings.price_book), tiny.PERIOD)
    assert same.totals["difference"].to_list() == [0]
    dearer = BOOK.replace("31.00", "62.00")
    billed.settings.price_book.write_text(dearer, encoding="utf-8")
    other = simulate(billed.lake, read_price_book(billed.settings.price_book), tiny.PERIOD)
    paid = sum((row[4] for row in fees(billed) if row[2] < utc("2026-10-31T18:30")), D(0))
    # Twice what was rounded is not what twice as much is rounded to.
    assert abs(other.totals["difference"][0] - paid) <= 3 * D("1e-18")


@pytest.mark.parametrize(
    "hand",
    [
        "update charges set amount_delta = amount_delta + 0.000000000000000001 where kind = 'recurring'",
        "delete from charges where kind = 'recurring' and account_id = 'idle'",
    ],
)
def test_a_fee_that_is_not_what_is_due_is_found(billed: Project, hand: str) -> None:
    last = billed.lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(billed.lake, 0, last).is_empty()
    billed.lake.connection.execute(hand)
    assert charges_that_do_not_sum(billed.lake, 0, last).height > 0


def test_credit_pays_a_fee_and_its_revenue_has_a_name(billed: Project) -> None:
    earned = billed.lake.connection.execute(
        "select account, sum(amount) from ledger_entries where account like 'revenue%' group by all order by account"
    ).pl()
    assert earned["account"].to_list() == ["revenue:(fees)", "revenue:requests"]
    assert earned["sum(amount)"][0] == -sum(row[4] for row in fees(billed))
    drawn = billed.lake.connection.execute(
        "select sum(amount) from ledger_entries where lot = 'welcome' and kind = 'usage'"
    ).pl()
    assert drawn.item() == pl.Series([D("1.5")]).item()


def test_status_names_who_is_not_charged_a_fee(tmp_path: Path) -> None:
    settings = make(tmp_path / "project")
    text = IDLE_ACCOUNT.replace("idle,2026", "abroad,2026").replace("EUR", "USD")
    land(settings, "accounts/abroad.csv", text)
    land(settings, "subscriptions/abroad.csv", IDLE.replace("s-idle,idle", "s-abroad,abroad"))
    with Project.open(settings, tiny.CLOCK) as project:
        tiny.bill(project, UNTIL)
        rows = dict(status_of(project)["Money"])
        assert rows["fees not charged: no amount in the currency of"] == "abroad (recurring of plan standard, USD)"
        assert project.lake.connection.execute("from charges where account_id = 'abroad'").fetchall() == []
