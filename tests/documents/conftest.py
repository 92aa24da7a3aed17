"""Invoices to print: one ordinary invoice, and a way to make others of any lines."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

MakeInvoice = Callable[..., dict[str, Any]]

LINES = (
    # group, title, description, kind, period, quantity, unit, unit price, amount
    ("cpu", "Compute", "first 500 vCPU-hour", "included", "2026-10", "500.000000000", "vCPU-hour", "0", "0.00"),
    ("cpu", "Compute", "above 500 vCPU-hour", "usage", "2026-10", "1234.500000000", "vCPU-hour", "0.012", "14.81"),
    ("memory", "Memory", "every GB-hour", "usage", "2026-10", "1000000.000000000", "GB-hour", "0.004", "4000.00"),
    ("memory", "Memory", "monthly maximum", "cap", "2026-10", None, None, None, "-14.81"),
    ("cpu", "Compute", "above 500 vCPU-hour", "adjustment", "2026-09", "-2.5", "vCPU-hour", "0.2", "-0.50"),
)
LINE_KEYS = ("group", "title", "description", "kind", "period", "quantity", "unit", "unit_price", "amount")


def totals_of(lines: list[dict[str, Any]], promotional: str, paid: str, tax: str) -> dict[str, str]:
    stated = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    net = stated + Decimal(promotional) + Decimal(paid)
    return {
        "lines": str(stated),
        "promotional_credit": promotional,
        "paid_credit": paid,
        "net": str(net),
        "tax_rate": "19",
        "tax_label": "VAT 19 %",
        "tax": tax,
        "due": str(net + Decimal(tax)),
    }


def invoice_of(
    lines: tuple[tuple[str | None, ...], ...] = LINES,
    *,
    promotional: str = "-10.00",
    paid: str = "-50.00",
    tax: str = "748.51",
    **changes: object,
) -> dict[str, Any]:
    written = [{"line": place, **dict(zip(LINE_KEYS, line, strict=True))} for place, line in enumerate(lines, 1)]
    document = {
        "number": "INV-2026-000001",
        "issued_on": "2026-11-02",
        "due_on": "2026-11-16",
        "period": {"label": "October 2026", "start": "2026-10-01", "end": "2026-10-31"},
        "currency": "EUR",
        "minor_digits": 2,
        "seller": {
            "name": "Nordlicht Cloud GmbH",
            "address": ["Hafenstraße 12", "20457 Hamburg"],
            "tax_id": "DE312456789",
            "email": "billing@nordlicht.example",
            "bank": "IBAN DE02 1203 0000 0000 2020 51",
            "registration": "HRB 123456",
        },
        "customer": {"account_id": "acme", "name": "Acme Ltd", "address": ["4 Foundry Lane"], "tax_id": "GB123456789"},
        "lines": written,
        "totals": totals_of(written, promotional, paid, tax),
        "paid_credit_receipts": ["R-2026-0007", "R-2026-0011"],
        "chart": {
            "days": ["2026-10-01", "2026-10-02", "2026-10-03"],
            "series": [
                {"meter": "cpu", "title": "Compute", "amounts": ["4.10", "5", "5.71"]},
                {"meter": "memory", "title": "Memory", "amounts": ["1500", "1500.123456789", "-14.81"]},
            ],
        },
        "run": 812,
        **changes,
    }
    stored: dict[str, Any] = json.loads(json.dumps(document))
    return stored


@pytest.fixture
def make_invoice() -> MakeInvoice:
    """Return a function that makes a stored invoice document of lines, credits and changed keys."""
    return invoice_of
