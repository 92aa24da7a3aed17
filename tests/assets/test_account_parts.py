"""Accounts are posted in parts of any size, and make the same legs and positions as all at once."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from assets import account_parts, ledger_entries, lot_positions
from assets.ledger_entries import post_charges
from pipelines.hourly import hourly_steps
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.settings import Settings
from resources.writer import Step
from tests.faults.books import assert_same, books
from tests.pipelines.tiny import BOOK, CLOCK, FIRST_DAY, HOUR, MONTH_END, a_copy, bill, check_all, land, make_of

ACCOUNTS = [f"a{number}" for number in range(7)]
HOURS = 6
LAST_JOB = "until the end"


def rows(header: str, *lines: str) -> str:
    return "\n".join((header, *lines, ""))


def reference() -> dict[str, str]:
    """Accounts of both modes; of some the credit ends or is not enough, of some it is for one meter, or comes each month."""
    modes = [("prepaid", "postpaid")[number % 3 == 2] for number in range(len(ACCOUNTS))]
    start = "2026-10-01T00:00:00Z"
    named = zip(ACCOUNTS, modes, strict=True)
    return {
        "accounts": rows(
            "account_id,effective_from,name,currency,time_zone,tax_rate,mode",
            *(f"{account},{start},{account},EUR,UTC,19,{mode}" for account, mode in named),
        ),
        "subscriptions": rows(
            "subscription_id,account_id,plan,effective_from",
            *(f"s-{account},{account},standard,{start}" for account in ACCOUNTS),
        ),
        "grants": rows(
            "grant_id,account_id,kind,amount,currency,priority,effective_at,expires_at,every,roll_over,receipt,scope",
            *(f"paid-{a},{a},paid,0.70,EUR,2,2026-10-30T00:00:00Z,,,0,R-{a}," for a in ACCOUNTS[:5]),
            *(f"gift-{a},{a},promotional,0.50,EUR,1,{start},2026-10-30T03:00:00Z,,0,," for a in ACCOUNTS[1:4]),
            'use-a2,a2,adjustment,0.25,EUR,1,2026-10-30T00:00:00Z,,,0,,"{""meters"": [""requests""]}"',
            "monthly-a3,a3,recurring,0.40,EUR,1,2026-10-30T02:00:00Z,,month,0.10,,",
            "monthly-a5,a5,recurring,30.00,EUR,1,2026-10-30T02:00:00Z,,month,0.10,,",
        ),
    }


def land_use(settings: Settings, name: str, hours: range, quantity: int, accounts: list[str]) -> None:
    """A record of each account in each hour."""
    lines = [
        {
            "event_id": f"{name}-{account}-{hour}", "timestamp": (FIRST_DAY + hour * HOUR).isoformat(),
            "account_id": account, "resource_id": f"site-{account}", "meter": "requests", "quantity": str(quantity + hour),
        }
        for hour in hours for account in accounts
    ]  # fmt: skip
    land(settings, f"usage_records/{name}.ndjson", "\n".join(map(json.dumps, lines)))


@pytest.fixture(scope="module")
def unposted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hours that are posted; then hours, late use, a void, and a top-up that settles, which are not."""
    folder = tmp_path_factory.mktemp("parts") / "project"
    settings = make_of(folder, BOOK, reference())
    with Project.open(settings, CLOCK) as project:
        land_use(settings, "first", range(HOURS // 2), 9, ACCOUNTS)
        bill(project, FIRST_DAY + HOURS // 2 * HOUR)
        land_use(settings, "second", range(HOURS // 2, HOURS), 12, ACCOUNTS)
        land_use(settings, "late", range(HOURS // 2), 5, ACCOUNTS[::2])
        header = "grant_id,account_id,kind,amount,currency,priority,effective_at,receipt,void,reason"
        void = "paid-a1,a1,paid,0.70,EUR,2,2026-10-30T00:00:00Z,R-a1,true,mistaken"
        land(settings, "grants/later.csv", rows(header, void, "more,a0,paid,9,EUR,2,2026-10-30T05:30:00Z,R-9,false,"))
        for name, step in hourly_steps(project, LAST_JOB, MONTH_END + HOUR).items():
            if name == "ledger_entries":
                break
            step()
    return folder


def told(project: Project) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every leg and every position, with their runs."""
    tables = (f"select * from {table} order by all" for table in ("ledger_entries", "lot_positions"))
    legs, positions = (project.lake.connection.execute(query).pl() for query in tables)
    return legs, positions


def by_number(size: int) -> Callable[[Step, pl.DataFrame, datetime], Iterator[pl.DataFrame]]:
    return lambda _step, touched, _closed: touched.iter_slices(size)


def test_parts_do_not_matter(unposted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_copy(unposted, tmp_path / "whole") as project:
        report = post_charges(project, LAST_JOB)
        whole = told(project)
        check_all(project)
    assert {"settlement", "expiry", "rollover", "usage", "grant"} == set(whole[0]["kind"])
    for size in (1, 3):
        monkeypatch.setattr(ledger_entries, "account_parts", by_number(size))
        with a_copy(unposted, tmp_path / f"by {size}") as project:
            assert post_charges(project, LAST_JOB) == report
            for one, other in zip(told(project), whole, strict=True):
                assert one.equals(other)
            rebuild_caches(project.lake)
            bill(project, MONTH_END + HOUR)
            for one, other in zip(told(project), whole, strict=True):
                assert one.drop("run").equals(other.drop("run"))


@pytest.mark.parametrize("rewritten_at", [0, 10**9], ids=["never whole", "always whole"])
def test_positions_are_kept_by_account(
    unposted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewritten_at: int
) -> None:
    """Runs that touch a few accounts each, and one that touches all, compute on from what each of them left."""
    monkeypatch.setattr(lot_positions, "REWRITTEN_AT", rewritten_at)
    with a_copy(unposted, tmp_path / "run by run") as project:
        for number, accounts in enumerate([[], ["a1"], ["a0", "a3"], ["a1", "a2"], ["a6"]]):
            land_use(project.settings, f"more-{number}", range(number, HOURS), 7, accounts)
            bill(project, MONTH_END + HOUR)
        assert len(set(told(project)[1]["run"])) == (1 if rewritten_at else 6)
        check_all(project)
        kept = books(project.lake)
        entries = told(project)[0].height
        rebuild_caches(project.lake)
        bill(project, MONTH_END + HOUR)
        assert told(project)[0].height == entries
        assert_same(kept, books(project.lake))


def test_parts_have_as_many_hours(unposted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = FIRST_DAY + HOURS * HOUR
    hours = (1, 6, 2, 1, 1, 2000, 1, 1)
    first = [closed - number * HOUR for number in hours]
    names = [f"b{number}" for number in range(len(hours))]
    touched = pl.DataFrame(
        {"account_id": names, "first_slice": first}, schema_overrides={"first_slice": pl.Datetime("us", "UTC")}
    )
    with a_copy(unposted, tmp_path / "p") as project:
        step = Step(project.lake, "ledger_entries", 9, 0, 0, 0, 0, 0)
        assert [part.height for part in account_parts.account_parts(step, touched, closed)] == [8]
        monkeypatch.setattr(account_parts, "FEW_HOURS", 1)
        monkeypatch.setattr(account_parts, "MOST_CHARGES", 4)
        # No more than there are since the books began.
        parts = list(account_parts.account_parts(step, touched, closed))
        names_of = [part["account_id"].to_list() for part in parts]
        assert names_of == [["b0", "b1"], ["b2"], ["b3", "b4", "b5"], ["b6", "b7"]]
        assert pl.concat(parts).equals(touched)
