"""Goal: `bean-check` accepts the journal, and what Beancount adds up is what the ledger holds, to the last digit."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.command import app
from pipelines.journal import JournalError, Scope, beancount_lines
from rating.statements import Grain
from resources.project import Project
from resources.settings import load_settings
from tests.pipelines import tiny
from tests.pipelines.journals import accounts_of_the_books, check, sums_of

BEGUN, ENDED = date(2026, 10, 30), date(2026, 11, 11)


@pytest.fixture
def project(billed: Path) -> Iterator[Project]:
    """The billed project, to read."""
    with Project.open(load_settings(billed), tiny.CLOCK, read_only=True) as opened:
        yield opened


def text_of(project: Project, scope: Scope) -> str:
    return "".join(f"{line}\n" for part in beancount_lines(project.lake, scope) for line in part)


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize("span", [(None, None), (date(2026, 10, 31), None), (None, date(2026, 11, 1)), (BEGUN, ENDED)])
def test_every_journal_is_accepted_and_says_what_the_ledger_says(
    project: Project, grain: Grain, span: tuple[date | None, date | None]
) -> None:
    text = text_of(project, Scope(*span, grain))
    assert check(text) == accounts_of_the_books(project.lake, span[1] or ENDED)


def test_all_customers_together(project: Project) -> None:
    text = text_of(project, Scope(each=False))
    assert "First" not in text
    found, every = check(text), accounts_of_the_books(project.lake, ENDED)
    together = "Assets:Unbilled", "EUR"
    assert found[together] == sum(amount for (name, _), amount in every.items() if name.startswith("Assets:Unbilled:"))
    assert {key: amount for key, amount in found.items() if key[0].startswith("Income")} == {
        key: amount for key, amount in every.items() if key[0].startswith("Income")
    }


def test_each_months_end_is_asserted_for_every_account(project: Project) -> None:
    lines = text_of(project, Scope()).splitlines()
    for day in ("2026-11-01", "2026-11-11"):
        asserted = {line.split()[2] for line in lines if line.startswith(f"{day} balance")}
        opened = {line.split()[2] for line in lines if " open " in line and line[:10] < day}
        assert asserted == opened, day
    assert sums_of("\n".join(lines))


def test_the_command_writes_a_file_that_bean_check_accepts(billed: Path, tmp_path: Path) -> None:
    file = tmp_path / "books.beancount"
    words = ["-C", str(billed), "export", "beancount"]
    result = CliRunner().invoke(app, [*words, "--by", "hour", "--output", str(file)])
    assert result.exit_code == 0, result.output
    bean_check = Path(sys.executable).with_name("bean-check")
    done = subprocess.run([bean_check, file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert CliRunner().invoke(app, [*words, "--by", "hour"]).stdout == file.read_text(encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    broken = file.with_name("broken.beancount")
    broken.write_text(text.replace("  0.06 EUR", "  0.060000000000000001 EUR", 1), encoding="utf-8")
    assert subprocess.run([bean_check, broken], capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize(("first", "until"), [(BEGUN, BEGUN), (ENDED, BEGUN), (date(2030, 1, 1), None)])
def test_no_days_are_refused(project: Project, first: date, until: date | None) -> None:
    with pytest.raises(JournalError, match="no day lies from"):
        text_of(project, Scope(first, until))


def test_an_empty_ledger_is_refused(tmp_path: Path) -> None:
    with (
        Project.open(tiny.make(tmp_path / "project"), tiny.CLOCK) as project,
        pytest.raises(JournalError, match="nothing is posted yet"),
    ):
        text_of(project, Scope())
