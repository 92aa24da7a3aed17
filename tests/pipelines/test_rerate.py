"""Goal: a wrong price is put right by what differs alone; issued invoices stand, and the next ones state the difference."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.command.application import app
from pipelines.hourly import run_hourly
from pipelines.rerate import Request, rerate
from rating.errors import PriceBookError
from resources.errors import ReferenceDataError
from resources.project import Project
from resources.settings import load_settings
from tests.pipelines.answers import BOOK, CLOCK, DECEMBER, LATE, NOVEMBER, make
from tests.pipelines.tiny import land

NEWEST = 2**62
FIXED = BOOK.replace('"0.02"', '"0.03"')
RENAMED = FIXED.replace('"2026-09"', '"2026-09-right"')
CHEAPER = BOOK.replace('"0.02"', '"0.001"')


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October issued under the wrong book, and half of November billed."""
    directory = tmp_path_factory.mktemp("rerated") / "project"
    settings = make(directory)
    with Project.open(settings, CLOCK) as project:
        run_hourly(project, NOVEMBER)
        issue(project, "october", "2026-10")
        land(settings, "usage_records/late.csv", LATE)
        run_hourly(project, NOVEMBER.replace(day=3))
    return directory


@contextmanager
def copied(issued: Path, directory: Path) -> Iterator[Project]:
    """The project elsewhere, open."""
    shutil.copytree(issued, directory / "project")
    with Project.open(load_settings(directory / "project"), CLOCK) as project:
        yield project


def written(project: Project, text: str) -> Path:
    """A price book in a file of its own."""
    path = project.settings.price_book.with_name("fixed.yaml")
    path.write_text(text, encoding="utf-8")
    return path


def put_right(project: Project, text: str, period: str = "2026-09", reason: str = "a typing error") -> Any:  # noqa: ANN401
    """Rerate by a book."""
    return rerate(project, Request(written(project, text), period, reason, "someone"))


def query(project: Project, text: str) -> list[tuple[Any, ...]]:
    """Rows of the lake."""
    return project.lake.connection.execute(text).fetchall()


def numbers(project: Project) -> list[str]:
    """The issued invoices."""
    return [number for (number,) in query(project, "select number from invoices order by number")]


@pytest.mark.parametrize("book", [FIXED, RENAMED], ids=["same version", "other version"])
def test_the_difference_is_appended_and_goes_to_the_next_invoice(issued: Path, tmp_path: Path, book: str) -> None:
    with copied(issued, tmp_path) as project:
        before = query(project, "from charges order by all")
        made = put_right(project, book)
        # Of first 100 requests a month in the first tier, of second 40 in October; each a cent more. November: 40 of each.
        changed = {(row["account_id"], row["period"]): row["difference"] for row in made.changed.iter_rows(named=True)}
        assert changed == {
            ("first", "2026-10"): Decimal("1.00"),
            ("first", "2026-11"): Decimal("0.40"),
            ("second", "2026-10"): Decimal("0.40"),
            ("second", "2026-11"): Decimal("0.20"),
        }
        assert all(row["after"] - row["before"] == row["difference"] for row in made.changed.iter_rows(named=True))
        assert set(before) < set(query(project, "from charges"))
        assert query(project, 'select period, reason, "by" from reratings') == [
            ("2026-09", "a typing error", "someone")
        ]
        assert len(query(project, "from price_books")) == 2
        assert charges_that_do_not_sum(project.lake, 0, NEWEST).is_empty()
        run_hourly(project, DECEMBER)
        issue(project, "november", "2026-11")
        adjusted = (
            "account_id = 'second' and period_start < '2026-10-15' and number = (select max(number) from invoices)"
        )
        assert query(project, f"select sum(exact) from invoice_lines where {adjusted}") == [(Decimal("0.4"),)]
        assert len(numbers(project)) == 4
        for number in numbers(project):
            assert [finding.first_difference for finding in verify_invoice(project, number)] == [None] * 3, number


def test_a_month_given_back_stays_a_negative_draft(issued: Path, tmp_path: Path) -> None:
    with copied(issued, tmp_path) as project:
        put_right(project, CHEAPER)
        write_drafts(project, "drafts", "2026-10")
        draft = "from invoice_drafts where account_id = 'second' and not can_issue"
        assert query(project, f"select net {draft}") == [(Decimal("-0.76"),)]  # 40 x 0.001 for what was 40 x 0.02
        issue(project, "again", "2026-10")
        assert query(project, "select count(*) from invoices where account_id = 'second'") == [(1,)]


def test_the_same_again_changes_nothing(issued: Path, tmp_path: Path) -> None:
    with copied(issued, tmp_path) as project:
        put_right(project, FIXED)
        tables = ("charges", "ledger_entries", "usage_hourly", "price_books", "reratings")
        before = {table: query(project, f"from {table} order by all") for table in tables}
        made = put_right(project, FIXED)
        assert not made.is_new
        assert made.changed.is_empty()
        assert {table: query(project, f"from {table} order by all") for table in tables} == before


def test_the_wrong_book_does_not_come_back_by_itself(issued: Path, tmp_path: Path) -> None:
    with copied(issued, tmp_path) as project:
        put_right(project, FIXED)
        charged = query(project, "select sum(amount_delta) from charges")
        report = run_hourly(project, NOVEMBER.replace(day=3))
        assert "is what a rerating put right (a typing error)" in report["price_book"]["refused"]
        assert query(project, "select sum(amount_delta) from charges") == charged
        # Going back is a rerating too.
        assert put_right(project, BOOK, reason="it was right").is_new
        made = query(project, "select sum(amount_delta) from charges")
        assert made[0][0] == charged[0][0] - Decimal(2)
        assert run_hourly(project, NOVEMBER.replace(day=3))["price_book"]["refused"] == ""


def test_a_rerating_that_was_broken_off_is_finished_by_the_same_again(issued: Path, tmp_path: Path) -> None:
    class BrokenOffError(Exception):
        pass

    def break_off(step: str, moment: str) -> None:
        if (step, moment) == ("charges", "committing"):
            raise BrokenOffError

    with copied(issued, tmp_path) as project:
        project.lake.watch = break_off
        with pytest.raises(BrokenOffError):
            put_right(project, FIXED)
        project.lake.watch = lambda _step, _moment: None
        made = put_right(project, FIXED)
        assert not made.is_new
        assert sum(made.changed["difference"]) == Decimal(2)


def test_what_lies_before_the_period_is_refused(issued: Path, tmp_path: Path) -> None:
    with copied(issued, tmp_path) as project:
        with pytest.raises(PriceBookError, match="lies before the period that is rated again"):
            put_right(project, FIXED, period="2026-10")
        with pytest.raises(ReferenceDataError, match="says why"):
            put_right(project, FIXED, reason=" ")
        assert query(project, "from reratings") == []
        # From October on: the book of September stands until then.
        october = RENAMED.replace("2026-09-01T00", "2026-10-01T00")
        assert put_right(project, october, period="2026-10").is_new


def test_the_command_prints_what_changed_and_explain_says_why(issued: Path, tmp_path: Path) -> None:
    with copied(issued, tmp_path) as project:
        path = written(project, FIXED)
        directory = str(project.settings.directory)
    words = ["-C", directory, "rerate", "--price-book", str(path), "--period", "2026-09", "--reason", "a typing error"]
    first = CliRunner().invoke(app, [*words, "--by", "finance"])
    assert first.exit_code == 0, first.output
    assert "rated again under price book 2026-09" in first.output
    assert "Replace" in first.output
    assert "as before, nothing changed" in CliRunner().invoke(app, words).output
    hour = ["--account", "first", "--hour", "2026-10-05T08:00Z", "--json"]
    (made,) = json.loads(CliRunner().invoke(app, ["-C", directory, "explain", *hour]).output)
    assert [(run["reason"], run["by"], run["amount"]) for run in made["runs"]] == [
        (None, None, "1"),
        ("a typing error", "finance", "0.5"),
    ]
