"""The benchmark runs at a small size, and what it measures does its work."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.hourly import BenchmarkError, Comparison, _check, measure_hour
from benchmarks.sizes import Sizes


@pytest.fixture(scope="module")
def small() -> Sizes:
    """A thousand resources of a hundred accounts, one of them late; one hour of history."""
    return Sizes(records=60_000, history=timedelta(hours=1))


@pytest.fixture(scope="module")
def measured(small: Sizes, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Comparison], str]:
    """Both comparisons with what was printed."""
    printed = Console(file=io.StringIO(), width=100)
    kept: Path = tmp_path_factory.mktemp("bench")
    comparisons = measure_hour(small, pairs=1, keep=kept, console=printed)
    assert isinstance(printed.file, io.StringIO)
    return comparisons, printed.file.getvalue()


def test_both_files_are_measured(measured: tuple[list[Comparison], str]) -> None:
    comparisons, _ = measured
    assert [comparison.kind for comparison in comparisons] == ["dirty", "clean"]
    for comparison in comparisons:
        assert comparison.ratio > 0
        assert all(run.peak_bytes > 10_000_000 for run in comparison.pipeline + comparison.bare)
        assert comparison.bare[0].reports["rows"][0][0] >= 5_000


def test_every_stage_has_its_share(measured: tuple[list[Comparison], str]) -> None:
    _, printed = measured
    for word in ("usage_events", "usage_hourly", "charges", "ledger_entries", "records per second", "ratio", "peak"):
        assert word in printed


def test_a_run_that_leaves_records_out_is_no_measurement(small: Sizes, measured: tuple[list[Comparison], str]) -> None:
    dirty, clean = measured[0]
    with pytest.raises(BenchmarkError):
        _check("clean", small, dirty.pipeline[0])
    with pytest.raises(BenchmarkError):
        _check("dirty", small, clean.pipeline[0])
