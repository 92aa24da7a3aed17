"""The contracts of the frames of credit and of documents (design 5, rule 4).

What belongs here: columns, types and what may be null of what crosses into or out of burn-down, the ledger and
invoicing. What does not: the contracts of rating itself, and how a frame is checked (`rating/schemas.py`).
"""

from collections.abc import Sequence
from typing import Final

import pandera.polars as pandera
import polars as pl

from rating.money import AMOUNT, AMOUNT_LIMIT, QUANTITY
from rating.periods import INSTANT
from rating.pricing.columns import MODEL
from rating.schemas import check_bound, check_frame

TEXT: Final = pl.String()

CHARGES: Final = pl.Schema(
    {
        "account_id": TEXT,
        "slice_start": INSTANT,
        "slice_end": INSTANT,
        "place": pl.UInt32(),
        "use": pl.UInt32(),
        "prepaid": pl.Boolean(),
        "amount": AMOUNT,
        "counted": AMOUNT,
    }
)
USES: Final = pl.Schema(
    {
        "account_id": TEXT,
        "slice_start": INSTANT,
        "slice_end": INSTANT,
        "plan": TEXT,
        "price_id": TEXT,
        "service_id": TEXT,
        "resource_id": TEXT,
        "meter": TEXT,
        "dimensions": TEXT,
        "kind": TEXT,
        "prepaid": pl.Boolean(),
        "amount": AMOUNT,
        "counted": AMOUNT,
    }
)
LOTS: Final = pl.Schema(
    {
        "account_id": TEXT,
        "lot": TEXT,
        "kind": TEXT,
        "amount": AMOUNT,
        "priority": pl.Int32(),
        "effective_at": INSTANT,
        "expires_at": INSTANT,
        "scope": TEXT,
        "series": TEXT,
        "roll_over": AMOUNT,
    }
)
POSITIONS: Final = pl.Schema({"account_id": TEXT, "lot": TEXT, "position": AMOUNT})
DRAWS: Final = pl.Schema({"account_id": TEXT, "slice_start": INSTANT, "lot": TEXT, "amount": AMOUNT})
UNBILLED: Final = pl.Schema({"account_id": TEXT, "slice_start": INSTANT, "amount": AMOUNT})
STATED_DEBTS: Final = pl.Schema(
    {"account_id": TEXT, "stated_until": INSTANT, "period_start": INSTANT, "amount": AMOUNT}
)
LEGS: Final = pl.Schema(
    {
        "account": TEXT,
        "lot": TEXT,
        "currency": TEXT,
        "amount": AMOUNT,
        "slice_start": INSTANT,
        "kind": TEXT,
    }
)
USED: Final = pl.Schema(
    {
        "account_id": TEXT,
        "subscription_id": TEXT,
        "plan": TEXT,
        "price_id": TEXT,
        "version": TEXT,
        "effective_from": INSTANT,
        "resource_id": TEXT,
        "meter": TEXT,
        "period_start": INSTANT,
        "quantity": QUANTITY,
        "model": MODEL,
        "included": QUANTITY,
        "maximum": AMOUNT,
    }
)
CREDIT_PAID: Final = pl.Schema({"account_id": TEXT, "period_start": INSTANT, "kind": TEXT, "amount": AMOUNT})
OTHERS: Final = pl.Schema(
    {
        "account_id": TEXT,
        "period_start": INSTANT,
        "plan": TEXT,
        "price_id": TEXT,
        "version": TEXT,
        "kind": TEXT,
        "quantity": QUANTITY,
        "unit_price": QUANTITY,
        "exact": AMOUNT,
    }
)
STATED: Final = pl.Schema(
    {
        "account_id": TEXT,
        "period_start": INSTANT,
        "plan": TEXT,
        "price_id": TEXT,
        "version": TEXT,
        "tier": pl.Int32(),
        "kind": TEXT,
        "quantity": QUANTITY,
        "unit_price": QUANTITY,
        "amount": AMOUNT,
        "exact": AMOUNT,
    }
)
INVOICED: Final = pl.Schema(
    {
        "account_id": TEXT,
        "period": TEXT,
        "period_start": INSTANT,
        "period_end": INSTANT,
        "currency": TEXT,
        "tax_code": TEXT,
        "tax_rate": pl.Decimal(9, 4),
    }
)


def _schema(columns: pl.Schema, nullable: Sequence[str] = ()) -> pandera.DataFrameSchema:
    return pandera.DataFrameSchema(
        {name: pandera.Column(dtype, nullable=name in nullable) for name, dtype in columns.items()}
    )


CHARGES_SCHEMA: Final = _schema(CHARGES)
USES_SCHEMA: Final = _schema(USES)
LOTS_SCHEMA: Final = _schema(LOTS, nullable=("expires_at",))
POSITIONS_SCHEMA: Final = _schema(POSITIONS)
STATED_DEBTS_SCHEMA: Final = _schema(STATED_DEBTS)
LEGS_SCHEMA: Final = _schema(LEGS)
USED_SCHEMA: Final = _schema(USED, nullable=("maximum",))
CREDIT_PAID_SCHEMA: Final = _schema(CREDIT_PAID)
OTHERS_SCHEMA: Final = _schema(OTHERS, nullable=("unit_price",))
STATED_SCHEMA: Final = _schema(STATED, nullable=("unit_price",))
INVOICED_SCHEMA: Final = _schema(INVOICED)


def check_burn_down(charges: pl.DataFrame, lots: pl.DataFrame, positions: pl.DataFrame, stated: pl.DataFrame) -> None:
    """Check all that goes into `burn_down`."""
    check_frame(charges, CHARGES_SCHEMA, "charges")
    check_frame(lots, LOTS_SCHEMA, "lots")
    check_frame(positions, POSITIONS_SCHEMA, "positions")
    check_frame(stated, STATED_DEBTS_SCHEMA, "stated debts")
    check_bound(charges, "amount", AMOUNT_LIMIT, ("account_id", "slice_start"))
    check_bound(lots, "amount", AMOUNT_LIMIT, ("account_id", "lot"))
    check_bound(positions, "position", AMOUNT_LIMIT, ("account_id", "lot"))


def check_drafting(
    used: pl.DataFrame, others: pl.DataFrame, paid: pl.DataFrame, stated: pl.DataFrame, invoiced: pl.DataFrame
) -> None:
    """Check all that goes into `draft_invoices`."""
    check_frame(used, USED_SCHEMA, "used")
    check_frame(others, OTHERS_SCHEMA, "others")
    check_frame(paid, CREDIT_PAID_SCHEMA, "paid")
    check_frame(stated, STATED_SCHEMA, "stated")
    check_frame(invoiced, INVOICED_SCHEMA, "invoiced")
