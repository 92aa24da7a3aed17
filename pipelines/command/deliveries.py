"""Commands about the sending of alerts: what waits and why, sending it, and giving up on it.

What belongs here: their options, and tables. What does not: sending (`assets/deliveries.py`), and what
waits (`assets/outbox.py`).
"""

import getpass
import os
from collections import Counter
from datetime import datetime
from typing import Annotated, Any

import polars as pl
import typer

from assets.deliveries import channels_of
from assets.deliveries import deliver as send_due
from assets.outbox import give_up as give_up_on
from assets.outbox import queued
from pipelines.command.application import BOOKS, app, complaints, console, opened
from pipelines.command.credit import By
from pipelines.command.printing import print_table, write_json

SHOWN = 50
TOLD = (
    "alert_id", "account_id", "kind", "state", "hour", "channel", "attempts", "first_failed_at", "next_try", "behind", "error",
    "taken_by",
)  # fmt: skip


@app.command(rich_help_panel=BOOKS)
def alerts(
    account_id: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One account; all if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of them, as JSON.")] = False,
) -> None:
    """Show the alerts that did not get through: how often each was tried, when it is tried next, and what it said.

    An alert waits for the earlier ones of its account. All that was ever told is in the view `alerts`.
    """
    with opened(read_only=True) as project:
        now = project.clock.now()
        found = queued(project.lake)
    if account_id is not None:
        found = found.filter(pl.col("account_id") == account_id)
    rows = [_told(row, now) for row in found.sort("account_id", "channel", "alert_run", "place").iter_rows(named=True)]
    if as_json:
        write_json(rows)
        return
    columns = {
        "alert_id": "alert", "account_id": "account", "what": "what", "hour": "of", "channel": "by", "attempts": "tried",
        "turn": "next", "error": "last answer",
    }  # fmt: skip
    print_table("Alerts that did not get through", columns, [_shown(row, now) for row in rows], shown=SHOWN)


def _told(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    next_try = None if row["behind"] else max(row["turn_at"], now)
    return {name: value for name, value in ({**row, "next_try": next_try}).items() if name in TOLD}


def _shown(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    error = f"{row['error']} ({row['taken_by']} has it)" if row["taken_by"] else row["error"]
    turn = "after the one before" if row["behind"] else "now" if row["next_try"] <= now else row["next_try"]
    return {**row, "what": f"{row['kind']} {row['state']}", "turn": turn, "error": error}


@app.command(rich_help_panel=BOOKS)
def give_up(
    alert_ids: Annotated[list[str], typer.Argument(metavar="ALERT...", help="Alerts that wait.")],
    reason: Annotated[str, typer.Option(help="Why: it is kept.")],
    channel: Annotated[str | None, typer.Option(help="webhook or mail; all that it waits for if left out.")] = None,
    by: By = None,
) -> None:
    """Send an alert no more, so that the later ones of its account can go. That it was given up is kept."""
    with opened() as project:
        count = give_up_on(project, alert_ids, channel, reason, by or getpass.getuser())
    console.print(f"given up: {count:,}")


@app.command(rich_help_panel=BOOKS)
def deliver() -> None:
    """Send the alerts that are due, each account's in their order. Dagster does so by itself; with cron, after each run."""
    with opened() as project:
        chosen = project.settings.alerts
        channels = channels_of(chosen, os.environ)
        report = send_due(project, channels, chosen.deliver_seconds)
        waiting = queued(project.lake)
    if not channels:
        console.print("no channel is set up; see [alerts.webhook] and [alerts.mail] in meterbook.toml", markup=False)
    if report["busy"]:
        console.print("another process is sending")
    console.print(f"alerts delivered: {report['delivered']:,}")
    for row in report["given_up"]:
        what = f"given up by {row['channel']}: {row['kind']} {row['state']} of {row['account_id']}"
        complaints.print(
            f"{what} ({row['reason']}; last: {row['error']})", highlight=False, markup=False, soft_wrap=True
        )
    _print_waiting(waiting)


def _print_waiting(waiting: pl.DataFrame) -> None:
    errors = waiting.filter(pl.col("error") != "").sort("due_at").select("channel", "error").iter_rows()
    last = dict(errors)
    for channel, count in sorted(Counter(waiting["channel"]).items()):
        reason = f" (last: {last[channel]})" if channel in last else ""
        complaints.print(
            f"still to send by {channel}: {count:,}{reason}; `meterbook alerts` shows them", highlight=False, markup=False,
            soft_wrap=True,
        )  # fmt: skip
