"""Commands that add facts: accounts, subscriptions, corrections.

What belongs here: their options. What does not: credit (`credit.py`), and what refuses them (`resources/reference.py`).
"""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.command.application import FACTS, app, console, instant, opened
from resources.reference import Taken, take_or_refuse
from resources.writer import record

Account = Annotated[str, typer.Argument(help="The account's id.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="From when it holds; now (the quarter hour) if left out.")
]


def _quarter_hour(text: str | None) -> str:
    now = datetime.now(UTC)
    value = instant(text) if text else now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return value.isoformat()


def say(taken: Taken, what: str) -> None:
    """Say what became of a fact that was given."""
    console.print(
        f"{what}: {'recorded; the next run counts it' if taken.added.height else 'as before, nothing changed'}"
    )


@app.command(rich_help_panel=FACTS)
def account(
    account_id: Account,
    name: Annotated[str, typer.Option(help="The customer's name, as invoices say it.")],
    currency: Annotated[str, typer.Option(help="ISO 4217, EUR for example. It never changes.")],
    email: Annotated[str, typer.Option()] = "",
    address: Annotated[str, typer.Option(help="Lines separated by '; '.")] = "",
    country: Annotated[str, typer.Option(help="Two letters.")] = "",
    tax_id: Annotated[str, typer.Option()] = "",
    time_zone: Annotated[str, typer.Option(help="Where the account's months begin.")] = "UTC",
    mode: Annotated[str, typer.Option(help="prepaid or postpaid.")] = "postpaid",
    overdraft_limit: Annotated[
        str, typer.Option(help="Prepaid: how far it may go below nothing before it is to be suspended.")
    ] = "0",
    tax_code: Annotated[str, typer.Option()] = "standard",
    tax_rate: Annotated[str, typer.Option(help="Percent.")] = "0",
    effective_from: From = None,
) -> None:
    """Record an account, or what is new about it. What it said before is kept."""
    row = {
        "account_id": account_id, "name": name, "currency": currency, "email": email, "address": address,
        "country": country, "tax_id": tax_id, "time_zone": time_zone, "mode": mode, "tax_code": tax_code,
        "tax_rate": tax_rate, "overdraft_limit": overdraft_limit, "effective_from": _quarter_hour(effective_from),
    }  # fmt: skip
    with opened() as project:
        say(
            record(project.lake, "reference", "account", lambda step: take_or_refuse(step, "accounts", row)),
            f"account {account_id}",
        )


@app.command(rich_help_panel=FACTS)
def subscribe(
    account_id: Account,
    plan: Annotated[str, typer.Argument(help="The plan of the price book; '-' ends the subscription.")],
    service: Annotated[str, typer.Option(help="Only for one service of the account.")] = "",
    subscription: Annotated[
        str | None, typer.Option(help="The subscription's id; account (and service) if left out.")
    ] = None,
    effective_from: From = None,
) -> None:
    """Subscribe an account to a plan, change its plan, or end it ('-'). The change cuts its hour at the quarter."""
    row = {
        "subscription_id": subscription or "/".join(part for part in (account_id, service) if part),
        "account_id": account_id, "service_id": service, "plan": "" if plan == "-" else plan,
        "effective_from": _quarter_hour(effective_from),
    }  # fmt: skip
    with opened() as project:
        taken = record(project.lake, "reference", "subscribe", lambda step: take_or_refuse(step, "subscriptions", row))
        say(taken, f"subscription {row['subscription_id']}")


@app.command(rich_help_panel=FACTS)
def correct(
    event_id: Annotated[str, typer.Argument(help="The id of the record.")],
    source: Annotated[str, typer.Option(help="The record's source: usage_records, for example.")],
    reason: Annotated[str, typer.Option(help="Why: it is kept.")],
    by: Annotated[str | None, typer.Option(help="Who says so; the user of this machine if left out.")] = None,
    void: Annotated[bool, typer.Option("--void", help="The record no longer counts.")] = False,
    quantity: Annotated[str | None, typer.Option(help="It counts with this quantity.")] = None,
    restore: Annotated[bool, typer.Option("--restore", help="It counts as it came.")] = False,
    timestamp: Annotated[
        str | None, typer.Option(metavar="TIME", help="The record's time, where its id stands for several.")
    ] = None,
) -> None:
    """Correct a record: void it, replace its quantity, or restore it. Hour, charges and credit follow with the next run.

    A correction of a record that has not come waits for it. The newest correction of a record holds; the same again
    changes nothing.
    """
    if (void, quantity is not None, restore).count(True) != 1:
        message = "name one of --void, --quantity and --restore"
        raise typer.BadParameter(message)
    action = "void" if void else "restore" if restore else "replace"
    row = {
        "source": source, "event_id": event_id, "timestamp": instant(timestamp).isoformat() if timestamp else "",
        "action": action, "quantity": quantity or "", "reason": reason, "by": by or getpass.getuser(),
    }  # fmt: skip
    with opened() as project:
        found = project.lake.frame("steps/corrections/times_of_event", {"source": source, "event_id": event_id})
        times = [f"{time.isoformat()}" for time in found["timestamp"]]
        if timestamp is None and len(times) > 1:
            message = f"{event_id} stands for {len(times)} records; name one with --timestamp: {', '.join(times)}"
            raise typer.BadParameter(message)
        taken = record(project.lake, "reference", "correct", lambda step: take_or_refuse(step, "corrections", row))
        say(taken, f"correction of {event_id}")
        if not times:
            console.print("There is no such record yet; the correction waits for it.")
