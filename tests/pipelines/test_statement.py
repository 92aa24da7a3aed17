"""Goal: `meterbook statement` says what the ledger says, to the last digit, in every form; and refuses what it cannot say."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.command import app
from pipelines.rerate import Request, rerate
from pipelines.statement import StatementError, account_statement, as_rows
from rating.money import AMOUNT
from rating.statement_schemas import COLUMNS
from rating.statements import Grain
from resources.closing import close_month
from resources.project import Project
from resources.settings import load_settings
from tests.pipelines import tiny

Call = Callable[..., str]
TODAY = datetime(2026, 11, 10, 12, tzinfo=UTC)
GRANTS = """grant_id,account_id,kind,amount,currency,effective_at,expires_at,receipt,gateway,tax_code,tax_paid
top-up,first,paid,0.70,EUR,2026-10-31T08:20:11Z,,R-1,bank,standard,0.133
short,first,promotional,0.10,EUR,2026-11-01T00:00:00Z,2026-11-01T06:00:00Z,,,,
"""
CORRECTION = """source,event_id,timestamp,action,quantity,reason,by
usage_records,first-30T02,2026-10-30T02:05:00Z,replace,9,mistaken,support
"""


@pytest.fixture(scope="module")
def eventful(billed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Late and corrected records, top-ups, an expiry, a void, a closed month and a price put right."""
    directory = tmp_path_factory.mktemp("eventful") / "project"
    with tiny.a_copy(billed, directory) as project:
        tiny.land(project.settings, "grants/more.csv", GRANTS)
        tiny.land_record(project.settings, "late-one", tiny.FIRST_DAY + 5 * tiny.HOUR, 200)
        tiny.bill(project, tiny.MONTH_END + 3 * tiny.HOUR)
        close_month(project.lake, tiny.PERIOD)
        tiny.land(project.settings, "corrections/one.csv", CORRECTION)
        tiny.bill(project, tiny.MONTH_END + 12 * tiny.HOUR)
        tiny.land_day(project.settings, tiny.MONTH_END)
        tiny.bill(project, tiny.MONTH_END + tiny.DAY)
        book = project.settings.directory / "right.yaml"
        book.write_text(tiny.BOOK.replace('"0.02"', '"0.03"').replace('"2026-10"', '"2026-10b"'), encoding="utf-8")
        rerate(project, Request(book, tiny.PERIOD, "a typing error", "finance"))
        tiny.bill(project, tiny.MONTH_END + tiny.DAY + tiny.HOUR)
    return directory


@pytest.fixture
def project(eventful: Path) -> Iterator[Project]:
    """The eventful project, open."""
    with Project.open(load_settings(eventful), tiny.CLOCK, read_only=True) as opened:
        yield opened


@pytest.fixture
def call(eventful: Path) -> Call:
    def called(*words: str, fails: bool = False) -> str:
        result = CliRunner().invoke(app, ["-C", str(eventful), "statement", *words], env={"COLUMNS": "200"})
        assert (result.exit_code != 0) is fails, result.output
        return result.output

    return called


def balances(project: Project, account: str, before: str = "2999-01-01") -> dict[str, Decimal]:
    """What the ledger holds, asked by hand: what is owed is below nothing."""
    found = project.lake.connection.execute(
        "select split_part(account, ':', 1), -sum(amount) from ledger_entries"
        " where account_id = $account and greatest(posted_hour, slice_start) < $before::timestamptz group by all",
        {"account": account, "before": before},
    ).fetchall()
    return {column: dict(found).get(column, Decimal(0)) for column in COLUMNS}


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize("account", ["first", "second"])
@pytest.mark.parametrize(
    "span", [(None, None), ("2026-10-31", "2026-11-02"), ("2026-11-01", "2026-11-02"), ("2020-01-01", None)]
)
def test_lines_sum_to_closing_less_opening(
    project: Project, account: str, span: tuple[str | None, str | None], grain: Grain
) -> None:
    first, until = (None if day is None else date.fromisoformat(day) for day in span)
    made = account_statement(project.lake, account, first, until, TODAY, grain)
    rows = as_rows(made)
    zone = made.stated.account["time_zone"]
    opening = balances(project, account, f"{made.stated.first} 00:00:00 {zone}")
    closing = balances(project, account, f"{made.stated.until} 00:00:00 {zone}")
    assert made.statement.opening == opening
    assert {column: rows[column].sum() for column in COLUMNS} == closing
    assert rows["amount"].sum() == rows["balance"].to_list()[-1] == sum(closing.values())
    if first is None:
        assert closing == balances(project, account)


def test_everything_that_happened_is_named(project: Project) -> None:
    rows = as_rows(account_statement(project.lake, "first", None, None, TODAY))
    titles = set(rows["title"])
    assert titles == {
        "Balance before", "Promotion", "Top-up", "Charge", "Paid from credit", "Invoice", "Late charge", "Correction",
        "Price correction", "Expired",
    }  # fmt: skip
    top_up = rows.filter(pl.col("title") == "Top-up").row(0, named=True)
    assert (top_up["description"], top_up["credit"]) == ("top-up · receipt R-1", Decimal("0.7"))
    # October is closed, so what was put right of it is posted in November.
    put_right = rows.filter(pl.col("cause").is_in(["corrected", "rerated"]))
    assert put_right["date"].min() == date(2026, 11, 1)
    assert put_right["of"].min() == date(2026, 10, 30)
    assert set(rows.filter(pl.col("title") == "Invoice")["invoice"]) == {"INV-2026-000001"}


@pytest.mark.parametrize("account", ["first", "second"])
def test_the_view_says_the_same(project: Project, account: str) -> None:
    stated = as_rows(account_statement(project.lake, account, None, None, TODAY))[1:].drop(
        "hour", "title", "description", "invoice"
    )
    query = "select * from books.statement_lines where account_id = $account"
    found = project.lake.connection.execute(query, {"account": account}).pl()
    assert stated.height > 5
    assert (
        found.sort("date", "balance", *found.columns)
        .select(stated.columns)
        .equals(stated.with_columns(pl.col("at").dt.convert_time_zone("UTC")).sort("date", "balance", *found.columns))
    )


def test_one_day_after_the_other_is_all_days(project: Project) -> None:
    """The closing balance of a day is the opening one of the next."""
    standing = None
    for number in range(4):
        day = date(2026, 10, 30) + timedelta(days=number)
        rows = as_rows(account_statement(project.lake, "second", day, day + timedelta(days=1), TODAY))
        assert standing in (None, rows["balance"].to_list()[0])
        standing = rows["balance"].to_list()[-1]
    assert standing == sum(balances(project, "second", "2026-11-03 00:00:00 Europe/Berlin").values())


def test_every_form_says_the_same(call: Call, tmp_path: Path) -> None:
    words = ("first", "--from", "2026-10-01", "--to", "2026-11-03")
    call(*words, "--format", "parquet", "--output", str(tmp_path / "s.parquet"))
    call(*words, "--format", "csv", "--output", str(tmp_path / "s.csv"))
    call(*words, "--format", "pdf", "--output", str(tmp_path / "s.pdf"))
    call(*words, "--format", "pdf", "--output", str(tmp_path / "again.pdf"))
    parquet = pl.read_parquet(tmp_path / "s.parquet")
    amounts = (*COLUMNS, "amount", "balance")
    csv = pl.read_csv(StringIO((tmp_path / "s.csv").read_text(encoding="utf-8")), infer_schema=False)
    assert csv.select(pl.col(amounts).cast(AMOUNT)).equals(parquet.select(amounts))
    assert csv.columns == parquet.columns
    assert call(*words, "--format", "csv") == (tmp_path / "s.csv").read_text(encoding="utf-8")
    assert (tmp_path / "s.pdf").read_bytes() == (tmp_path / "again.pdf").read_bytes()
    table = call(*words)
    assert "Top-up · top-up · receipt R-1" in table
    assert "balance after" in table


def test_a_pdf_has_a_bound_and_csv_has_none(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.statement.MOST_PRINTED", 12)
    words, file = ("first", "--by", "hour"), ("--output", str(tmp_path / "s"))
    refusal = " ".join(call(*words, "--format", "pdf", *file, fails=True).split())
    assert "lines are too many for a PDF, which holds 12; ask for --by day, fewer days" in refusal
    assert not (tmp_path / "s").exists()
    assert "lines in" in call(*words, "--format", "csv", *file)
    assert "balance after" in call(*words)
    assert "lines in" in call("first", "--by", "month", "--to", "2026-11-01", "--format", "pdf", *file)


def test_an_account_without_entries(call: Call, eventful: Path, tmp_path: Path) -> None:
    with tiny.a_copy(eventful, tmp_path / "copy") as copy:
        tiny.land(
            copy.settings,
            "accounts/third.csv",
            tiny.ACCOUNTS.splitlines()[0] + "\nthird,2026-10-01T00:00:00Z,T,EUR,UTC,0\n",
        )
        tiny.bill(copy, tiny.MONTH_END + tiny.DAY + 2 * tiny.HOUR)
        made = account_statement(copy.lake, "third", None, None, TODAY)
        assert as_rows(made).height == 1
        assert made.statement.lines.is_empty()
    assert "there is no account 'third'" in " ".join(call("third", fails=True).split())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nobody",), "there is no account 'nobody' in the books; `meterbook sql"),
        (("first", "--from", "2026-11-01", "--to", "2026-11-01"), "no day lies from 2026-11-01 to 2026-11-01"),
        (("first", "--from", "2026-11-02", "--to", "2026-11-01"), "no day lies from 2026-11-02 to 2026-11-01"),
        (("first", "--from", "November"), "'November' is not a day"),
        (("first", "--format", "pdf"), "name it with --output"),
        (("first", "--format", "parquet"), "name it with --output"),
        (("first", "--output", "x"), "a table is for the screen"),
        (("first", "--by", "year"), "'year' is not one of"),
    ],
)
def test_what_is_refused(call: Call, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in " ".join(call(*words, fails=True).split())


def test_no_statement_of_books_that_are_not_whole(project: Project) -> None:
    with pytest.raises(StatementError, match="there is no account ''"):
        account_statement(project.lake, "", None, None, TODAY)
