"""Landed files of reference data: accounts, subscriptions, grants, corrections and alert rules (semantics 1).

What belongs here: which files are new, and recording what became of them and of their rows. What does not: reading
them (`reference_rows.py`) and judging their rows (`reference.py`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from resources.errors import UnreadableFileError
from resources.file_rows import SCHEMA, UNKNOWN_CONTENT, failed_rows, taken_rows
from resources.landing import LandedFile, landed_files
from resources.new_files import KnownFiles, NewFiles, choose
from resources.reference import take
from resources.reference_kinds import KINDS, MENDS
from resources.reference_rows import read_rows
from resources.writer import Step

# In this order: a subscription, a grant and an alert rule need their account.
KINDS_IN_ORDER: Final = ("accounts", "subscriptions", "grants", "corrections", "alert_rules")
NO_COUNTS: Final = pl.DataFrame(schema={"file": pl.String()})
CHANGED: Final = "it changed while it was read, or went away; the next run reads it again"


def take_reference(step: Step, landing: Path) -> pl.DataFrame:
    """Take the new files of reference data; returns their `ingested_files` rows.

    A bad row is refused with its reason and the others are taken; a file that cannot be read is recorded as failed. A
    subscription or grant whose account was not known is judged again.
    """
    known = KnownFiles(step.lake, step.run)
    pending = step.lake.frame("steps/reference/pending_rows", {"run": step.run})
    results = [pl.DataFrame(schema=SCHEMA)]
    new_accounts: pl.DataFrame | None = None
    for kind in KINDS_IN_ORDER:
        new = choose(_new(landed_files(landing, kind), known), known, _any_shape)
        frames, errors = _read(kind, new)
        rows = pl.concat([_pending(kind, pending), *frames.values()], how="diagonal")
        counts = NO_COUNTS
        if rows.height:
            judged = _take_rows(step, kind, rows, new_accounts)
            counts = _counts(judged)
            new_accounts = judged.filter("is_new") if kind == "accounts" else new_accounts
        files = [file for file in new.readable if file.name in frames]
        results += [new.unread_rows(), _failed(new, errors), taken_rows(files, new.sha256, counts)]
    rows = pl.concat(results)
    step.append("ingested_files", rows)
    return rows


def _any_shape(_file: LandedFile) -> None:
    """Files of reference data are read one by one: whatever their format, they need not be alike."""


def _new(files: Iterable[LandedFile], known: KnownFiles) -> list[LandedFile]:
    return [file for file in files if not known.passes_over(file)]


def _read(kind: str, new: NewFiles) -> tuple[dict[str, pl.DataFrame], dict[str, str]]:
    """The rows of files that could be read whole, and why the others could not, by name."""
    frames, errors = {}, {}
    for file in new.readable:
        try:
            frame = read_rows(file, list(KINDS[kind].columns))
        except UnreadableFileError as error:
            errors[file.name] = str(error)
        else:
            frames[file.name] = frame.with_columns(file=pl.lit(file.name), was_pending=pl.lit(value=False))
        if not file.is_unchanged(new.sha256[file.name]):
            frames.pop(file.name, None)
            errors[file.name] = CHANGED
    return frames, errors


def _failed(new: NewFiles, errors: Mapping[str, str]) -> pl.DataFrame:
    unknown = {name: UNKNOWN_CONTENT for name, error in errors.items() if error == CHANGED}
    return failed_rows(new.readable, {**new.sha256, **unknown}, errors)


def _pending(kind: str, pending: pl.DataFrame) -> pl.DataFrame:
    """Rows that wait for their account, in the columns of their kind, as they were written."""
    waiting = pending.filter(pl.col("source") == kind)
    text = pl.Struct(dict.fromkeys(KINDS[kind].columns, pl.String()))
    return waiting.select(
        pl.col("record").str.json_decode(text).struct.unnest(), "file", "row", "record", was_pending=pl.lit(value=True)
    )


def _take_rows(step: Step, kind: str, rows: pl.DataFrame, new_accounts: pl.DataFrame | None) -> pl.DataFrame:
    """Judge the rows, and record the refused ones as they came; returns them with `refusal` and `is_new`."""
    names = [name for name in KINDS[kind].columns if name in rows.columns]
    came = pl.struct(names).struct.json_encode()
    rows = rows.with_columns(record=pl.coalesce("record", came) if "record" in rows.columns else came)
    judged = take(step, kind, rows, new_accounts).judged
    reason = pl.col("refusal") + ": " + pl.col("refusal").replace_strict(MENDS, default="")
    outcome = pl.when(pl.col("refusal").is_null() & pl.col("was_pending")).then(pl.lit("accepted")).otherwise(reason)
    still_waits = pl.col("was_pending") & (pl.col("refusal") == "unknown_account").fill_null(value=False)
    told = judged.with_columns(reason=outcome).filter(pl.col("reason").is_not_null() & ~still_waits)
    nothing = ("event_id", "timestamp", "service_id", "resource_id", "quantity", "amount", "dimensions")
    step.append(
        "rejected_events",
        told.select(
            *(pl.lit(None, pl.String).alias(name) for name in nothing),
            "file", "row", "account_id", "record", "reason", source=pl.lit(kind), meter=pl.lit(""),
        ),
    )  # fmt: skip
    return judged.filter(~pl.col("was_pending"))


def _counts(judged: pl.DataFrame) -> pl.DataFrame:
    refused = pl.col("refusal").is_not_null()
    counted = judged.group_by("file").agg(
        records=pl.len(),
        accepted=pl.col("is_new").sum(),
        refused=refused.sum(),
        duplicates=(~refused & ~pl.col("is_new")).sum(),
    )
    return counted.with_columns(pl.exclude("file").cast(pl.Int64))
