"""Goal: what Dagster is told loads anywhere, runs by itself, may run again, and catches up in one run."""

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import UntilHour, hour_to_close, months_of
from pipelines.definitions import build_defs, defs
from pipelines.in_process import HourlyRuns, run_job
from pipelines.jobs import HOURLY, MONTHLY
from pipelines.schedules import SCHEDULES, bill_every_hour, draft_every_day
from resources.clock import FixedClock
from resources.project_source import ProjectResource
from resources.settings import Settings, load_settings
from tests.pipelines import tiny

LEDGER = dg.AssetKey("ledger_entries")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny.make(tmp_path / "project")


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as opened:
        yield opened


def materialized(instance: dg.DagsterInstance, name: str) -> list[dg.AssetMaterialization]:
    """The materializations of an asset, oldest first."""
    records = instance.fetch_materializations(dg.AssetKey(name), limit=100).records
    found = [record.asset_materialization for record in reversed(records)]
    return [materialization for materialization in found if materialization is not None]


def test_definitions_load_without_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dg.Definitions.validate_loadable(build_defs())
    assert list(tmp_path.iterdir()) == []
    assert not {name for name in os.environ if name.startswith(("METERBOOK", "DAGSTER_HOME"))}


def test_the_module_has_what_dagster_looks_for() -> None:
    names = {spec.key.to_user_string() for spec in defs().resolve_all_asset_specs()}
    assert names == {*HOURLY, *MONTHLY}


def test_assets_follow_the_data() -> None:
    graph = build_defs().resolve_asset_graph()
    for names, kind in ((HOURLY, dg.DailyPartitionsDefinition), (MONTHLY, dg.MonthlyPartitionsDefinition)):
        for name in names:
            assert isinstance(graph.get(dg.AssetKey(name)).partitions_def, kind)
            assert graph.get(dg.AssetKey(name)).backfill_policy == dg.BackfillPolicy.single_run()
    data = [name for name in (*HOURLY[1:], *MONTHLY) if name != "alerts"]
    for upstream, name in [*itertools.pairwise(data), ("ledger_entries", "alerts")]:
        assert dg.AssetKey(upstream) in graph.get(dg.AssetKey(name)).parent_keys


def test_schedules_run_by_default() -> None:
    assert [schedule.default_status for schedule in SCHEDULES] == [dg.DefaultScheduleStatus.RUNNING] * len(SCHEDULES)
    assert {schedule.execution_timezone for schedule in SCHEDULES} == {"UTC"}
    assert bill_every_hour.cron_schedule == "5 * * * *"


def test_the_night_is_not_part_of_the_hour() -> None:
    definitions = build_defs()
    hourly = {node.name for node in definitions.resolve_job_def("hourly_billing").nodes}
    nightly = {node.name for node in definitions.resolve_job_def("nightly_proof").nodes}
    assert hourly == {*HOURLY, *(f"check_{name}" for name in HOURLY[2:])}
    assert not hourly & nightly


TICKS = {
    "the first tick": (set(), "2026-11-03T10:05:00", "2026-11-03", None),
    "the next hour": ({"2026-11-02", "2026-11-03"}, "2026-11-03T11:05:00", "2026-11-03", None),
    "after midnight the last hour is yesterday's": ({"2026-11-03"}, "2026-11-04T00:05:00", "2026-11-03", None),
    "the first hour of a day": ({"2026-11-03"}, "2026-11-04T01:05:00", None, ("2026-11-03", "2026-11-04")),
    "after a pause": ({"2026-10-29", "2026-10-30"}, "2026-11-03T10:05:00", None, ("2026-10-30", "2026-11-03")),
}


@pytest.mark.parametrize(("billed", "tick", "day", "days"), TICKS.values(), ids=TICKS.keys())
def test_a_tick_bills_all_days_since_the_last_run(
    instance: dg.DagsterInstance, billed: set[str], tick: str, day: str | None, days: tuple[str, str] | None
) -> None:
    for partition in billed:
        instance.report_runless_asset_event(dg.AssetMaterialization(LEDGER, partition=partition))
    time = datetime.fromisoformat(tick).replace(tzinfo=UTC)
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=time)
    request = bill_every_hour(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == day
    span = request.partition_key_range
    assert (span and (span.start, span.end)) == days


@pytest.mark.parametrize(
    ("tick", "month"),
    [("2026-11-01T00:35", "2026-10-01"), ("2026-11-30T00:35", "2026-10-01"), ("2027-01-05", "2026-12-01")],
)
def test_the_month_that_ended_last_is_drafted(instance: dg.DagsterInstance, tick: str, month: str) -> None:
    time = datetime.fromisoformat(tick).replace(tzinfo=UTC)
    request = draft_every_day(dg.build_schedule_context(instance=instance, scheduled_execution_time=time))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == month


NOW = datetime(2026, 10, 30, 13, 20, tzinfo=UTC)
HOURS = {
    "a day that is over": ("2026-10-29", "", "2026-10-30T00:00"),
    "a day that is not over": ("2026-10-30", "", "2026-10-30T13:00"),
    "an hour chosen by hand": ("2026-10-30", "2026-10-30T05:00:00Z", "2026-10-30T05:00"),
    "an hour of another zone": ("2026-10-30", "2026-10-30T05:00:00+02:00", "2026-10-30T03:00"),
    "an hour to come": ("2026-10-30", "2026-10-30T20:00:00Z", "2026-10-30T13:00"),
}


@pytest.mark.parametrize(("day", "until", "hour"), HOURS.values(), ids=HOURS.keys())
def test_no_hour_is_closed_before_it_is_over(day: str, until: str, hour: str) -> None:
    time = datetime.fromisoformat(day).replace(tzinfo=UTC)
    span = dg.TimeWindow(time, time + timedelta(days=1))
    assert hour_to_close(span, UntilHour(until=until), FixedClock(NOW)) == datetime.fromisoformat(f"{hour}+00:00")


def test_a_day_may_run_again_and_again(settings: Settings, instance: dg.DagsterInstance) -> None:
    tiny.land_day(settings, tiny.FIRST_DAY)
    with HourlyRuns(settings, tiny.CLOCK, flushed=False) as runs:
        for hours in (8, 16, 24):
            runs.run(tiny.FIRST_DAY + hours * tiny.HOUR)
        again = runs.run(tiny.FIRST_DAY + tiny.DAY)
    assert [event.metadata["hours closed"].value for event in materialized(instance, "usage_hourly")] == [8, 8, 8, 0]
    assert {event.partition for event in materialized(instance, "usage_hourly")} == {"2026-10-30"}
    assert again["charges"]["charges"] == 0
    records = materialized(instance, "usage_events")
    assert [event.metadata["records taken"].value for event in records] == [51, 0, 0, 0]
    assert records[0].metadata["refused"].value == 2


def test_catch_up_is_one_run(settings: Settings, instance: dg.DagsterInstance) -> None:
    tiny.land_day(settings, tiny.FIRST_DAY)
    with HourlyRuns(settings, tiny.CLOCK, flushed=False) as runs:
        runs.run(tiny.FIRST_DAY + 3 * tiny.HOUR)
        for day in (1, 2, 3):
            tiny.land_day(settings, tiny.FIRST_DAY + day * tiny.DAY)
        report = runs.run(tiny.FIRST_DAY + 4 * tiny.DAY)
        drafts = runs.draft(tiny.PERIOD)
    assert report["usage_hourly"]["hours_closed"] == 93
    assert instance.get_runs_count() == 3
    assert instance.get_materialized_partitions(LEDGER) == {"2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"}
    charged = materialized(instance, "charges")[-1].metadata
    assert charged["accounts charged"].value == 2
    assert charged["charged, EUR"].value == round(float(str(charged["charged, EUR, exact"].value)), 4)
    assert drafts["invoices"]["drafts"] == 2
    shown = materialized(instance, "invoices")[-1].metadata
    assert isinstance(shown["invoices"], dg.TableMetadataValue)
    assert [record.data["account"] for record in shown["invoices"].records] == ["first", "second"]
    assert shown["drafts"].value == 2
    page = materialized(instance, "invoice_documents")[-1].metadata["first page"].value
    assert isinstance(page, str)
    assert "data:image/png;base64,iVBOR" in page


def test_records_older_than_the_first_partition(settings: Settings) -> None:
    tiny.land_record(settings, "old", datetime(2025, 12, 30, 7, tzinfo=UTC))
    report = run_job(settings.directory, datetime(2025, 12, 31, tzinfo=UTC))
    assert report["usage_hourly"]["hours_closed"] == 17
    assert report["usage_hourly"]["closed_until"] == datetime(2025, 12, 31, tzinfo=UTC)


def test_a_project_is_found_by_its_directory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProjectResource(directory=str(settings.directory)).open() as project:
        assert project.settings == load_settings(settings.directory)
    monkeypatch.setenv("METERBOOK_DIRECTORY", str(settings.directory))
    with ProjectResource().open() as project:
        assert project.settings.landing == settings.landing


def test_months_of_several_partitions() -> None:
    span = dg.TimeWindow(datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    assert months_of(span) == ["2026-11", "2026-12", "2027-01"]
