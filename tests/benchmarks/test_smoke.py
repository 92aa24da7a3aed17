"""The benchmarks run at a small size, and what they measure does its work."""

import io
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from benchmarks.credit import CreditSizes, measure_credit
from benchmarks.growth import STAGES, measure_growth
from benchmarks.hourly import Comparison, check_run, measure_hour
from benchmarks.kernel import make_kernel, measure_kernel, rate_ours, rate_plainly
from benchmarks.measure import BenchmarkError
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
        check_run("clean", small, dirty.pipeline[0])
    with pytest.raises(BenchmarkError):
        check_run("dirty", small, clean.pipeline[0])


def test_the_kernel_charges_what_the_short_program_charges(small: Sizes) -> None:
    printed = io.StringIO()
    measured = measure_kernel(small, times=1, console=Console(file=printed, width=100))
    assert measured.rows == small.series
    assert "rows per second" in printed.getvalue()
    kernel = make_kernel(small)
    ours, plain = rate_ours(kernel), rate_plainly(kernel)
    assert ours["amount_delta"].sum() == plain["amount"].sum() > 0
    # Some accounts pass a tier within the hour: the slices of a meter do not all have the same price.
    prices = ours.with_columns(
        price=pl.col("amount_delta").cast(pl.Float64) / pl.col("quantity_delta").cast(pl.Float64)
    )
    assert prices["price"].round(9).n_unique() > 3


def test_growth_prints_a_line_for_each_size(small: Sizes, tmp_path: Path) -> None:
    printed = io.StringIO()
    grown = measure_growth(
        [small, Sizes(120_000, small.history)], keep=tmp_path, console=Console(file=printed, width=140)
    )
    assert [one.records for one in grown] == [60_000, 120_000]
    for word in ("60,000", "120,000", "peak GB", *STAGES):
        assert word in printed.getvalue()


@pytest.mark.soak
def test_credit_is_posted_topped_up_and_kept(small: Sizes, tmp_path: Path) -> None:
    printed = io.StringIO()
    sizes = CreditSizes(accounts=200, lots=5, slices=48)
    posted, under_way = measure_credit(sizes, small, keep=tmp_path, console=Console(file=printed, width=140))
    assert [one.charges for one in posted] == [1_000, 1_200, 240, 5]
    assert all(one.measured.reports["entries"] for one in posted)
    assert under_way.top_ups
    for word in ("an hour of 200 accounts", "6 hours late", "5 lots, 48 hours", "at the median", "the same books"):
        assert word in printed.getvalue()
