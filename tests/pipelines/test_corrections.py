"""Goal: the books with a correction are those of a world in which the record had come so, whenever the correction comes."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.invoices import issue
from assets.verify import verify_invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.command.application import app
from pipelines.hourly import run_hourly
from pipelines.status import status_of
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.settings import load_settings
from tests.faults.books import books
from tests.pipelines.answers import CLOCK, DECEMBER, NOVEMBER, RECORDS, make
from tests.pipelines.tiny import land

MIDDLE = datetime(2026, 10, 20, tzinfo=UTC)
HEADER = "source,event_id,timestamp,action,quantity,reason,by\n"
VOID_REQUEST = "usage_records,3,,void,,sent twice,support\n"
HALVE_REQUEST = "usage_records,4,2026-10-19T08:00:00Z,replace,50,meter was wrong,support\n"
VOID_SAMPLE = "usage_records,2,,void,,meter was wrong,support\n"
REPLACE_SAMPLE = "usage_records,1,,replace,1.5,meter was wrong,support\n"
VOID_CAPPED = "usage_records,6,,void,,sent twice,support\n"
CORRECTIONS = VOID_REQUEST + HALVE_REQUEST + VOID_SAMPLE + REPLACE_SAMPLE + VOID_CAPPED
RESTORED = "".join(f"usage_records,{name},,restore,,all was well,support\n" for name in (1, 2, 3, 4, 6))
# What would have landed if all had been right: without records 2, 3 and 6, and with other quantities of 1 and 4.
RIGHT = "".join(
    line.replace(",cpu,4", ",cpu,1.5").replace(",requests,100", ",requests,50") + "\n"
    for line in RECORDS.splitlines()
    if line.split(",")[0] not in ("2", "3", "6")
)


def sums(project: Project) -> Mapping[str, pl.DataFrame]:
    """The books, table by table, but for the records."""
    return {name: frame for name, frame in books(project.lake).tables.items() if name != "usage_events"}


def assert_same(left: Mapping[str, pl.DataFrame], right: Mapping[str, pl.DataFrame]) -> None:
    """Fail unless both books say the same of everything."""
    assert [name for name in left if not left[name].equals(right[name])] == []


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pl.DataFrame]:
    """The books of the world in which all was right from the beginning."""
    settings = make(tmp_path_factory.mktemp("right") / "project")
    land(settings, "usage_records/october.csv", RIGHT)
    with Project.open(settings, CLOCK) as project:
        run_hourly(project, NOVEMBER)
        return sums(project)


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October as it came, billed."""
    directory = tmp_path_factory.mktemp("billed") / "project"
    with Project.open(make(directory), CLOCK) as project:
        run_hourly(project, NOVEMBER)
    return directory


@contextmanager
def copied(directory: Path, to: Path) -> Iterator[Project]:
    """The project elsewhere, open."""
    shutil.copytree(directory, to / "project")
    with Project.open(load_settings(to / "project"), CLOCK) as project:
        yield project


def query(project: Project, text: str) -> list[tuple[Any, ...]]:
    """Rows of the lake."""
    return project.lake.connection.execute(text).fetchall()


def in_another_order(rows: str, by: int) -> str:
    """The same rows as another file: a file that was taken is not taken again."""
    lines = rows.splitlines(keepends=True)
    return "".join(lines[by:] + lines[:by])


def correct(project: Project, name: str, rows: str, until: datetime = NOVEMBER) -> dict[str, Any]:
    """Land corrections and run."""
    land(project.settings, f"corrections/{name}.csv", HEADER + rows)
    return run_hourly(project, until)


def test_corrections_of_what_was_billed(billed: Path, tmp_path: Path, right: Mapping[str, pl.DataFrame]) -> None:
    with copied(billed, tmp_path) as project:
        before, charges = sums(project), query(project, "from charges")
        assert correct(project, "all", CORRECTIONS)["usage_events"]["corrected"] == 5
        assert_same(sums(project), right)
        assert set(charges) < set(query(project, "from charges"))
        assert charges_that_do_not_sum(project.lake, 0, 2**62).is_empty()
        # Again: nothing changes. Restored: all is as it was.
        tables = ("charges", "usage_hourly", "ledger_entries", "corrections", "corrected_events")
        standing = {table: query(project, f"from {table} order by all") for table in tables}
        correct(project, "again", in_another_order(CORRECTIONS, 1))
        assert {table: query(project, f"from {table} order by all") for table in tables} == standing
        correct(project, "restored", RESTORED.replace(",4,,", ",4,2026-10-19T08:00:00Z,"))
        assert_same(sums(project), before)
        # And as the caches are worked out anew.
        correct(project, "third", in_another_order(CORRECTIONS, 2))
        assert_same(sums(project), right)
        rebuild_caches(project.lake)
        run_hourly(project, NOVEMBER)
        assert_same(sums(project), right)


def test_corrections_before_their_records_wait_for_them(tmp_path: Path, right: Mapping[str, pl.DataFrame]) -> None:
    settings = make(tmp_path / "project")
    (settings.landing / "usage_records/october.csv").rename(tmp_path / "october.csv")
    with Project.open(settings, CLOCK) as project:
        correct(project, "early", CORRECTIONS, MIDDLE)
        assert ("corrections", "5, 5 wait for their record") in status_of(project)["Records"]
        assert query(project, "from corrected_events") == []
        shutil.move(tmp_path / "october.csv", settings.landing / "usage_records/october.csv")
        run_hourly(project, MIDDLE)
        assert ("corrections", "5, 0 wait for their record") in status_of(project)["Records"]
        run_hourly(project, NOVEMBER)
        assert_same(sums(project), right)


def test_corrections_with_their_records_and_in_parts(tmp_path: Path, right: Mapping[str, pl.DataFrame]) -> None:
    with Project.open(make(tmp_path / "project"), CLOCK) as project:
        correct(project, "first", VOID_REQUEST + REPLACE_SAMPLE, MIDDLE)
        correct(project, "second", HALVE_REQUEST)
        correct(project, "third", VOID_SAMPLE + VOID_CAPPED)
        assert_same(sums(project), right)


def test_an_issued_invoice_stands_and_the_next_states_the_correction(billed: Path, tmp_path: Path) -> None:
    with copied(billed, tmp_path) as project:
        issue(project, "october", "2026-10")
        land(
            project.settings,
            "usage_records/november.csv",
            RECORDS.replace("2026-10-", "2026-11-").replace("11-31", "11-30"),
        )
        correct(project, "all", VOID_REQUEST + REPLACE_SAMPLE, DECEMBER)
        issue(project, "november", "2026-11")
        numbers = [number for (number,) in query(project, "select number from invoices order by all")]
        assert len(numbers) == 4
        for number in numbers:
            assert [finding.first_difference for finding in verify_invoice(project, number)] == [None] * 3, number
        adjusted = "period_start < '2026-10-15' and kind = 'usage' and number >= 'INV-2026-000003'"
        # 60 requests fewer: tier 1 keeps its 100, tier 2 held 83.3; 1.5 x 5 minutes of the gauge in place of 4 x 5.
        assert query(project, f"select price_id, quantity, exact from invoice_lines where {adjusted} order by all") == [
            ("cpu", Decimal("-0.208333334"), Decimal("-0.00833333336")),
            ("requests", Decimal(-60), Decimal("-0.738")),
        ]


def test_a_corrected_record_changed_by_hand_fails_the_proof(billed: Path, tmp_path: Path) -> None:
    with copied(billed, tmp_path) as project:
        correct(project, "all", HALVE_REQUEST)
        issue(project, "october", "2026-10")
        project.lake.connection.execute("update corrected_events set quantity = 51")
        assert verify_invoice(project, "INV-2026-000001")[0].first_difference is not None


def test_two_corrections_of_one_record_in_one_file_are_refused(tmp_path: Path) -> None:
    with Project.open(make(tmp_path / "project"), CLOCK) as project:
        rows = VOID_SAMPLE + VOID_SAMPLE.replace("void", "restore")
        report = correct(project, "bad", rows, datetime(2026, 10, 5, tzinfo=UTC))
        assert report["accounts"]["refused"] == 2


def meterbook(project: Project, *words: str) -> tuple[int, str]:
    """What the command says."""
    result = CliRunner().invoke(app, ["-C", str(project.settings.directory), *words])
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def test_the_command_and_who_and_why_in_explain(billed: Path, tmp_path: Path) -> None:
    with copied(billed, tmp_path) as project:
        named = ("--source", "usage_records", "--reason", "sent twice", "--by", "support")
        assert meterbook(project, "correct", "7", *named, "--quantity", "0.5") == (
            0,
            "correction of 7: recorded; the next run counts it",
        )
        assert meterbook(project, "correct", "7", *named, "--quantity", "0.5")[1].endswith("as before, nothing changed")
        assert "the correction waits for it" in meterbook(project, "correct", "unheard", *named, "--void")[1]
        assert "name one of --void" in meterbook(project, "correct", "7", *named, "--void", "--restore")[1]
        assert meterbook(project, "correct", "7", "--source", "nowhere", "--reason", "x", "--void")[0] == 1
        run_hourly(project, NOVEMBER)
        asked = ("explain", "--account", "first", "--hour", "2026-10-06T08:00Z", "--meter", "traffic", "--json")
        (made,) = json.loads(meterbook(project, *asked)[1])
        assert [
            (row["event_id"], row["quantity"], row["counted"], row["reason"], row["by"])
            for row in made["records"]["records"]
        ] == [
            ("6", "40", "40", None, None),
            ("7", "30.5", "0.5", "sent twice", "support"),
        ]
        assert made["slices"][0]["used"] == "40.5"


def test_an_id_of_several_records_needs_its_time(billed: Path, tmp_path: Path) -> None:
    with copied(billed, tmp_path) as project:
        again = RECORDS.splitlines()[0] + "\n7,2026-10-08T08:20:00Z,first,site,traffic,2\n"
        land(project.settings, "usage_records/again.csv", again)
        run_hourly(project, NOVEMBER)
        named = ("correct", "7", "--source", "usage_records", "--reason", "sent twice", "--void")
        code, said = meterbook(project, *named)
        assert code == 2
        assert "stands for 2 records" in said
        assert meterbook(project, *named, "--timestamp", "2026-10-08T08:20Z")[0] == 0
        run_hourly(project, NOVEMBER)
        assert query(project, 'select "timestamp" from corrected_events') == [
            (datetime(2026, 10, 8, 8, 20, tzinfo=UTC),)
        ]
