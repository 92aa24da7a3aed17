"""Goal: small cases of every aggregation, worked out by hand, before and after late records."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.assets.metered import meter, open_project, short, standing, usage_file
from tests.assets.metering_reference import Record

# The account's month, in UTC, ends with October.
DAY = datetime(2026, 10, 31, tzinfo=UTC)
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
CEIL = {"mode": "ceil", "step": "1"}
PERCENTILE = {"aggregation": "percentile", "percentile": "95"}
# Of each meter: what it is, its records as "hour:minute value", late ones, and the quantities of the hours before and after.
CASES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    "counter": (
        {"aggregation": "counter"},
        "1:00 100, 1:30 130, 5:10 150, 6:00 20, 6:30 25", "3:00 140",
        "1h 30, 5h 20, 6h 25", "1h 30, 3h 10, 5h 10, 6h 25",
    ),
    "wrapping": ({"aggregation": "counter", "width": "256"}, "1:00 250, 2:00 4, 3:00 5", "", "2h 10, 3h 1", "2h 10, 3h 1"),
    "late_baseline": ({"aggregation": "counter"}, "8:00 70", "2:00 30", "", "8h 40"),
    "peak": (
        {"aggregation": "max", "window": "period"}, "1:00 5, 2:00 3, 4:00 9, 4:30 8", "3:00 7",
        "1h 5, 4h 4", "1h 5, 3h 2, 4h 2",
    ),
    "last": (
        {"aggregation": "latest", "window": "period"}, "1:00 5, 2:00 3, 2:00 4, 6:00 1", "3:59 6",
        "1h 5, 2h -1, 6h -3", "1h 5, 2h -1, 3h 2, 6h -5",
    ),
    "calls": (
        {"aggregation": "sum", "minimum_per_record": "60", "rounding": {**CEIL, "per": "record"}},
        "1:00 10, 1:01 60.2, 1:02 75", "1:03 0.5", "1h 196", "1h 256",
    ),
    "slices": (
        {"aggregation": "sum", "rounding": {**CEIL, "per": "slice"}}, "1:00 0.4, 1:30 0.3, 2:00 0.1", "1:59 0.4",
        "1h 1, 2h 1", "1h 2, 2h 1",
    ),
    "months": (
        {"aggregation": "sum", "rounding": {**CEIL, "per": "period"}}, "1:00 0.4, 2:00 0.4, 3:00 0.4", "1:30 0.4",
        "1h 1, 3h 1", "1h 1, 2h 1",
    ),
    "ninety_fifth": (
        PERCENTILE, ", ".join(f"{n // 3}:{n % 3 * 20:02d} {n + 1}" for n in range(20)), "23:59 100",
        "23h 19", "23h 20",
    ),
    "few": ({**PERCENTILE, "minimum_samples": 3}, "1:00 5, 2:00 6", "3:00 7", "", "23h 7"),
}  # fmt: skip


def records(name: str, text: str, late: str) -> Iterator[Record]:
    for place, part in enumerate(filter(None, text.split(", "))):
        moment, value = part.split()
        hour, minute = map(int, moment.split(":"))
        yield Record(f"{name}-{late}{place}", DAY.replace(hour=hour, minute=minute), "a", "r", name, Decimal(value))


def hours(text: str) -> dict[int, Decimal]:
    return {
        int(hour.removesuffix("h")): Decimal(value) for hour, value in map(str.split, filter(None, text.split(", ")))
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[int, Decimal]]]:
    """The hours of each meter: after the first records, and after the late ones. Those of too few samples are `short`."""
    states = []
    meters = {name: case[0] for name, case in CASES.items()}
    with open_project(tmp_path_factory.mktemp("p") / "p", meters) as project:
        for number, late in enumerate(["", "late-"]):
            file = usage_file(
                f"batch-{number}",
                [each for name, case in CASES.items() for each in records(name, (case[1], case[2])[number], late)],
            )
            path = project.settings.landing / file.source / file.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.content)
            meter(project, UNTIL)
            state: dict[str, dict[int, Decimal]] = {name: {} for name in CASES}
            for key, quantity in standing(project).items():
                state[key.meter][key.start.hour] = quantity
            few = project.lake.connection.execute("select meter, samples from short_percentiles order by run, samples")
            state["short"] = dict(enumerate(Decimal(samples) for _, samples in few.fetchall()))
            states.append(state)
        assert short(project) == {}
    return states


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("when", [0, 1], ids=["in time", "late"])
def test_by_hand(found: list[dict[str, dict[int, Decimal]]], name: str, when: int) -> None:
    assert found[when][name] == hours(CASES[name][3:][when])


def test_what_has_too_few_samples_is_shown_until_there_are_more(found: list[dict[str, dict[int, Decimal]]]) -> None:
    assert found[0]["short"] == {0: Decimal(2)}
    assert found[1]["short"] == {0: Decimal(2), 1: Decimal(-2)}
