"""Sending alerts: at least once, in order for each account, one account never held up by another (docs/alerts.md).

What belongs here: sending what is due, when it is tried again, when it is given up, and recording what was sent. What does not:
which alerts those are (`outbox.py`), and how a channel sends (`gateways/`). Alerts are stored before they are sent, and
deliveries after: whoever dies in between is followed by one who sends again, with the same id.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import dagster as dg
import polars as pl

from assets.outbox import DELIVERIES, LONGEST_PAUSE, Row, due, keep_waiting, lacks_cache
from gateways.channels import Channel, DeliveryError, PartlyTakenError
from gateways.mail import PASSWORD_VARIABLE, Mail, Server
from gateways.messages import message_of
from gateways.webhook import SECRET_VARIABLE, Webhook, signing_keys
from resources.alert_settings import MAIL, WEBHOOK, AlertSettings
from resources.lock import alone
from resources.project import Project
from resources.writer import Step, record

FIRST_PAUSE: Final = timedelta(seconds=30)
# A commit holds so many deliveries, or those of so many seconds: what a killed sender sends again is no more than that.
MOST_AT_ONCE: Final = 100
SECONDS_AT_ONCE: Final = 2.0
# When so many in a row fail, whatever the account, the receiver is down: the rest waits for the next time.
MOST_FAILURES: Final = 5
LONGEST_ERROR: Final = 500
# Before an alert is given up by itself it was tried so often, whatever the clock says and however long nobody sent.
LEAST_ATTEMPTS: Final = 10


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
    tried: set[tuple[str, str]] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)
    given_up: list[Row] = field(default_factory=list)
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
        # What some addresses have already is no longer in its account's way, nor is anything in its.
        is_held_up = account in self.held_up and not alert["taken_by"]
        if is_held_up or (alert["alert_id"], name) in self.tried or name not in self.open_channels():
            return
        self.tried.add((alert["alert_id"], name))
        now, error, taken_by = self.project.clock.now(), "", alert["taken_by"]
        try:
            self.channels[name].send(message_of(alert, now))
        except PartlyTakenError as failure:
            error, taken_by = str(failure), ",".join(filter(None, (taken_by, *failure.taken_by)))
        except DeliveryError as failure:
            error = str(failure) or type(failure).__name__
        is_answered = not error or taken_by != alert["taken_by"]
        self.failures[name] = 0 if is_answered else self.failures.get(name, 0) + 1
        if error and not taken_by:
            self.held_up.add(account)
        self._note({**alert, "error": error[:LONGEST_ERROR], "taken_by": taken_by}, now)

    def _note(self, alert: Row, now: datetime) -> None:
        attempt, is_delivered = alert["attempts"] + 1, not alert["error"]
        is_given_up = not is_delivered and self._is_enough(alert, attempt, now)
        self.failed, self.delivered = self.failed + (not is_delivered), self.delivered + is_delivered
        outcome = "delivered" if is_delivered else "given_up" if is_given_up else "failed"
        row = {
            **{name: alert[name] for name in ("alert_id", "account_id", "channel", "error", "taken_by")},
            "attempt": attempt, "outcome": outcome, "at": now,
            "due_at": now + pause_after(attempt) if outcome == "failed" else now,
            "reason": f"tried for {self.project.settings.alerts.give_up_days} days" if is_given_up else "", "by": "",
        }  # fmt: skip
        self.unrecorded.append(row)
        if is_given_up:
            self.given_up.append({**row, "kind": alert["kind"], "state": alert["state"]})
        if len(self.unrecorded) >= MOST_AT_ONCE or self.monotonic() - self.recorded_at >= SECONDS_AT_ONCE:
            self.record()

    def _is_enough(self, alert: Row, attempt: int, now: datetime) -> bool:
        """Whether an alert that failed once more is given up."""
        first = alert["first_failed_at"] or now
        patience = timedelta(days=self.project.settings.alerts.give_up_days)
        return attempt >= LEAST_ATTEMPTS and now - first >= patience

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
            if sending.tried or lacks_cache(project.lake):
                keep_waiting(project.lake)
        return {
            "delivered": sending.delivered,
            "failed": sending.failed,
            "given_up": sending.given_up,
            "busy": not is_alone,
        }


def _send_all(sending: Sending) -> None:
    while names := sending.open_channels():
        tried = len(sending.tried)
        for alert in due(sending.project, names):
            if sending.is_over:
                return
            sending.send(alert)
        sending.record()
        if len(sending.tried) == tried:
            return


def observations(given_up: Iterable[Row]) -> list[dg.AssetObservation]:
    """What was given up by itself, as observations of the asset `alerts`."""
    told = ("alert_id", "account_id", "kind", "state", "channel", "attempt", "error", "reason")
    return [
        dg.AssetObservation(
            asset_key="alerts",
            description=f"{row['kind']} {row['state']} of {row['account_id']} given up by {row['channel']}",
            metadata={name: row[name] for name in told},
        )
        for row in given_up
    ]
