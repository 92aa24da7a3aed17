"""Accounts, subscriptions, grants and corrections: rows of text become reference data, or refusals with a reason (semantics 1).

What belongs here: reading the text of a row, and comparing it with what stands. What does not: the columns of each kind
and the reasons to refuse a row (`reference_kinds.py`), where rows come from (`reference_files.py`, the command) and what
they mean to the books (`rating/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rating.grant_scopes import canonical_scope
from resources.errors import ReferenceDataError
from resources.reference_kinds import KINDS, MENDS, Kind
from resources.writer import Step


def _decimal(name: str, dtype: pl.Decimal) -> pl.Expr:
    # Text with more decimals than the type has would be rounded: refuse it instead.
    cleaned = pl.col(name).str.strip_chars()
    fits = cleaned.str.contains(rf"^[+-]?\d{{1,15}}(\.\d{{1,{dtype.scale}}})?$")
    return pl.when(fits).then(cleaned).otherwise(None).cast(dtype, strict=False)


def _instant(name: str) -> pl.Expr:
    """A time with its zone, or without one in UTC, as text; null where it cannot be read."""
    cleaned = pl.col(name).str.strip_chars().str.replace(" ", "T").str.replace(r"Z$", "+00:00")
    zoned = cleaned.str.replace(r"([+-]\d\d)$", "${1}:00")
    dated = zoned.str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00")
    full = dated.str.replace(r"T(\d\d:\d\d)([+-]|$)", "T${1}:00${2}")
    complete = pl.when(full.str.contains(r"[+-]\d\d:\d\d$")).then(full).otherwise(full + "+00:00")
    return complete.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)


def _typed(rows: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Text in the types of the table; what cannot be read is null."""
    readers = {pl.Datetime: lambda name, _: _instant(name), pl.Decimal: _decimal}
    values = []
    for name, dtype in kind.types.items():
        reader = readers.get(type(dtype))
        if isinstance(dtype, pl.Boolean):
            lowered = pl.col(name).str.to_lowercase()
            is_known = lowered.is_in(["true", "false", "1", "0"])
            value = pl.when(is_known).then(lowered.is_in(["true", "1"])).otherwise(None)
        else:
            value = reader(name, dtype) if reader else pl.col(name).cast(dtype, strict=False)
        values.append(value.alias(name))
    return rows.with_columns(values)


@dataclass(frozen=True)
class Taken:
    """What became of rows: `judged` has each with its `refusal` (null: none) and whether it `is_new`.

    A row that is neither refused nor new says what stands already, or what a row before it says.
    """

    judged: pl.DataFrame
    columns: tuple[str, ...]

    @property
    def added(self) -> pl.DataFrame:
        """The new rows, in the columns of the table."""
        return self.judged.filter("is_new").select(self.columns)

    @property
    def refused(self) -> pl.DataFrame:
        """The rows that were not taken."""
        return self.judged.filter(pl.col("refusal").is_not_null())


def take(step: Step, kind_name: str, rows: pl.DataFrame, new_accounts: pl.DataFrame | None = None) -> Taken:
    """Judge rows of text against what stands, and append the new ones with the step's commit.

    `rows` has the kind's columns as text (missing ones get their default); other columns, such as its place in its
    file, stay beside it. A row that says what stands already is nothing new: landing a file twice changes nothing.
    `new_accounts` are those that the same step appends.
    """
    kind = KINDS[kind_name]
    names = list(kind.columns)
    complete = _complete(rows, kind)
    if "account_id" not in complete.columns:  # a correction is of a record
        complete = complete.with_columns(account_id=pl.lit(None, pl.String))
    # A top-up looks at its account and its grant, not at those of everybody.
    with step.lake.registered(rows_to_take=complete.select({kind.identity[0], "account_id"}).unique()):
        known = step.lake.frame("steps/reference/known_accounts", {"run": step.run})
        standing = step.lake.frame(f"steps/reference/standing_{kind.table}", {"run": step.run})
    if new_accounts is not None:
        known = pl.concat([known, new_accounts.select(known.columns)])
    judged = _judge(kind, complete, known, standing)
    unchanged = standing.select(names).with_columns(stands=pl.lit(value=True))
    compared = judged.join(unchanged, on=names, how="left", nulls_equal=True, maintain_order="left")
    is_new = pl.col("refusal").is_null() & pl.col("stands").is_null() & pl.struct("refusal", *names).is_first_distinct()
    taken = Taken(compared.with_columns(is_new=is_new).drop("stands"), tuple(names))
    step.append(kind.table, taken.added)
    return taken


def take_or_refuse(step: Step, kind_name: str, row: Mapping[str, str]) -> Taken:
    """Take one row, as a command gives it.

    Raises:
        ReferenceDataError: names the reason and the mend; nothing is appended.
    """
    taken = take(step, kind_name, pl.DataFrame([dict(row)], schema=dict.fromkeys(row, pl.String)))
    if taken.refused.height:
        reason = taken.refused["refusal"][0]
        message = f"{kind_name.removesuffix('s')} {row.get(KINDS[kind_name].identity[0], '')}: {said(reason)}"
        raise ReferenceDataError(message)
    return taken


def said(reason: str) -> str:
    """A reason to refuse a row as an operator reads it: what is wrong, and what to do."""
    return f"{reason.replace('_', ' ')}; {MENDS[reason]}"


def _complete(rows: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    missing = [pl.lit(None, pl.String).alias(name) for name in kind.columns if name not in rows.columns]
    filled = rows.with_columns(missing)
    trimmed = [pl.col(name).cast(pl.String).str.strip_chars() for name in kind.columns]
    empty_to_default = [
        pl.when(pl.col(name) == "").then(None).otherwise(pl.col(name)).fill_null(pl.lit(default, pl.String)).alias(name)
        for name, default in kind.columns.items()
    ]
    return filled.with_columns(trimmed).with_columns(empty_to_default)


def _judge(kind: Kind, rows: pl.DataFrame, known: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    may_be_empty = [name for name in ("expires_at", "timestamp", "quantity") if name in kind.columns]
    rows = rows.with_columns(pl.col(name).alias(f"{name}_text") for name in may_be_empty)
    known = known.unique("account_id", keep="first").select(
        "account_id", known_currency="currency", known_time_zone="time_zone"
    )
    joined = _scoped(_typed(rows, kind)).join(known, on="account_id", how="left", maintain_order="left")
    reasons = kind.reasons(joined)
    chain = pl.coalesce([pl.when(wrong).then(pl.lit(reason)) for reason, wrong in reasons.items()])
    return _refuse_conflicts(kind, joined.with_columns(refusal=chain), standing)


def _scoped(rows: pl.DataFrame) -> pl.DataFrame:
    """Scopes in their canonical form, so that one way to write it is no change of another; null where unreadable."""
    if "scope" not in rows.columns or rows.is_empty():
        return rows
    written = rows["scope"].unique().to_list()
    read = [canonical_scope(text) for text in written]
    return rows.with_columns(pl.col("scope").replace_strict(written, read, return_dtype=pl.String))


def _refuse_conflicts(kind: Kind, judged: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Two rows of one identity in one batch that differ; and a grant that would change (a void may)."""
    good = pl.col("refusal").is_null()
    said_of_it = pl.when(good).then(pl.struct(*kind.columns))
    differ = good & (said_of_it.drop_nulls().n_unique().over(list(kind.identity)) > 1)
    judged = judged.with_columns(refusal=pl.coalesce("refusal", pl.when(differ).then(pl.lit("repeated_id"))))
    if kind.table != "grants":
        return judged
    names = [name for name in kind.columns if name not in ("void", "reason", "by")]
    same = standing.select(*names, same=pl.lit(value=True))
    other = standing.select("grant_id", known=pl.lit(value=True))
    compared = judged.join(same, on=names, how="left", nulls_equal=True, maintain_order="left").join(
        other, on="grant_id", how="left", maintain_order="left"
    )
    conflict = pl.col("known") & pl.col("same").is_null()
    return compared.with_columns(refusal=pl.coalesce("refusal", pl.when(conflict).then(pl.lit("conflict")))).drop(
        "same", "known"
    )
