"""Goal: very many samples of gauges, counters and percentiles come to what a walk over them says, to the last digit."""

from pathlib import Path

import pytest

from tests.assets.metered import (
    CALENDAR,
    END,
    HOUR,
    METERS,
    chances,
    meter,
    open_project,
    random_records,
    standing,
    usage_file,
)
from tests.assets.metering_reference import metered

SAMPLED = {name: METERS[name] for name in ("power", "held", "odometer", "octets", "burst", "line")}


def check(directory: Path, count: int, resources: int) -> None:
    """Nine in ten samples come in time, the others when all hours but the last were closed."""
    records = random_records(chances(count), SAMPLED, count, resources)
    with open_project(directory, SAMPLED) as project:
        for name, until in (("in-time", END - HOUR), ("late", END)):
            part = [record for place, record in enumerate(records) if (place % 10 == 0) == (name == "late")]
            (project.settings.landing / "usage_records").mkdir(exist_ok=True)
            file = usage_file(name, part)
            (project.settings.landing / "usage_records" / file.name).write_bytes(file.content)
            meter(project, until)
        found = standing(project)
    assert found == metered(SAMPLED, records, CALENDAR, END)


def test_twenty_thousand_samples(tmp_path: Path) -> None:
    check(tmp_path / "p", 20_000, 20)


@pytest.mark.soak
def test_a_million_samples(tmp_path: Path) -> None:
    check(tmp_path / "p", 1_000_000, 500)
