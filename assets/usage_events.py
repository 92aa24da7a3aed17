"""Usage events: what landed, judged and deduplicated (semantics 2)."""

from typing import Any

import dagster as dg
import polars as pl

from assets.partitions import CATCH_UP, DAYS
from assets.shown import counts, failed_files, shown, table
from rating.metering import compile_meters
from resources.facts import EPOCH, closed_until
from resources.ingest import Batch, KnownFiles, batches, judge_pending, prepare, skipped_rows, take_batch
from resources.landing import LandedFile, landed_files
from resources.price_books import books_as_of
from resources.project import Project
from resources.project_source import ProjectSource
from resources.raw_files import sources
from resources.writer import Step, converge, run_of

REPORTED = ("records", "accepted", "late", "duplicates", "refused", "skipped")


def take_usage(project: Project, job: str) -> dict[str, Any]:
    """Take every landed file that was not taken yet, a batch a commit; then judge again what may pass by now.

    Returns the counts of records by outcome, and the files that could not be read with their reasons.
    """
    results = []
    while not results or not results[-1].is_empty():
        results.append(converge(project.lake, "usage_events", job, lambda step: _take_next_batch(project, step)))
    again = converge(project.lake, "usage_events", job, lambda step: _judge_again(project, step))
    return _report(pl.concat(results, how="vertical_relaxed"), again)


def _take_next_batch(project: Project, step: Step) -> pl.DataFrame:
    """Take the first batch of new files; returns the `ingested_files` rows, none when all was taken."""
    found, skipped = _new_batches(project, step)
    step.append("ingested_files", skipped)
    if not found:
        return skipped
    _prepare(project, step)
    taken = take_batch(step, found[0], closed_until(step.lake, step.run) or EPOCH)
    return pl.concat([skipped, taken.select(skipped.columns)], how="vertical_relaxed")


def _new_batches(project: Project, step: Step) -> tuple[list[Batch], pl.DataFrame]:
    known = KnownFiles(step.lake, step.run)
    found: list[Batch] = []
    skipped = []
    for source in sources():
        files = [file for file in landed_files(project.settings.landing, source.name) if not known.passes_over(file)]
        readable, repeated, sha256 = _tell_repeats(files, known)
        skipped.append(skipped_rows(source, repeated))
        found += batches(source, readable, sha256)
    return found, pl.concat(skipped)


def _tell_repeats(
    files: list[LandedFile], known: KnownFiles
) -> tuple[list[LandedFile], list[tuple[LandedFile, str, int]], dict[str, str]]:
    """Set aside files whose content was taken before, or comes earlier in this list."""
    readable, repeated, sha256 = [], [], {}
    seen: set[str] = set()
    for file in files:
        content = sha256[file.name] = file.sha256()
        records = known.records_taken(file, content)
        if records is not None:
            repeated.append((file, content, records))
        elif content not in seen and not known.has_failed(file, content):
            readable.append(file)
        seen.add(content)
    return readable, repeated, sha256


def _prepare(project: Project, step: Step) -> None:
    meters = compile_meters(books_as_of(step.lake, step.run)).select("meter", "allow_negative")
    prepare(step.lake, step.run, meters, project.clock.now())


def _judge_again(project: Project, step: Step) -> pl.DataFrame:
    _prepare(project, step)
    return judge_pending(step, reference_moved=True)


def _report(files: pl.DataFrame, again: pl.DataFrame) -> dict[str, Any]:
    counts = {name: int(files[name].sum()) for name in REPORTED}
    failed = files.filter(pl.col("status") == "failed")
    accepted_again = again.filter(pl.col("reason") == "accepted").height
    return {
        **counts,
        "files": files.height,
        "accepted_on_second_look": accepted_again,
        "failed_files": dict(zip(failed["source"] + "/" + failed["file"], failed["error"], strict=True)),
    }


@dg.asset(
    deps=["price_book", "accounts"], partitions_def=DAYS, backfill_policy=CATCH_UP,
    group_name="metering", kinds={"duckdb", "parquet"}, owners=["team:operations"],
)  # fmt: skip
def usage_events(context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]) -> dg.MaterializeResult[Any]:
    """Every accepted record, once: what landed, judged and deduplicated. Refused records are kept with their reason."""
    with project.open() as opened:
        report = take_usage(opened, context.run.run_id)
        refused = opened.lake.frame("steps/ingest/refused_by_reason", {"run": run_of(opened.lake, context.run.run_id)})
        metadata = {**counts(report, LABELS), "refused by reason": table(refused), **failed_files(report)}
        return shown(opened, context.run.run_id, report, metadata)


LABELS = {
    "records taken": "records", "accepted": "accepted", "late": "late", "duplicate": "duplicates", "refused": "refused",
    "skipped": "skipped", "accepted on second look": "accepted_on_second_look", "files": "files",
}  # fmt: skip
