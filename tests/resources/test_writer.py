"""Writers beside each other: each comes to an end (design 3)."""

from pathlib import Path

import polars as pl
import pytest

from resources.facts import facts_as_of
from resources.project import Project
from resources.reference import take, take_or_refuse
from resources.writer import ATTEMPTS, Step, converge, record
from tests.resources.worlds import NOW, World, event, lines

GRANT = {
    "account_id": "acme", "kind": "promotional", "amount": "1", "currency": "EUR", "effective_at": NOW.isoformat(),
}  # fmt: skip


def test_a_run_takes_reference_data_though_top_ups_never_end(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    calls: list[int] = []

    def take_file(step: Step) -> None:
        calls.append(step.run)
        take(step, "grants", pl.DataFrame([{"grant_id": "landed", **GRANT}]))
        if len(calls) <= ATTEMPTS["reference"]:  # after that the lock is held, and top-ups wait
            row = {"grant_id": f"top-up-{len(calls)}", **GRANT}
            record(other.lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", row))

    with world.project, Project.open(world.project.settings, world.project.clock) as other:
        converge(world.project.lake, "reference", "job", take_file)
        found = world.project.lake.connection.execute("select grant_id, run from grants order by run").fetchall()
    assert [grant_id for grant_id, _ in found] == ["top-up-1", "top-up-2", "top-up-3", "landed"]
    assert len(calls) == len(set(calls)) == 4
    assert found[-1][1] == calls[-1]


def test_facts_as_of_a_command_are_those_it_left(tmp_path: Path) -> None:
    """What a step found before its commit is not taken for what stands after it."""
    world = World(tmp_path / "world")
    row = {
        "subscription_id": "s1", "account_id": "acme", "plan": "standard", "effective_from": "2026-10-15T10:30:00Z",
    }  # fmt: skip
    with world.project as project:
        assert facts_as_of(project.lake, 2**62).subscriptions.is_empty()
        record(project.lake, "reference", "subscribe", lambda step: take_or_refuse(step, "subscriptions", row))
        run = project.lake.connection.execute("select max(run) from subscriptions").fetchone()
        assert run is not None
        assert facts_as_of(project.lake, run[0]).subscriptions.height == 1
        assert facts_as_of(project.lake, run[0] - 1).subscriptions.is_empty()


@pytest.mark.parametrize("error", [KeyboardInterrupt, InterruptedError])
def test_what_ends_a_process_after_its_commit_takes_no_file_away(tmp_path: Path, error: type[BaseException]) -> None:
    world = World(tmp_path / "world")

    def end(_step: str, moment: str) -> None:
        if moment == "committed":
            raise error

    with world.project as project:
        project.lake.watch = end
        with pytest.raises(error):
            world.take("many.ndjson", lines(*(event(event_id=f"e{number}") for number in range(200))))
        assert len(world.accepted()) == 200
