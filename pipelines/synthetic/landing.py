"""The files: what collectors and staff put into the landing folder, a day, an hour or a late batch at a time.

Here belongs the form of each file and how it appears: written beside its place under a name that starts with a dot,
then renamed, so that nobody ever sees half of it. What stands in the files is decided elsewhere.
"""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from pipelines.synthetic.cloud import DAY, HOUR, Cloud
from pipelines.synthetic.lateness import SAMPLES, LateBatch, Withheld, late_batches
from pipelines.synthetic.manifest import LandedFile, Manifest, Planted
from pipelines.synthetic.oddities import GAUGES_PER_ROW, landed_records, landed_samples
from pipelines.synthetic.records import NIGHTLY, OBJECT_STORE, Record, records_between
from pipelines.synthetic.reference import accounts, grants, subscriptions
from pipelines.synthetic.samples import samples

ROW_GROUP_ROWS = 20_000
BATCH_EVENTS = 20
_RESENT_DAYS = (6, 15)  # counted from the cloud's first


def land_reference(cloud: Cloud, landing_dir: Path) -> Manifest:
    """Land accounts, subscriptions and grants, a CSV file each."""
    frames = {"accounts": accounts(cloud), "subscriptions": subscriptions(cloud), "grants": grants(cloud)}
    for name, frame in frames.items():
        _write(landing_dir / name / f"{name}.csv", frame.write_csv)
    return Manifest.of(LandedFile(name, f"{name}/{name}.csv", frame.height) for name, frame in frames.items())


def land_day(cloud: Cloud, day: datetime, landing_dir: Path) -> Manifest:
    """Land the files of the day that begins at `day` (midnight UTC), without what comes late."""
    landed = _land(cloud, day, day + DAY, f"{day:%Y-%m-%d}", landing_dir)
    if (day - cloud.start) // DAY not in _RESENT_DAYS:
        return landed
    return landed + Manifest(tuple(_land_again(file, landing_dir) for file in landed.files))


def land_hour(cloud: Cloud, hour: datetime, landing_dir: Path) -> Manifest:
    """Land the files of one hour, without what comes late. All hours of a day hold what `land_day` would land."""
    return _land(cloud, hour, hour + HOUR, f"{hour:%Y-%m-%dT%H}", landing_dir)


def land_late(cloud: Cloud, landing_dir: Path, which: str) -> Manifest:
    """Land one of the cloud's `late_batches`, by name; it is meant to come at its `lands_at`."""
    batch = next(batch for batch in late_batches(cloud) if batch.name == which)
    return Manifest.of([_land_late_samples(cloud, batch, landing_dir), _land_late_records(cloud, batch, landing_dir)])


def _land(cloud: Cloud, start: datetime, end: datetime, label: str, landing_dir: Path) -> Manifest:
    rows, planted = landed_samples(cloud, start, end)
    day_number = (start - cloud.start) // DAY
    nightly = landed_records(cloud, NIGHTLY, start, end)
    objects = landed_records(cloud, OBJECT_STORE, start, end)
    # Two days of three the records come as CSV; every other day the events come in batches.
    records_file = f"{NIGHTLY}/{label}.{'ndjson' if day_number % 3 == 2 else 'csv'}"  # noqa: PLR2004 - every third day
    events_file = f"{OBJECT_STORE}/{label}{'_batch' if day_number % 2 == 1 else ''}.ndjson"
    return Manifest.of(
        [
            _land_samples(rows, planted, f"{SAMPLES}/{label}.parquet", landing_dir),
            _land_records(*nightly, records_file, landing_dir),
            _land_records(*objects, events_file, landing_dir),
        ]
    )


def _land_samples(rows: pl.DataFrame, planted: Planted, file: str, landing_dir: Path) -> LandedFile | None:
    if rows.is_empty():
        return None
    whole = rows.rechunk()
    _write(
        landing_dir / file,
        lambda path: whole.write_parquet(path, compression="zstd", compression_level=3, row_group_size=ROW_GROUP_ROWS),
    )
    return LandedFile(SAMPLES, file, rows.height * GAUGES_PER_ROW, planted)


def _land_records(records: list[Record], planted: Planted, file: str, landing_dir: Path) -> LandedFile | None:
    if not records:
        return None
    source = records[0].source
    if file.endswith(".csv"):
        text = _as_csv(records)
    elif source == NIGHTLY:
        text = _as_lines([_as_native(record) for record in records])
    else:
        text = _as_events(records, is_batched=file.endswith("_batch.ndjson"))
    _write(landing_dir / file, lambda path: path.write_text(text, encoding="utf-8", newline=""))
    return LandedFile(source, file, len(records), planted)


def _land_again(file: LandedFile, landing_dir: Path) -> LandedFile:
    """Land a file once more, the same bytes under another name that comes after its own."""
    original = landing_dir / file.file
    copy = original.with_name(f"{original.stem}_resent{original.suffix}")
    _write(copy, lambda path: shutil.copyfile(original, path))
    return LandedFile(file.source, f"{file.source}/{copy.name}", file.records, file.planted, repeats=file.file)


def _land_late_samples(cloud: Cloud, batch: LateBatch, landing_dir: Path) -> LandedFile | None:
    parts = [_withheld_rows(cloud, part) for part in batch.withheld if part.source == SAMPLES]
    if not parts:
        return None
    file = _land_samples(pl.concat(parts), Planted(), f"{SAMPLES}/late_{batch.name}.parquet", landing_dir)
    return file and LandedFile(file.source, file.file, file.records, is_late=True)


def _withheld_rows(cloud: Cloud, part: Withheld) -> pl.DataFrame:
    return samples(cloud, part.start, part.end).filter(pl.col("account_id") == part.account_id)


def _land_late_records(cloud: Cloud, batch: LateBatch, landing_dir: Path) -> LandedFile | None:
    records = [
        timed.record
        for part in batch.withheld
        for timed in records_between(cloud, NIGHTLY, part.start, part.end)
        if part.holds(timed)
    ]
    file = _land_records(records, Planted(), f"{NIGHTLY}/late_{batch.name}.csv", landing_dir)
    return file and LandedFile(file.source, file.file, file.records, is_late=True)


def _as_native(record: Record) -> dict[str, object]:
    """Return the record with its dimensions as a JSON object and without what it lacks."""
    columns = {name: value for name, value in vars(record).items() if name != "source" and value is not None}
    return columns | {"dimensions": json.loads(record.dimensions)}


def _as_csv(records: list[Record]) -> str:
    return pl.DataFrame([vars(record) for record in records]).drop("source").write_csv()


def _as_event(record: Record) -> dict[str, object]:
    """Return the record as one CloudEvent 1.0."""
    event = {
        "specversion": "1.0",
        "id": record.event_id,
        "source": "/object-store/eu-central-1",
        "type": "meterbook.usage",
        "subject": record.account_id,
        "time": record.timestamp,
        "datacontenttype": "application/json",
    }
    native = _as_native(record)
    data = {name: native[name] for name in ("resource_id", "meter", "quantity", "dimensions") if name in native}
    return {name: value for name, value in event.items() if value is not None} | {"data": data}


def _as_events(records: list[Record], *, is_batched: bool) -> str:
    """Write CloudEvents as JSON lines: an event a line, or an array of events a line."""
    events = [_as_event(record) for record in records]
    if not is_batched:
        return _as_lines(events)
    return _as_lines([events[first : first + BATCH_EVENTS] for first in range(0, len(events), BATCH_EVENTS)])


def _as_lines(values: list[dict[str, object]] | list[list[dict[str, object]]]) -> str:
    return "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Let a file appear whole: written under a name that no source takes, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    write(unfinished)
    unfinished.replace(path)
