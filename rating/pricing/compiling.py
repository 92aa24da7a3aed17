"""Prices compiled to columns: one row per (plan, price id, account, version, currency).

What belongs here: how price books fill the columns of `columns.py`. What does not: arithmetic on them (`cost.py`).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import polars as pl

from rating.pricebook import Price, PriceBook, PriceSpan, check_succession, price_spans
from rating.pricing.columns import (
    ACCOUNT_CAP_SCHEMA,
    COMMITMENT_SCHEMA,
    HOURLY_COMMITMENT_SCHEMA,
    NO_TIER,
    POOL_SCHEMA,
    PRICE_SCHEMA,
    UNIT_SCHEMA,
    tier_schema,
    tier_values,
)
from rating.pricing.models import MODELS, Step
from rating.units import conversion

TierRow = dict[str, Decimal | None]
Money = dict[str, Decimal]


def compile_prices(books: Sequence[PriceBook]) -> pl.DataFrame:
    """One row per (plan, price id, account, version, currency), with the columns of its tiers.

    The account is empty in the rows for all accounts that never agreed on the price; who did has rows of its own
    (`rating/agreed.py`).
    Books come in the order in which they were accepted: of two with one `effective_from` the later holds.
    """
    check_succession(books, books[-1].version if books else "")
    rows = [row for span in price_spans(books) for row in _span_rows(span)]
    tier_count = max([1, *(len(tiers) for _, tiers in rows)])
    units = UNIT_SCHEMA if any(row["converts"] for row, _ in rows) else {}
    caps = ACCOUNT_CAP_SCHEMA if any(row["account_maximum"] is not None for row, _ in rows) else {}
    pools = POOL_SCHEMA if any(row["pooled_meter"] is not None for row, _ in rows) else {}
    commitments = COMMITMENT_SCHEMA if any(row["committed"] for row, _ in rows) else {}
    hourly = HOURLY_COMMITMENT_SCHEMA if any(row["hourly_committed"] for row, _ in rows) else {}
    schema = {**PRICE_SCHEMA, **units, **caps, **pools, **commitments, **hourly, **tier_schema(tier_count)}
    padded = [
        {"price_key": key, **row, **tier_values([*tiers, *[NO_TIER] * (tier_count - len(tiers))])}
        for key, (row, tiers) in enumerate(rows)
    ]
    return pl.DataFrame([[row[name] for name in schema] for row in padded], schema=schema, orient="row")


def _span_rows(span: PriceSpan) -> Iterator[tuple[dict[str, object], list[TierRow]]]:
    """The compiled rows of one definition of a price: one per currency, with its tiers apart."""
    price, resolve = span.price, span.book.resolve
    steps = [
        Step(step.above, step.width, resolve(step.unit_price), resolve(step.flat_fee))
        for step in MODELS[price.model].steps(price)
    ]
    maximum, account_maximum = resolve(price.maximum or {}), resolve(price.account_maximum or {})
    units = _unit_columns(span)
    for currency in sorted(steps[0].unit_price):
        row: dict[str, object] = {
            "plan": span.plan,
            "price_id": price.id,
            "account_id": span.account_id,
            "version": span.book.version,
            "effective_from": span.effective_from,
            "effective_to": span.effective_to,
            "meter": price.meter,
            **_conditions(price),
            "currency": currency,
            "model": price.model,
            "accumulate": price.accumulate,
            "included": price.included,
            "maximum": maximum.get(currency),
            "account_maximum": account_maximum.get(currency),
            "pooled_meter": price.pooled and price.pooled.meter,
            "pooled_quantity": price.pooled and price.pooled.quantity,
            "unit": price.unit or span.book.meters[price.meter].unit,
            **units,
            **commitment_columns(price, resolve, currency),
            **_hourly_columns(price, resolve, currency),
        }
        yield row, tier_rows(steps, currency)


def _unit_columns(span: PriceSpan) -> dict[str, object]:
    """How quantities of the meter become quantities of the price."""
    unit = span.book.meters[span.price.meter].unit
    found = conversion(unit, span.price.unit or unit)
    return {
        "converts": not found.changes_nothing,
        "unit_factor": Decimal(found.numerator),
        "unit_divisor": Decimal(found.denominator),
        "unit_of_period": found.per_period,
    }


def commitment_columns(price: Price, resolve: Callable[[Money], Money], currency: str) -> dict[str, Decimal]:
    """How much of a period is committed and what one unit of it costs; `resolve` names the currency of amounts."""
    if price.commit is None or price.commit.per != "period":
        return dict.fromkeys(COMMITMENT_SCHEMA, Decimal(0))
    return {"committed": price.commit.quantity, "committed_price": resolve(price.commit.unit_price)[currency]}


def _hourly_columns(price: Price, resolve: Callable[[Money], Money], currency: str) -> dict[str, Decimal]:
    """The same of every hour."""
    if price.commit is None or price.commit.per != "hour":
        return dict.fromkeys(HOURLY_COMMITMENT_SCHEMA, Decimal(0))
    return {"hourly_committed": price.commit.quantity, "hourly_price": resolve(price.commit.unit_price)[currency]}


def _conditions(price: Price) -> dict[str, object]:
    """Where and when a price holds, as columns."""
    where, when = price.where or {}, price.when
    return {
        "where": json.dumps(where, sort_keys=True, ensure_ascii=False),
        "where_keys": len(where),
        "when_zone": None if when is None else when.zone or "",
        "when_quarters": None if when is None else sorted(when.quarters()),
    }


def tier_rows(steps: Sequence[Step], currency: str) -> list[TierRow]:
    """Where each tier begins, how wide it is and what it costs in one currency."""
    return [
        {
            "above": step.above,
            "width": step.width,
            "unit_price": step.unit_price.get(currency),
            "flat_fee": step.flat_fee.get(currency) or Decimal(0),
        }
        for step in steps
    ]
