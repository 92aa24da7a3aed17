"""Accounts, subscriptions and grants: rows of text become reference data, or refusals with a reason (semantics 1).

What belongs here: the columns of each kind, their types and the reasons to refuse a row. What does not: where rows come
from (`reference_files.py`, the command) and what they mean to the books (`rating/`).
"""

from collections.abc import Callable, Mapping
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
    "tax_rate_unreadable": "write a percentage from 0 to below 100, 19 or 7.5",
    "currency_changed": "an account keeps its currency; make a new account",
    "time_zone_changed": "an account keeps its time zone in this version; make a new account",
    "unknown_account": "land the account first",
    "kind_unknown": "write paid or promotional",
    "amount_unreadable": "write a positive decimal with at most 18 decimals, 100.00",
    "currency_differs": "a grant is in the currency of its account",
    "priority_unreadable": "write a whole number; lower is drawn first",
    "effective_at_unreadable": "write a time with its zone, 2026-11-01T00:00:00Z",
    "expires_at_unreadable": "write a time with its zone, or leave it empty for credit that does not expire",
    "expires_before_it_starts": "expires_at must be after effective_at",
    "receipt_missing": "a paid grant names the receipt on which its tax was paid",
    "tax_paid_unreadable": "write the tax paid on the receipt, 19.00, or 0",
    "conflict": "a grant does not change; void it and grant anew under another id",
    "repeated_id": "give each row its own id and time",
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
            value = pl.when(lowered.is_in(["true", "false", "1", "0"])).then(lowered.is_in(["true", "1"]))
        else:
            value = reader(name, dtype) if reader else pl.col(name).cast(dtype, strict=False)
        values.append(value.alias(name))
    return rows.with_columns(values)


def _off_quarter(name: str) -> pl.Expr:
    return pl.col(name).dt.truncate("15m") != pl.col(name)


def _account_reasons(rows: pl.DataFrame) -> Reasons:
    del rows
    return {
        "account_id_missing": pl.col("account_id").is_null(),
        "name_missing": pl.col("name") == "",
        "effective_from_unreadable": pl.col("effective_from").is_null(),
        "effective_from_off_quarter_hour": _off_quarter("effective_from"),
        "currency_unknown": ~pl.col("currency").is_in(list(CURRENCIES)),
        "time_zone_unknown": ~pl.col("time_zone").is_in(sorted(available_timezones())),
        "mode_unknown": ~pl.col("mode").is_in(["prepaid", "postpaid"]),
        "tax_rate_unreadable": pl.col("tax_rate").is_null() | ~pl.col("tax_rate").is_between(0, 99),
        "void_unreadable": pl.col("void").is_null(),
        "currency_changed": pl.col("known_currency").is_not_null() & (pl.col("known_currency") != pl.col("currency")),
        "time_zone_changed": pl.col("known_time_zone").is_not_null() & (pl.col("known_time_zone") != pl.col("time_zone")),
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
        "kind_unknown": ~pl.col("kind").is_in(["paid", "promotional"]),
        "amount_unreadable": pl.col("amount").is_null() | (pl.col("amount") <= 0) | (pl.col("amount") >= 10**13),
        "priority_unreadable": pl.col("priority").is_null(),
        "effective_at_unreadable": pl.col("effective_at").is_null(),
        "expires_at_unreadable": unreadable_end,
        "expires_before_it_starts": pl.col("expires_at") <= pl.col("effective_at"),
        "receipt_missing": paid & (pl.col("receipt") == ""),
        "tax_paid_unreadable": pl.col("tax_paid").is_null() | (pl.col("tax_paid") < 0),
        "unknown_account": pl.col("known_currency").is_null(),
        "currency_differs": pl.col("known_currency") != pl.col("currency"),
        "void_unreadable": pl.col("void").is_null(),
    }


KINDS: Final = {
    "accounts": Kind(
        "accounts",
        {
            "account_id": None, "effective_from": None, "name": "", "email": "", "address": "", "country": "", "tax_id": "",
            "seller": "", "currency": None, "time_zone": "UTC", "mode": "postpaid", "tax_code": "standard", "tax_rate": "0",
            "void": "false",
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
            "amount": AMOUNT, "priority": pl.Int32(), "effective_at": INSTANT, "expires_at": INSTANT, "tax_paid": AMOUNT,
            "void": pl.Boolean(),
        },
        ("grant_id",),
        _grant_reasons,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """What became of rows: new ones, those that said what stood already, and those refused with their reason."""

    added: pl.DataFrame
    unchanged: int
    refused: pl.DataFrame


def take(step: Step, kind_name: str, rows: pl.DataFrame) -> Taken:
    """Judge rows of text against what stands, and append the new ones with the step's commit.

    `rows` has the kind's columns as text (missing ones get their default) and may have `row`, its place in its file.
    A row that says what stands already is nothing new: landing a file twice changes nothing.
    """
    kind = KINDS[kind_name]
    judged = _judge(step, kind, _complete(rows, kind))
    good = judged.filter(pl.col("refusal").is_null()).select(*kind.columns)
    standing = step.lake.frame(f"steps/reference/standing_{kind.table}", {"run": step.run})
    fresh = good.join(standing, on=list(kind.columns), how="anti", nulls_equal=True)
    step.append(kind.table, fresh)
    refused = judged.filter(pl.col("refusal").is_not_null())
    return Taken(fresh, good.height - fresh.height, refused)


def take_or_refuse(step: Step, kind_name: str, row: Mapping[str, str]) -> Taken:
    """Take one row, as a command gives it.

    Raises:
        ReferenceDataError: names the reason and the mend; nothing is appended.
    """
    taken = take(step, kind_name, pl.DataFrame([dict(row)], schema=dict.fromkeys(row, pl.String)))
    if taken.refused.height:
        reason = taken.refused["refusal"][0]
        message = f"{kind_name}: {reason.replace('_', ' ')}; {MENDS[reason]}"
        raise ReferenceDataError(message)
    return taken


def _complete(rows: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    missing = [pl.lit(None, pl.String).alias(name) for name in kind.columns if name not in rows.columns]
    filled = rows.with_columns(missing)
    trimmed = [pl.col(name).cast(pl.String).str.strip_chars() for name in kind.columns]
    empty_to_default = [
        pl.when(pl.col(name) == "").then(None).otherwise(pl.col(name)).fill_null(pl.lit(default, pl.String)).alias(name)
        for name, default in kind.columns.items()
    ]
    return filled.with_columns(trimmed).with_columns(empty_to_default)


def _judge(step: Step, kind: Kind, rows: pl.DataFrame) -> pl.DataFrame:
    if "expires_at" in kind.columns:
        rows = rows.with_columns(expires_at_text=pl.col("expires_at"))
    known = step.lake.frame("steps/reference/known_accounts", {"run": step.run})
    pending = [frame for table, frame in step.inlined if table == "accounts"]
    known = pl.concat([known, *(frame.select(known.columns[0], "currency", "time_zone") for frame in pending)])
    known = known.unique("account_id", keep="first").select(
        "account_id", known_currency="currency", known_time_zone="time_zone"
    )
    joined = _typed(rows, kind).join(known, on="account_id", how="left", maintain_order="left")
    reasons = kind.reasons(joined)
    chain = pl.coalesce([pl.when(wrong).then(pl.lit(reason)) for reason, wrong in reasons.items()])
    return _refuse_conflicts(step, kind, joined.with_columns(refusal=chain))


def _refuse_conflicts(step: Step, kind: Kind, judged: pl.DataFrame) -> pl.DataFrame:
    """Two rows of one identity in one batch that differ; and a grant that would change (a void may)."""
    content = pl.struct(*kind.columns)
    repeated = content.n_unique().over(list(kind.identity)) > 1
    judged = judged.with_columns(
        refusal=pl.coalesce("refusal", pl.when(repeated).then(pl.lit("repeated_id")))
    ).unique(["refusal", *kind.columns], keep="first", maintain_order=True)
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
    return compared.with_columns(
        refusal=pl.coalesce("refusal", pl.when(conflict).then(pl.lit("conflict")))
    ).drop("same", "known")
