"""Alerts of billed books: raised once, cleared after a top-up, the same whoever runs again, late records or not."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from assets.alerts import judge_accounts
from pipelines.hourly import run_hourly
from resources.clock import FixedClock
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.settings import Settings, load_settings
from tests.pipelines import tiny

HOUR, START = tiny.HOUR, tiny.FIRST_DAY
BOOK = tiny.BOOK.replace('included: "10"', 'included: "0"').replace(
    'tiers: [{up_to: "100", unit_price: "0.02"}, {unit_price: "0.0123", flat_fee: "0.5"}]', 'tiers: [{unit_price: "1"}]'
)
ACCOUNTS = """account_id,effective_from,name,email,currency,time_zone,mode,overdraft_limit
first,2026-10-01T00:00:00Z,First,first@example.com,EUR,UTC,prepaid,5
second,2026-10-01T00:00:00Z,Second,,EUR,Europe/Berlin,postpaid,0
"""
GRANTS = """grant_id,account_id,kind,amount,currency,effective_at,receipt
top-up,first,paid,100,EUR,2026-10-01T00:00:00Z,R-1
later,first,paid,1000,EUR,2026-12-01T00:00:00Z,R-2
"""
RULES = """rule_id,account_id,kind,threshold,amount
low,first,below,20,
part,first,top_up_percent,50,
soon,first,hours_left,5,
half,second,budget_percent,50,40
whole,second,budget_percent,100,40
"""
Told = list[tuple[str, str, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny.make_of(
        tmp_path / "project",
        BOOK,
        {"accounts": ACCOUNTS, "subscriptions": tiny.SUBSCRIPTIONS, "grants": GRANTS, "alert_rules": RULES},
    )


@pytest.fixture
def project(settings: Settings) -> Iterator[Project]:
    with Project.open(settings, tiny.CLOCK) as opened:
        yield opened


def use(project: Project, hours: Mapping[int, int], account: str = "first") -> None:
    """Land a record in each of these hours of the first day: so many requests of 1.00."""
    for hour, quantity in hours.items():
        name = f"{account}-{hour}-{quantity}"
        record = tiny._record(account, START + hour * HOUR, quantity) | {"event_id": name}
        tiny.land(project.settings, f"usage_records/{name}.ndjson", str(record).replace("'", '"'))


def bill(project: Project, hour: int) -> Told:
    """Bill up to an hour; returns the alerts of that run."""
    report = run_hourly(project, START + hour * HOUR)["alerts"]["alerts"]
    return [(row["account_id"], row["rule_id"], row["state"]) for row in report.to_dicts()]


def top_up(project: Project, name: str, amount: int) -> None:
    rows = f"grant_id,account_id,kind,amount,currency,effective_at,receipt\n{name},first,paid,{amount},EUR,{START:%FT%TZ},R\n"
    tiny.land(project.settings, f"grants/{name}.csv", rows)


def stored(project: Project) -> list[tuple[object, ...]]:
    columns = "account_id, rule_id, period, state, turn, value, threshold, alert_id"
    return project.lake.connection.execute(f"select {columns} from alerts order by run, account_id, place").fetchall()


def test_from_a_full_account_to_suspend_and_back(project: Project) -> None:
    use(project, {0: 45, 1: 10, 2: 30, 3: 18, 4: 3, 5: 1})
    assert bill(project, 1) == [("first", "soon", "raised")], "45 in one hour would take all in three"
    assert bill(project, 2) == [("first", "part", "raised")]
    assert bill(project, 3) == [("first", "low", "raised")]
    assert bill(project, 4) == []
    assert bill(project, 5) == [("first", "suspend", "raised")]
    assert bill(project, 5) == bill(project, 6) == [], "told once"
    totals = judge_accounts(project, "again")
    assert (totals["credit"], totals["suspended_now"], totals["below_nothing"]) == (
        {"EUR": "1000.000000000000000000"},
        1,
        1,
    )
    top_up(project, "small", 7)
    assert bill(project, 6) == [], "nothing is not above nothing"
    top_up(project, "large", 500)
    told = [("first", rule, "cleared") for rule in ("low", "part", "soon", "suspend")]
    assert bill(project, 6) == told
    assert judge_accounts(project, "once more")["suspended_now"] == 0
    assert bill(project, 6) == []
    tiny.check_all(project)
    ids = [row[-1] for row in stored(project)]
    assert len(set(ids)) == len(ids)


def test_what_is_said_is_exact(project: Project) -> None:
    use(project, {0: 45, 1: 6})
    bill(project, 2)
    assert [row[:-1] for row in stored(project)] == [
        ("first", "part", "", "raised", 1, Decimal(49), Decimal(50)),
        ("first", "soon", "", "raised", 1, Decimal(49), Decimal("127.5")),
    ]


def test_a_budget_is_crossed_in_each_period(project: Project) -> None:
    use(project, {0: 20, 30: 19, 31: 2, 47: 39, 48: 1}, "second")
    assert bill(project, 1) == [("second", "half", "raised")]
    assert bill(project, 31) == [("second", "half", "cleared")][:0]
    assert bill(project, 32) == [("second", "whole", "raised")]
    # The period of Berlin ends an hour before that of UTC.
    assert bill(project, 48) == [
        ("second", "half", "cleared"),
        ("second", "whole", "cleared"),
        ("second", "half", "raised"),
    ]
    assert bill(project, 49) == [("second", "whole", "raised")]
    assert [row[2] for row in stored(project)] == ["2026-10", "2026-10", "2026-10", "2026-10", "2026-11", "2026-11"]


def test_late_records_raise_nothing_of_the_past(project: Project) -> None:
    use(project, {0: 1})
    bill(project, 1)
    bill(project, 30)
    use(project, {0: 30})
    assert bill(project, 30) == [], "a hot hour of yesterday is no burn rate of today"
    use(project, {1: 55})
    assert bill(project, 30) == [("first", "low", "raised"), ("first", "part", "raised")]


def test_caches_thrown_away_say_the_same(project: Project) -> None:
    use(project, {0: 45, 1: 10, 2: 30})
    use(project, {0: 25}, "second")
    bill(project, 3)
    kept = "select * exclude (run) from account_balances order by all"
    before, told = project.lake.connection.execute(kept).fetchall(), stored(project)
    assert before
    rebuild_caches(project.lake)
    assert project.lake.connection.execute(kept).fetchall() == []
    assert bill(project, 3) == []
    assert (project.lake.connection.execute(kept).fetchall(), stored(project)) == (before, told)


def test_balances_kept_are_those_of_the_books(project: Project) -> None:
    for hour in range(5):
        use(project, {hour: 7 * hour + 1})
        use(project, {hour: 3}, "second")
        bill(project, hour + 1)
    kept = "select account_id, currency, credit, unbilled from account_balances order by all"
    books = "select account_id, currency, credit, unbilled from books.balances order by all"
    lake = project.lake.connection
    assert lake.execute(kept).fetchall() == lake.execute(books).fetchall() != []
    assert project.lake.frame("checks/balances_kept").is_empty()


def test_nothing_is_kept_where_nothing_is_watched(tmp_path: Path) -> None:
    with Project.open(tiny.make(tmp_path / "project"), tiny.CLOCK) as project:
        use(project, {0: 5})
        assert bill(project, 1) == []
        counted = "select (select count(*) from account_balances), count(*) from step_heads where step = 'alerts'"
        assert project.lake.connection.execute(counted).fetchall() == [(0, 0)]


def test_usual_rules_hold_from_the_settings(settings: Settings, tmp_path: Path) -> None:
    text = '[alerts]\nbelow = ["60", "30"]\nbudget = "10"\nbudget_percent = ["50"]\nsuspend = false\n'
    (tmp_path / "other").mkdir()
    for name in ("meterbook.toml", "prices.yaml"):
        (tmp_path / "other" / name).write_text(
            (settings.directory / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    with (tmp_path / "other" / "meterbook.toml").open("a", encoding="utf-8") as file:
        file.write(text)
    other = load_settings(tmp_path / "other")
    reference = {"accounts": ACCOUNTS, "subscriptions": tiny.SUBSCRIPTIONS, "grants": GRANTS}
    for source, rows in reference.items():
        tiny.land(other, f"{source}/{source}.csv", rows)
    with Project.open(other, tiny.CLOCK) as project:
        use(project, {0: 50, 1: 80})
        use(project, {0: 5}, "second")
        assert bill(project, 1) == [
            ("first", "usual-below-60", "raised"),
            ("second", "usual-budget_percent-50", "raised"),
        ]
        assert bill(project, 2) == [("first", "usual-below-30", "raised")]


def test_credit_to_come_counts_when_it_comes(project: Project) -> None:
    use(project, {0: 90})
    assert ("first", "low", "raised") in bill(project, 1)
    project.clock = FixedClock(datetime.fromisoformat("2026-12-01T00:00:01+00:00"))
    told = judge_accounts(project, "later")["alerts"]
    assert set(told["state"]) == {"cleared"}
    assert timedelta(0) < project.clock.now() - START
