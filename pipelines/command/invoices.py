"""Commands about invoices: draft, issue, verify; and closing a month.

What belongs here: their options and tables. What does not: the work (`assets/invoices.py`, `assets/verify.py`).
"""

import uuid
from typing import Annotated

import typer
from rich.table import Table

from pipelines.command.application import INVOICES, app, console, month, opened
from resources.closing import close_month

Period = Annotated[str, typer.Option("--period", metavar="MONTH", parser=month, help="2026-10, for example.")]


@app.command(rich_help_panel=INVOICES)
def invoice(period: Period) -> None:
    """Draft the invoices of a month from the books as they are. Nothing is numbered or booked yet."""
    from assets.invoices import write_drafts  # noqa: PLC0415 - Dagster takes seconds to import

    with opened() as project:
        report = write_drafts(project, f"invoice-{uuid.uuid4()}", period)
        _print_sums(f"{report['drafts']} drafts for {period}", report["due"])
        if report["negative"]:
            console.print(f"{report['negative']} are negative and stay drafts")
        console.print(f"Look at them: meterbook sql -c \"from invoice_drafts where period = '{period}'\"")


@app.command(rich_help_panel=INVOICES)
def issue(
    period: Period,
    account: Annotated[list[str] | None, typer.Option(help="Only this account; may be given several times.")] = None,
) -> None:
    """Issue the invoices of a month: number, keep and book them, and render their PDFs."""
    from assets.invoice_documents import render_documents  # noqa: PLC0415 - Dagster takes seconds to import
    from assets.invoices import issue as issue_invoices  # noqa: PLC0415

    with opened() as project:
        report = issue_invoices(project, f"issue-{uuid.uuid4()}", period, account)
        if not report["issued"]:
            console.print(f"nothing to issue for {period}; {report['held_back']} stay drafts")
            return
        _print_sums(f"{report['issued']} invoices issued, {report['numbers']}", report["due"])
        if report["held_back"]:
            console.print(f"{report['held_back']} stay drafts: negative, or their hours are not all closed")
        with console.status("rendering"):
            rendered = render_documents(project, period)
        console.print(f"{rendered['rendered']} PDFs in {rendered['folder']}")


@app.command(rich_help_panel=INVOICES)
def verify(number: Annotated[str, typer.Argument(metavar="INVOICE", help="INV-2026-000001, for example.")]) -> None:
    """Prove an invoice: work it out again from the usage events and facts as of its run, and compare every row."""
    from assets.verify import verify_invoice  # noqa: PLC0415 - Dagster takes seconds to import

    with opened(read_only=True) as project:
        findings = verify_invoice(project, number)
    table = Table("stage", "rows compared", "result")
    for finding in findings:
        table.add_row(finding.stage, f"{finding.rows:,}", finding.first_difference or "equal")
    console.print(table)
    if any(finding.first_difference for finding in findings):
        raise typer.Exit(1)


@app.command(rich_help_panel=INVOICES)
def close(period: Annotated[str, typer.Argument(metavar="MONTH", parser=month, help="2026-10, for example.")]) -> None:
    """Close a month for accounting: later differences are posted in the open month. Do it after issuing."""
    with opened() as project:
        until = close_month(project.lake, period)
    console.print(f"{period} is closed: what comes late for it is posted from {until:%Y-%m-%d %H:%M} UTC on")


def _print_sums(heading: str, sums: dict[str, str]) -> None:
    console.print(heading + "".join(f", {currency} {amount}" for currency, amount in sorted(sums.items())))
