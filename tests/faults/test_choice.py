"""Goal: agreed prices, and those chosen by dimensions and by the clock, hold alike however the books came about.

A book without them gives way to one with them at half past nine, while records come late. The charges are those of a slow
choice, record by record; whatever is issued is verified, and the nightly proof finds nothing.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from assets.invoices import issue
from assets.verify import verify_invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.status import status_of
from resources.project import Project
from tests.faults import runs, worlds
from tests.faults.books import Books, assert_same, books
from tests.faults.worlds import ACCOUNTS, END, HOUR, START, ZONES, World
from tests.rating import worlds as rating_worlds
from tests.rating.reference import Document
from tests.rating.worlds import Subscription, Use

HOURS, MACHINES = 33, 8
TIERS = [{"up_to": "20", "unit_price": "0.0125"}, {"unit_price": "0.0113"}]
CPU: Document = {"id": "cpu", "meter": "cpu", "model": "graduated", "tiers": TIERS}
REQUESTS: Document = {"id": "requests", "meter": "requests", "model": "unit", "unit_price": "0.0007"}
MEMORY: Document = {"id": "memory", "meter": "memory", "model": "unit", "unit_price": "0.0018", "included": "5"}
PLAIN = [CPU, REQUESTS, MEMORY]
NIGHT = {"hours": "20:15-06:30"}
SEVERAL = [
    *PLAIN,
    {**CPU, "id": "cpu-night", "when": NIGHT, "included": "3", "maximum": "0.2"},
    {**CPU, "id": "cpu-noon", "when": {"hours": "11:45-12:15", "days": ["sat"]}, "accumulate": "resource"},
    {**REQUESTS, "id": "requests-eu", "where": {"region": "eu"}, "unit_price": "0.001"},
    {**REQUESTS, "id": "requests-eu-night", "where": {"region": "eu"}, "when": NIGHT, "unit_price": "0.003"},
]
AGREED = {
    "account-01": {"standard": [{**CPU, "tiers": [{"unit_price": "0.005"}]}]},
    "account-04": {
        "standard": [{**MEMORY, "included": "40"}, {**REQUESTS, "id": "requests-us", "where": {"region": "us"}}]
    },
    "account-99": {"large": [{**CPU, "tiers": [{"unit_price": "9"}]}]},
}
DOCUMENTS = (
    rating_worlds.book("2026-10", "2026-10-01", {"standard": PLAIN, "large": [CPU]}),
    rating_worlds.book("2026-10b", "2026-10-31 09:30", {"standard": SEVERAL, "large": [CPU]}, accounts=AGREED),
)
METERS = {
    "cpu": {"unit": "vCPU-hour", "aggregation": "time_weighted", "max_gap": "30 min"},
    "memory": {"unit": "GB-hour", "aggregation": "time_weighted", "max_gap": "30 min", "factor": "0.000001024"},
    "requests": {"unit": "request", "aggregation": "sum", "allow_negative": True},
}
BOOKS = [json.dumps({**document, "meters": METERS}, default=datetime.isoformat) for document in DOCUMENTS]


@pytest.fixture(scope="module")
def world() -> World:
    """All that lands, but for subscriptions that come later."""
    made = worlds.make(HOURS, MACHINES)
    return World(tuple(file for file in made.facts if file.name != "changes.csv"), made.usage)


@pytest.fixture(scope="module")
def caught_up(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    """A project in which one run billed it all."""
    directory = tmp_path_factory.mktemp("caught-up") / "p"
    with runs.opened(directory) as project:
        runs.take_books(project, which=BOOKS)
        runs.land(project, [*world.facts, *world.usage])
        runs.run(project, END)
    return directory


@pytest.fixture(scope="module")
def expected(caught_up: Path) -> Books:
    """The books of that run."""
    with runs.open_project(caught_up) as project:
        return books(project.lake)


def hour_by_hour(project: Project, world: World) -> None:
    runs.take_books(project, which=BOOKS)
    runs.land(project, world.facts)
    for hour in (1, 9, 15, 16, 18, 26, HOURS):
        runs.land(project, world.arrived(hour))
        runs.run(project, START + hour * HOUR)
    runs.run(project, END)


def the_second_book_late(project: Project, world: World) -> None:
    runs.take_books(project, which=BOOKS[:1])
    runs.land(project, [*world.facts, *world.usage])
    runs.run(project, END)
    runs.take_books(project, which=BOOKS[1:])
    runs.run(project, END)


def files_in_reverse(project: Project, world: World) -> None:
    runs.take_books(project, which=BOOKS)
    runs.land(project, world.facts)
    for place, file in enumerate(reversed(world.usage)):
        runs.land(project, [file])
        if place % 9 == 8:
            runs.run(project, START + place % HOURS * HOUR)
    runs.run(project, END)


@pytest.mark.parametrize(
    "course",
    [
        the_second_book_late,
        *(pytest.param(course, marks=pytest.mark.soak) for course in (hour_by_hour, files_in_reverse)),
    ],
)
def test_every_course_comes_to_the_same(
    tmp_path: Path, world: World, expected: Books, course: Callable[[Project, World], None]
) -> None:
    with runs.opened(tmp_path / "p") as project:
        course(project, world)
        assert_same(expected, books(project.lake))
        assert_proved(project)


def assert_proved(project: Project) -> None:
    """Every scope sums to what it must."""
    assert charges_that_do_not_sum(project.lake, 0, 2**31).is_empty()


def test_the_charges_are_those_of_a_slow_choice(expected: Books) -> None:
    subscriptions = [
        Subscription(
            name, rating_worlds.instant("2026-10-01"), subscription_id=f"s-{name}", time_zone=ZONES.get(name, "UTC")
        )
        for name in ACCOUNTS
    ]
    slow = rating_worlds.World(DOCUMENTS, tuple(subscriptions))
    names = ("slice_start", "quantity", "account_id", "service_id", "resource_id", "meter", "dimensions")
    used = [Use(*row) for row in expected.tables["usage_hourly"].select(names).iter_rows()]
    key = ("account_id", "service_id", "resource_id", "meter", "dimensions", "slice_start")
    charged = expected.tables["charges"].select(*key, "amount")
    assert {row[:-1]: row[-1] for row in charged.iter_rows()} == slow.charges(used)


def test_every_price_was_used(expected: Books) -> None:
    charged = expected.tables["charges"]
    assert {price["id"] for price in SEVERAL} | {"requests-us"} == set(charged["price_id"])
    agreed = charged.filter((pl.col("account_id") == "account-01") & (pl.col("price_id") == "cpu"))
    assert set(agreed["version"]) == {"2026-10", "2026-10b"}
    # The clock begins the night at a quarter past, and ends it at half past.
    assert charged["slice_start"].dt.minute().unique().sort().to_list() == [0, 15, 30, 45]


def test_invoices_are_verified(caught_up: Path) -> None:
    with runs.open_project(caught_up) as project:
        assert_proved(project)
        issue(project, "issue", "2026-10")
        rows = project.lake.connection.execute("select number, account_id from invoices order by account_id").fetchall()
        assert len(rows) > 4
        for number, account in rows:
            assert [one.first_difference for one in verify_invoice(project, number)] == [None] * 3, account
        lines = project.lake.connection.execute(
            "select distinct price_id from invoice_lines where account_id = 'account-04'"
        ).fetchall()
        assert ("requests-us",) in lines


def test_the_view_of_prices_names_accounts(caught_up: Path) -> None:
    with runs.open_project(caught_up) as project:
        rows = project.lake.connection.execute(
            "select account_id, plan, price_id from books.prices where version = '2026-10b' and account_id <> '' order by all"
        ).fetchall()
    assert rows == [
        ("account-01", "standard", "cpu"),
        ("account-04", "standard", "memory"),
        ("account-04", "standard", "requests-us"),
        ("account-99", "large", "cpu"),
    ]


def test_the_status_names_accounts_of_agreed_prices_that_there_are_not(caught_up: Path) -> None:
    with runs.open_project(caught_up) as project:
        assert dict(status_of(project)["Money"])["prices agreed with unknown accounts"] == "account-99"
