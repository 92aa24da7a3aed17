"""What a person reads in the PDF, read back from its text; and the promise of the same bytes."""

import hashlib
import json
import logging
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from documents.formats import EN_DASH, MINUS
from documents.render import preview_png, render_pdf
from tests.documents.conftest import LINES, MakeInvoice

ROOT = Path(__file__).resolve().parents[2]


LINES_A_METER = 9  # one more than what is kept on one page, so that a page may end anywhere


def a_line(place: int) -> tuple[str, ...]:
    meter, tier = place // LINES_A_METER + 1, place % LINES_A_METER + 1
    words = (f"meter{meter}", f"Meter {meter}", f"tier {tier} of {meter}", "usage", "2026-10")
    return (*words, f"{place}.5", "GB-hour", "2", f"{place * 2 + 1}.00")


MANY_LINES = tuple(map(a_line, range(300)))


def pages_of(document: dict[str, Any]) -> list[str]:
    """Give each page's text, with every run of blanks as one, and dashes and minus signs as typed."""
    plain = str.maketrans({MINUS: "-", EN_DASH: "-"})
    texts = [page.extract_text().translate(plain) for page in PdfReader(BytesIO(render_pdf(document))).pages]
    return ["\n".join(" ".join(line.split()) for line in text.splitlines()) for text in texts]


def text_of(document: dict[str, Any]) -> str:
    return "\n".join(pages_of(document))


def test_an_invoice_says_all_it_must(make_invoice: MakeInvoice) -> None:
    text = text_of(make_invoice())
    for words in (
        "Nordlicht Cloud GmbH",
        "Hafenstraße 12",
        "Tax ID DE312456789",
        "HRB 123456",
        "Acme Ltd",
        "4 Foundry Lane",
        "Tax ID GB123456789",
        "INV-2026-000001",
        "2 November 2026",
        "16 November 2026",
        "1 - 31 October 2026",
        "first 500 vCPU-hour",
        "1,234.5",
        "0.012",
        "1,000,000",
        "4,000.00",
        "-14.81",
        "Adjustment for September 2026",
        "Compute, above 500 vCPU-hour",
        "-0.50",
        "Usage and fees 3,999.50",
        "Promotional credit -10.00",
        "already invoiced on receipts",
        "R-2026-0007, R-2026-0011",
        "-50.00",
        "Net amount 3,939.50",
        "VAT 19 % 748.51",
        "Amount due EUR 4,688.01",
        "Please transfer EUR 4,688.01",
        "IBAN DE02 1203 0000 0000 2020 51",
        "1 / ",
    ):
        assert words in text, words
    assert "DRAFT" not in text


def test_the_chart_names_its_meters_and_days(make_invoice: MakeInvoice) -> None:
    assert "1 Oct" in text_of(make_invoice())
    assert "Charges for use by day" not in text_of(make_invoice(chart=None))


def test_a_draft_is_marked_on_every_page_and_asks_for_nothing(make_invoice: MakeInvoice) -> None:
    pages = pages_of(make_invoice(MANY_LINES, number=None, issued_on=None))
    assert len(pages) > 2
    assert all("DRAFT" in page for page in pages)
    text = "\n".join(pages)
    assert "not issued yet" in text
    assert "Please do not pay this draft" in text
    assert "Amount due" not in text
    assert "IBAN" not in text


def test_a_draft_may_come_to_less_than_nothing(make_invoice: MakeInvoice) -> None:
    text = text_of(make_invoice(LINES[3:], number=None, promotional="0", paid="0", tax="-2.91"))
    assert "Amount so far EUR -18.22" in text


def test_nothing_due_asks_for_nothing(make_invoice: MakeInvoice) -> None:
    text = text_of(make_invoice((), promotional="0", paid="0", tax="0"))
    assert "No charges in this period." in text
    assert "Amount due EUR 0.00" in text
    assert "Nothing is to be paid" in text
    for absent in ("IBAN", "Promotional credit", "Paid credit"):
        assert absent not in text


@pytest.mark.parametrize(
    ("currency", "minor_digits", "amount", "written"),
    [("JPY", 0, "1234567", "Amount due JPY 1,234,567"), ("KWD", 3, "1234.5", "Amount due KWD 1,234.500")],
)
def test_currencies_keep_their_digits(
    make_invoice: MakeInvoice, currency: str, minor_digits: int, amount: str, written: str
) -> None:
    line = ("cpu", "Compute", "all", "usage", "2026-10", "1", "vCPU-hour", amount, amount)
    document = make_invoice(
        (line,), promotional="0", paid="0", tax="0", currency=currency, minor_digits=minor_digits, chart=None
    )
    assert written in text_of(document)


def test_a_seller_with_only_a_name_prints(make_invoice: MakeInvoice) -> None:
    text = text_of(make_invoice(seller={"name": "Kumo"}, due_on=None))
    assert "Please pay EUR 4,688.01 and quote INV-2026-000001." in text.replace("\n", " ")


def test_three_hundred_lines_break_well(make_invoice: MakeInvoice) -> None:
    pages = pages_of(make_invoice(MANY_LINES))
    assert 6 <= len(pages) <= 14
    for number, page in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in page
        assert number == 1 or "Nordlicht Cloud GmbH · Invoice INV-2026-000001" in page
    with_lines = [page for page in pages if "GB-hour" in page]
    assert all("Description" in page and "Unit price" in page for page in with_lines)
    lines = [line for page in pages for line in page.splitlines()]
    assert sum("GB-hour" in line for line in lines) == 300
    for meter in range(1, 300 // LINES_A_METER + 2):
        page = next(page for page in pages if f"Meter {meter} " in page)
        assert f"tier 1 of {meter} " in page, "a heading alone at the foot of a page"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ 7 * 7 }} {% raw %}", "&lt;b&gt;", "'\"><img src=x>"])
def test_names_are_text_and_nothing_else(make_invoice: MakeInvoice, name: str) -> None:
    document = make_invoice()
    document["customer"]["name"] = document["seller"]["name"] = document["lines"][0]["title"] = name
    document["chart"]["series"][0]["title"] = name
    assert text_of(document).count(name) >= 4
    assert PdfReader(BytesIO(render_pdf(document))).metadata.author == name  # type: ignore[union-attr]


def test_metadata_and_fonts(make_invoice: MakeInvoice) -> None:
    reader = PdfReader(BytesIO(render_pdf(make_invoice())))
    root: Any = reader.trailer["/Root"]
    assert reader.metadata == {
        "/Title": "Invoice INV-2026-000001",
        "/Author": "Nordlicht Cloud GmbH",
        "/Subject": "October 2026, Acme Ltd",
        "/Creator": "Meterbook",
        "/Producer": reader.metadata["/Producer"],  # type: ignore[index]
    }
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"], "tagged, so that it can be read aloud"
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]
    fonts: Any = reader.pages[0]["/Resources"]
    assert all("Meterbook-Sans" in font.get_object()["/BaseFont"] for font in fonts["/Font"].values())


def test_many_scripts_print_without_complaint(make_invoice: MakeInvoice, caplog: pytest.LogCaptureFixture) -> None:
    document = make_invoice()
    document["customer"]["name"] = "Łódź Ærø Şişli Nguyễn Παπαδόπουλος Журавлёв €₹₽₿"
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        text = text_of(document)
    assert document["customer"]["name"] in text.replace("\n", " ")
    assert caplog.records == []


PRINT_HASH = """
import hashlib, json, sys
from documents.formats import EN_DASH, MINUS
from documents.render import preview_png, render_pdf
pdf = render_pdf(json.load(sys.stdin))
print(hashlib.sha256(pdf).hexdigest(), hashlib.sha256(preview_png(pdf)).hexdigest())
"""


def printed_elsewhere(document: dict[str, Any], **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", PRINT_HASH],
        input=json.dumps(document),
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_same_document_gives_the_same_bytes_in_any_process(make_invoice: MakeInvoice) -> None:
    document = make_invoice()
    pdf = render_pdf(document)
    here = f"{hashlib.sha256(pdf).hexdigest()} {hashlib.sha256(preview_png(pdf)).hexdigest()}"
    assert printed_elsewhere(document, PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C") == here
    assert printed_elsewhere(document, PYTHONHASHSEED="2", SOURCE_DATE_EPOCH="0", LC_ALL="C.UTF-8") == here


def test_documents_printed_before_or_beside_leave_no_trace(make_invoice: MakeInvoice) -> None:
    one, other = make_invoice(), make_invoice(LINES[:2], number="INV-2026-000002")
    expected = [render_pdf(one), render_pdf(other)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(render_pdf, [one, other] * 4)) == expected * 4


def test_a_changed_document_gives_other_bytes(make_invoice: MakeInvoice) -> None:
    assert render_pdf(make_invoice()) != render_pdf(make_invoice(due_on="2026-11-17"))


def test_the_preview_is_the_first_page_in_the_width_asked_for(make_invoice: MakeInvoice) -> None:
    png = preview_png(render_pdf(make_invoice()), width=600)
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    assert width == 600
    assert abs(height - 600 * 297 / 210) <= 1
