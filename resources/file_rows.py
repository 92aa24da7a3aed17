"""Rows of `ingested_files`: what became of each landed file.

What belongs here: those rows. What does not: deciding what becomes of a file (`new_files.py`, `ingest.py`,
`reference_files.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from resources.landing import LandedFile

COUNTS: Final = ("records", "accepted", "duplicates", "refused", "skipped", "late")
SCHEMA: Final = {
    "source": pl.String(), "file": pl.String(), "sha256": pl.String(), "size": pl.Int64(), "modified_ns": pl.Int64(),
    "status": pl.String(), **dict.fromkeys(COUNTS, pl.Int64()), "error": pl.String(),
}  # fmt: skip
# In place of the hash of a file that could not be read, or changed meanwhile: it is tried again by the next run.
UNKNOWN_CONTENT: Final = ""


def taken_rows(files: Sequence[LandedFile], sha256: Mapping[str, str], counts: pl.DataFrame) -> pl.DataFrame:
    """Files that were taken, with their counts by `file`; one that `counts` lacks held no record."""
    described = _described(files, sha256).with_columns(status=pl.lit("taken"), error=pl.lit(None, pl.String))
    counted = described.join(counts, on="file", how="left", maintain_order="left")
    missing = [pl.lit(0, pl.Int64).alias(name) for name in COUNTS if name not in counts.columns]
    return counted.with_columns(missing).with_columns(pl.col(COUNTS).fill_null(0)).select(list(SCHEMA))


def failed_rows(files: Sequence[LandedFile], sha256: Mapping[str, str], errors: Mapping[str, str]) -> pl.DataFrame:
    """Files that were not taken, each with its error; nothing is counted."""
    failed = [file for file in files if file.name in errors]
    return _described(failed, sha256).with_columns(
        *(pl.lit(0, pl.Int64).alias(name) for name in COUNTS),
        status=pl.lit("failed"),
        error=pl.Series([errors[file.name] for file in failed], dtype=pl.String),
    ).select(list(SCHEMA))  # fmt: skip


def skipped_rows(repeated: Sequence[tuple[LandedFile, str, int]]) -> pl.DataFrame:
    """Files whose content was taken before: (file, sha256, records it held)."""
    sha256 = {file.name: content for file, content, _ in repeated}
    records = pl.Series([count for _, _, count in repeated], dtype=pl.Int64)
    zeros = {name: pl.lit(0, pl.Int64) for name in COUNTS}
    return _described([file for file, _, _ in repeated], sha256).with_columns(
        **{**zeros, "records": records, "skipped": records}, status=pl.lit("taken"), error=pl.lit(None, pl.String)
    ).select(list(SCHEMA))  # fmt: skip


def _described(files: Sequence[LandedFile], sha256: Mapping[str, str]) -> pl.DataFrame:
    rows = [(file.source, file.name, sha256[file.name], file.size, file.modified_ns) for file in files]
    names = ("source", "file", "sha256", "size", "modified_ns")
    return pl.DataFrame(rows, schema={name: SCHEMA[name] for name in names}, orient="row")
