"""`meterbook grant` and `void-grant`: what they record, and what they refuse."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.command import app
from resources.project import Project
from resources.settings import Settings, load_settings
from tests.pipelines import tiny

GRANT = ("grant", "first", "20.00", "--currency", "EUR", "--id", "g", "--effective", "2026-10-05")
Call = Callable[..., str]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose accounts are known; tests are given copies."""
    directory = tmp_path_factory.mktemp("known") / "project"
    with Project.open(tiny.make(directory), tiny.CLOCK) as project:
        tiny.bill(project, tiny.FIRST_DAY)
    return directory


@pytest.fixture
def settings(known: Path, tmp_path: Path) -> Settings:
    """The settings of a copy of it."""
    shutil.copytree(known, tmp_path / "project")
    return load_settings(tmp_path / "project")


@pytest.fixture
def call(settings: Settings) -> Call:
    def called(*words: str, fails: bool = False) -> str:
        result = CliRunner().invoke(app, ["-C", str(settings.price_book.parent), *words])
        assert (result.exit_code != 0) is fails, result.output
        return " ".join(result.output.split())

    return called


def rows_of(settings: Settings, columns: str) -> list[tuple[object, ...]]:
    with Project.open(settings, tiny.CLOCK) as project:
        query = f"select {columns} from grants where grant_id = 'g' order by run"
        return project.lake.connection.execute(query).fetchall()


def test_a_grant_of_each_month_for_some_usage(settings: Settings, call: Call) -> None:
    scope = ("--meter", "requests", "--dimension", "region=eu", "--dimension", "tier=a=b")
    words = (*GRANT, "--kind", "recurring", "--roll-over", "5", *scope, "--by", "sales", "--reason", "launch")
    assert "recorded" in call(*words)
    assert "as before" in call(*words)
    said = 'kind, scope, every, roll_over::varchar, reason, "by"'
    kept = '{"dimensions":{"region":"eu","tier":"a=b"},"meters":["requests"]}'
    assert rows_of(settings, said) == [("recurring", kept, "month", "5.000000000000000000", "launch", "sales")]


def test_a_void_says_who_and_why_and_keeps_the_rest(settings: Settings, call: Call) -> None:
    call(*GRANT, "--expires", "2026-12-01T10:30", "--price", "requests", "--by", "sales", "--priority", "7")
    assert "recorded" in call("void-grant", "g", "--reason", "given twice", "--by", "finance")
    assert "as before" in call("void-grant", "g", "--reason", "given twice", "--by", "finance")
    assert rows_of(settings, 'void, reason, "by"') == [(False, "", "sales"), (True, "given twice", "finance")]
    assert len(set(rows_of(settings, 'columns(* exclude (void, reason, "by", run))'))) == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((*GRANT, "--roll-over", "5"), "roll over unreadable"),
        ((*GRANT, "--dimension", "region"), "write --dimension region=eu"),
        ((*GRANT, "--kind", "paid"), "receipt missing"),
        ((*GRANT, "--kind", "gift"), "'gift' is not one of"),
        (("void-grant", "nothing", "--reason", "r"), "there is no grant nothing"),
        (("void-grant", "welcome", "--reason", " "), "void without reason"),
    ],
)
def test_what_is_refused(call: Call, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in call(*words, fails=True)


def test_a_grant_that_stands_does_not_change(call: Call) -> None:
    call(*GRANT)
    assert "conflict" in call(*GRANT, "--meter", "requests", fails=True)
