"""Landed files become usage events and refusals: judging, deduplicating, counting, all in SQL (semantics 2).

What belongs here: the order of those statements for a batch of files. What does not: where files lie (`landing.py`),
formats (`raw_files.py`), the run and the asset (`assets/usage_events.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from rating.metering import compile_meters
from resources.catalogs import quoted
from resources.file_rows import UNKNOWN_CONTENT, failed_rows, taken_rows
from resources.lake import Lake, Parameters
from resources.landing import LandedFile, Recheck
from resources.new_files import NewFiles
from resources.price_books import books_as_of
from resources.raw_files import UNREADABLE, define_macros, open_files, read_from, reason_of
from resources.sources import Source
from resources.writer import Step, reference_mark

# A record may be stamped this much after its ingest: clocks differ (semantics 2).
FUTURE_TOLERANCE = timedelta(minutes=5)
# Rows that need a second look are read once more: not worth it where they are more than this part of all.
MOST_UNUSUAL = 0.2
# So many hashes are sorted at once; twice as many numbers are held meanwhile.
MOST_HASHES = 16_000_000
CHANGED = "it changed while it was read, or went away; the next run reads it again"


def prepare(lake: Lake, run: int, now: datetime) -> int:
    """Make the tables that the judge looks into as of a run: accounts, meters, and the latest timestamp.

    Those of the reference data are made again only when there is some that is new. Returns the run with which the newest
    accounts or meters came.
    """
    define_macros(lake)
    lake.run_statement("steps/ingest/latest_timestamp", {"latest": now + FUTURE_TOLERANCE})
    mark = reference_mark(lake, run)
    known_mark, reference_run = lake.memo.get("judge", (None, 0))
    if known_mark == mark:
        return int(reference_run)
    lake.run_statement("steps/ingest/known_accounts", {"run": run})
    meters = compile_meters(books_as_of(lake, run)).select("meter", "allow_negative", "value")
    with lake.registered(meters_to_know=meters):
        lake.run_statement("steps/ingest/known_meters")
    reference_run = int(lake.value("steps/ingest/reference_run", {"run": run}))
    lake.memo["judge"] = (mark, reference_run)
    return reference_run


def take_files(step: Step, source: Source, new: NewFiles, closed_until: datetime) -> pl.DataFrame:
    """Judge the records of new files and stage the accepted ones; returns rows of `ingested_files`.

    A file that cannot be read whole is recorded as failed, and the others are taken; so is a file that changed while it
    was read, which is tried again by the next run.
    """
    rows = pl.concat([new.unread_rows(), *_take_readable(step, source, new, closed_until)])
    step.append("ingested_files", rows)
    return rows


def _take_readable(step: Step, source: Source, new: NewFiles, closed_until: datetime) -> tuple[pl.DataFrame, ...]:
    errors: dict[str, str] = {}
    sha256 = dict(new.sha256)
    files = new.readable
    while files:
        staged, inlined = len(step.staged), len(step.inlined)
        failure: Exception | None = None
        counts = pl.DataFrame()
        with Recheck(files, new.sha256) as recheck:
            try:
                counts = _stage(step, source, files, closed_until, recheck)
            except UNREADABLE as error:
                failure = error
            changed = recheck.changed()
        if failure is None and not changed:
            return taken_rows(files, sha256, counts), failed_rows(new.readable, sha256, errors)
        reasons = dict.fromkeys(changed, CHANGED)
        if failure is not None:
            reasons |= _find_unreadable(step.lake, source, [file for file in files if file.name not in changed])
        if failure is not None and not reasons:
            raise failure
        sha256 |= dict.fromkeys(changed, UNKNOWN_CONTENT)
        errors |= reasons
        _forget_since(step, staged, inlined)
        files = [file for file in files if file.name not in errors]
    return (failed_rows(new.readable, sha256, errors),)


def _forget_since(step: Step, staged: int, inlined: int) -> None:
    for file in step.staged[staged:]:
        file.path.unlink(missing_ok=True)
    del step.staged[staged:]
    del step.inlined[inlined:]


def _find_unreadable(lake: Lake, source: Source, files: Sequence[LandedFile]) -> dict[str, str]:
    """Read each file by itself, to name those that fail. Only runs when files failed together."""
    reasons = {}
    for file in files:
        try:
            open_files(lake, source, [file])
            lake.run_statement("steps/ingest/read_all").fetchall()
        except UNREADABLE as error:
            reasons[file.name] = reason_of(error)
    return reasons


def _stage(
    step: Step, source: Source, files: Sequence[LandedFile], closed_until: datetime, recheck: Recheck
) -> pl.DataFrame:
    lake = step.lake
    open_files(lake, source, files)
    judge(step, source.name)
    are_few_left = _stage_usual(step, source)
    if are_few_left:
        recheck.begin()
    if are_few_left and not lake.value("steps/ingest/rows_left"):
        lake.run_statement("steps/ingest/nothing_set_aside")
    else:
        _stage_accepted(step)
        step.append_statement("rejected_events", "steps/ingest/rejected", {"source": source.name})
    step.append("ingested_hours", lake.frame("steps/ingest/hours_accepted", {"source": source.name}))
    return lake.frame("steps/ingest/file_results", {"closed_until": closed_until})


def judge(step: Step, source: str | None) -> None:
    """Judge what `yielded` holds, and find the identities that come twice: `judgements`, `counted`, `repeated_hashes`.

    The records are of one source, or of several (None).
    """
    lake = step.lake
    for name in ("unknown_accounts", "judged", "judgements", "counted"):
        lake.run_statement(f"steps/ingest/{name}")
    lake.run_statement("steps/ingest/shared_hours", {"run": step.run, "source": source})
    shared = lake.connection.execute("select count(*) from shared_hours").fetchone() != (0,)
    name = "standing_copies" if shared else "no_standing_copies"
    lake.run_statement(f"steps/ingest/{name}", {"run": step.run} if shared else {})
    (records,) = lake.connection.execute("select count(*) from judgements").fetchone() or (0,)
    parts = 1 + records // MOST_HASHES
    repeated = [_repeated(lake, {"parts": parts, "part": part}) for part in range(parts)]
    with lake.registered(repeated_in_batch=pl.concat(repeated)):
        lake.run_statement("steps/ingest/repeated_hashes")


def _repeated(lake: Lake, part: Parameters) -> pl.DataFrame:
    """The hashes that come twice: sorting 12 million numbers takes a quarter of the time of grouping them in SQL."""
    ordered = lake.frame("steps/ingest/identity_hashes", part).select(pl.col("identity_hash").sort())
    return ordered.filter(pl.col("identity_hash") == pl.col("identity_hash").shift(1)).unique()


def _stage_usual(step: Step, source: Source) -> bool:
    """Stage the records that need no second look: accepted, alone with their identity, of the days that most are of.

    They are nearly all, and go straight into one file a day. `landed` and `yielded` then hold the other rows only, in
    memory: refused, repeated, or of other days. Where those are many (a file of a whole year), none are staged here, and
    it returns False: the files are still to be read.
    """
    lake = step.lake
    for name in ("usual_hours", "unusual_rows"):
        lake.run_statement(f"steps/ingest/{name}")
    lake.run_statement("steps/ingest/forget_judgements")
    usual = lake.connection.execute("select day, sum(records) from usual_hours group by day order by day").fetchall()
    unusual = lake.connection.execute("select count(*) from unusual_rows").fetchone() or (0,)
    if unusual[0] >= MOST_UNUSUAL * sum(records for _, records in usual):
        return False
    for name in ("landed_usual", "landed_unusual"):
        lake.run_statement(f"steps/ingest/{name}")
    _make_types(lake, source)
    read_from(lake, source, "landed_usual")
    for day, _ in usual:
        step.append_of_day("usage_events", "steps/ingest/usual_events", day)
    lake.run_statement("steps/ingest/landed_rest")
    read_from(lake, source, "landed")
    return True


def _make_types(lake: Lake, source: Source) -> None:
    """Make the types that `usual_events` casts texts to.

    A text that is the same in all records is an enum of one value: it becomes the same Parquet column of text, without
    looking up each value in a dictionary, and with four such columns the file takes a fifth less time.
    """
    texts = lake.frame("steps/ingest/usual_texts").row(0, named=True)
    for name, value in {"source": source.name, **texts}.items():
        # A text of SQL ends at a NUL.
        kind = "varchar" if value is None or "\0" in value else f"enum ('{quoted(value)}')"
        lake.connection.execute(f"create or replace temp type usual_{name} as {kind}")


def _stage_accepted(step: Step) -> None:
    """Tell first records from copies in what `yielded` holds (`set_aside`), and stage those that are accepted."""
    step.lake.run_statement("steps/ingest/set_aside")
    clean = step.lake.connection.execute("select count(*) from set_aside").fetchone() == (0,)
    step.append_statement("usage_events", f"steps/ingest/accepted_events{'' if clean else '_but'}")


def judge_pending(step: Step, copy: int, reference_run: int) -> pl.DataFrame:
    """Judge again what was refused for a reason that can pass; returns the rows whose outcome changed.

    What lacked its account or its meter is judged again where newer ones came, with `reference_run`, than it was judged by.
    Of records at one place of a file that was replaced under its name, the `copy`-th is judged: each in a commit of its
    own, from 1 to `most_copies`.
    """
    lake = step.lake
    parameters = {"run": step.run, "reference_run": reference_run, "copy": copy}
    lake.run_statement("steps/ingest/pending", parameters)
    if lake.connection.execute("select count(*) from pending").fetchone() == (0,):
        return lake.connection.execute("select * exclude (run) from pending").pl()
    for name in ("yielded_pending", "pending_names"):
        lake.run_statement(f"steps/ingest/{name}")
    judge(step, None)
    _stage_accepted(step)
    step.append("ingested_hours", lake.frame("steps/ingest/hours_accepted", {"source": "pending"}))
    again = lake.frame("steps/ingest/judged_again")
    step.append("rejected_events", again)
    return again


def most_copies(lake: Lake) -> int:
    """How many refused records there are at most at one place of one file."""
    return int(lake.value("steps/ingest/most_copies") or 0)
