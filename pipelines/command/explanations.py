"""The command that says how an amount came about: explain.

What belongs here: its arguments, its tables and its JSON. What does not: the computation (`pipelines/explain.py`).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from documents.formats import format_number
from pipelines.command.application import BOOKS, app, console, hour, opened
from pipelines.command.printing import cell, print_table, write_json

if TYPE_CHECKING:
    from pipelines.explain import Explanation

SHOWN = 12
SUMS = {
    "books": "the books hold", "stated": "less what was stated before", "exact": "exact", "rounding": "rounding",
    "amount": "amount",
}  # fmt: skip
SLICES = {
    "slice_start": "slice (UTC)", "resource_id": "resource", "used": "used", "quantity_before": "before",
    "quantity_after": "after", "quantity": "quantity", "amount": "amount",
}  # fmt: skip
PARTS = {
    "version": "version", "tier": "tier", "kind": "kind", "description": "what", "quantity": "quantity",
    "unit_price": "unit price", "amount": "amount",
}  # fmt: skip
RECORDS = {
    "timestamp": "time (UTC)", "source": "source", "event_id": "event", "resource_id": "resource",
    "quantity": "quantity", "counted": "counts", "reason": "reason", "by": "by", "file": "file", "row": "row",
}  # fmt: skip
RUNS = {
    "run": "run", "began_at": "began (UTC)", "command": "step", "reason": "reason", "by": "by", "quantity": "quantity",
    "amount": "amount",
}  # fmt: skip


@app.command(rich_help_panel=BOOKS)
def explain(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[CHARGE|INVOICE]", help="A charge's id, or an invoice's number with --line."),
    ] = None,
    line: Annotated[int | None, typer.Option(help="The line of the invoice.")] = None,
    account: Annotated[str | None, typer.Option(help="In place of a charge's id: the account, with --hour.")] = None,
    at: Annotated[
        datetime | None, typer.Option("--hour", metavar="HOUR", parser=hour, help="The hour: 2026-10-05T13:00Z.")
    ] = None,
    meter: Annotated[str | None, typer.Option(help="Only this meter.")] = None,
    price: Annotated[str | None, typer.Option(help="Only this price.")] = None,
    resource: Annotated[str | None, typer.Option(help="Only this resource.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all of it as JSON, quantities and money in quotes.")
    ] = False,
) -> None:
    """Say how an amount came about: the line of an invoice, or what an hour is charged. The figures add up to it.

    `meterbook explain INV-2026-000001 --line 3`, `meterbook explain --account acme --hour 2026-10-05T13:00Z`
    """
    if (what is None) == (account is None) or (account is None) != (at is None):
        message = "name a charge, an invoice with --line, or an --account with an --hour"
        raise typer.BadParameter(message)
    from pipelines.explain import Hour, explain_charge, explain_hour, explain_line  # noqa: PLC0415 - Dagster takes seconds

    with opened(read_only=True) as project:
        if account is not None and at is not None:
            found = explain_hour(project.lake, Hour(account, at, meter, price, resource))
        else:
            found = (
                [explain_charge(project.lake, str(what))]
                if line is None
                else [explain_line(project.lake, str(what), line)]
            )
    if as_json:
        write_json(_document(found[0]) if account is None else [_document(one) for one in found])
    else:
        for one in found:
            _print(one)


def _document(made: "Explanation") -> dict[str, Any]:
    return {
        **made.subject, "sums": made.sums, "price": made.price, "slices": made.slices, "parts": made.parts,
        "draws": made.draws, "stated": made.stated, "runs": made.runs,
        "records": {"count": made.records.height, "records": made.records},
    }  # fmt: skip


def _print(made: "Explanation") -> None:
    subject = made.subject
    is_line = "number" in subject
    if is_line:
        console.print(
            f"{subject['number']}, line {subject['line']}: {subject['kind']} of account {subject['account_id']}"
        )
    else:
        slice_start = cell(subject["slice_start"])
        console.print(
            f"account {subject['account_id']}, {slice_start} UTC, {subject['meter']} of {subject['resource_id']}"
        )
    if made.price is not None:
        console.print(_price(made.price), markup=False)
    _tables(made, is_line=is_line)
    for name, amount in made.sums.items():
        console.print(f"{SUMS[name]:<28}{_money(amount):>28} {subject['currency']}", markup=False)
    console.print()


def _price(price: Mapping[str, Any]) -> str:
    said = f"price {price['price_id']} of plan {price['plan']}, version {price['version']} of {cell(price['effective_from'])} UTC"
    said += f": {price['model']}, per {price['accumulate']}"
    said += f", included {cell(price['included'])}" if price["included"] else ""
    if price.get("committed"):
        said += f", committed {cell(price['committed'])} at {cell(price['committed_price'])} {price['currency']}"
    return said + (f", at most {cell(price['maximum'])} {price['currency']}" if price["maximum"] is not None else "")


def _tables(made: "Explanation", *, is_line: bool) -> None:
    rows = {
        name: list(getattr(made, name).iter_rows(named=True))
        for name in ("slices", "parts", "draws", "runs", "records")
    }
    stated = list(made.stated.iter_rows(named=True))
    if rows["parts"]:
        print_table("what its price comes to in the period" if is_line else "what it is made of", PARTS, rows["parts"])
    if rows["slices"]:
        print_table(f"{len(rows['slices']):,} slices, in the order of events", SLICES, rows["slices"], shown=SHOWN)
    if rows["draws"]:
        draws = {"slice_start": "slice (UTC)", "lot": "lot", "amount": "amount"}
        print_table("what credit paid", draws, rows["draws"], shown=SHOWN)
    if stated:
        before = {"number": "invoice", "line": "line", "quantity": "quantity", "exact": "exact", "amount": "amount"}
        print_table("stated before", before, stated)
    late = [row for row in rows["runs"] if not is_line or row["late"]]
    if late:
        print_table("late corrections, over all tiers" if is_line else "which run added what", RUNS, late, shown=SHOWN)
    if rows["records"]:
        print_table(f"{len(rows['records']):,} records", RECORDS, rows["records"], shown=SHOWN)


def _money(amount: Decimal) -> str:
    return format_number(amount, 2)
