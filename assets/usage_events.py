"""Usage events: what landed, judged and deduplicated (semantics 2)."""

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any

import dagster as dg
import polars as pl

from assets.corrected_events import apply_corrections
from assets.partitions import DAYS
from assets.shown import counts, failed_files, shown, table_if_any
from resources.facts import EPOCH, closed_until
from resources.file_rows import SCHEMA
from resources.ingest import judge_pending, most_copies, prepare, take_files
from resources.landing import landed_files
from resources.new_files import KnownFiles, choose
from resources.project import Project
from resources.project_source import ProjectSource
from resources.raw_files import shape_of
from resources.sources import sources
from resources.writer import Step, converge, run_of

REPORTED = ("records", "accepted", "late", "duplicates", "refused", "skipped")


def take_usage(project: Project, job: str) -> dict[str, Any]:
    """Take every landed file that was not taken yet, some a commit; then judge again what may pass by now.

    A file is tried once a run: one that somebody writes to all the time does not hold up the run.
    Returns the counts of records by outcome, and the files that could not be read with their reasons.
    """
    results: list[pl.DataFrame] = []
    tried: set[tuple[str, str]] = set()
    closed = cache(lambda run: closed_until(project.lake, run) or EPOCH)
    while not results or not results[-1].is_empty():
        project.progress(f"reading files: {sum(frame.height for frame in results)} done")
        results.append(converge(project.lake, "usage_events", job, partial(_take_next_files, project, tried, closed)))
        tried |= set(results[-1].select("source", "file").iter_rows())
    again = [
        converge(project.lake, "usage_events", job, partial(_judge_again, project, copy))
        for copy in range(1, most_copies(project.lake) + 1)
    ]
    corrected = apply_corrections(project, job)
    return _report(
        pl.concat(results), corrected, sum(changed.filter(pl.col("reason") == "accepted").height for changed in again)
    )


def _take_next_files(
    project: Project, tried: set[tuple[str, str]], closed: Callable[[int], datetime], step: Step
) -> pl.DataFrame:
    """Take the next new files of one source; returns their `ingested_files` rows, none when all were tried.

    `closed` tells up to when hours are closed as of a run: records of those are late.
    """
    known = KnownFiles(step.lake, step.run)
    for source in sources():
        landed = landed_files(project.settings.landing, source.name)
        files = [file for file in landed if not known.passes_over(file) and (file.source, file.name) not in tried]
        new = choose(files, known, partial(shape_of, step.lake))
        if new.readable or new.skipped or new.errors:
            prepare(step.lake, step.run, project.clock.now())
            return take_files(step, source, new, closed(step.run))
    return pl.DataFrame(schema=SCHEMA)


def _judge_again(project: Project, copy: int, step: Step) -> pl.DataFrame:
    reference_run = prepare(step.lake, step.run, project.clock.now())
    return judge_pending(step, copy, reference_run)


def _report(files: pl.DataFrame, corrected: int, accepted_again: int) -> dict[str, Any]:
    counts = {name: int(files[name].sum()) for name in REPORTED}
    failed = files.filter(pl.col("status") == "failed")
    return {
        **counts,
        "files": files.height,
        "accepted_on_second_look": accepted_again,
        "corrected": corrected,
        "failed_files": dict(zip(failed["source"] + "/" + failed["file"], failed["error"], strict=True)),
    }


@dg.asset(
    deps=["price_book", "accounts"], partitions_def=DAYS,
    group_name="metering", kinds={"duckdb", "parquet"}, owners=["team:operations"],
)  # fmt: skip
def usage_events(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]
) -> dg.MaterializeResult[Any]:
    """Every accepted record, once: what landed, judged and deduplicated. Refused records are kept with their reason."""
    with project.open() as opened:
        report = take_usage(opened, context.run.run_id)
        refused = opened.lake.frame("steps/ingest/refused_by_reason", {"run": run_of(opened.lake, context.run.run_id)})
        metadata = {**counts(report, LABELS), **table_if_any("refused by reason", refused), **failed_files(report)}
        return shown(context, project, opened, report, metadata)


LABELS = {
    "records taken": "records", "accepted": "accepted", "late": "late", "duplicate": "duplicates", "refused": "refused",
    "skipped": "skipped", "accepted on second look": "accepted_on_second_look", "corrected": "corrected", "files": "files",
}  # fmt: skip
