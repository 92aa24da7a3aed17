"""An invoice that lacks something or does not add up is refused by name; one that is whole is grouped for reading."""

from decimal import Decimal
from typing import Any

import pytest

from documents.errors import DocumentError
from documents.invoice import Invoice
from rating.errors import MeterbookError
from tests.documents.conftest import LINES, MakeInvoice


def change(document: dict[str, Any], path: str, value: object) -> None:
    """Set the key at `path`, or take it away where the value is Ellipsis."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    part: Any = document
    for step in steps:
        part = part[step]
    if value is ...:
        del part[last]
    else:
        part[last] = value


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("seller", ..., "seller: field required"),
        ("seller.name", "", "seller.name: must not be empty"),
        ("customer.name", " \x07\u202e ", "customer.name: must not be empty"),
        ("totals.due", ..., "totals.due: field required"),
        ("totals.due", 4688.01, "totals.due: must be a decimal number in quotes, not 4688.01"),
        ("totals.net", "many", "totals.net: must be a decimal number, not 'many'"),
        ("totals.tax", "NaN", "totals.tax: must be a decimal number, not 'NaN'"),
        ("totals.lines", "4000.00", "totals.lines: says 4000.00, but the lines sum to 3999.50"),
        ("totals.net", "3900.00", "totals.net: says 3900.00, but lines and credit make 3939.50"),
        ("totals.due", "4000.00", "totals.due: says 4000.00, but net and tax make 4688.01"),
        ("lines.1.amount", "14.814", "lines, line 2: 14.814 has more digits than EUR has (2)"),
        ("lines.1.kind", "gift", "lines.1.kind: input should be"),
        ("lines.1.period", "2026-13", "lines.1.period: string should match"),
        ("issued_on", None, "issued_on: an invoice with a number needs its date of issue"),
        ("issued_on", "soon", "issued_on: "),
        ("period.end", "2026-09-30", "period: ends on 2026-09-30, before its start 2026-10-01"),
        ("chart.series.0.amounts", ["1"], "chart, Compute: 1 amounts for 3 days; give one for each day"),
    ],
)
def test_what_is_wrong_is_said(make_invoice: MakeInvoice, path: str, value: object, problem: str) -> None:
    document = make_invoice()
    change(document, path, value)
    with pytest.raises(DocumentError) as refused:
        Invoice.read(document)
    assert str(refused.value).startswith("invoice INV-2026-000001 cannot be printed: ")
    assert any(found.startswith(problem) for found in refused.value.problems), refused.value.problems


def test_all_problems_are_said_at_once_and_a_draft_is_named_by_account_and_period(make_invoice: MakeInvoice) -> None:
    document = make_invoice(number=None, currency="euro")
    del document["totals"]["tax"]
    with pytest.raises(MeterbookError, match="draft invoice of account acme for October 2026") as refused:
        Invoice.read(document)
    assert "currency: " in str(refused.value)
    assert "totals.tax: field required" in str(refused.value)


@pytest.mark.parametrize("document", [{}, {"number": None, "customer": "x", "period": []}, {"number": 7}])
def test_nothing_at_all_is_still_one_clear_error(document: dict[str, object]) -> None:
    with pytest.raises(DocumentError, match="cannot be printed"):
        Invoice.read(document)


def test_lines_are_grouped_by_meter_in_their_order(make_invoice: MakeInvoice) -> None:
    lines = (LINES[2], LINES[0], LINES[3], LINES[1])
    groups = Invoice.read(make_invoice(lines)).usage_groups()
    assert [(group.title, [line.line for line in group.lines], group.amount) for group in groups] == [
        ("Memory", [1, 3], Decimal("3985.19")),
        ("Compute", [2, 4], Decimal("14.81")),
    ]


def test_earlier_periods_are_adjustments_whatever_their_kind(make_invoice: MakeInvoice) -> None:
    late = ("cpu", "Compute", "late", "usage", "2026-08", "1", "vCPU-hour", "1", "1.00")
    invoice = Invoice.read(make_invoice((*LINES, late)))
    assert [(group.title, group.amount) for group in invoice.adjustment_groups()] == [
        ("2026-08", Decimal("1.00")),
        ("2026-09", Decimal("-0.50")),
    ]
    assert sum(len(group.lines) for group in invoice.usage_groups()) == 4


def test_characters_that_nobody_sees_are_dropped(make_invoice: MakeInvoice) -> None:
    document = make_invoice()
    document["customer"]["name"] = "A\u202ecme\x00\nLtd"
    assert Invoice.read(document).customer.name == "Acme Ltd"
