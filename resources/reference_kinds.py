"""The kinds of reference data: their columns, defaults and types, and every reason to refuse a row of them.

What belongs here: what a row may say (semantics 1). What does not: reading the text of a row and comparing it with what
stands (`reference.py`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.grant_scopes import EXAMPLE
from rating.money import CURRENCIES, RECORD_QUANTITY_LIMIT
from rating.periods import time_zones
from resources.sources import sources

INSTANT: Final = pl.Datetime("us", "UTC")
AMOUNT: Final = pl.Decimal(38, 18)
QUANTITY: Final = pl.Decimal(38, 9)
Reasons = Mapping[str, pl.Expr]
GRANT_KINDS: Final = ("paid", "promotional", "adjustment", "recurring")
# An amount below this, summed over many lots, stays within what a balance can hold.
MOST_CREDIT: Final = 10**13

# What the threshold of an alert may be, by its kind (docs/alerts.md): 100 % of a top-up and more would never be cleared by one.
THRESHOLDS: Final = {
    "below": (-MOST_CREDIT, MOST_CREDIT), "top_up_percent": (0, 90), "hours_left": (0, 8760), "budget_percent": (0, 1000),
}  # fmt: skip
THRESHOLDS_SAID: Final = "what is above 0: at most 90 percent of a top-up, 8760 hours or 1000 percent of a budget"

# Every reason to refuse a row, with what to do about it.
MENDS: Final = {
    "account_id_missing": "name the account",
    "id_missing": "give the row its id: subscription_id, grant_id, event_id or rule_id",
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
    "kind_unknown": "write paid, promotional, adjustment or recurring",
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
    "scope_unreadable": f"write what the credit may pay for as JSON, {EXAMPLE}, or leave it empty for everything",
    "every_unknown": "a recurring grant comes every month, so write month; others leave it empty",
    "roll_over_unreadable": "write the most that a recurring grant carries on into the next month, 50.00; others leave it out",
    "void_without_reason": "say why the grant is void: it is kept",
    "overdraft_limit_unreadable": "write how far a prepaid account may go below nothing, 20.00 or 0",
    "source_unknown": "name the source of the record, which is its folder under landing/",
    "timestamp_unreadable": "write the record's time with its zone, or leave it empty where its id stands for one record",
    "action_unknown": "write void, replace or restore",
    "quantity_unreadable": "replace takes a quantity from 0 to below 1e12 with at most 9 decimals",
    "quantity_unexpected": "only replace takes a quantity; leave it empty",
    "reason_missing": "say why: it is kept",
    "by_missing": "say who corrects: it is kept",
    "alert_kind_unknown": "write below, top_up_percent, hours_left or budget_percent",
    "threshold_unreadable": f"below takes an amount, 20.00; the others {THRESHOLDS_SAID}",
    "budget_unreadable": "a budget_percent takes the budget of a billing period as its amount, 1000.00; others take none",
}


@dataclass(frozen=True)
class Kind:
    """One kind of reference data: its table, its columns with their defaults, its identity, and what refuses a row."""

    table: str
    columns: Mapping[str, str | None]
    types: Mapping[str, pl.DataType]
    identity: tuple[str, ...]
    reasons: Callable[[pl.DataFrame], Reasons]


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
        "time_zone_unknown": ~_is_one_of("time_zone", time_zones()),
        "mode_unknown": ~_is_one_of("mode", ("prepaid", "postpaid")),
        "tax_rate_unreadable": pl.col("tax_rate").is_null() | ~pl.col("tax_rate").is_between(0, 99),
        "overdraft_limit_unreadable": ~pl.col("overdraft_limit").is_between(0, MOST_CREDIT).fill_null(value=False),
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
    paid, recurring = pl.col("kind") == "paid", pl.col("kind") == "recurring"
    rolls = pl.col("roll_over")
    return {
        "id_missing": pl.col("grant_id").is_null(),
        "account_id_missing": pl.col("account_id").is_null(),
        "kind_unknown": ~_is_one_of("kind", GRANT_KINDS),
        "amount_unreadable": pl.col("amount").is_null() | (pl.col("amount") <= 0) | (pl.col("amount") >= MOST_CREDIT),
        "priority_unreadable": pl.col("priority").is_null(),
        "effective_at_unreadable": pl.col("effective_at").is_null(),
        "expires_at_unreadable": unreadable_end,
        "expires_before_it_starts": pl.col("expires_at") <= pl.col("effective_at"),
        "receipt_missing": paid & (pl.col("receipt") == ""),
        "tax_paid_unreadable": pl.col("tax_paid").is_null() | (pl.col("tax_paid") < 0),
        "unknown_account": pl.col("known_currency").is_null(),
        "currency_differs": pl.col("known_currency").ne_missing(pl.col("currency")),
        "scope_unreadable": pl.col("scope").is_null(),
        "every_unknown": pl.col("every") != pl.when(recurring).then(pl.lit("month")).otherwise(pl.lit("")),
        "roll_over_unreadable": ~rolls.is_between(0, MOST_CREDIT).fill_null(value=False) | (~recurring & (rolls != 0)),
        "void_unreadable": pl.col("void").is_null(),
        "void_without_reason": pl.col("void") & (pl.col("reason") == ""),
    }


def _correction_reasons(rows: pl.DataFrame) -> Reasons:
    quantity, replaces = pl.col("quantity"), pl.col("action") == "replace"
    written = {name: rows[f"{name}_text"].fill_null("").str.strip_chars() != "" for name in ("timestamp", "quantity")}
    return {
        "id_missing": pl.col("event_id").is_null(),
        "source_unknown": ~_is_one_of("source", (source.name for source in sources())),
        "timestamp_unreadable": pl.col("timestamp").is_null() & pl.lit(written["timestamp"]),
        "action_unknown": ~_is_one_of("action", ("void", "replace", "restore")),
        "quantity_unexpected": ~replaces & pl.lit(written["quantity"]),
        "quantity_unreadable": replaces & (quantity.is_null() | (quantity < 0) | (quantity >= RECORD_QUANTITY_LIMIT)),
        "reason_missing": pl.col("reason") == "",
        "by_missing": pl.col("by") == "",
    }


def _alert_rule_reasons(rows: pl.DataFrame) -> Reasons:
    del rows
    kind, threshold, amount = pl.col("kind"), pl.col("threshold"), pl.col("amount")
    is_budget = kind == "budget_percent"
    fits = pl.lit(value=False)
    for name, (least, most) in THRESHOLDS.items():
        fits = pl.when(kind == name).then((threshold > least) & (threshold <= most)).otherwise(fits)
    return {
        "id_missing": pl.col("rule_id").is_null(),
        "account_id_missing": pl.col("account_id").is_null(),
        "unknown_account": pl.col("known_currency").is_null(),
        "alert_kind_unknown": ~_is_one_of("kind", THRESHOLDS),
        "threshold_unreadable": ~fits.fill_null(value=False),
        "budget_unreadable": amount.is_null()
        | pl.when(is_budget).then((amount <= 0) | (amount >= MOST_CREDIT)).otherwise(amount != 0),
        "void_unreadable": pl.col("void").is_null(),
    }


KINDS: Final = {
    "accounts": Kind(
        "accounts",
        {
            "account_id": None, "effective_from": None, "name": "", "email": "", "address": "", "country": "",
            "tax_id": "", "seller": "", "currency": None, "time_zone": "UTC", "mode": "postpaid",
            "tax_code": "standard", "tax_rate": "0", "overdraft_limit": "0", "void": "false",
        },
        {"effective_from": INSTANT, "tax_rate": pl.Decimal(9, 4), "overdraft_limit": AMOUNT, "void": pl.Boolean()},
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
            "gateway": "bank", "scope": "", "every": "", "roll_over": "0", "reason": "", "by": "", "void": "false",
        },
        {
            "amount": AMOUNT, "roll_over": AMOUNT, "priority": pl.Int32(), "effective_at": INSTANT, "expires_at": INSTANT,
            "tax_paid": AMOUNT, "void": pl.Boolean(),
        },
        ("grant_id",),
        _grant_reasons,
    ),
    "corrections": Kind(
        "corrections",
        {
            "source": None, "event_id": None, "timestamp": None, "action": None, "quantity": None, "reason": "", "by": "",
        },
        {"timestamp": INSTANT, "quantity": QUANTITY},
        ("event_id", "source", "timestamp"),
        _correction_reasons,
    ),
    "alert_rules": Kind(
        "alert_rules",
        {"rule_id": None, "account_id": None, "kind": None, "threshold": None, "amount": "0", "void": "false"},
        {"threshold": AMOUNT, "amount": AMOUNT, "void": pl.Boolean()},
        ("rule_id",),
        _alert_rule_reasons,
    ),
}  # fmt: skip
