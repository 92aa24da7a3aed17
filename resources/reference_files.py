"""Landed files of reference data: accounts, subscriptions and grants (semantics 1).

What belongs here: finding and reading those files, and recording what became of them. What does not: judging their
rows (`reference.py`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from resources.landing import LandedFile, landed_files
from resources.reference import MENDS, take
from resources.writer import Step

# In this order: a subscription and a grant need their account.
KINDS_IN_ORDER: Final = ("accounts", "subscriptions", "grants")


def take_reference(step: Step, landing: Path) -> pl.DataFrame:
    """Take the new files of reference data; returns their `ingested_files` rows.

    A bad row is refused with its reason and the others are taken; a file that cannot be read is recorded as failed.
    """
    known = step.lake.frame("steps/ingest/known_files", {"run": step.run})
    seen = set(known.select("source", "file", "size", "modified_ns").iter_rows())
    results = []
    for kind in KINDS_IN_ORDER:
        files = landed_files(landing, kind)
        new = [file for file in files if (file.source, file.name, file.size, file.modified_ns) not in seen]
        if new:
            results += _take_kind(step, kind, new)
    rows = pl.DataFrame(results, schema=_FILE_SCHEMA)
    step.append("ingested_files", rows)
    return rows


_FILE_SCHEMA: Final = {
    "source": pl.String(), "file": pl.String(), "sha256": pl.String(), "size": pl.Int64(), "modified_ns": pl.Int64(),
    "status": pl.String(), "records": pl.Int64(), "accepted": pl.Int64(), "duplicates": pl.Int64(),
    "refused": pl.Int64(), "skipped": pl.Int64(), "late": pl.Int64(), "error": pl.String(),
}  # fmt: skip


def _take_kind(step: Step, kind: str, files: list[LandedFile]) -> list[dict[str, Any]]:
    """Read the files of one kind and judge their rows together: a later file may repeat an earlier one."""
    frames, results = [], []
    for file in files:
        described = {
            "source": kind, "file": file.name, "sha256": file.sha256(), "size": file.size,
            "modified_ns": file.modified_ns, "accepted": 0, "duplicates": 0, "refused": 0, "skipped": 0, "late": 0,
        }  # fmt: skip
        try:
            frame = _read(file)
        except (OSError, ValueError, pl.exceptions.PolarsError, yaml.YAMLError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            results.append({**described, "status": "failed", "records": 0, "error": reason})
            continue
        frames.append(frame.with_columns(file=pl.lit(file.name), row=pl.int_range(1, frame.height + 1)))
        results.append({**described, "status": "taken", "records": frame.height, "error": None})
    if frames:
        _take_rows(step, kind, pl.concat(frames, how="diagonal"), results)
    return results


def _take_rows(step: Step, kind: str, rows: pl.DataFrame, results: list[dict[str, Any]]) -> None:
    taken = take(step, kind, rows)
    refused = taken.refused.select("file", "row", "refusal").join(rows, on=["file", "row"], how="left")
    counts = dict(refused.group_by("file").len().iter_rows())
    for result in results:
        result["refused"] = counts.get(result["file"], 0)
        result["accepted"] = result["records"] - result["refused"]
    record = pl.struct(pl.exclude("file", "row", "refusal")).struct.json_encode()
    text = [pl.lit(None, pl.String).alias(name) for name in ("event_id", "timestamp", "service_id", "resource_id")]
    nothing = [pl.lit(None, pl.String).alias(name) for name in ("quantity", "amount", "dimensions")]
    reason = pl.col("refusal") + ": " + pl.col("refusal").replace_strict(MENDS, default="")
    step.append(
        "rejected_events",
        refused.select(
            *text, *nothing, "file", "row", source=pl.lit(kind), meter=pl.lit(""),
            account_id=pl.col("account_id") if "account_id" in rows.columns else pl.lit(None, pl.String),
            record=record, reason=reason,
        ),
    )  # fmt: skip


def _read(file: LandedFile) -> pl.DataFrame:
    reader = _READERS.get(file.path.suffix.lower())
    if reader is None:
        message = f"files of reference data end in {', '.join(_READERS)}"
        raise ValueError(message)
    if file.size == 0:
        message = "the file is empty; land it again with its rows"
        raise ValueError(message)
    return reader(file.path)


def _read_csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def _read_lines(path: Path) -> pl.DataFrame:
    return _of_records([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()])


def _read_yaml(path: Path) -> pl.DataFrame:
    # Every scalar stays the text that was written: amounts must not become floats.
    return _of_records(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))  # noqa: S506 - makes only text


def _of_records(records: object) -> pl.DataFrame:
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        message = "the file must hold a list of mappings"
        raise ValueError(message)
    names = list(dict.fromkeys(name for record in records for name in record))
    return pl.DataFrame(
        {name: [_as_text(record.get(name)) for record in records] for name in names}, schema=dict.fromkeys(names, pl.String)
    )


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return json.dumps(value) if isinstance(value, bool) else str(value)


_READERS: Final[dict[str, Callable[[Path], pl.DataFrame]]] = {
    ".csv": _read_csv, ".ndjson": _read_lines, ".jsonl": _read_lines, ".yaml": _read_yaml, ".yml": _read_yaml,
}  # fmt: skip
