"""The books are a function of the facts, not of the order or the batches in which they came (design 1).

However the files land and the runs go, the books end as those of one unbroken run, table by table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.hourly import hourly_steps
from resources.project import Project
from tests.faults import runs
from tests.faults.books import Books, assert_same, books
from tests.faults.worlds import BOOKS, END, HOUR, HOURS, START, File, World

STEPS = ("price_book", "accounts", "usage_events", "usage_hourly", "charges", "ledger_entries")


def after(hours: float) -> datetime:
    """So many hours into the world."""
    return START + hours * HOUR


def hour_by_hour(project: Project, world: World, hours: Sequence[int]) -> None:
    """What has arrived by each of these hours lands, and the hours until then are closed."""
    runs.take_books(project)
    runs.land(project, world.facts)
    for hour in hours:
        runs.land(project, world.arrived(hour))
        runs.run(project, after(hour))


def test_the_world_has_what_makes_books_hard(world: World, unbroken: Books) -> None:
    charges, entries = unbroken.tables["charges"], unbroken.tables["ledger_entries"]
    assert set(charges["version"]) == {"2026-10", "2026-10b"}
    assert set(charges["plan"]) == {"standard", "large"}
    assert set(entries["kind"]) == {"grant", "usage", "expiry", "settlement"}
    assert charges["slice_start"].dt.minute().unique().sort().to_list() == [0, 15, 30, 45]
    assert len(set(charges["period_start"].to_list())) == 2 * 4
    assert sum(file.name.startswith("late") for file in world.usage) > 10
    for account in ("promotion", "breakage", "unbilled:account-03"):
        assert account in set(entries["account"])


@pytest.mark.soak
def test_some_hours_at_a_time_comes_to_the_same(tmp_path: Path, world: World, unbroken: Books) -> None:
    # One by one around the changes of price, plan and period, else some at a time.
    hours = [1, 9, 14, 15, 16, 17, 20, 21, 25, 29, HOURS]
    with runs.opened(tmp_path / "p") as project:
        hour_by_hour(project, world, hours)
        assert_same(unbroken, books(project.lake))


@pytest.mark.soak
def test_every_hour_by_itself_comes_to_the_same(tmp_path: Path, world: World, unbroken: Books) -> None:
    with runs.opened(tmp_path / "p") as project:
        hour_by_hour(project, world, range(1, HOURS + 1))
        assert_same(unbroken, books(project.lake))


def test_hours_out_of_order_come_to_the_same(tmp_path: Path, world: World, unbroken: Books) -> None:
    with runs.opened(tmp_path / "p") as project:
        hour_by_hour(project, world, [12, 6, 30, 24, 31, 1, HOURS])
        assert_same(unbroken, books(project.lake))


@pytest.mark.parametrize("same_job", [True, False], ids=["in one run", "in another run"])
def test_every_stage_twice_comes_to_the_same(tmp_path: Path, world: World, unbroken: Books, *, same_job: bool) -> None:
    with runs.opened(tmp_path / "p") as project:
        runs.take_books(project)
        runs.land(project, world.facts)
        for hour in (17, HOURS):
            runs.land(project, world.arrived(hour))
            for name in STEPS:
                for job in (f"first-{hour}", f"first-{hour}" if same_job else f"second-{hour}"):
                    hourly_steps(project, job, after(hour))[name]()
        assert_same(unbroken, books(project.lake))


def test_a_run_without_news_changes_nothing(tmp_path: Path, world: World, unbroken: Books) -> None:
    tables = (
        "usage_events",
        "usage_hourly",
        "charges",
        "ledger_entries",
        "rejected_events",
        "ingested_files",
        "run_hours",
    )
    with runs.opened(tmp_path / "p") as project:
        hour_by_hour(project, world, [HOURS])

        def counts() -> list[object]:
            return [project.lake.connection.execute(f"select count(*) from {table}").fetchone() for table in tables]

        before = counts()
        runs.run(project, END)
        runs.run(project, after(3))
        assert counts() == before
        assert_same(unbroken, books(project.lake))


Course = Callable[[Project, World], None]


def files_in_reverse(project: Project, world: World) -> None:
    runs.take_books(project)
    runs.land(project, world.facts)
    for place, file in enumerate(reversed(world.usage)):
        runs.land(project, [file])
        if place % 12 == 11:
            runs.run(project, after(place % 40))
    runs.run(project, END)


def facts_named(*names: str) -> Callable[[World], list[File]]:
    return lambda world: [file for file in world.facts if f"{file.source}/{file.name}" in names]


def late(*names: str) -> Course:
    """Those facts come one by one after all usage was billed without them."""

    def course(project: Project, world: World) -> None:
        coming = facts_named(*names)(world)
        runs.take_books(project)
        runs.land(project, [file for file in world.facts if file not in coming])
        runs.land(project, world.arrived(HOURS))
        runs.run(project, END)
        for file in coming:
            runs.land(project, [file])
            runs.run(project, END)

    return course


def books_late(first: int) -> Course:
    """One book is there from the beginning, the other comes when everything was billed with it."""

    def course(project: Project, world: World) -> None:
        runs.take_books(project, which=[BOOKS[first]])
        runs.land(project, [*world.facts, *world.arrived(HOURS)])
        runs.run(project, END)
        runs.take_books(project, which=[BOOKS[1 - first]])
        runs.run(project, END)

    return course


REFERENCE = (
    "accounts/accounts.csv", "subscriptions/first.csv", "subscriptions/changes.csv", "grants/promotions.csv",
    "grants/paid.csv",
)  # fmt: skip
COURSES: dict[str, Course] = {
    "files in reverse order": files_in_reverse,
    "promotions late": late("grants/promotions.csv"),
    "paid credit late": late("grants/paid.csv"),
    "changes of plan late": late("subscriptions/changes.csv"),
    "subscriptions late": late("subscriptions/first.csv", "subscriptions/changes.csv"),
    "all reference data late, and in order": late(*REFERENCE),
    "the second price book late": books_late(0),
    "the first price book late": books_late(1),
}


# It takes in most of what the others do; they are for `make soak`.
SHORT_COURSES = ("files in reverse order",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHORT_COURSES else pytest.mark.soak) for name in COURSES]
)
def test_facts_may_come_late(tmp_path: Path, world: World, unbroken: Books, name: str) -> None:
    with runs.opened(tmp_path / "p") as project:
        COURSES[name](project, world)
        assert_same(unbroken, books(project.lake), name)


@dataclass(frozen=True)
class Plan:
    """Which run each file lands before, which hours each run closes, and when the second book comes."""

    of_file: tuple[int, ...]
    until: tuple[int, ...]
    second_book: int


@st.composite
def plans(draw: st.DrawFn, files: int) -> Plan:
    count = draw(st.integers(2, 4))
    place = st.integers(0, count)
    of_file = draw(st.lists(place, min_size=files, max_size=files))
    return Plan(
        tuple(of_file), tuple(draw(st.lists(st.integers(0, HOURS), min_size=count, max_size=count))), draw(place)
    )


def follow(project: Project, files: Sequence[File], plan: Plan) -> None:
    runs.take_books(project, which=BOOKS[:1])
    for number, hour in enumerate((*plan.until, HOURS)):
        runs.land(project, [file for file, when in zip(files, plan.of_file, strict=True) if when == number])
        if plan.second_book == number:
            runs.take_books(project, which=BOOKS[1:])
        runs.run(project, after(hour))


def check_plan(world: World, unbroken: Books, plan: Plan) -> None:
    with TemporaryDirectory() as directory, runs.opened(Path(directory) / "p") as project:
        follow(project, [*world.facts, *world.usage], plan)
        assert_same(unbroken, books(project.lake), str(plan))


FILES = 5 + 48


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(plan=plans(FILES))
def test_any_order_and_grouping_comes_to_the_same(world: World, unbroken: Books, plan: Plan) -> None:
    assert len(world.facts) + len(world.usage) == FILES
    check_plan(world, unbroken, plan)


@pytest.mark.soak
@settings(
    max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(plan=plans(FILES))
def test_very_many_orders_and_groupings_come_to_the_same(world: World, unbroken: Books, plan: Plan) -> None:
    check_plan(world, unbroken, plan)
