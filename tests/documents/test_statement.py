"""What a person reads on a statement's page, and that it is the same bytes each time."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import polars as pl
import pytest
from pypdf import PdfReader

from documents.formats import EN_DASH, MINUS
from documents.render import render_statement
from documents.statement import Stated, StatementDocument, statement_document
from documents.statement_words import describe
from rating.statement_schemas import COLUMNS, LINES
from rating.statements import Grain, Statement

ACCOUNT = {
    "account_id": "acme", "name": "Acme Ltd", "address": "4 Foundry Lane; Leeds", "tax_id": "GB123456789",
    "email": "a@acme.example", "currency": "EUR", "time_zone": "Europe/Berlin",
}  # fmt: skip
SELLER = {"name": "Nordlicht Cloud GmbH", "address": ["Hafenstraße 12"], "registration": "HRB 123456"}
METERS = pl.DataFrame({"meter": ["cpu"], "meter_title": ["Compute"]})
GRANTS = pl.DataFrame(
    {"grant_id": ["g", "m"], "receipt": ["R-7", ""], "gateway": ["bank", ""], "reason": ["", "each month"]}
)
INVOICES = pl.DataFrame({"run": [5], "number": ["INV-1"], "period": ["2026-10"]}, schema_overrides={"run": pl.Int64()})
DAY = date(2026, 10, 3)
AT = datetime(2026, 10, 3, 12, tzinfo=UTC)

# What is given of each line, and what it is called.
CALLED: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "grant", "credit_kind": "paid", "lot": "g", "credit": "100"}, "Top-up", "g · receipt R-7"),
    ({"kind": "grant", "credit_kind": "paid", "lot": "g", "credit": "-100"}, "Top-up voided", "g · receipt R-7"),
    ({"kind": "grant", "credit_kind": "promotional", "lot": "x", "credit": "1"}, "Promotion", "x"),
    ({"kind": "grant", "credit_kind": "adjustment", "lot": "x", "credit": "1"}, "Adjustment", "x"),
    (
        {"kind": "grant", "credit_kind": "recurring", "lot": "m/2026-11-01", "credit": "1"},
        "Allowance", "m/2026-11-01 · each month",
    ),
    ({"kind": "rollover", "credit_kind": "recurring", "lot": "m", "credit": "1"}, "Rolled over", "recurring · m"),
    ({"kind": "expiry", "credit_kind": "paid", "lot": "g", "credit": "-1"}, "Expired", "paid · g"),
    ({"kind": "settlement", "credit_kind": "paid", "lot": "g", "credit": "-1"}, "Settled from credit", "paid · g"),
    ({"kind": "draw", "credit_kind": "paid", "lot": "g", "credit": "-1"}, "Paid from credit", "paid · g"),
    ({"kind": "issue", "run": 5, "receivable": "-1"}, "Invoice", "INV-1 · October 2026"),
    ({"kind": "issue", "run": 6, "receivable": "-1"}, "Invoice", ""),
    ({"kind": "bank_refund", "receivable": "1"}, "Bank refund", ""),
    ({"kind": "charge", "meter": "cpu", "price_id": "cpu", "charge_kind": "usage"}, "Charge", "Compute"),
    ({"kind": "charge", "meter": "gpu", "price_id": "g1", "charge_kind": "usage"}, "Charge", "gpu · g1"),
    ({"kind": "charge", "meter": "", "price_id": "fee", "charge_kind": "recurring"}, "Charge", "Fee · fee"),
    ({"kind": "charge", "meter": "cpu", "price_id": "cpu", "charge_kind": "discount"}, "Charge", "Compute · discount"),
    (
        {"kind": "charge", "meter": "cpu", "price_id": "cpu", "charge_kind": "usage", "cause": "late", "of": date(2026, 9, 30)},
        "Late charge", "Compute · for 30 September 2026",
    ),
    (
        {"kind": "charge", "meter": "cpu", "price_id": "cpu", "charge_kind": "usage", "cause": "corrected", "of": DAY},
        "Correction", "Compute · for 3 October 2026",
    ),
    (
        {"kind": "charge", "meter": "cpu", "price_id": "cpu", "charge_kind": "usage", "cause": "rerated", "of": DAY},
        "Price correction", "Compute · for 3 October 2026",
    ),
]  # fmt: skip


def lines_of(*given: dict[str, Any]) -> pl.DataFrame:
    """Lines as the engine gives them: a charge of 1.005 where nothing is said."""
    rows, balance = [], Decimal(0)
    for place, line in enumerate(given):
        moved = {column: Decimal(line.get(column, 0)) for column in COLUMNS}
        if line["kind"] == "charge":
            moved["unbilled"] = Decimal(line.get("unbilled", "-1.005"))
        balance += sum(moved.values())
        blank = {name: "" for name, dtype in LINES.items() if dtype == pl.String()}
        rows.append(
            {"date": DAY + timedelta(days=place // 20), "at": AT, **blank, **line, **moved, "amount": sum(moved.values()),
             "balance": balance}
        )  # fmt: skip
    return pl.DataFrame(rows, schema=LINES)


def document_of(*given: dict[str, Any], grain: Grain = Grain.DAY, **changes: str) -> StatementDocument:
    lines = describe(lines_of(*given), METERS, GRANTS, INVOICES, grain)
    stated = Stated({**ACCOUNT, **changes}, DAY, date(2026, 11, 1), grain, 812)
    return statement_document(stated, Statement(dict.fromkeys(COLUMNS, Decimal(0)), lines), SELLER)


def pages_of(document: StatementDocument) -> list[str]:
    plain = str.maketrans({MINUS: "-", EN_DASH: "-", "\N{NO-BREAK SPACE}": " "})
    pages = PdfReader(BytesIO(render_statement(document))).pages
    return [" ".join(page.extract_text().translate(plain).split()) for page in pages]


@pytest.mark.parametrize(("line", "title", "description"), CALLED)
def test_what_a_line_is_called(line: dict[str, Any], title: str, description: str) -> None:
    made = describe(lines_of(line), METERS, GRANTS, INVOICES, Grain.DAY)
    assert made.select("title", "description").row(0) == (title, description)


def test_what_is_late_for_a_month_names_the_month() -> None:
    made = describe(lines_of(CALLED[-3][0]), METERS, GRANTS, INVOICES, Grain.MONTH)
    assert made["description"].item() == "Compute · for September 2026"


def test_a_page_says_all_it_must() -> None:
    text = " ".join(pages_of(document_of(*(line for line, _, _ in CALLED))))
    for words in (
        "Nordlicht Cloud GmbH", "HRB 123456", "Acme Ltd", "4 Foundry Lane", "Europe/Berlin", "3 - 31 October 2026",
        "as of run 812", "Balance on 31 October 2026", "Top-up · g · receipt R-7", "Late charge · Compute", "Top-ups 100.00",
        "Balance before 0.00 0.00 0.00 0.00", "so that all figures add up",
    ):  # fmt: skip
        assert words in text, words


def test_long_statements_repeat_their_heads() -> None:
    pages = pages_of(document_of(*[CALLED[12][0]] * 200))
    assert len(pages) > 4
    for number, page in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in page
        assert "Balance, EUR" in page or "Balance after" in page
        assert number == 1 or "Statement of account acme · 3 - 31 October 2026" in page
    assert sum(page.count("Charge · Compute") for page in pages) == 200


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ 7 * 7 }}", "[bold]a[/]"])
def test_names_are_text_and_nothing_else(name: str) -> None:
    assert " ".join(pages_of(document_of(CALLED[0][0], name=name))).count(name) == 1


def test_the_same_statement_gives_the_same_bytes() -> None:
    one, other = (document_of(*(line for line, _, _ in CALLED)) for _ in range(2))
    assert len({hashlib.sha256(render_statement(document)).digest() for document in (one, other, one)}) == 1
    assert render_statement(one) != render_statement(document_of(*(line for line, _, _ in CALLED[1:])))


def test_figures_add_up_in_a_currency_without_small_units() -> None:
    document = document_of(*[CALLED[12][0]] * 3, currency="JPY")
    assert [line.unbilled for day in document.days for line in day.lines] == [-1, -1, -1]
    assert document.closing.balance == document.closing.unbilled == -3
    assert document.sums == (("Charges", Decimal(-3)),)
