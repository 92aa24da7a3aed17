"""Commands that add credit: grants, and what voids them.

What belongs here: their options. What does not: what refuses them (`resources/reference.py`), and what they pay for
(`rating/credits.py`).
"""

import getpass
import json
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from assets.top_ups import topped_up
from pipelines.command.application import FACTS, app, console, instant, opened
from pipelines.command.facts import Account, say
from resources.errors import ReferenceDataError
from resources.project import Project
from resources.reference import take_or_refuse
from resources.reference_kinds import KINDS
from resources.writer import record


class GrantKind(StrEnum):
    """Where credit comes from."""

    PAID = "paid"
    PROMOTIONAL = "promotional"
    ADJUSTMENT = "adjustment"
    RECURRING = "recurring"


By = Annotated[str | None, typer.Option(help="Who says so; the user of this machine if left out.")]


@app.command(rich_help_panel=FACTS)
def grant(
    account_id: Account,
    amount: Annotated[str, typer.Argument(help="Credit, without tax: 100.00")],
    currency: Annotated[str, typer.Option(help="That of the account.")],
    kind: Annotated[
        GrantKind, typer.Option(help="Bought; given; given to make up for something; or given anew each month.")
    ] = GrantKind.PROMOTIONAL,
    receipt: Annotated[str, typer.Option(help="Paid: the receipt on which its tax was paid.")] = "",
    tax_paid: Annotated[str, typer.Option(help="Paid: the tax on that receipt.")] = "0",
    tax_code: Annotated[str, typer.Option(help="Paid: the tax's code.")] = "standard",
    gateway: Annotated[str, typer.Option(help="Paid: where the money came in.")] = "bank",
    roll_over: Annotated[str, typer.Option(help="Recurring: the most that is carried into the next month.")] = "0",
    meter: Annotated[list[str] | None, typer.Option(help="Pays for this meter alone; may be repeated.")] = None,
    plan: Annotated[list[str] | None, typer.Option(help="Pays for this plan alone; may be repeated.")] = None,
    price: Annotated[list[str] | None, typer.Option(help="Pays for this price alone; may be repeated.")] = None,
    dimension: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Pays for such usage alone; may be repeated.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Lower is drawn first.")] = 100,
    effective: Annotated[str | None, typer.Option("--effective", metavar="TIME", help="Now if left out.")] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="TIME", help="Never if left out.")] = None,
    grant_id: Annotated[
        str | None, typer.Option("--id", help="Give your own: the same id again changes nothing.")
    ] = None,
    reason: Annotated[str, typer.Option()] = "",
    by: By = None,
) -> None:
    """Grant credit to an account: a top-up that was paid, a promotion, an adjustment, or an allowance each month."""
    given = {"meters": meter, "plans": plan, "prices": price, "dimensions": _dimensions(dimension or [])}
    scope = {key: part for key, part in given.items() if part}
    row = {
        "grant_id": grant_id or f"grant-{uuid.uuid4()}", "account_id": account_id, "kind": kind.value, "amount": amount,
        "currency": currency, "priority": str(priority), "receipt": receipt, "tax_paid": tax_paid, "tax_code": tax_code,
        "gateway": gateway, "reason": reason, "by": by or getpass.getuser(), "roll_over": roll_over,
        "every": "month" if kind is GrantKind.RECURRING else "", "scope": json.dumps(scope) if scope else "",
        "effective_at": (instant(effective) if effective else datetime.now(UTC)).isoformat(),
        "expires_at": instant(expires).isoformat() if expires else "",
    }  # fmt: skip
    with opened() as project:
        taken = record(project.lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", row))
        say(taken, f"grant {row['grant_id']}")
        waits = topped_up(project) if taken.added.height else None
    if waits and account_id in waits.accounts:
        again = f"meterbook run --until {waits.closed_until:%Y-%m-%dT%H:%MZ}"
        console.print(
            f"{account_id} is suspended: `{again}` judges it now; Dagster does so within a minute", markup=False
        )


def _dimensions(written: list[str]) -> dict[str, str]:
    pairs = [part.partition("=") for part in written]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        message = f"{wrong[0]!r} is no dimension; write --dimension region=eu"
        raise typer.BadParameter(message)
    return {name: value for name, _, value in pairs}


@app.command(rich_help_panel=FACTS)
def void_grant(
    grant_id: Annotated[str, typer.Argument(help="The grant that is to be worth nothing.")],
    reason: Annotated[str, typer.Option(help="Why: it is kept.")],
    by: By = None,
) -> None:
    """Void a grant. What was drawn from it is drawn from the account's other credit, or is unbilled, from the next run on."""
    with opened() as project:
        row = _standing(project, grant_id) | {"void": "true", "reason": reason, "by": by or getpass.getuser()}
        taken = record(project.lake, "reference", "void", lambda step: take_or_refuse(step, "grants", row))
        say(taken, f"void of {grant_id}")


def _standing(project: Project, grant_id: str) -> dict[str, str]:
    """A grant as it stands, as the text that would land it."""
    found = project.lake.frame("steps/reference/grant_as_text", {"grant_id": grant_id})
    if found.is_empty():
        message = f'there is no grant {grant_id}; `meterbook sql "from books.lots"` lists them'
        raise ReferenceDataError(message)
    row = found.row(0, named=True)
    return {name: row[name] or "" for name in KINDS["grants"].columns}
