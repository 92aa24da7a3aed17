"""Commands about balances and alerts: who runs out when, and what is watched.

What belongs here: their options, and tables. What does not: what raises an alert (`rating/alerts.py`), and sending
(`deliveries.py`).
"""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any

import typer

from pipelines.command.application import BOOKS, FACTS, app, opened
from pipelines.command.facts import Account, say
from pipelines.command.printing import print_table, write_json
from rating.balances import hours_until_empty, runs_out_at
from rating.money import divide_half_even, round_half_even
from resources.reference import take_or_refuse
from resources.writer import record

SHOWN = 50
# Of a rate, which is no money yet.
RATE_DIGITS = 6
HOUR_DIGITS = 2


class RuleKind(StrEnum):
    """What a rule looks at."""

    BELOW = "below"
    TOP_UP_PERCENT = "top_up_percent"
    HOURS_LEFT = "hours_left"
    BUDGET_PERCENT = "budget_percent"


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        message = f"{text!r} is not an amount; write it like 20.00"
        raise typer.BadParameter(message)
    return value


@app.command(rich_help_panel=BOOKS)
def balances(
    account_id: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One account; all if left out.")] = None,
    below: Annotated[
        Decimal | None, typer.Option(parser=_amount, metavar="AMOUNT", help="Only those with less than this.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of them, with every digit.")] = False,
) -> None:
    """Show what each account has left: settled, in flight, its burn rate, and when it runs out at that rate.

    In flight is what is rated and not posted yet. The burn rate is that of the last 24 closed hours. What credit may pay
    for, and when it expires, is not looked at.
    """
    with opened(read_only=True) as project:
        found = project.lake.frame("steps/balances/runways", {"account_id": account_id, "below": below})
    rows = [_runway(row) for row in found.iter_rows(named=True)]
    if as_json:
        write_json(rows)
        return
    columns = {
        "account_id": "account", "mode": "mode", "currency": "", "balance": "balance", "in_flight": "in flight",
        "burn_rate": "per hour", "hours_left": "hours left", "runs_out_at": "runs out",
    }  # fmt: skip
    print_table("Balances: credit less what is unbilled", columns, rows, shown=SHOWN)


def _runway(row: dict[str, Any]) -> dict[str, Any]:
    left = hours_until_empty(row["balance"] - row["in_flight"], row["burned"], row["hours"])
    left = left if row["mode"] == "prepaid" else None
    rate = divide_half_even(row["burned"], Decimal(max(row["hours"], 1)), RATE_DIGITS)
    shown = None if left is None else round_half_even(left, HOUR_DIGITS)
    return {**row, "burn_rate": rate, "hours_left": shown, "runs_out_at": runs_out_at(row["closed_until"], left)}


@app.command(rich_help_panel=FACTS)
def alert(
    account_id: Account,
    kind: Annotated[RuleKind, typer.Argument(help="What is watched.")],
    threshold: Annotated[
        str, typer.Argument(help="An amount; percent of the last top-up; hours; or percent of the budget.")
    ],
    budget: Annotated[str, typer.Option(help="budget_percent: what a billing period may cost.")] = "0",
    rule_id: Annotated[
        str | None, typer.Option("--id", help="Give your own: the same id again says what is new of it.")
    ] = None,
    void: Annotated[bool, typer.Option("--void", help="Watch this no longer; what is raised is cleared.")] = False,
) -> None:
    """Watch an account: tell when its balance, or what a period costs, crosses a threshold. It goes over the usual rules."""
    row = {
        "rule_id": rule_id or f"{account_id}-{kind.value}-{threshold}", "account_id": account_id, "kind": kind.value,
        "threshold": threshold, "amount": budget, "void": str(void).lower(),
    }  # fmt: skip
    with opened() as project:
        taken = record(project.lake, "reference", "alert", lambda step: take_or_refuse(step, "alert_rules", row))
        say(taken, f"rule {row['rule_id']}")
