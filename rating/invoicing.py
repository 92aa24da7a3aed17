"""Invoice arithmetic: from the books and what issued documents state to drafts (semantics 5).

What belongs here: lines and totals of drafts. What does not: numbers, texts and the document itself, which a
commit and the templates give, and what an issued invoice books (`rating/ledger.py`).

A draft states the books now less what was stated already. So late use, corrections and re-rating need no special
case: they are what differs in a period, this one or an earlier one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from rating.account_caps import cap_versions, has_account_caps
from rating.apportion import apportion, currency_digits, round_minor_half_up, tax_half_up
from rating.credit_schemas import STATED, check_drafting
from rating.money import AMOUNT, QUANTITY, ZERO_AMOUNT, ZERO_QUANTITY
from rating.pooled_costs import parts_of_change
from rating.sums import sum_by

LINE_KEY: Final = ("plan", "price_id", "version", "tier", "kind")
PROMOTIONAL_CREDIT: Final = "promotional_credit"
PAID_CREDIT: Final = "paid_credit"

_PERIOD: Final = ("account_id", "period_start")
_SCOPE: Final = (*_PERIOD, "subscription_id", "plan", "price_id", "resource_id", "meter")
# Lines, promotional and paid credit are each rounded on their own, per period of supply.
_ROUNDED_TOGETHER: Final = (*_PERIOD, "section")
_LINE_COLUMNS: Final = {name: dtype for name, dtype in STATED.items() if name != "amount"}


@dataclass(frozen=True)
class Drafts:
    """One row of `invoices` for every account with something to state, and their `lines`."""

    invoices: pl.DataFrame
    lines: pl.DataFrame


def draft_invoices(
    usage: pl.DataFrame, others: pl.DataFrame, paid: pl.DataFrame, stated: pl.DataFrame, accounts: pl.DataFrame
) -> Drafts:
    """Draft what documents still have to state (semantics 5): one draft an account.

    `usage` as for `usage_lines`, `others` as for `other_lines` and `paid` as for `credit_lines` hold the books now,
    `stated` the lines of all issued documents (account_id, period_start, line key, quantity, unit_price, amount,
    exact). All of them must hold the same periods: a period that is stated and has no usage is given back whole.
    `accounts` (account_id, period, period_start, period_end, currency, tax_code, tax_rate in percent) has one row an
    account to draft for; other accounts and later periods are left out, lines of earlier periods are adjustments.
    """
    check_drafting(usage, others, paid, stated, accounts)
    now = pl.concat([usage_lines(usage), other_lines(others), credit_lines(paid)])
    differences = _differences(now, stated, accounts)
    totals = _round_totals(differences)
    shared = apportion(differences.join(totals, on=_ROUNDED_TOGETHER), _ROUNDED_TOGETHER, LINE_KEY)
    something = (
        (pl.col("exact") != ZERO_AMOUNT) | (pl.col("quantity") != ZERO_QUANTITY) | (pl.col("amount") != ZERO_AMOUNT)
    )
    lines = shared.filter(something)
    return Drafts(_totals(lines, accounts), _number_lines(lines))


def usage_lines(usage: pl.DataFrame) -> pl.DataFrame:
    """Take the cost of every scope apart into lines: exact amounts by account, period and line key (semantics 5).

    `usage` has one row a scope and price version: account_id, subscription_id, plan, price_id, version,
    effective_from, resource_id, meter, period_start, quantity (used under that version), and the columns of the
    price, `included` and the caps prorated. Q runs on from version to version.
    """
    ordered = usage.sort(*_SCOPE, "effective_from").with_columns(pl.col("quantity").cast(QUANTITY))
    after = pl.col("quantity").cum_sum().over(_SCOPE)
    rows = ordered.with_columns(quantity_before=after - pl.col("quantity"), quantity_after=after)
    numbered = rows.with_row_index("row_id")
    parts = parts_of_change(numbered).join(
        numbered.select("row_id", *_PERIOD, "plan", "price_id", "version"), on="row_id"
    )
    every = pl.concat([parts, _account_caps(parts, numbered).select(parts.columns)])
    keyed = every.rename({"amount": "exact"}).select(_cast(_LINE_COLUMNS))
    prices = keyed.select(*_PERIOD, *LINE_KEY, "unit_price").unique([*_PERIOD, *LINE_KEY])
    summed = sum_by(keyed, (*_PERIOD, *LINE_KEY), "quantity", "exact")
    return summed.join(prices, on=[*_PERIOD, *LINE_KEY]).select(_LINE_COLUMNS.keys())


def _account_caps(parts: pl.DataFrame, scopes: pl.DataFrame) -> pl.DataFrame:
    """What `account_maximum` takes off each version, as a part: it stands in one line with what `maximum` takes off."""
    if not has_account_caps(scopes):
        return parts.clear()
    strand = [name for name in _SCOPE if name != "resource_id"]
    costs = scopes.join(sum_by(parts, ["row_id"], "amount"), on="row_id", how="left")
    filled = costs.with_columns(pl.col("amount").fill_null(ZERO_AMOUNT))
    versions = cap_versions(filled, strand, ["version"], "effective_from").with_columns(
        row_id=pl.lit(0), tier=pl.lit(0), kind=pl.lit("cap"), unit_price=ZERO_QUANTITY, quantity=ZERO_QUANTITY
    )
    taken_off = versions.with_columns(amount=pl.col("capped") - pl.col("amount")).filter(pl.col("amount") != 0)
    return taken_off.select(pl.col(name).cast(parts.schema[name]) for name in parts.columns)


def other_lines(others: pl.DataFrame) -> pl.DataFrame:
    """Turn charges that are not usage into lines: one for each price or fee, version and kind (semantics 5).

    `others` has account_id, period_start, plan, price_id (or the fee's id), version, kind, quantity, unit_price (null
    where none says what the quantity costs) and exact, the sum of the charges.
    """
    return others.with_columns(tier=pl.lit(0)).select(_cast(_LINE_COLUMNS))


def credit_lines(paid: pl.DataFrame) -> pl.DataFrame:
    """Turn what credit paid (account_id, period_start, kind of lot, amount drawn) into negative lines."""
    kind = pl.when(pl.col("kind") == "promotional").then(pl.lit(PROMOTIONAL_CREDIT)).otherwise(pl.lit(PAID_CREDIT))
    summed = sum_by(paid.select(*_PERIOD, "amount", kind=kind), (*_PERIOD, "kind"), "amount")
    nothing = {"plan": pl.lit(""), "price_id": pl.lit(""), "version": pl.lit(""), "tier": pl.lit(0)}
    zero = {"quantity": ZERO_QUANTITY, "unit_price": ZERO_QUANTITY}
    return summed.select(*_PERIOD, "kind", exact=-pl.col("amount"), **nothing, **zero).select(_cast(_LINE_COLUMNS))


def _cast(columns: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in columns.items()]


def _differences(now: pl.DataFrame, stated: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """What is not stated yet, by line: the differences of quantity and exact amount, and what rounds with them.

    `exact_now` and `stated_amount` are kept too: the rounded total is made from them, not from the difference.
    """
    books = now.with_columns(exact_now="exact", stated_amount=ZERO_AMOUNT)
    issued = stated.with_columns(
        -pl.col("quantity", "exact"), exact_now=ZERO_AMOUNT, stated_amount=pl.col("amount").cast(AMOUNT)
    )
    columns = _cast({**_LINE_COLUMNS, "exact_now": AMOUNT, "stated_amount": AMOUNT})
    both = pl.concat([books.select(columns), issued.select(columns)])
    keys = [*_PERIOD, *LINE_KEY]
    prices = both.select(*keys, "unit_price").unique(keys, keep="first", maintain_order=True)
    summed = sum_by(both, keys, "quantity", "exact", "exact_now", "stated_amount").join(prices, on=keys)
    drafted = accounts.select("account_id", "currency", draft_period_start="period_start").join(
        currency_digits(accounts["currency"]), on="currency"
    )
    is_credit = pl.col("kind").is_in([PROMOTIONAL_CREDIT, PAID_CREDIT])
    return (
        summed.join(drafted, on="account_id")
        .filter(pl.col("period_start") <= pl.col("draft_period_start"))
        .with_columns(
            section=pl.when(is_credit).then("kind").otherwise(pl.lit("lines")),
            adjustment=pl.col("period_start") < pl.col("draft_period_start"),
        )
    )


def _round_totals(differences: pl.DataFrame) -> pl.DataFrame:
    """The rounded total of what rounds together: round(exact now) less the rounded sum stated (semantics 5)."""
    sums = sum_by(differences, (*_ROUNDED_TOGETHER, "digits"), "exact_now", "stated_amount")
    total = round_minor_half_up(pl.col("exact_now"), pl.col("digits")) - pl.col("stated_amount")
    return sums.select(*_ROUNDED_TOGETHER, total=total)


def _totals(lines: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """The totals of each draft: credit is negative, so that lines and credit sum to net; net and tax to due."""
    sections = {"lines_total": "lines", PROMOTIONAL_CREDIT: PROMOTIONAL_CREDIT, PAID_CREDIT: PAID_CREDIT}
    of_section = {
        name: pl.when(pl.col("section") == section).then("amount").otherwise(ZERO_AMOUNT)
        for name, section in sections.items()
    }
    columns = [*sections, "net", "exact"]
    sums = sum_by(lines.with_columns(**of_section, net="amount"), ("account_id", "digits"), *columns)
    tax = tax_half_up(pl.col("net"), pl.col("tax_rate"), pl.col("digits"))
    return (
        accounts.join(sums, on="account_id")
        .with_columns(tax=tax)
        .with_columns(due=pl.col("net") + pl.col("tax"))
        .with_columns(can_issue=pl.col("due") >= ZERO_AMOUNT)
        .select(*accounts.columns, *columns, "tax", "due", "can_issue")
        .sort("account_id")
    )


def _number_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Number the lines of each draft: its own period, adjustments from the newest period back, then credit."""
    order: Sequence[pl.Expr] = [
        pl.col("account_id"),
        pl.col("section") != "lines",
        -pl.col("period_start").to_physical(),
        *(pl.col(name) for name in LINE_KEY),
    ]
    line = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("account_id")
    columns = ["line", *_LINE_COLUMNS, "amount", "currency", "adjustment"]
    return lines.sort(order).with_columns(line=line).select(columns)
