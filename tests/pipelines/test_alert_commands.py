"""`meterbook balances`, `alert` and `deliver`, the sensor, and what Dagster is told of alerts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from pipelines.command import app
from pipelines.definitions import build_defs
from pipelines.in_process import HourlyRuns
from pipelines.sensors import resume_when_topped_up, send_when_due
from rating.balances import hours_until_empty, runs_out_at
from resources.project import Project
from resources.project_source import LentProject
from resources.settings import Settings, load_settings
from tests.gateways.receivers import SECRET, web_receiver
from tests.pipelines import tiny
from tests.pipelines.test_alerts import ACCOUNTS, BOOK, GRANTS, bill, use

Call = Callable[..., str]
D = Decimal
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    reference = {"accounts": ACCOUNTS, "subscriptions": tiny.SUBSCRIPTIONS, "grants": GRANTS}
    return tiny.make_of(tmp_path / "project", BOOK, reference)


@pytest.fixture
def call(settings: Settings) -> Call:
    def called(*words: str, fails: bool = False) -> str:
        result = CliRunner().invoke(app, ["-C", str(settings.directory), *words], env={"COLUMNS": "200"})
        assert (result.exit_code != 0) is fails, result.output
        return result.output

    return called


def with_webhook(settings: Settings, url: str) -> Settings:
    with (settings.directory / "meterbook.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[alerts.webhook]\nurl = "{url}"\n')
    return load_settings(settings.directory)


def test_balances(settings: Settings, call: Call) -> None:
    assert "there is no lake" in call("balances", fails=True)
    with Project.open(settings, tiny.CLOCK) as project:
        use(project, {0: 40, 1: 20})
        use(project, {1: 7}, "second")
        bill(project, 4)
    found = {row["account_id"]: row for row in json.loads(call("balances", "--json"))}
    first = {name: found["first"][name] for name in ("balance", "in_flight", "burn_rate", "hours_left", "runs_out_at")}
    # 1100 of credit, of which 1000 begin later, less 60; 60 in the four hours that there are.
    assert first == {
        "balance": "1040", "in_flight": "0", "burn_rate": "15", "hours_left": "69.33", "runs_out_at": "2026-11-02T02:00:00+00:00",
    }  # fmt: skip
    assert (found["second"]["balance"], found["second"]["hours_left"]) == ("-7", None)
    assert [row["account_id"] for row in json.loads(call("balances", "--below", "0", "--json"))] == ["second"]
    assert [row["account_id"] for row in json.loads(call("balances", "first", "--json"))] == ["first"]
    assert "69.33" in call("balances", "first")
    call("balances", "--below", "little", fails=True)


def test_what_is_rated_and_not_posted_is_in_flight(settings: Settings, call: Call) -> None:
    from pipelines.hourly import hourly_steps  # noqa: PLC0415 - here alone

    with Project.open(settings, tiny.CLOCK) as project:
        use(project, {0: 40, 1: 20})
        bill(project, 1)
        steps = hourly_steps(project, "half", tiny.FIRST_DAY + 2 * tiny.HOUR)
        for name in ("price_book", "accounts", "usage_events", "usage_hourly", "charges"):
            steps[name]()
    (first,) = json.loads(call("balances", "first", "--json"))
    assert (first["balance"], first["in_flight"], first["burned"]) == ("1060", "20", "40")


LASTS = {
    "a whole hour": ("10", "24", 24, "10", "2026-11-01T22:00"), "a part": ("1", "48", 24, "0.5", "2026-11-01T13:00"),
    "less than nothing": ("-3", "24", 24, "0", "2026-11-01T12:00"), "nothing burned": ("5", "0", 24, None, None),
    "given back": ("5", "-1", 24, None, None), "a third": ("1", "3", 1, "0.333333333333333333", "2026-11-01T13:00"),
    "a little more": ("10.01", "1000", 1000, "10.01", "2026-11-01T23:00"),
    "longer than we look": ("9e9", "1", 1, "9000000000", None),
}  # fmt: skip


@pytest.mark.parametrize(("balance", "burned", "hours", "left", "end"), LASTS.values(), ids=LASTS.keys())
def test_how_long_a_balance_lasts(balance: str, burned: str, hours: int, left: str | None, end: str | None) -> None:
    found = hours_until_empty(D(balance), D(burned), hours)
    assert found == (None if left is None else D(left))
    assert runs_out_at(NOON, found) == (None if end is None else datetime.fromisoformat(f"{end}+00:00"))


def test_a_rule_by_command(settings: Settings, call: Call) -> None:
    with Project.open(settings, tiny.CLOCK) as project:
        use(project, {0: 90, 1: 1})
        tiny.bill(project, tiny.FIRST_DAY)
    assert "recorded" in call("alert", "first", "below", "20")
    assert "as before" in call("alert", "first", "below", "20.00", "--id", "first-below-20")
    assert "recorded" in call("alert", "second", "budget_percent", "80", "--budget", "100")
    assert "threshold unreadable" in call("alert", "first", "top_up_percent", "99", fails=True)
    assert "budget unreadable" in call("alert", "first", "budget_percent", "80", fails=True)
    assert "unknown account" in call("alert", "nobody", "below", "1", fails=True)
    with Project.open(settings, tiny.CLOCK) as project:
        assert bill(project, 1) == [("first", "first-below-20", "raised")]
    assert "recorded" in call("alert", "first", "below", "20", "--void")
    with Project.open(settings, tiny.CLOCK) as project:
        assert bill(project, 2) == [("first", "first-below-20", "cleared")]


def test_deliver(settings: Settings, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no channel is set up" in call("deliver")
    with web_receiver() as receiver:
        told = with_webhook(settings, receiver.url)
        assert "METERBOOK_WEBHOOK_SECRET" in call("deliver", fails=True)
        monkeypatch.setenv("METERBOOK_WEBHOOK_SECRET", SECRET)
        with Project.open(told, tiny.CLOCK) as project:
            use(project, {0: 110})
            assert bill(project, 1) == [("first", "suspend", "raised")]
        receiver.manners = lambda _request: "503"
        assert "still to send by webhook: 1 (last: answered 503)" in call("deliver")
    assert "alerts delivered: 0" in call("deliver")
    (request,) = receiver.requests
    assert "answered 503" in call("alerts")
    (waits,) = json.loads(call("alerts", "first", "--json"))
    assert (waits["alert_id"], waits["attempts"], waits["error"]) == (request.id, 1, "answered 503")
    assert json.loads(call("alerts", "second", "--json")) == []
    assert "does not wait on channel mail" in call(
        "give-up", request.id, "--channel", "mail", "--reason", "x", fails=True
    )
    assert "given up: 1" in call("give-up", request.id, "--reason", "the receiver is gone")
    assert json.loads(call("alerts", "--json")) == []
    assert request.is_signed()
    assert json.loads(request.body) == {
        "type": "account.suspend",
        "timestamp": "2026-10-30T01:00:00Z",
        "data": {
            "alert_id": request.id, "account_id": "first", "rule_id": "suspend", "kind": "suspend", "state": "raised",
            "reason": "crossed", "period": "", "currency": "EUR", "value": "-10", "threshold": "-5", "setting": "-5",
            "run": json.loads(request.body)["data"]["run"], "place": 1,
        },
    }  # fmt: skip


def test_dagster_sees_alerts_and_sends_them(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERBOOK_WEBHOOK_SECRET", SECRET)
    with (
        web_receiver() as receiver,
        HourlyRuns(with_webhook(settings, receiver.url), tiny.CLOCK, flushed=False) as runs,
    ):
        use(runs.project, {0: 110})
        runs.run(tiny.FIRST_DAY + tiny.HOUR)
        (seen,) = runs._instance.fetch_observations(dg.AssetKey("alerts"), limit=9).records
        assert seen.asset_observation is not None
        said = {name: str(value.value) for name, value in seen.asset_observation.metadata.items()}
        assert (said["account_id"], said["state"], D(said["value"])) == ("first", "raised", D(-10))
        assert _numbers(runs) == {
            "credit, EUR": 1000.0, "unbilled, EUR": 10.0, "unbilled, EUR, exact": "10", "accounts suspended": 1,
            "prepaid accounts below nothing": 1,
        }  # fmt: skip
        lent = LentProject(runs.project)
        assert isinstance(_tick(runs, lent), dg.RunRequest)
        job = build_defs({"project": lent}).resolve_job_def("alert_delivery")
        assert job.execute_in_process(instance=runs._instance).success
        assert isinstance(_tick(runs, lent), dg.SkipReason)
        _top_up_and_resume(runs, lent)
    assert len(receiver.requests) == 1


def _top_up_and_resume(runs: HourlyRuns, lent: LentProject) -> None:
    """A top-up is taken in by a run of its own, which closes no hour; told once, whoever runs after that."""

    def asked() -> dg.RunRequest | dg.SkipReason:
        answer = resume_when_topped_up(dg.build_sensor_context(instance=runs._instance, resources={"project": lent}))
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    assert isinstance(asked(), dg.SkipReason), "credit that begins later was posted long ago"
    words = ["-C", str(runs.project.settings.directory), "grant"]
    top_up = [
        "500",
        "--currency",
        "EUR",
        "--kind",
        "paid",
        "--receipt",
        "R",
        "--effective",
        "2026-10-30",
        "--id",
        "more",
    ]
    assert "is suspended" not in CliRunner().invoke(app, [*words, "second", *top_up[:-1], "other"]).output
    assert isinstance(asked(), dg.SkipReason), "it was not suspended"
    said = CliRunner().invoke(app, [*words, "first", *top_up], env={"COLUMNS": "200", "TERM": "xterm"}).output
    assert "first is suspended: `meterbook run --until 2026-10-30T01:00Z`" in " ".join(said.split())
    request = asked()
    assert isinstance(request, dg.RunRequest)
    job = build_defs({"project": lent}).resolve_job_def("hourly_billing")
    assert job.execute_in_process(
        instance=runs._instance, partition_key=request.partition_key, run_config=request.run_config
    ).success
    told = "select state, reason from alerts where kind = 'suspend' order by turn"
    assert runs.project.lake.connection.execute(told).fetchall() == [("raised", "crossed"), ("cleared", "recovered")]
    assert runs.project.lake.connection.execute("select count(*) from run_hours").fetchone() == (1,), (
        "no hour was closed"
    )
    assert isinstance(asked(), dg.SkipReason)
    runs.run(tiny.FIRST_DAY + 2 * tiny.HOUR)
    assert len(runs.project.lake.connection.execute(told).fetchall()) == 2


def _numbers(runs: HourlyRuns) -> dict[str, object]:
    """What Dagster plots of the balances of the last run."""
    made = runs._instance.get_latest_materialization_event(dg.AssetKey("alerts"))
    assert made is not None
    assert made.asset_materialization is not None
    of_balances = (
        "credit, EUR",
        "unbilled, EUR",
        "unbilled, EUR, exact",
        "accounts suspended",
        "prepaid accounts below nothing",
    )
    metadata = made.asset_materialization.metadata
    return {name: metadata[name].value for name in of_balances}


def _tick(runs: HourlyRuns, lent: LentProject) -> object:
    context = dg.build_sensor_context(instance=runs._instance, resources={"project": lent})
    return send_when_due(context)
