"""Accounts, subscriptions and grants: rows of text become reference data, or refusals with a reason (semantics 1).

What belongs here: the columns of each kind, their types and the reasons to refuse a row. What does not: where rows come
from (`reference_files.py`, the command) and what they mean to the books (`rating/`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import available_timezones

import polars as pl

from rating.money import CURRENCIES
from resources.errors import ReferenceDataError
from resources.writer import Step

INSTANT: Final = pl.Datetime("us", "UTC")
AMOUNT: Final = pl.Decimal(38, 18)
Reasons = Mapping[str, pl.Expr]

# Every reason to refuse a row, with what to do about it.
MENDS: Final = {
    "account_id_missing": "name the account",
    "id_missing": "give the row its id: subscription_id or grant_id",
    "name_missing": "give the account its name",
    "effective_from_unreadable": "write a time with its zone, 2026-11-01T00:00:00Z",
    "effective_from_off_quarter_hour": "slices are cut at :00, :15, :30 and :45; use one of those",
    "currency_unknown": "write three letters of ISO 4217, EUR",
    "time_zone_unknown": "write a name of the IANA database, Europe/Berlin",
    "mode_unknown": "write prepaid or postpaid",
    "tax_rate_unreadable": "write a percentage from 0 to 99 with at most 4 decimals, 19 or 7.5",
    "currency_changed": "an account keeps its currency; make a new account",
    "time_zone_changed": "an account keeps its time zone in this version; make a new account",
    "unknown_account": "land the account; the row is then taken by the next run",
    "kind_unknown": "write paid or promotional",
    "amount_unreadable": "write a decimal above 0 and below 1e13 with at most 18 decimals, 100.00",
    "currency_differs": "a grant is in the currency of its account",
    "priority_unreadable": "write a whole number; lower is drawn first",
    "effective_at_unreadable": "write a time with its zone, 2026-11-01T00:00:00Z",
    "expires_at_unreadable": "write a time with its zone, or leave it empty for credit that does not expire",
    "expires_before_it_starts": "expires_at must be after effective_at",
    "receipt_missing": "a paid grant names the receipt on which its tax was paid",
    "tax_paid_unreadable": "write the tax paid on the receipt, 19.00, or 0",
    "conflict": "a grant does not change; void it and grant anew under another id",
    "repeated_id": "another row has this id and time and says something else; keep one of them",
    "void_unreadable": "write true or false",
}


@dataclass(frozen=True)
class Kind:
    """One kind of reference data: its table, its columns with their defaults, its identity, and what refuses a row."""

    table: str
    columns: Mapping[str, str | None]
    types: Mapping[str, pl.DataType]
    identity: tuple[str, ...]
    reasons: Callable[[pl.DataFrame], Reasons]


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


def _is_one_of(name: str, values: Iterable[str]) -> pl.Expr:
    return pl.col(name).is_in(sorted(values)).fill_null(value=False)


def _off_quarter(name: str) -> pl.Expr:
    return pl.col(name).dt.truncate("15m") != pl.col(name)


def _account_reasons(rows: pl.DataFrame) -> Reasons:
    del rows
    return {
        "account_id_missing": pl.col("account_id").is_null(),
        "name_missing": pl.col("name") == "",
        "effective_from_unreadable": pl.col("effective_from").is_null(),
        "effective_from_off_quarter_hour": _off_quarter("effective_from"),
        "currency_unknown": ~_is_one_of("currency", CURRENCIES),
        "time_zone_unknown": ~_is_one_of("time_zone", available_timezones()),
        "mode_unknown": ~_is_one_of("mode", ("prepaid", "postpaid")),
        "tax_rate_unreadable": pl.col("tax_rate").is_null() | ~pl.col("tax_rate").is_between(0, 99),
        "void_unreadable": pl.col("void").is_null(),
        "currency_changed": pl.col("known_currency").is_not_null() & (pl.col("known_currency") != pl.col("currency")),
        "time_zone_changed": pl.col("known_time_zone").is_not_null()
        & (pl.col("known_time_zone") != pl.col("time_zone")),
    }


def _subscription_reasons(rows: pl.DataFrame) -> Reasons:
    del rows
    return {
        "id_missing": pl.col("subscription_id").is_null(),
        "account_id_missing": pl.col("account_id").is_null(),
        "effective_from_unreadable": pl.col("effective_from").is_null(),
        "effective_from_off_quarter_hour": _off_quarter("effective_from"),
        "unknown_account": pl.col("known_currency").is_null(),
        "void_unreadable": pl.col("void").is_null(),
    }


def _grant_reasons(rows: pl.DataFrame) -> Reasons:
    unreadable_end = pl.col("expires_at").is_null() & (rows["expires_at_text"].fill_null("").str.strip_chars() != "")
    paid = pl.col("kind") == "paid"
    return {
        "id_missing": pl.col("grant_id").is_null(),
        "account_id_missing": pl.col("account_id").is_null(),
        "kind_unknown": ~_is_one_of("kind", ("paid", "promotional")),
        "amount_unreadable": pl.col("amount").is_null() | (pl.col("amount") <= 0) | (pl.col("amount") >= 10**13),
        "priority_unreadable": pl.col("priority").is_null(),
        "effective_at_unreadable": pl.col("effective_at").is_null(),
        "expires_at_unreadable": unreadable_end,
        "expires_before_it_starts": pl.col("expires_at") <= pl.col("effective_at"),
        "receipt_missing": paid & (pl.col("receipt") == ""),
        "tax_paid_unreadable": pl.col("tax_paid").is_null() | (pl.col("tax_paid") < 0),
        "unknown_account": pl.col("known_currency").is_null(),
        "currency_differs": pl.col("known_currency").ne_missing(pl.col("currency")),
        "void_unreadable": pl.col("void").is_null(),
    }


KINDS: Final = {
    "accounts": Kind(
        "accounts",
        {
            "account_id": None, "effective_from": None, "name": "", "email": "", "address": "", "country": "",
            "tax_id": "", "seller": "", "currency": None, "time_zone": "UTC", "mode": "postpaid",
            "tax_code": "standard", "tax_rate": "0", "void": "false",
        },
        {"effective_from": INSTANT, "tax_rate": pl.Decimal(9, 4), "void": pl.Boolean()},
        ("account_id", "effective_from"),
        _account_reasons,
    ),
    "subscriptions": Kind(
        "subscriptions",
        {
            "subscription_id": None, "account_id": None, "service_id": "", "plan": None, "effective_from": None,
            "void": "false",
        },
        {"effective_from": INSTANT, "void": pl.Boolean()},
        ("subscription_id", "effective_from"),
        _subscription_reasons,
    ),
    "grants": Kind(
        "grants",
        {
            "grant_id": None, "account_id": None, "kind": None, "amount": None, "currency": None, "priority": "100",
            "effective_at": None, "expires_at": None, "receipt": "", "tax_paid": "0", "tax_code": "standard",
            "gateway": "bank", "reason": "", "void": "false",
        },
        {
            "amount": AMOUNT, "priority": pl.Int32(), "effective_at": INSTANT, "expires_at": INSTANT,
            "tax_paid": AMOUNT, "void": pl.Boolean(),
        },
        ("grant_id",),
        _grant_reasons,
    ),
}  # fmt: skip


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
    judged = _judge(step, kind, _complete(rows, kind), new_accounts)
    standing = step.lake.frame(f"steps/reference/standing_{kind.table}", {"run": step.run})
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


def _judge(step: Step, kind: Kind, rows: pl.DataFrame, new_accounts: pl.DataFrame | None) -> pl.DataFrame:
    if "expires_at" in kind.columns:
        rows = rows.with_columns(expires_at_text=pl.col("expires_at"))
    known = step.lake.frame("steps/reference/known_accounts", {"run": step.run})
    if new_accounts is not None:
        known = pl.concat([known, new_accounts.select(known.columns)])
    known = known.unique("account_id", keep="first").select(
        "account_id", known_currency="currency", known_time_zone="time_zone"
    )
    joined = _typed(rows, kind).join(known, on="account_id", how="left", maintain_order="left")
    reasons = kind.reasons(joined)
    chain = pl.coalesce([pl.when(wrong).then(pl.lit(reason)) for reason, wrong in reasons.items()])
    return _refuse_conflicts(step, kind, joined.with_columns(refusal=chain))


def _refuse_conflicts(step: Step, kind: Kind, judged: pl.DataFrame) -> pl.DataFrame:
    """Two rows of one identity in one batch that differ; and a grant that would change (a void may)."""
    good = pl.col("refusal").is_null()
    said_of_it = pl.when(good).then(pl.struct(*kind.columns))
    differ = good & (said_of_it.drop_nulls().n_unique().over(list(kind.identity)) > 1)
    judged = judged.with_columns(refusal=pl.coalesce("refusal", pl.when(differ).then(pl.lit("repeated_id"))))
    if kind.table != "grants":
        return judged
    standing = step.lake.frame("steps/reference/standing_grants", {"run": step.run})
    names = [name for name in kind.columns if name not in ("void", "reason")]
    same = standing.select(*names, same=pl.lit(value=True))
    other = standing.select("grant_id", known=pl.lit(value=True))
    compared = judged.join(same, on=names, how="left", nulls_equal=True, maintain_order="left").join(
        other, on="grant_id", how="left", maintain_order="left"
    )
    conflict = pl.col("known") & pl.col("same").is_null()
    return compared.with_columns(refusal=pl.coalesce("refusal", pl.when(conflict).then(pl.lit("conflict")))).drop(
        "same", "known"
    )
