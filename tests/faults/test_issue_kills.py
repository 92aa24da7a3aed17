"""kill -9 while invoices are issued: no number is lost or given twice, and each says what it would have said."""

import random
import shutil
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from assets.invoices import issue
from resources.lake import Lake
from tests.faults import runs, worlds
from tests.faults.test_kills import ENOUGH_TO_COUNT, Tally, strike
from tests.faults.victim import issue_next, to_issue

PERIOD: Final = "2026-10"
# What an issue writes, less the run that wrote it and the run that it looked at (which the document names last).
WRITTEN: Final = (
    """select * exclude (run, snapshot_run) replace (regexp_replace(document, '"run":[0-9]+}$', '') as document)
    from invoices order by number""",
    "select * exclude (run) from invoice_lines order by number, line",
    "select * exclude (run) from ledger_entries where kind = 'invoice' order by all",
)


def written(lake: Lake) -> list[pl.DataFrame]:
    """All that was issued."""
    return [lake.connection.execute(query).pl() for query in WRITTEN]


@pytest.fixture(scope="module")
def ready(unbroken_project: Path) -> Path:
    """A project in which a month is over and nothing is issued."""
    return unbroken_project


@pytest.fixture(scope="module")
def expected(ready: Path) -> list[pl.DataFrame]:
    """What one unbroken issue writes."""
    directory = ready.with_name("issued")
    shutil.copytree(ready, directory)
    with runs.open_project(directory) as project:
        issue(project, "issue", PERIOD)
        found = written(project.lake)
    assert found[0].height > len(worlds.ACCOUNTS) // 2
    return found


def issue_under_fire(ready: Path, directory: Path, expected: list[pl.DataFrame], kills: int) -> Tally:
    """Issue invoice after invoice with as many kills, in a new copy of the project whenever all are issued."""
    chance, tally = random.Random(f"issue {kills}"), Tally()  # noqa: S311 - instants that can be had again
    shutil.copytree(ready, directory)
    while tally.kills < kills:
        strike(directory, issue_next, (f"issue-{tally.kills}", PERIOD), tally.kills, chance, tally)
        with runs.open_project(directory) as project:
            left = to_issue(project, PERIOD)
        if not left:
            _assert_written(directory, expected)
            shutil.rmtree(directory)
            shutil.copytree(ready, directory)
    _assert_written(directory, expected)
    return tally


def _assert_written(directory: Path, expected: list[pl.DataFrame]) -> None:
    with runs.open_project(directory) as project:
        issue(project, "the rest", PERIOD)
        for found, wanted in zip(written(project.lake), expected, strict=True):
            differing = found.join(wanted, on=found.columns, how="anti", nulls_equal=True)
            assert (found.height, differing.to_dicts()) == (wanted.height, [])


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.soak)])
def test_kills_while_issuing(kills: int, ready: Path, expected: list[pl.DataFrame], tmp_path: Path) -> None:
    tally = issue_under_fire(ready, tmp_path / "p", expected, kills)
    print(  # noqa: T201 - figures for the person who looks
        f"\ninvoices: {tally.kills} kills, {tally.before} before the first write, {tally.between} between it and the "
        f"commit, {tally.after} after"
    )
    if kills >= ENOUGH_TO_COUNT:
        assert tally.between >= tally.kills / 3
