"""From a stored document or a statement to PDF bytes, and from PDF bytes to a picture.

Here belongs which template gets which values. What an invoice must have is in `invoice.py`, how values are written in
`formats.py`, how it looks in `templates/`, how it becomes a PDF in `press.py`.

The same document gives the same bytes (semantics 5): no clock is read, and the fonts are this room's. Only a script
that they lack (they have Latin, Greek and Cyrillic) falls back to a font of the machine.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import Lock

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from documents.chart import draw_chart
from documents.formats import format_date, format_days, format_money, format_month, format_number
from documents.invoice import Invoice
from documents.statement import StatementDocument

TEMPLATES = Path(__file__).resolve().parent / "templates"

# pdfium may not be used by two threads at once.
_ONE_AT_A_TIME = Lock()


def render_pdf(document: Mapping[str, object]) -> bytes:
    """Print a stored invoice document; a pure function of it (semantics 5).

    Raises DocumentError, naming the invoice and all that is wrong with it, where it is incomplete or does not add up.
    """
    from documents.press import print_page  # noqa: PLC0415 - most of a second that only who prints should pay

    invoice = Invoice.read(document)
    page = _templates().get_template("invoice.html.j2").render(_invoice_values(invoice))
    return print_page(page, "document.css")


def render_statement(statement: StatementDocument) -> bytes:
    """Print a statement; a pure function of it."""
    from documents.press import print_page  # noqa: PLC0415 - the same

    values = {"statement": statement, **_formats(statement.currency, statement.minor_digits)}
    return print_page(_templates().get_template("statement.html.j2").render(values), "document.css")


def preview_png(pdf: bytes, width: int = 900) -> bytes:
    """Draw the first page, `width` pixels wide."""
    import pypdfium2  # noqa: PLC0415 - the same

    picture = BytesIO()
    with _ONE_AT_A_TIME, pypdfium2.PdfDocument(pdf) as opened:
        page = opened[0]
        page.render(scale=width / page.get_width()).to_pil().save(picture, format="PNG")
    return picture.getvalue()


def _invoice_values(invoice: Invoice) -> dict[str, object]:
    """Give the template its values."""
    formats = _formats(invoice.currency, invoice.minor_digits)
    return {"invoice": invoice, "chart": draw_chart(invoice.chart), **formats}


def _formats(currency: str, minor_digits: int) -> dict[str, object]:
    """The formats that depend on a document's currency."""

    def amount(value: Decimal) -> str:
        return format_number(value, minor_digits)

    def money(value: Decimal) -> str:
        return format_money(value, currency, minor_digits)

    return {"amount": amount, "money": money}


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(date=format_date, month=format_month, number=format_number)
    templates.globals.update(days=format_days)
    return templates
