"""How the lake is written: a step computes and stages without a lock, then commits under it (design 3).

What belongs here: runs, steps and their commits. What does not: what a step computes (`assets/`).

A run is one job (or one command) and its number, drawn under the lock. The rule that keeps the books a function of the
facts, whoever writes at once: a step of run N reads rows of runs up to N, and commits only if, under the lock,

- no step at or after it in the order below has committed for a later run (else the run takes a new number), and
- the steps up to it have committed nothing for runs up to N since it began to read (else it computes again).

So in each table the runs rise with the commits, and what is newer than a step's head is what it has not seen.
"""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import duckdb
import polars as pl

from resources.catalogs import POSTGRES
from resources.errors import LakeError
from resources.lake import INLINE_ROWS, Lake, Parameters
from resources.lock import writer_lock
from resources.staging import Staged, StagedFile, stage_day, stage_frame, stage_statement

# What throws caches away (`rebuild.py`): whatever a run computed from them before is out of date.
REBUILD = "rebuild"
# Deliveries of alerts are facts about what was sent, which no step reads: in front, they overtake nothing.
STEPS = (
    REBUILD,
    "deliveries",
    "reference",
    "usage_events",
    "corrections",
    "usage_hourly",
    "charges",
    "ledger_entries",
    "alerts",
    "invoices",
    "drafts",
)
# Steps with caches: after a rebuild they compute from the first record on.
CACHED_STEPS = ("usage_hourly", "charges", "ledger_entries", "alerts")
# Steps that only add facts: when there is nothing to add, there is nothing to commit.
FACT_STEPS = ("reference", "usage_events")
# Nor for alerts: where nothing is watched, or nothing moved, no hour has to wait for a commit that says so.
IDLE_STEPS = (*FACT_STEPS, "alerts")
# What lots settle depends on what documents state, and documents on what lots settled: neither may miss the other, whichever
# has the smaller run.
ALSO_READ = {"ledger_entries": ("invoices",)}
ALSO_OVERTAKES = {"invoices": ("ledger_entries",)}
# The last step of an hourly run: when it commits, the books of that run are whole, and the views show them.
LAST_STEP = "ledger_entries"
# How often a step computes without the lock before it takes the lock first. Facts are quick to take in, and whoever adds
# one (a top-up every 0.1 s) is before a run that takes files of them; what is derived is slow, and has no such rival.
ATTEMPTS = {"reference": 3}
ATTEMPTS_OF_OTHERS = 50

Result = TypeVar("Result")


class MovedError(Exception):
    """Another writer was there first: what was computed is out of date (never leaves this module)."""


class OvertakenError(MovedError):
    """The same, and the step's run is behind what stands: it takes a new number."""


NOT_CONFIRMED = (
    "the catalog's server did not confirm the commit: another writer was first, or the connection was ended; run again, and "
    "for what was added by command look first whether it is there ({error})"
)
LOST_LOCK = (
    "another writer wrote although we had the writer's lock: the server ended the connection that held it; nothing was "
    "written, run again"
)


@dataclass
class Step:
    """One step of one run while it computes: what it may read, and what it is going to append.

    Attributes:
        run: the number of the run; only rows with a run up to it are read.
        head: the run of this step's last commit; inputs with a later run are new to it. 0 before the first, and when its
            caches were thrown away since.
        posted: the run of this step's last commit, whatever became of the caches: what it appended for inputs up to it
            are facts, and stand.
        new_reference: the newest run that any reference data was committed for.
    """

    lake: Lake
    name: str
    run: int
    head: int
    posted: int
    seen: int
    complete_run: int
    new_reference: int
    staged: list[StagedFile] = field(default_factory=list)
    inlined: list[tuple[str, pl.DataFrame]] = field(default_factory=list)
    deletions: list[tuple[str, Parameters]] = field(default_factory=list)
    # What was asked of the lake and may be asked again: a derived step computes from one snapshot.
    memo: dict[Hashable, Any] = field(default_factory=dict)

    def bounds(self) -> dict[str, int]:
        """The parameters that every reading statement takes."""
        return {"run": self.run, "head": self.head}

    def bounds_of_facts(self) -> dict[str, int]:
        """The same for what this step posts once for each input, which no rebuild takes back."""
        return {"run": self.run, "head": self.posted}

    @property
    def is_rebuilding(self) -> bool:
        """Whether the caches of this step were thrown away, while what it appended to facts stands."""
        return self.head < self.posted

    @property
    def has_new_reference(self) -> bool:
        """Whether reference data may be newer than the head: in most runs none is, and nobody has to ask which."""
        return self.new_reference > self.head

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Append the rows of a frame (the table's columns without `run`) with the commit."""
        if frame.height > INLINE_ROWS:
            self._add(stage_frame(self.lake, table, frame, self.run))
        elif frame.height:
            self.inlined.append((table, frame))

    def append_statement(self, table: str, name: str, parameters: Parameters | None = None) -> int:
        """Append what `sql/<name>.sql` selects (the table's columns without `run`) with the commit; returns the rows."""
        return self._add(stage_statement(self.lake, table, name, parameters or {}, self.run))

    def append_of_day(self, table: str, name: str, day: datetime) -> int:
        """The same for the rows of the UTC day that begins at `$day`."""
        return self._add(stage_day(self.lake, table, name, self.run, day))

    def _add(self, staged: Staged) -> int:
        self.staged += staged.files
        if staged.files:
            self.lake.watch(self.name, "staged")
        return staged.rows

    @property
    def adds_nothing(self) -> bool:
        """Whether a commit would change nothing but the step's head."""
        return not (self.staged or self.inlined or self.deletions)

    def delete(self, name: str, parameters: Parameters | None = None) -> None:
        """Run the deleting statement `sql/<name>.sql` with the commit, before the appends. For caches only."""
        self.deletions.append((name, parameters or {}))

    def discard(self) -> None:
        """Forget what was staged, and is not committed.

        A process that is told to end (Ctrl-C) while it commits may have committed: then files that nobody names are left
        to upkeep, as after a kill.
        """
        for file in self.staged:
            file.path.unlink(missing_ok=True)


def begin_run(lake: Lake, job: str, command: str) -> int:
    """Draw the next run for a job. Its steps find it again with `run_of`."""
    with writer_lock(lake):
        return _draw_now(lake, job, command)


def _draw_now(lake: Lake, job: str, command: str) -> int:
    """Draw a run in a commit of its own; the lock is held."""
    with transaction(lake):
        run = _draw(lake, job, command)
    lake.memo["run", job] = run
    return run


def _draw(lake: Lake, job: str, command: str) -> int:
    run = _next_run(lake)
    _insert_run(lake, run, job, command)
    return run


def _insert_run(lake: Lake, run: int, job: str, command: str) -> None:
    lake.run_statement("steps/writer/insert_run", {"run": run, "job": job, "command": command})


def run_of(lake: Lake, job: str) -> int | None:
    """The run that the job last drew."""
    if ("run", job) in lake.memo:
        return int(lake.memo["run", job])
    found = lake.value("steps/writer/run_of_job", {"job": job})
    return None if found is None else int(found)


def converge(lake: Lake, name: str, job: str, work: Callable[[Step], Result]) -> Result:
    """Let `work` compute and stage for a step of the job's run, commit, and return what `work` returned.

    If another writer moved meanwhile, what was staged is thrown away and `work` is called again, after some times under
    the lock, so that it comes to an end whoever else writes.
    """
    with lake.reopening():
        return _converge(lake, name, job, work)


def _converge(lake: Lake, name: str, job: str, work: Callable[[Step], Result]) -> Result:
    for _ in range(ATTEMPTS.get(name, ATTEMPTS_OF_OTHERS)):
        run = run_of(lake, job) or begin_run(lake, job, name)
        step, result = _compute(lake, name, run, work, from_one_snapshot=name not in FACT_STEPS)
        if step.adds_nothing and name in IDLE_STEPS:
            return result
        try:
            with writer_lock(lake):
                _commit_or_draw(lake, step, job)
        except MovedError:
            step.discard()
            continue
        except Exception:
            step.discard()
            raise
        return result
    return _converge_under_lock(lake, name, job, work)


def _converge_under_lock(lake: Lake, name: str, job: str, work: Callable[[Step], Result]) -> Result:
    with writer_lock(lake):
        run = _draw_now(lake, job, name)
        step, result = _compute(lake, name, run, work, from_one_snapshot=name not in FACT_STEPS)
        if not (step.adds_nothing and name in IDLE_STEPS):
            _commit_alone(lake, step)
        return result


def _commit_alone(lake: Lake, step: Step, draw: str | None = None) -> None:
    """Commit what was computed under the lock: nobody else may have moved.

    Raises:
        LakeError: somebody has, so the lock was lost.
    """
    try:
        _commit(lake, step, draw)
    except MovedError as error:
        step.discard()
        raise LakeError(LOST_LOCK) from error
    except Exception:
        step.discard()
        raise


def _commit_or_draw(lake: Lake, step: Step, job: str) -> None:
    """Commit, or draw a new run for the job if this one's is behind what stands; the lock is held."""
    try:
        _commit(lake, step)
    except OvertakenError:
        _draw_now(lake, job, step.name)
        raise


def _compute(
    lake: Lake, name: str, run: int, work: Callable[[Step], Result], *, from_one_snapshot: bool
) -> tuple[Step, Result]:
    """Let `work` compute. From one snapshot a query costs half as much.

    Ingest does without: a file that cannot be read would end the transaction, and with it what was made of the others.
    """
    with transaction(lake) if from_one_snapshot else contextlib.nullcontext():
        step = _begin(lake, name, run)
        try:
            return step, work(step)
        except BaseException:
            step.discard()
            raise


def record(lake: Lake, name: str, command: str, work: Callable[[Step], Result]) -> Result:
    """Run `work` and commit it as a run of its own: for commands that add a few rows of facts.

    `work` is called before the lock is taken, which is then held for the commit alone; if another writer was there
    first, it is called once more, under the lock.
    """
    with lake.reopening():
        return _record(lake, name, command, work)


def _record(lake: Lake, name: str, command: str, work: Callable[[Step], Result]) -> Result:
    step, result = _compute(lake, name, _next_run(lake), work, from_one_snapshot=True)
    # Nobody has drawn that number: another writer may, and then it has other facts.
    lake.memo.pop(("reference", step.run), None)
    if step.adds_nothing:
        return result
    with writer_lock(lake):
        try:
            _commit(lake, step, draw=command)
        except MovedError:
            step.discard()
        except Exception:
            step.discard()
            raise
        else:
            return result
        return _record_under_lock(lake, name, command, work)


def _record_under_lock(lake: Lake, name: str, command: str, work: Callable[[Step], Result]) -> Result:
    step, result = _compute(lake, name, _next_run(lake), work, from_one_snapshot=True)
    lake.memo.pop(("reference", step.run), None)
    if not step.adds_nothing:
        _commit_alone(lake, step, draw=command)
    return result


def _next_run(lake: Lake) -> int:
    return int(lake.value("steps/writer/next_run"))


def reference_mark(lake: Lake, run: int) -> int:
    """What tells one state of the reference data from another: how many commits it has for runs up to one.

    What the run's newest step found holds: nothing more is committed for a run up to it after that, or the step begins
    again.
    """
    if ("reference", run) in lake.memo:
        return int(lake.memo["reference", run])
    return int(lake.value("steps/reference/mark", {"run": run}))


def _begin(lake: Lake, name: str, run: int) -> Step:
    if name not in STEPS:
        message = f"there is no step {name!r}; steps are {', '.join(STEPS)}"
        raise LakeError(message)
    state = _state(lake, name, run)
    if state.lacks_caches:
        caches = ", ".join(CACHED_STEPS[: CACHED_STEPS.index(name)])
        message = (
            f"step {name} needs what {caches} keep, which was thrown away since they ran; run all hourly steps again"
        )
        raise LakeError(message)
    lake.memo["reference", run] = state.reference
    return Step(lake, name, run, state.head, state.posted, state.seen, state.complete_run, state.new_reference)


def _check_not_moved(lake: Lake, step: Step, *, draws: bool) -> None:
    """Raise unless what the step read still stands, in the transaction that is going to commit."""
    state = _state(lake, step.name, step.run)
    if draws and _next_run(lake) != step.run:
        raise MovedError
    if state.overtaken and not draws:
        raise OvertakenError
    if state.seen != step.seen:
        raise MovedError


@dataclass(frozen=True)
class State:
    """What a step must know before it reads, and again before it commits."""

    head: int
    posted: int
    reference: int
    seen: int
    complete_run: int
    new_reference: int
    lacks_caches: bool
    overtaken: bool


def _state(lake: Lake, name: str, run: int) -> State:
    """The state of a step for a run. A head before the newest rebuild does not count for steps with caches."""
    rows = lake.run_statement("steps/writer/heads", {"run": run}).fetchall()
    newest = {step: last for step, last, _, _ in rows}
    place = STEPS.index(name)
    overtakers = (*STEPS[place:], REBUILD, *ALSO_OVERTAKES.get(name, ()))
    is_cached = name in CACHED_STEPS
    posted, rebuilt = newest.get(name, 0), newest.get(REBUILD, 0) if is_cached else 0
    needed = CACHED_STEPS[: CACHED_STEPS.index(name)] if is_cached else ()
    return State(
        head=posted if posted > rebuilt else 0,
        posted=posted,
        reference=sum(seen for step, _, seen, _ in rows if step == "reference"),
        seen=sum(seen for step, _, seen, _ in rows if step in (*STEPS[: place + 1], *ALSO_READ.get(name, ()))),
        complete_run=max((complete for _, _, _, complete in rows), default=0),
        new_reference=newest.get("reference", 0),
        lacks_caches=rebuilt > 0 and any(newest.get(step, 0) <= rebuilt for step in needed),
        overtaken=any((newest.get(step, 0), step != name) > (run, False) for step in overtakers),
    )


def _commit(lake: Lake, step: Step, draw: str | None = None) -> None:
    """Commit a step; with `draw`, as a run of its own by that command. The lock is held.

    Whether another writer moved is looked for in the transaction itself: so the commit is right even if the server has
    ended the connection that held the lock (`catalogs.settings_of`).

    Raises:
        MovedError: another writer was there first; nothing is committed.
    """
    with transaction(lake):
        _check_not_moved(lake, step, draws=draw is not None)
        whole = _keeps_books_whole(lake, step)
        lake.watch(step.name, "committing")
        if draw:
            _insert_run(lake, step.run, f"{draw}-{step.run}", draw)
        for name, parameters in step.deletions:
            lake.run_statement(name, parameters)
        for table, frame in step.inlined:
            _insert(lake, table, frame, step.run)
        _register(lake, step.staged)
        lake.run_statement("steps/writer/insert_head", {"step": step.name, "run": step.run, "complete": whole})
        if lake.kind == POSTGRES:
            # When a connection ends in the middle of a commit, nobody knows whether it came through: so the files stay, and
            # upkeep deletes them if nobody names them.
            step.staged.clear()
    step.staged.clear()  # they are the lake's now
    lake.memo.pop(("reference", step.run), None)  # it has one commit more, if this was reference data
    lake.watch(step.name, "committed")


def _keeps_books_whole(lake: Lake, step: Step) -> bool:
    """Whether the books of this run are whole once it commits: after the last step, or an issue while nothing is half-way."""
    if step.name != "invoices":
        return step.name == LAST_STEP
    return not lake.value(
        "steps/writer/is_half_way", {"last": LAST_STEP, "steps": [REBUILD, "usage_hourly", "charges"]}
    )


def _insert(lake: Lake, table: str, frame: pl.DataFrame, run: int) -> None:
    with lake.registered(frame_to_insert=frame):
        lake.connection.execute(
            f"insert into {table} by name select *, $run::bigint as run from frame_to_insert",
            {"run": run},
        )


def _register(lake: Lake, staged: list[StagedFile]) -> None:
    if len({file.path for file in staged}) != len(staged):
        message = "a staged file was registered twice; nothing was committed"
        raise LakeError(message)
    for file in staged:
        lake.connection.execute(
            "call ducklake_add_data_files('lake', $table, $path, hive_partitioning => true)",
            {"table": file.table, "path": str(file.path)},
        )


@contextlib.contextmanager
def transaction(lake: Lake) -> Iterator[None]:
    """A transaction of the lake. Take the writer's lock before it, never in it (design 3)."""
    lake.connection.execute("begin")
    try:
        yield
        _commit_transaction(lake)
    except BaseException:
        with contextlib.suppress(Exception):
            lake.connection.execute("rollback")
        raise


def _commit_transaction(lake: Lake) -> None:
    """Commit; where a server ends the connection meanwhile, the error does not always speak of it, so we do.

    Raises:
        LakeError: the server did not confirm the commit.
    """
    try:
        lake.connection.execute("commit")
    except duckdb.Error as error:
        if lake.kind != POSTGRES:
            raise
        raise LakeError(NOT_CONFIRMED.format(error=error)) from error
