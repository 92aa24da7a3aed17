"""Sending alerts: at least once, in order for each account, one account never held up by another (docs/alerts.md).

What belongs here: what is due, in which order, when it is tried again, and recording what was sent. What does not: how a
channel sends (`gateways/`). Alerts are stored before they are sent, and deliveries after: whoever dies in between is followed by
one who sends again, with the same id.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from gateways.channels import Channel, DeliveryError
from gateways.mail import PASSWORD_VARIABLE, Mail, Server
from gateways.messages import message_of
from gateways.webhook import SECRET_VARIABLE, Webhook, signing_keys
from resources.alert_settings import MAIL, WEBHOOK, AlertSettings
from resources.lock import alone
from resources.project import Project
from resources.writer import Step, record

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
# A commit holds so many deliveries, or those of so many seconds: what a killed sender sends again is no more than that.
MOST_AT_ONCE: Final = 100
SECONDS_AT_ONCE: Final = 2.0
# When so many in a row fail, whatever the account, the receiver is down: the rest waits for the next time.
MOST_FAILURES: Final = 5
# Alerts that are looked up at once.
MOST_LOOKED_UP: Final = 1000
DELIVERIES: Final = pl.Schema(
    {
        "alert_id": pl.String(), "account_id": pl.String(), "channel": pl.String(), "attempt": pl.Int64(),
        "outcome": pl.String(), "error": pl.String(), "at": pl.Datetime("us", "UTC"), "due_at": pl.Datetime("us", "UTC"),
    }
)  # fmt: skip
LONGEST_ERROR: Final = 500

Row = dict[str, Any]


def channels_of(chosen: AlertSettings, environment: Mapping[str, str]) -> dict[str, Channel]:
    """The channels that the settings name, with their secrets from the environment.

    Raises:
        ChannelError: the secret of the webhook is missing, or is none.
    """
    made: dict[str, Channel] = {}
    if WEBHOOK in chosen.channels:
        keys = signing_keys(environment.get(SECRET_VARIABLE, ""))
        made[WEBHOOK] = Webhook(chosen.webhook.url, keys, chosen.webhook.timeout_seconds)
    if MAIL in chosen.channels:
        mail = chosen.mail
        password = environment.get(PASSWORD_VARIABLE, "")
        server = Server(mail.host, mail.port, mail.security, mail.user, password, mail.timeout_seconds)
        made[MAIL] = Mail(server, mail.sender, mail.to, to_account=mail.to_account)
    return made


@dataclass
class Sending:
    """One time of sending: what was sent and not yet recorded, and whom it is no use to try again now."""

    project: Project
    channels: Mapping[str, Channel]
    deadline: float
    monotonic: Callable[[], float]
    unrecorded: list[Row] = field(default_factory=list)
    held_up: set[tuple[str, str]] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)
    delivered: int = 0
    failed: int = 0
    recorded_at: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.monotonic() >= self.deadline

    def open_channels(self) -> list[str]:
        """The channels whose receiver is not down."""
        return [name for name in self.channels if self.failures.get(name, 0) < MOST_FAILURES]

    def send(self, alert: Row) -> None:
        """Send an alert, unless an earlier one of its account did not get through."""
        name, account = alert["channel"], (alert["account_id"], alert["channel"])
        if account in self.held_up or name not in self.open_channels():
            return
        now = self.project.clock.now()
        error = ""
        try:
            self.channels[name].send(message_of(alert, now))
        except DeliveryError as failure:
            error = str(failure)[:LONGEST_ERROR] or type(failure).__name__
            self.held_up.add(account)
        self._note(alert, error, now)

    def _note(self, alert: Row, error: str, now: datetime) -> None:
        attempt = alert["attempts"] + 1
        self.failures[alert["channel"]] = self.failures.get(alert["channel"], 0) + 1 if error else 0
        self.failed, self.delivered = self.failed + bool(error), self.delivered + (not error)
        outcome = {"outcome": "failed" if error else "delivered", "error": error, "at": now, "due_at": now}
        if error:
            outcome["due_at"] = now + pause_after(attempt)
        named = {name: alert[name] for name in ("alert_id", "account_id", "channel")}
        self.unrecorded.append({**named, "attempt": attempt, **outcome})
        if len(self.unrecorded) >= MOST_AT_ONCE or self.monotonic() - self.recorded_at >= SECONDS_AT_ONCE:
            self.record()

    def record(self) -> None:
        """Write down what was sent."""
        rows, self.unrecorded, self.recorded_at = self.unrecorded, [], self.monotonic()
        if rows:
            frame = pl.DataFrame(rows, schema=DELIVERIES)

            def add(step: Step) -> None:
                step.append("deliveries", frame)

            record(self.project.lake, "deliveries", "deliver", add)


def pause_after(attempt: int) -> timedelta:
    """How long an alert waits after so many failures: half a minute, then twice as long each time, up to an hour."""
    doublings = min(attempt - 1, 20)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def deliver(
    project: Project,
    channels: Mapping[str, Channel],
    seconds: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Send what is due, for at most so many seconds (and the one send that is under way); returns counts.

    It holds no lock of the books but to record, so it holds up nobody. While one process sends, a second one does nothing.
    """
    sending = Sending(project, channels, monotonic() + seconds, monotonic, recorded_at=monotonic())
    with alone(project.lake, "deliver") as is_alone:
        if is_alone:
            try:
                _send_all(sending)
            finally:
                sending.record()
        return {"delivered": sending.delivered, "failed": sending.failed, "busy": not is_alone}


def _send_all(sending: Sending) -> None:
    while names := sending.open_channels():
        alerts = due(sending.project, names)
        tried = sending.delivered + sending.failed
        for alert in alerts:
            if sending.is_over:
                return
            sending.send(alert)
        sending.record()
        if sending.delivered + sending.failed == tried:
            return


def due(project: Project, names: list[str], most: int = MOST_LOOKED_UP) -> list[Row]:
    """What is to be sent now on these channels, in order; no more than `most`."""
    now = project.clock.now()
    bounds = {"channels": names, "now": now, "too_far": now + LONGEST_PAUSE, "most": most}
    return project.lake.frame("steps/deliveries/due", bounds).to_dicts() if names else []
