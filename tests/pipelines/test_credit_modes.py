"""Scopes, modes, recurring grants and settlement in the lake: run by run as all at once, and every check content."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.invoices import draft, issue
from assets.verify import verify_invoice
from pipelines.explain import NEWEST, explain_line
from rating.periods import local_midnight
from resources.clock import FixedClock
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.writer import begin_run
from tests.pipelines.tiny import (
    BOOK,
    CLOCK,
    DAY,
    FIRST_DAY,
    HOUR,
    MONTH_END,
    PERIOD,
    SUBSCRIPTIONS,
    bill,
    check_all,
    land,
    land_day,
    land_record,
    make_of,
)  # fmt: skip

ACCOUNTS = """account_id,effective_from,name,currency,time_zone,tax_rate,mode
first,2026-10-01T00:00:00Z,First,EUR,UTC,19,prepaid
second,2026-10-01T00:00:00Z,Second,EUR,Europe/Berlin,7,postpaid
"""
CHANGE = """account_id,effective_from,name,currency,time_zone,tax_rate,mode
second,2026-10-31T06:15:00Z,Second,EUR,Europe/Berlin,7,prepaid
"""
GRANTS = """grant_id,account_id,kind,amount,currency,priority,effective_at,expires_at,every,roll_over,receipt,scope
monthly,first,recurring,0.40,EUR,1,2026-10-30T02:00:00Z,,month,0.10,,
paid,second,paid,3.00,EUR,2,2026-10-30T00:00:00Z,,,0,R-1,
other,second,promotional,2.00,EUR,1,2026-10-30T00:00:00Z,,,0,,"{""meters"": [""storage""]}"
use,second,adjustment,0.25,EUR,1,2026-10-30T00:00:00Z,,,0,,"{""meters"": [""requests""]}"
"""
TOP_UP = """grant_id,account_id,kind,amount,currency,priority,effective_at,receipt
top-up,first,paid,1.00,EUR,2,2026-10-31T10:20:00Z,R-2
"""

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
LATER = FixedClock(datetime(2027, 1, 10, tzinfo=UTC))


def opened(directory: Path) -> Project:
    settings = make_of(directory, BOOK, {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "grants": GRANTS})
    return Project.open(settings, CLOCK)


def books(project: Project) -> pl.DataFrame:
    """What the ledger comes to, whatever the runs."""
    return project.lake.connection.execute(
        "select account, lot, slice_start, kind, sum(amount) as amount from ledger_entries group by all"
        " having sum(amount) <> 0 order by all"
    ).pl()


def of_kind(project: Project, kind: str, account: str = "credit:%") -> dict[str, Decimal]:
    rows = project.lake.connection.execute(
        "select lot, sum(amount) from ledger_entries where kind = $kind and account like $account group by all",
        {"kind": kind, "account": account},
    ).fetchall()
    return {lot: amount for lot, amount in rows if amount}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All facts in one run."""
    with opened(tmp_path_factory.mktemp("credit") / "unbroken") as project:
        for name, rows in (("accounts/change", CHANGE), ("grants/top-up", TOP_UP)):
            land(project.settings, f"{name}.csv", rows)
        for number in range(2):
            land_day(project.settings, FIRST_DAY + number * DAY)
        land_record(project.settings, "late", FIRST_DAY + 3 * HOUR, 40)
        bill(project, MONTH_END + HOUR)
        yield project


def test_who_paid_what(unbroken: Project) -> None:
    """The scope of storage pays nothing, paid credit nothing before the change of mode, and the top-up settles."""
    drawn = of_kind(unbroken, "usage")
    assert "other" not in drawn
    assert drawn["use"] == Decimal("0.25")
    query = "select min(slice_start) from ledger_entries where lot = 'paid' and kind = 'usage'"
    assert unbroken.lake.connection.execute(query).fetchone() == (FIRST_DAY + DAY + 7 * HOUR,)
    assert drawn["monthly/2026-10-01"] == Decimal("0.40")
    settled = of_kind(unbroken, "settlement")
    assert settled["top-up"] == Decimal("1.00")
    assert of_kind(unbroken, "settlement", "unbilled:first") == {"": -sum(settled.values())}
    check_all(unbroken)


@pytest.mark.parametrize("zone", ["UTC", "America/Havana", "Asia/Kathmandu", "America/Asuncion"])
def test_the_view_says_when_a_lot_ends(unbroken: Project, zone: str) -> None:
    """In Havana the midnight of the first of November 2026 is there twice."""
    lake = unbroken.lake.connection
    lake.execute("begin")
    lake.execute("update accounts set time_zone = $zone", {"zone": zone})
    lake.execute("update grants set expires_at = '2026-11-15' where grant_id = 'monthly'")
    found = lake.execute("select expires_at from books.lots where lot like 'monthly/%' order by lot").pl()["expires_at"]
    lake.execute("rollback")
    assert found.to_list() == [local_midnight(date(2026, 11, 1), zone), datetime(2026, 11, 15, tzinfo=UTC)]


@pytest.mark.parametrize("order", ["in order", "late"])
def test_run_by_run_as_all_at_once(tmp_path: Path, unbroken: Project, order: str) -> None:
    """Facts that come hour by hour, or when their hours are long posted, make the same books."""
    with opened(tmp_path / "p") as project:
        facts = [("accounts/change", CHANGE), ("grants/top-up", TOP_UP)]
        for number in range(2):
            land_day(project.settings, FIRST_DAY + number * DAY)
            bill(project, FIRST_DAY + number * DAY + 12 * HOUR)
            if order == "in order":
                land(project.settings, f"{facts[number][0]}.csv", facts[number][1])
            bill(project, FIRST_DAY + (number + 1) * DAY)
        if order == "late":
            for name, rows in facts:
                land(project.settings, f"{name}.csv", rows)
                bill(project, MONTH_END)
        land_record(project.settings, "late", FIRST_DAY + 3 * HOUR, 40)
        bill(project, MONTH_END + HOUR)
        assert books(project).equals(books(unbroken))
        check_all(project)
        before = project.lake.connection.execute("select count(*) from ledger_entries").fetchone()
        rebuild_caches(project.lake)
        bill(project, MONTH_END + HOUR)
        assert project.lake.connection.execute("select count(*) from ledger_entries").fetchone() == before
        assert books(project).equals(books(unbroken))


def test_an_invoice_proves(tmp_path: Path) -> None:
    with opened(tmp_path / "p") as project:
        land(project.settings, "grants/top-up.csv", TOP_UP)
        for number in range(2):
            land_day(project.settings, FIRST_DAY + number * DAY)
            bill(project, FIRST_DAY + (number + 1) * DAY)
        bill(project, MONTH_END + HOUR)
        issue(project, "issue", PERIOD)
        numbers = project.lake.connection.execute("select number from invoices order by number").fetchall()
        assert numbers
        for (number,) in numbers:
            assert [one.first_difference for one in verify_invoice(project, number)] == [None] * 3


def test_what_is_settled_later_is_stated_with_the_use(tmp_path: Path) -> None:
    """A top-up of November pays for October's use: October's invoice says so, and November's does not subtract it again."""
    with opened(tmp_path / "p") as project:
        for number in range(2):
            land_day(project.settings, FIRST_DAY + number * DAY)
        bill(project, MONTH_END)
        before = {
            row["account_id"]: row for row in draft(project.lake, project.settings, NEWEST, PERIOD).invoices.to_dicts()
        }
        land(project.settings, "grants/top-up.csv", TOP_UP.replace("2026-10-31T10:20", "2026-11-01T00:20"))
        bill(project, MONTH_END + 2 * HOUR)
        report = issue(project, "issue", PERIOD)
        assert report["issued"] == 2
        stated = {
            account: (paid, number)
            for account, paid, number in project.lake.connection.execute(
                "select account_id, paid_credit, number from invoices"
            ).fetchall()
        }
        assert of_kind(project, "settlement") == {"top-up": Decimal("1.00"), "monthly/2026-11-01": Decimal("0.40")}
        assert stated["first"][0] == before["first"]["paid_credit"] - Decimal("1.00")
        november = draft(project.lake, project.settings, NEWEST, "2026-11").invoices
        assert november["account_id"].to_list() == ["second"]  # whose month has an hour more in its zone
        for _, number in stated.values():
            assert [one.first_difference for one in verify_invoice(project, number)] == [None] * 3
        lines = project.lake.connection.execute(
            "select line from invoice_lines where number = $number and kind = 'paid_credit'",
            {"number": stated["first"][1]},
        ).fetchall()
        explained = [explain_line(project.lake, stated["first"][1], line) for (line,) in lines]
        assert sum(one.draws["amount"].sum() for one in explained) == -Decimal("1.00")


@pytest.mark.parametrize(
    ("late", "was_postpaid"),
    [(MONTH_END - 3 * HOUR, False), (MONTH_END + 20 * DAY, True)],
    ids=["late use", "change of mode"],
)
def test_no_credit_is_stated_twice(tmp_path: Path, late: datetime, *, was_postpaid: bool) -> None:
    """What settled November's use is found to pay for October's, or the other way round: one gives back what the other takes."""
    whole = BOOK.replace('included: "10"', 'included: "0"').replace("graduated", "unit")
    whole = whole.replace(whole[whole.index("tiers:") :], 'unit_price: "1"\n')
    prepaid = ACCOUNTS.partition("second,")[0]
    top_up = TOP_UP.replace("2026-10-31T10:20", "2026-11-03T00:00").replace("1.00", "10.00")
    reference = {"accounts": prepaid, "subscriptions": SUBSCRIPTIONS.partition("s-second,")[0], "grants": top_up}
    with Project.open(make_of(tmp_path / "p", whole, reference), LATER) as project:
        land_record(project.settings, "october", MONTH_END - 2 * HOUR, 4)
        land_record(project.settings, "november", MONTH_END, 20)
        bill(project, DECEMBER)
        issue(project, "november", "2026-11")
        land_record(project.settings, "late", late, 3)
        if was_postpaid:
            rows = prepaid.replace("2026-10-01", "2026-11-01"), prepaid.replace("01T00:00", "01T00:15")
            land(
                project.settings, "accounts/modes.csv", rows[0] + rows[1].splitlines()[1].replace("pre", "post") + "\n"
            )
        land_record(project.settings, "december", DECEMBER, 40)
        bill(project, DECEMBER + 31 * DAY)
        issue(project, "december", "2026-12")
        query = "select sum(net), sum(paid_credit) from invoices"
        assert project.lake.connection.execute(query).fetchone() == (4 + 20 + 3 + 40 - 10, -10)
        left = "select sum(amount) from ledger_entries where account = 'unbilled:first'"
        assert project.lake.connection.execute(left).fetchone() == (0,)
        check_all(project)
        numbers = project.lake.connection.execute("select number from invoices").fetchall()
        for (number,) in numbers:
            assert [one.first_difference for one in verify_invoice(project, number)] == [None] * 3


@pytest.mark.parametrize(("was_postpaid", "net", "due"), [(False, 8, "9.52"), (True, 12, "14.28")])
def test_what_an_invoice_states_is_not_settled(tmp_path: Path, net: int, due: str, *, was_postpaid: bool) -> None:
    """Its receivable asks for it, with tax: a top-up after the issue settles late use and what came since."""
    whole = BOOK.replace('included: "10"', 'included: "0"').replace("graduated", "unit")
    whole = whole.replace(whole[whole.index("tiers:") :], 'unit_price: "1"\n')
    accounts = ACCOUNTS.partition("second,")[0]
    if was_postpaid:
        later = accounts.splitlines()[1].replace("10-01T00:00", "10-31T06:15")
        accounts = accounts.replace("prepaid", "postpaid") + later + "\n"
    reference = {"accounts": accounts, "subscriptions": SUBSCRIPTIONS.partition("s-second,")[0]}
    with Project.open(make_of(tmp_path / "p", whole, reference), LATER) as project:
        land_record(project.settings, "october", MONTH_END - 2 * HOUR, 8)
        if was_postpaid:
            land_record(project.settings, "postpaid", FIRST_DAY, 4)
        bill(project, MONTH_END + DAY)
        issue(project, "october", PERIOD)
        land(
            project.settings,
            "grants/g.csv",
            TOP_UP.replace("2026-10-31T10:20", "2026-11-03T00:20").replace("1.00", "10.00"),
        )
        land_record(project.settings, "late", MONTH_END - 3 * HOUR, 1)
        land_record(project.settings, "november", MONTH_END + 5 * DAY, 5)
        bill(project, DECEMBER)
        assert of_kind(project, "settlement") == {"top-up": Decimal(1)}
        issue(project, "november", "2026-11")
        totals = "select number, net, paid_credit, due from invoices order by number"
        assert [row[1:] for row in project.lake.connection.execute(totals).fetchall()] == [
            (Decimal(net), Decimal(0), Decimal(due)),
            (Decimal(0), Decimal(-6), Decimal(0)),
        ]
        left = "select account, sum(amount) from ledger_entries where account_id = 'first' group by all having sum(amount) <> 0"
        assert dict(project.lake.connection.execute(left).fetchall()) == {
            "receivable:first": Decimal(due),
            "credit:first:paid": Decimal(-4),
        }
        check_all(project)
        for (number,) in project.lake.connection.execute("select number from invoices").fetchall():
            assert [one.first_difference for one in verify_invoice(project, number)] == [None] * 3
        before = books(project)
        rebuild_caches(project.lake)
        bill(project, DECEMBER)
        assert books(project).equals(before)


def test_what_a_scoped_lot_settles_is_stated_with_the_use_that_it_may_pay(tmp_path: Path) -> None:
    """A promotion for one meter pays November's use of it, and nothing of what is older and not its own."""
    whole = BOOK.replace('included: "10"', 'included: "0"').replace("graduated", "unit")
    whole = whole.replace(whole[whole.index("tiers:") :], 'unit_price: "1"\n')
    meter = "  requests: {unit: request, aggregation: sum}\n"
    book = whole.replace(meter, meter + "  disk: {unit: GB, aggregation: sum}\n")
    book += '      - {id: disk, meter: disk, model: unit, unit_price: "1"}\n'
    scoped = 'disk,first,promotional,3.00,EUR,1,2026-11-03T00:00:00Z,,,0,,"{""meters"": [""disk""]}"'
    grant = f"{GRANTS.splitlines()[0]}\n{scoped}\n"
    reference = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "grants": grant}
    with Project.open(make_of(tmp_path / "p", book, reference), LATER) as project:
        land_record(project.settings, "october", MONTH_END - 2 * HOUR, 5)
        disk = f'"account_id": "first", "resource_id": "d", "meter": "disk", "timestamp": "{MONTH_END.isoformat()}"'
        land(project.settings, "usage_records/disk.ndjson", f'{{"event_id": "disk", "quantity": "4", {disk}}}')
        bill(project, DECEMBER)
        assert of_kind(project, "settlement") == {"disk": Decimal(3)}
        stated = {month: draft(project.lake, project.settings, NEWEST, month) for month in (PERIOD, "2026-11")}
        assert [row.invoices["promotional_credit"].to_list() for row in stated.values()] == [
            [Decimal(0)],
            [Decimal(-3)],
        ]
        check_all(project)


def prepaid_world(directory: Path, accounts: str, grants: str = GRANTS.splitlines()[0]) -> Project:
    """One account, `first`, and a price of 1.00 a request."""
    whole = BOOK.replace('included: "10"', 'included: "0"').replace("graduated", "unit")
    whole = whole.replace(whole[whole.index("tiers:") :], 'unit_price: "1"\n').replace("2026-10-01T", "2026-09-01T")
    subscriptions = SUBSCRIPTIONS.partition("s-second,")[0].replace("2026-10-01T", "2026-09-01T")
    facts = {
        "accounts": accounts.replace("2026-10-01T", "2026-09-01T"),
        "subscriptions": subscriptions,
        "grants": grants,
    }
    return Project.open(make_of(directory, whole, facts), LATER)


def held(project: Project) -> dict[str, Decimal]:
    """What the accounts of the books that are about `first` hold."""
    query = "select account, sum(amount) from ledger_entries where account_id = 'first' group by all having sum(amount) <> 0"
    return dict(project.lake.connection.execute(query).fetchall())


def assert_rebuilt(project: Project, until: datetime) -> None:
    """A rebuild changes nothing, and every invoice is proved."""
    before = books(project)
    rebuild_caches(project.lake)
    bill(project, until)
    assert books(project).equals(before)
    check_all(project)
    for (number,) in project.lake.connection.execute("select number from invoices").fetchall():
        assert [one.first_difference for one in verify_invoice(project, number)] == [None] * 3


ALWAYS, NOT_AT_FIRST = ACCOUNTS.partition("second,")[0], "first,2026-09-01T00:00:00Z,First,EUR,UTC,19,postpaid"


def test_an_invoice_of_an_older_run_than_the_newest_hour_sees_what_that_did(tmp_path: Path) -> None:
    """An issue that began before an hourly run and commits after it states nothing that a lot has settled meanwhile."""
    top_up = TOP_UP.replace("2026-10-31T10:20", "2026-11-01T05:30").replace("1.00", "50.00")
    end = MONTH_END + 8 * HOUR
    with prepaid_world(tmp_path / "p", ALWAYS) as project:
        land_record(project.settings, "october", MONTH_END - 2 * HOUR, 5)
        bill(project, MONTH_END)
        land(project.settings, "grants/top-up.csv", top_up)
        begin_run(project.lake, "issue", "invoices")  # in another process, and slow
        bill(project, end)
        issue(project, "issue", PERIOD)
        assert held(project) == {"credit:first:paid": Decimal(-45)}
        assert_rebuilt(project, end)


def test_documents_of_an_account_of_both_modes_in_another_order_than_their_periods(tmp_path: Path) -> None:
    """What was stated of later periods is none of what a document of an earlier one states."""
    with prepaid_world(tmp_path / "p", ALWAYS.replace("2026-10-01", "2026-10-02") + NOT_AT_FIRST + "\n") as project:
        land_record(project.settings, "october", MONTH_END - 2 * HOUR, 5)
        land_record(project.settings, "november", DECEMBER - 2 * HOUR, 7)
        bill(project, DECEMBER + HOUR)
        for number, month in enumerate((PERIOD, "2026-11", PERIOD)):
            assert issue(project, f"issue-{number}", month)["issued"] == 1
            if number == 1:
                land_record(project.settings, "late", MONTH_END - 3 * HOUR, 2)
                bill(project, DECEMBER + 2 * HOUR)
        stated = "select amount from stated_debts order by run"
        assert project.lake.connection.execute(stated).fetchall() == [(5,), (7,), (2,)]
        land_record(project.settings, "december", DECEMBER + 3 * HOUR, 3)
        land(
            project.settings, "grants/t.csv", TOP_UP.replace("2026-10-31T10", "2026-12-02T10").replace("1.00", "50.00")
        )
        bill(project, DECEMBER + 3 * DAY)
        assert of_kind(project, "settlement") == {"top-up": Decimal(3)}
        assert_rebuilt(project, DECEMBER + 3 * DAY)
        project.lake.connection.execute("update stated_debts set amount = amount + 1 where amount = 7")
        (number,) = project.lake.connection.execute("select number from stated_debts where amount = 8").fetchone() or ()
        assert verify_invoice(project, number)[2].first_difference is not None
