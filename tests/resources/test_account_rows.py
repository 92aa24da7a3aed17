"""Rows of a few accounts are the same, read from the files of the lake or by a query (`resources.account_rows`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from resources.account_rows import rows_of_accounts
from resources.lake import Lake
from resources.migrations import migrate
from resources.writer import converge

START = datetime(2026, 10, 30, 22, tzinfo=UTC)
COLUMNS = ("account_id", "resource_id", "slice_start", "quantity", "run")


@contextmanager
def filled(directory: Path) -> Iterator[Lake]:
    """Thirty hours over three days: large appends, which are files, and small ones, which the catalog holds."""
    with Lake(directory / "it's [here]" / "catalog.sqlite", directory / "it's [here]" / "data") as made:
        migrate(made)
        for number in range(6):
            append(made, number)
        yield made


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake to read."""
    with filled(tmp_path_factory.mktemp("lake")) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Lake]:
    """A lake to change."""
    with filled(tmp_path) as made:
        yield made


def append(lake: Lake, number: int) -> None:
    accounts = 50 if number % 3 else 2
    rows = [
        {
            "account_id": f"account-{account}", "service_id": "", "resource_id": f"r{account}", "meter": "cpu",
            "dimensions": "{}", "slice_start": START + timedelta(hours=number * 5 + hour),
            "quantity": Decimal(number * account + hour),
        }
        for account in range(accounts)
        for hour in range(5)
    ]  # fmt: skip
    types = {"slice_start": pl.Datetime("us", "UTC"), "quantity": pl.Decimal(38, 9)}
    frame = pl.DataFrame(rows, schema_overrides=types)
    converge(lake, "usage_hourly", f"job-{number}", lambda step: step.append("usage_hourly", frame))


def expected(lake: Lake, accounts: list[str] | None, first: datetime, until: datetime) -> pl.DataFrame:
    query = (
        f"select {', '.join(COLUMNS)} from usage_hourly "
        "where ($accounts::varchar[] is null or list_contains($accounts, account_id)) "
        "and slice_start >= $first and slice_start < $until"
    )
    found = lake.connection.execute(query, {"accounts": accounts, "first": first, "until": until}).pl()
    return found.sort(COLUMNS)


RANGES = {
    "all": (START - timedelta(days=9), START + timedelta(days=9)),
    "inside a day": (START + timedelta(hours=3), START + timedelta(hours=7)),
    "from midnight": (datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
    "nothing": (START + timedelta(days=9), START + timedelta(days=10)),
}
ACCOUNTS = {
    "some": ["account-0", "account-7", "account-7"], "all": None, "of none": ["nobody"], "no account": [],
}  # fmt: skip


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("named", ACCOUNTS)
def test_the_same_as_a_query(lake: Lake, span: str, named: str) -> None:
    accounts, (first, until) = ACCOUNTS[named], RANGES[span]
    series = None if accounts is None else pl.Series(accounts, dtype=pl.String)
    found = rows_of_accounts(lake, "usage_hourly", COLUMNS, series, first, until)
    wanted = expected(lake, accounts, first, until)
    assert found.sort(COLUMNS).equals(wanted)
    assert found.schema == wanted.schema
    assert (wanted.height > 0) == (named in ("some", "all") and span != "nothing")


@pytest.mark.parametrize("before", ["account-7", None])
def test_a_range_begins_with_its_first_account_and_ends_before_its_last(lake: Lake, before: str | None) -> None:
    names = [f"account-{number}" for number in range(50)]
    wanted = [name for name in names if name >= "account-3" and (before is None or name < before)]
    first, until = RANGES["all"]
    found = rows_of_accounts(lake, "usage_hourly", COLUMNS, ("account-3", before), first, until)
    assert found.sort(COLUMNS).equals(expected(lake, wanted, first, until))
    assert set(found["account_id"]) == set(wanted)


def test_the_same_after_a_merge_and_after_rows_were_deleted(own: Lake) -> None:
    accounts, (first, until) = pl.Series(["account-0", "account-7"]), RANGES["all"]
    own.connection.execute("call ducklake_flush_inlined_data('lake')")
    own.connection.execute("call ducklake_merge_adjacent_files('lake')")
    merged = rows_of_accounts(own, "usage_hourly", COLUMNS, accounts, first, until)
    assert merged.sort(COLUMNS).equals(expected(own, accounts.to_list(), first, until))
    own.connection.execute("delete from usage_hourly where resource_id = 'r7' and run = 2")
    left = rows_of_accounts(own, "usage_hourly", COLUMNS, accounts, first, until)
    assert left.sort(COLUMNS).equals(expected(own, accounts.to_list(), first, until))
    assert left.height < merged.height
