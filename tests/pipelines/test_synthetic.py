"""The synthetic cloud: the same bytes everywhere, what is planted is there and counted, what is late is missing."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import synthetic
from pipelines.synthetic.cloud import DAY, HOUR, Cloud
from pipelines.synthetic.manifest import Reason
from pipelines.synthetic.noise import key, mixed
from pipelines.synthetic.records import TIER_BOUND_GB

WHOLE = Cloud()
# Small, but with every oddity, every late batch and a month's end inside.
SMALL = Cloud(accounts=12, machines=24, start=datetime(2026, 9, 28, tzinfo=UTC), days=35)
SHORT = Cloud(accounts=6, machines=14, start=datetime(2026, 10, 22, tzinfo=UTC), days=11)
KNOWN_ACCOUNTS = set(synthetic.accounts(SMALL)["account_id"])
SAMPLE_KEY = ["timestamp", "vm"]
PLANTED_DAYS = {"broken records": 3, "broken probe": 4, "conflict": 8, "restart": 10}

LAND_ALL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pipelines.synthetic import Cloud, days, land_day, land_late, land_reference, late_batches
cloud, landing = Cloud(accounts=6, machines=14, start=datetime(2026, 10, 22, tzinfo=UTC), days=11), Path(sys.argv[1])
land_reference(cloud, landing)
for day in days(cloud):
    land_day(cloud, day, landing)
for batch in late_batches(cloud):
    land_late(cloud, landing, batch.name)
"""


def land_all(cloud: Cloud, landing: Path) -> synthetic.Manifest:
    """Land everything but the reference data, each late batch when it is due."""
    manifest = synthetic.Manifest()
    waiting = list(synthetic.late_batches(cloud))
    for day in synthetic.days(cloud):
        manifest += synthetic.land_day(cloud, day, landing)
        while waiting and waiting[0].lands_at <= day + DAY:
            manifest += synthetic.land_late(cloud, landing, waiting.pop(0).name)
    return manifest


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, synthetic.Manifest]:
    """Land all of a small cloud."""
    landing = tmp_path_factory.mktemp("landing")
    return landing, land_all(SMALL, landing)


def hashes(folder: Path) -> dict[str, str]:
    """Return the content of every file under a folder, hidden ones too."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_processes_land_the_same_bytes(tmp_path: Path) -> None:
    root = str(Path(synthetic.__file__).parents[2])
    for name, threads in (("one", "1"), ("two", "4")):
        own = {"PYTHONHASHSEED": threads, "POLARS_MAX_THREADS": threads, "TZ": "Asia/Tokyo" if name == "two" else "UTC"}
        environment = os.environ | own | {"PYTHONPATH": root}
        subprocess.run([sys.executable, "-c", LAND_ALL, tmp_path / name], check=True, env=environment)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert len(hashes(tmp_path / "one")) > 3 * SHORT.days
    assert not [name for name in hashes(tmp_path / "one") if "/." in name]


def test_another_seed_is_another_cloud() -> None:
    start = SMALL.start
    first, second = (synthetic.samples(Cloud(seed, 6, 14, start, 2), start, start + HOUR) for seed in (1, 2))
    assert not first.equals(second)


def test_noise_is_splitmix_on_every_machine() -> None:
    def expected(counter: int) -> int:
        mask = (1 << 64) - 1
        bits = (7 + counter * 0x9E3779B97F4A7C15 + key("channel", 3)) & mask
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
        return bits ^ (bits >> 31)

    counters = pl.DataFrame({"counter": [0, 1, 5_950_000]})
    hashed = counters.select(mixed(pl.lit(7, dtype=pl.UInt64), pl.col("counter"), 3)).to_series()
    assert hashed.to_list() == [expected(counter) for counter in counters["counter"]]


# --- the machines and their samples


def test_the_whole_cloud_has_its_size() -> None:
    fleet = synthetic.machines(WHOLE)
    assert 380 <= fleet["vm"].n_unique() <= 420
    assert fleet["account_id"].n_unique() == WHOLE.accounts
    busy_day = synthetic.samples(WHOLE, WHOLE.start + 10 * DAY, WHOLE.start + 11 * DAY)
    assert 90_000 < busy_day.height < 120_000


@pytest.mark.parametrize(
    ("name", "condition", "at_least"),
    [
        ("made while we look", pl.col("valid_from").min() > WHOLE.start, 30),
        ("deleted while we look", (pl.col("valid_to").max() < WHOLE.end), 30),
        ("resized", pl.col("cores").filter(pl.col("cores") > 0).n_unique() > 1, 30),
        ("ends on a zero", pl.col("cores").min() == 0, 10),
    ],
)
def test_machines_come_change_and_go(name: str, condition: pl.Expr, at_least: int) -> None:
    count = synthetic.machines(WHOLE).group_by("vm").agg(condition.alias("is")).filter("is").height
    assert count >= at_least, name


def test_samples_are_provisioned_values_inside_the_life_of_their_machine() -> None:
    rows = synthetic.samples(SMALL, SMALL.start, SMALL.end)
    sizes = pl.col("cores", "memory_kib", "storage_gb").name.suffix("_of_span")
    spans = synthetic.machines(SMALL).select("vm", "valid_from", "valid_to", sizes)
    joined = rows.join(spans, on="vm").filter(pl.col("timestamp").is_between("valid_from", "valid_to", closed="left"))
    assert joined.height == rows.height
    assert joined.select((pl.col("storage_gb") == pl.col("storage_gb_of_span")).all()).item()
    is_off = pl.col("vm").str.contains("-dev-") & (pl.col("cores") == 0) & (pl.col("memory_kib") == 0)
    as_provisioned = (pl.col("cores") == pl.col("cores_of_span")) & (
        pl.col("memory_kib") == pl.col("memory_kib_of_span")
    )
    assert joined.select((is_off | as_provisioned).all()).item()
    assert joined.filter(is_off).height > 0


def test_samples_are_five_minutes_apart_give_or_take_seconds_with_some_gaps() -> None:
    rows = synthetic.samples(WHOLE, WHOLE.start, WHOLE.start + DAY).sort("vm", "timestamp")
    seconds = rows.select(pl.col("timestamp").diff().over("vm").dt.total_milliseconds().drop_nulls() / 1000).to_series()
    usual = seconds.is_between(295, 305)
    assert usual.mean() > 0.99  # type: ignore[operator]
    assert seconds.filter(~usual).len() > 0
    assert (seconds > 600).sum() > 0
    assert rows.select(SAMPLE_KEY).is_unique().all()


def mean_rate(rows: pl.DataFrame, role: str, hours: range, weekdays: range) -> float:
    """Return what machines of a role in Berlin sent on average."""
    local = pl.col("timestamp").dt.convert_time_zone("Europe/Berlin").dt
    berlin = synthetic.accounts(WHOLE).filter(pl.col("time_zone") == "Europe/Berlin")["account_id"].unique().to_list()
    chosen = rows.filter(
        pl.col("vm").str.contains(f"-{role}-"),
        pl.col("account_id").is_in(berlin),
        local.hour().is_in(list(hours)),
        local.weekday().is_in(list(weekdays)),
    )
    return float(chosen.select(pl.col("net_tx_kibs").mean()).item())


@pytest.mark.parametrize(
    ("role", "busy", "quiet"),
    [
        ("web", (range(18, 22), range(1, 8)), (range(2, 6), range(1, 8))),
        ("office", (range(9, 13), range(1, 6)), (range(9, 13), range(6, 8))),
        ("batch", (range(1, 4), range(1, 6)), (range(15, 20), range(1, 6))),
        ("dev", (range(10, 16), range(1, 6)), (range(10, 16), range(6, 8))),
    ],
)
def test_load_follows_day_and_week(role: str, busy: tuple[range, range], quiet: tuple[range, range]) -> None:
    week = synthetic.samples(WHOLE, WHOLE.start, WHOLE.start + 7 * DAY)
    assert mean_rate(week, role, *busy) > 1.8 * mean_rate(week, role, *quiet)


# --- accounts, subscriptions, grants


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as text, as a source would find it."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Land the reference data of the whole cloud."""
    landing = tmp_path_factory.mktemp("reference")
    manifest = synthetic.land_reference(WHOLE, landing)
    tables = {name: read_csv(landing / name / f"{name}.csv") for name in ("accounts", "subscriptions", "grants")}
    assert {file.source: file.records for file in manifest.files} == {name: len(rows) for name, rows in tables.items()}
    return tables


def test_reference_data_has_its_columns(reference: dict[str, list[dict[str, str]]]) -> None:
    columns = {name: ",".join(rows[0]) for name, rows in reference.items()}
    assert columns == {
        "accounts": "account_id,effective_from,name,email,address,country,tax_id,"
        "seller,currency,time_zone,mode,tax_code,tax_rate",
        "subscriptions": "subscription_id,account_id,service_id,plan,effective_from",
        "grants": "grant_id,account_id,kind,amount,currency,priority,effective_at,expires_at,"
        "receipt,tax_paid,tax_code,gateway,reason",
    }


def test_accounts_look_like_customers(reference: dict[str, list[dict[str, str]]]) -> None:
    rows = reference["accounts"]
    assert len({row["account_id"] for row in rows}) == len({row["name"] for row in rows}) == WHOLE.accounts
    zones = Counter(row["time_zone"] for row in rows)
    assert set(zones) == {"Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata"}
    assert zones["Europe/Berlin"] > len(rows) / 2
    assert all(row["email"].endswith(".example") and "; " in row["address"] and row["tax_id"] for row in rows)
    assert {row["currency"] for row in rows} == {"EUR"}


def test_every_effective_time_is_on_a_quarter_hour(reference: dict[str, list[dict[str, str]]]) -> None:
    columns = ("effective_from", "effective_at", "expires_at")
    texts = [row[column] for rows in reference.values() for row in rows for column in columns if row.get(column)]
    assert len(texts) > 2 * WHOLE.accounts
    assert all(datetime.fromisoformat(text).timestamp() % 900 == 0 for text in texts)


def test_one_account_changes_its_plan_off_the_whole_hour(reference: dict[str, list[dict[str, str]]]) -> None:
    rows = reference["subscriptions"]
    changed = [row for row in rows if [other["account_id"] for other in rows].count(row["account_id"]) > 1]
    assert [row["plan"] for row in changed] == ["standard", "pro"]
    assert changed[1]["effective_from"] == "2026-10-14T09:45:00Z"
    assert {row["plan"] for row in rows} == {"standard", "pro"}


def test_nothing_is_used_before_the_account_is_there(reference: dict[str, list[dict[str, str]]]) -> None:
    rows = reversed(reference["accounts"])
    since = {row["account_id"]: datetime.fromisoformat(row["effective_from"]) for row in rows}
    made = synthetic.machines(WHOLE).filter(pl.col("valid_from") >= WHOLE.start)
    first = made.group_by("account_id").agg(pl.col("valid_from").min())
    assert all(since[account_id] <= valid_from for account_id, valid_from in first.iter_rows())
    assert sum(instant > WHOLE.start for instant in since.values()) == 3


def test_grants_name_receipt_and_tax_or_end_with_the_month(reference: dict[str, list[dict[str, str]]]) -> None:
    rate = {row["account_id"]: Decimal(row["tax_rate"]) for row in reference["accounts"]}
    paid = [row for row in reference["grants"] if row["kind"] == "paid"]
    promotional = [row for row in reference["grants"] if row["kind"] == "promotional"]
    assert len(paid) > 10
    assert len({row["receipt"] for row in paid} - {""}) == len(paid)
    assert all(Decimal(row["tax_paid"]) == Decimal(row["amount"]) * rate[row["account_id"]] / 100 for row in paid)
    assert {Decimal(row["tax_paid"]) / Decimal(row["amount"]) for row in paid} == {Decimal(0), Decimal("0.19")}
    assert len(promotional) > 10
    assert all("2026-10-28" <= row["expires_at"] <= "2026-10-31T18:00:00Z" for row in promotional)
    assert len({row["priority"] for row in reference["grants"]}) == 3
    assert len({row["grant_id"] for row in reference["grants"]}) == len(reference["grants"])


# --- what is landed, and what is late


def judged_samples(path: Path) -> Iterator[tuple[tuple[object, ...], object, str | None]]:
    """Yield (identity, content, reason) of every gauge in a file of wide rows."""
    for at, vm, account_id, cores, memory, storage, read, write, received, sent in pl.read_parquet(path).iter_rows():
        provisioned = {"cpu": cores, "memory": memory, "storage": storage}
        gauges = provisioned | {"disk_io": read + write, "network_in": received, "network_out": sent}
        for meter, value in gauges.items():
            reason = None
            if at is None:
                reason = "timestamp_unreadable"
            elif account_id == "ghost-industries":
                reason = "unknown_account"
            elif value is None:
                reason = "quantity_missing"
            elif not isfinite(value):
                reason = "quantity_unreadable"
            elif value < 0:
                reason = "negative"
            elif value >= 1e12:
                reason = "out_of_range"
            yield (at, vm, meter), value, reason


def raw_records(path: Path) -> Iterator[dict[str, str | None]]:
    """Yield the records of a CSV, NDJSON or CloudEvents file in one form."""
    if path.suffix == ".csv":
        yield from ({name: value or None for name, value in row.items()} for row in read_csv(path))
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        for item in value if isinstance(value, list) else [value]:
            record = from_event(item) if path.parent.name == "cloudevents" else item
            yield record | {"dimensions": json.dumps(record["dimensions"])}


def from_event(event: dict[str, Any]) -> dict[str, Any]:
    """Return a CloudEvent in the native columns."""
    assert event["specversion"] == "1.0"
    assert event["source"]
    assert event["type"] == "meterbook.usage"
    identity = {"event_id": event["id"], "account_id": event["subject"], "timestamp": event.get("time")}
    return {**identity, **event["data"]}


def is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text) is not None
    except ValueError:
        return False


def refusal(record: dict[str, Any]) -> str | None:
    """Say by the words of semantics 2 why a record must be refused: the first of these that is true."""
    at: str = record.get("timestamp") or ""
    quantity: str = record.get("quantity") or ""
    judgements: dict[str, Callable[[], bool]] = {
        "unknown_account": lambda: record["account_id"] not in KNOWN_ACCOUNTS,
        "unknown_meter": lambda: record["meter"] != "backup",
        "timestamp_unreadable": lambda: not is_instant(at),
        "future": lambda: datetime.fromisoformat(at) > SMALL.end,
        "quantity_missing": lambda: not quantity,
        "quantity_unreadable": lambda: not is_number(quantity),
        "negative": lambda: Decimal(quantity) < 0,
        "out_of_range": lambda: Decimal(quantity) >= 10**12,
        "dimensions_not_flat": lambda: not all(isinstance(v, str) for v in json.loads(record["dimensions"]).values()),
    }
    return next((reason for reason, is_true in judgements.items() if is_true()), None)


def judged_records(path: Path) -> Iterator[tuple[tuple[object, ...], object, str | None]]:
    """Yield (identity, content, reason) of every record in a file."""
    for record in raw_records(path):
        content = tuple(sorted((name, value) for name, value in record.items() if value is not None))
        yield (record["event_id"], record.get("timestamp")), content, refusal(record)


@pytest.mark.parametrize("source", ["vm_samples", "usage_records", "cloudevents"])
def test_manifest_is_what_a_plain_reading_finds(landed: tuple[Path, synthetic.Manifest], source: str) -> None:
    landing, manifest = landed
    judge = judged_samples if source == "vm_samples" else judged_records
    seen: dict[tuple[object, ...], object] = {}
    contents: set[str] = set()
    for file in (file for file in manifest.files if file.source == source):
        digest = sha256((landing / file.file).read_bytes()).hexdigest()
        assert (digest in contents) == (file.repeats is not None), file.file
        if file.repeats is not None:
            continue
        contents.add(digest)
        counts: Counter[str] = Counter()
        for identity, content, reason in judge(landing / file.file):
            if reason is None and identity in seen:
                counts["duplicates" if seen[identity] == content else "conflict"] += 1
                continue
            counts[reason or "accepted"] += 1
            if reason is None:
                seen[identity] = content
        planted = {"accepted": file.accepted, "duplicates": file.planted.duplicates, **file.planted.refused}
        assert counts == Counter(planted), file.file


def test_every_kind_of_oddity_is_planted(landed: tuple[Path, synthetic.Manifest]) -> None:
    _, manifest = landed
    totals = manifest.totals()
    assert set(totals["refused"]) == set(Reason)  # type: ignore[call-overload]
    assert totals["repeated_files"] == 6
    assert {file.source for file in manifest.files if file.is_late} == {"vm_samples", "usage_records"}
    assert json.loads(json.dumps(manifest.as_dict()))["totals"] == totals
    suffixes = {Path(file.file).suffix for file in manifest.files if file.source == "usage_records"}
    assert suffixes == {".csv", ".ndjson"}
    assert {"_batch" in file.file for file in manifest.files if file.source == "cloudevents"} == {True, False}


def test_late_files_hold_just_what_the_days_lack(landed: tuple[Path, synthetic.Manifest]) -> None:
    landing, _ = landed
    truth = synthetic.samples(SMALL, SMALL.start, SMALL.end)
    files = sorted((landing / "vm_samples").glob("*.parquet"))
    late = pl.concat([pl.read_parquet(path) for path in files if path.name.startswith("late_")])
    punctual = pl.concat([pl.read_parquet(path) for path in files if not path.name.startswith("late_")])
    assert late.height > 500
    assert late.join(punctual, on=SAMPLE_KEY, how="semi").is_empty()
    assert late.join(truth, on=SAMPLE_KEY, how="anti").is_empty()
    # All that is missing in the end is the one sample that lost its timestamp.
    found = truth.join(pl.concat([punctual, late]).unique(SAMPLE_KEY), on=SAMPLE_KEY, how="semi")
    assert found.height == truth.height - 1


def landed_texts(landing: Path) -> list[str]:
    """Return all records that were landed as text, in an order of their own."""
    paths = [*(landing / "usage_records").iterdir(), *(landing / "cloudevents").iterdir()]
    return sorted(str(sorted(record.items(), key=str)) for path in paths for record in raw_records(path))


@pytest.mark.parametrize("number", PLANTED_DAYS.values(), ids=PLANTED_DAYS)
def test_a_day_landed_by_hours_holds_the_same(tmp_path: Path, number: int) -> None:
    day = SMALL.start + number * DAY
    whole = synthetic.land_day(SMALL, day, tmp_path / "day")
    hours = synthetic.Manifest()
    for hour in range(24):
        hours += synthetic.land_hour(SMALL, day + hour * HOUR, tmp_path / "hours")
    totals = {"files": 0}
    assert whole.totals() | totals == hours.totals() | totals
    rows = [
        pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / name / "vm_samples").iterdir())]).sort(pl.all())
        for name in ("day", "hours")
    ]
    assert_frame_equal(*rows)
    assert landed_texts(tmp_path / "day") == landed_texts(tmp_path / "hours")


def test_every_late_batch_is_late(landed: tuple[Path, synthetic.Manifest]) -> None:
    assert [batch.name for batch in synthetic.late_batches(WHOLE)] == ["tier", "promotion", "month_end", "issued"]
    for batch in synthetic.late_batches(WHOLE):
        assert all(part.end + HOUR <= batch.lands_at for part in batch.withheld), batch.name
    landing, manifest = landed
    late = {file.file: file.accepted for file in manifest.files if file.is_late}
    assert set(late) == {
        "vm_samples/late_tier.parquet",
        "usage_records/late_tier.csv",
        "vm_samples/late_promotion.parquet",
        "vm_samples/late_month_end.parquet",
        "vm_samples/late_issued.parquet",
    }
    assert all(count > 0 for count in late.values())
    assert all((landing / file).exists() for file in late)


def batch_named(name: str) -> synthetic.LateBatch:
    """Return a late batch of the whole cloud."""
    return next(batch for batch in synthetic.late_batches(WHOLE) if batch.name == name)


def test_late_nights_cross_the_tier(tmp_path: Path) -> None:
    batch = batch_named("tier")
    account_id = next(part.account_id for part in batch.withheld if part.source == "usage_records")
    total = Decimal(0)
    day = WHOLE.month_start
    while day < batch.lands_at:
        synthetic.land_day(WHOLE, day, tmp_path)
        day += DAY
    for path in (tmp_path / "usage_records").iterdir():
        mine = (record for record in raw_records(path) if record["account_id"] == account_id)
        total += sum(Decimal(record["quantity"] or "0") for record in mine if "resent" not in path.name)
    synthetic.land_late(WHOLE, tmp_path, "tier")
    late = sum(Decimal(row["quantity"]) for row in read_csv(tmp_path / "usage_records" / "late_tier.csv"))
    assert total < TIER_BOUND_GB < total + late


def test_late_hours_lie_inside_a_promotion_that_has_ended_since() -> None:
    batch = batch_named("promotion")
    (part,) = batch.withheld
    rows = synthetic.grants(WHOLE).filter(pl.col("account_id") == part.account_id, pl.col("kind") == "promotional")
    grant = rows.row(0, named=True)
    starts_at, ends_at = (datetime.fromisoformat(grant[name]) for name in ("effective_at", "expires_at"))
    assert starts_at <= part.start < part.end < ends_at < batch.lands_at


def test_one_late_file_crosses_the_month_in_two_zones() -> None:
    parts = batch_named("month_end").withheld
    zones = {row["account_id"]: row["time_zone"] for row in synthetic.accounts(WHOLE).iter_rows(named=True)}
    assert {zones[part.account_id] for part in parts} == {"Europe/Berlin", "Asia/Kolkata"}
    for part in parts:
        month_end = datetime(2026, 11, 1, tzinfo=ZoneInfo(zones[part.account_id]))
        assert part.start + timedelta(minutes=10) < month_end < part.end


def test_manifests_count_by_file() -> None:
    file = synthetic.LandedFile("vm_samples", "vm_samples/a.parquet", 60)
    copy = synthetic.LandedFile("vm_samples", "vm_samples/a_resent.parquet", 60, repeats="vm_samples/a.parquet")
    both = synthetic.Manifest((file,)) + synthetic.Manifest((copy,))
    counts = {"records": 60, "accepted": 60, "duplicates": 0, "refused": {}, "skipped": 60, "late": 0}
    assert both.totals() == {"files": 1, "repeated_files": 1, **counts}
    assert all(earlier.file < later.file for earlier, later in pairwise(both.files))
