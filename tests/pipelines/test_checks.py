"""Goal: each check is green on sound books, and turns red when the lake is broken in the way it guards against."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.checks import CHECKS, WATCHES, BooksCheck, Window, everything, newest, suspected_duplicates
from pipelines.definitions import build_defs
from pipelines.hourly import run_hourly
from pipelines.in_process import CheckFailedError, HourlyRuns
from resources.clock import FixedClock
from resources.project import Project
from resources.project_source import LentProject
from resources.settings import load_settings
from tests.pipelines import tiny

LAST_JOB = f"until-{tiny.MONTH_END:%Y-%m-%dT%H}"
EVERY = {check.name: check for check in (*CHECKS, *WATCHES)}

# What a hand breaks, and the check that must see it: in the rows of the last run.
BREAKS = {
    "a record is lost": (
        "records_conserved",
        "delete from usage_events where event_id = 'first-31T07'",
    ),
    "a record is in twice": (
        "records_conserved",
        "insert into usage_events from usage_events where event_id = 'first-31T07'",
    ),
    "a refusal is lost": (
        "records_conserved",
        "delete from rejected_events where reason = 'conflict' and run = (select max(run) from usage_events)",
    ),
    "a file is miscounted": (
        "records_conserved",
        "update ingested_files set skipped = 1 where file = '2026-10-31.ndjson'",
    ),
    "an hour is missing": ("no_hour_missing", "delete from run_hours where hour = '2026-10-30T09:00:00Z'"),
    "an hour is closed twice": (
        "no_hour_missing",
        "insert into run_hours from run_hours where hour = '2026-10-30T09:00:00Z'",
    ),
    "usage in an hour that is not closed": (
        "usage_hourly_contract",
        "update usage_hourly set slice_start = '2026-11-03T00:00:00Z' where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "usage off the quarter hour": (
        "usage_hourly_contract",
        "update usage_hourly set slice_start = slice_start + interval 7 minutes where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "a charge is off by the last decimal": (
        "charges_sum_to_total_cost",
        "update charges set amount_delta = amount_delta + 0.000000000000000001 where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "a charge is lost": ("charges_sum_to_total_cost", "delete from charges where slice_start = '2026-10-31T09:00:00Z'"),
    "a charge of the day before is lost": (
        "charges_sum_to_total_cost",
        "delete from charges where slice_start = '2026-10-30T09:00:00Z'",
    ),
    "a charge under another version": (
        "charges_sum_to_total_cost",
        "update charges set version = 'older' where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "usage is changed": (
        "charges_sum_to_total_cost",
        "update usage_hourly set quantity = quantity + 0.000000001 where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "a charge without a currency": (
        "charges_contract",
        "update charges set currency = '' where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "a leg is off by the last decimal": (
        "ledger_balances",
        (
            "update ledger_entries set amount = amount + 0.000000000000000001 "
            "where slice_start = '2026-10-31T09:00:00Z' and account = 'revenue:requests'"
        ),
    ),
    "a transaction is lost": (
        "ledger_covers_charges",
        "delete from ledger_entries where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "an entry of no known kind": (
        "ledger_entries_contract",
        "update ledger_entries set kind = 'gift' where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "an entry is posted before its hour": (
        "ledger_entries_contract",
        "update ledger_entries set posted_hour = '2026-10-31T08:00:00Z' where slice_start = '2026-10-31T09:00:00Z'",
    ),
    "a line is off by a cent": ("invoice_lines_sum", "update invoice_lines set amount = amount + 0.01 where line = 1"),
    "an invoice is off by a cent": ("invoice_lines_sum", "update invoices set due = due + 0.01"),
    "a draft is off by a cent": ("draft_lines_sum", "update invoice_drafts set net = net + 0.01"),
    "an alert is told twice": (
        "alerts_contract",
        (
            "insert into alerts select 'alert', 'first', 'r', 'below', '', 'raised', 'crossed', 1, 1, 'EUR', 1, 2, 2, "
            "'2026-10-31T09:00:00Z', '', 1 from range(2)"
        ),
    ),
    "an alert is cleared that was not raised": (
        "alerts_contract",
        (
            "insert into alerts values ('alert', 'first', 'r', 'below', '', 'cleared', 'recovered', 1, 1, 'EUR', 1, 2, 2, "
            "'2026-10-31T09:00:00Z', '', 1)"
        ),
    ),
    "a balance that is kept is off by the last decimal": (
        "balances_kept",
        (
            "insert into account_balances select account_id, currency, credit + 0.000000000000000001, unbilled, "
            "'2026-10-01T00:00:00Z', 0, 100 from books.balances"
        ),
    ),
    "an alert was given up by itself": (
        "alerts_get_through",
        (
            "insert into deliveries values ('alert', 'first', 'webhook', 80, 'given_up', 'answered 404', '2026-11-03T09:00:00Z', "
            "'2026-11-03T09:00:00Z', 1, 'tried for 3 days', '', '')"
        ),
    ),
    "an alert is kept as waiting that there is not": (
        "waiting_kept",
        "insert into waiting_alerts by name select unnest(['', 'alert']) as alert_id, unnest([2, 1]) as alert_run, 3 as run",
    ),
    "a record without its account": (
        "usage_events_contract",
        "update usage_events set account_id = '' where event_id = 'first-31T07'",
    ),
    "an id comes back": (
        "suspected_duplicates",
        (
            'insert into usage_events select * replace ("timestamp" + interval 2 hours as "timestamp") '
            "from usage_events where event_id = 'first-31T07'"
        ),
    ),
    "a fee in another currency": (
        "fees_in_the_currency",
        (
            """update price_books set document = json_merge_patch(document, """
            """'{"plans": {"standard": {"prices": [], "recurring": {"amount": {"USD": "1"}}}}}')"""
        ),
    ),
}


@pytest.fixture(scope="module")
def shared(billed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with tiny.a_copy(billed, tmp_path_factory.mktemp("checks") / "project") as opened:
        yield opened


@pytest.fixture
def project(shared: Project) -> Iterator[Project]:
    """The books in a transaction: what a hand breaks in it is whole again afterwards."""
    shared.lake.connection.execute("begin")
    yield shared
    shared.lake.connection.execute("rollback")


@pytest.fixture
def own(billed: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the books, for tests that open them again."""
    with tiny.a_copy(billed, tmp_path / "project") as opened:
        yield opened


def look(check: BooksCheck, project: Project) -> Window:
    return newest(project, check.asset, LAST_JOB) if check in CHECKS else everything(project, check.asset, LAST_JOB)


def test_sound_books_are_green(project: Project) -> None:
    for check in EVERY.values():
        assert check.find(project, look(check, project)).is_empty(), check.name
        assert check.find(project, everything(project, check.asset, LAST_JOB)).is_empty(), f"{check.name}, all books"


@pytest.mark.parametrize(("name", "hand"), BREAKS.values(), ids=BREAKS.keys())
def test_broken_books_are_red(project: Project, name: str, hand: str) -> None:
    changed = project.lake.connection.execute(hand).fetchone()
    assert changed is not None
    assert changed[0] > 0, "the hand broke nothing"
    check = EVERY[name]
    assert not check.find(project, look(check, project)).is_empty()


def test_every_check_is_broken_here() -> None:
    assert {name for name, _ in BREAKS.values()} == set(EVERY)


def test_an_earlier_run_is_left_to_the_night(project: Project) -> None:
    hand = "update ledger_entries set amount = amount + 1 where slice_start = '2026-10-30T09:00:00Z' and account like 'revenue%'"
    project.lake.connection.execute(hand)
    check = EVERY["ledger_balances"]
    assert check.find(project, newest(project, check.asset, LAST_JOB)).is_empty()
    assert check.find(project, everything(project, check.asset, LAST_JOB)).height == 1


def test_a_red_check_stops_the_run(own: Project) -> None:
    own.lake.connection.execute("delete from run_hours where hour = '2026-10-30T09:00:00Z'")
    tiny.land_day(own.settings, tiny.MONTH_END)
    before = own.lake.connection.execute("select max(run) from charges").fetchone()
    own.close()
    with HourlyRuns(own.settings, tiny.CLOCK, flushed=False) as runs:
        with pytest.raises(CheckFailedError, match="no_hour_missing"):
            runs.run(tiny.MONTH_END + tiny.DAY)
        lake = runs.project.lake
        assert lake.connection.execute("select max(run) from charges").fetchone() == before
        assert lake.connection.execute("select max(run) > 3 from usage_hourly").fetchone() == (True,)
        instance = dg.DagsterInstance.from_config(str(own.settings.dagster_home))
    with instance:
        assert instance.get_materialized_partitions(dg.AssetKey("usage_hourly")) == {"2026-11-01"}
        assert instance.get_materialized_partitions(dg.AssetKey("charges")) == set()


def test_the_night_reports_and_goes_on(own: Project) -> None:
    own.lake.connection.execute("update charges set amount_delta = 1 where slice_start = '2026-10-30T09:00:00Z'")
    settings = load_settings(own.settings.directory)
    own.close()
    with Project.open(settings, tiny.CLOCK) as opened:
        job = build_defs({"project": LentProject(opened)}).resolve_job_def("nightly_proof")
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance)
    failed = {evaluation.check_name for evaluation in result.get_asset_check_evaluations() if not evaluation.passed}
    assert result.success
    assert failed == {"charges_sum_to_total_cost_in_all_books", "ledger_covers_charges_in_all_books"}


@pytest.mark.parametrize(
    ("shift", "found"),
    [
        ("interval 24 hours", 1),
        ("interval '24 hours 1 second'", 0),
        ("interval 10 minutes", 0),  # the same hour: two records of one id, which is what identity tells apart
        ("interval '-3 hours'", 1),
    ],
)
def test_an_id_of_an_old_run_that_comes_back_is_suspected(project: Project, shift: str, found: int) -> None:
    again = f'"timestamp" + {shift} as "timestamp", 9 as run'
    project.lake.connection.execute(
        f"insert into usage_events select * replace ({again}) from usage_events where event_id = 'first-31T07'"
    )
    assert suspected_duplicates(project, Window(8, 9)).height == found
    assert suspected_duplicates(project, Window(9, 9)).is_empty()


def test_a_file_that_comes_again_while_its_records_are_judged_again(tmp_path: Path) -> None:
    """Its first refusals are of an earlier run, and what they come to now is counted there."""
    settings = tiny.make(tmp_path / "p")
    tiny.land_day(settings, tiny.FIRST_DAY)
    for clock in (FixedClock(tiny.FIRST_DAY + 2 * tiny.HOUR), tiny.CLOCK):
        tiny.land_day(settings, tiny.FIRST_DAY)
        with Project.open(settings, clock) as project:
            run_hourly(project, tiny.FIRST_DAY + 2 * tiny.HOUR)
            tiny.check_all(project)
            looks = dict(
                project.lake.connection.execute("select reason, count(*) from rejected_events group by all").fetchall()
            )
            assert looks["future"] > 0
    assert looks["accepted"] > 0
    with Project.open(settings, tiny.CLOCK) as project:
        skipped = project.lake.connection.execute("select sum(skipped) from ingested_files").fetchone()
    assert skipped != (0,), "the same content came again"
