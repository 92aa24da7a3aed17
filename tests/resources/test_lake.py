"""Statements that are asked in each run, and planned without statistics."""

from collections.abc import Iterator

import duckdb
import pytest

from resources import lake as lakes
from resources.lake import WITHOUT_STATISTICS, Lake
from resources.project import Project
from resources.settings import Settings
from resources.statements import statement

SETTING = "select current_setting('disabled_optimizers')"


@pytest.fixture
def lake(project: Settings) -> Iterator[Lake]:
    with Project.open(project) as opened:
        yield opened.lake


def test_only_the_statements_named_are_planned_without_statistics(lake: Lake) -> None:
    bounds = {"run": 1, "head": 0}
    for name in sorted(WITHOUT_STATISTICS):
        used = {key: value for key, value in bounds.items() if f"${key}" in statement(name)}
        expected = lake.run_statement(name, used).fetchone()
        assert lake.row(name, used) == expected, name
        assert lake.connection.execute(SETTING).fetchone() == ("",)


def test_statistics_are_back_after_a_statement_that_fails(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lakes, "statement", lambda _name: f"select error(({SETTING}))")
    with pytest.raises(duckdb.Error, match="join_order"):
        lake.row(min(WITHOUT_STATISTICS))
    assert lake.connection.execute(SETTING).fetchone() == ("",)
