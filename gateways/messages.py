"""What an alert says: JSON for programs, and a few lines for people (docs/alerts.md).

What belongs here: the words. What does not: how they are sent. A message is a function of the alert as it is stored, so that
one that is sent again says the same.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from gateways.channels import Message
from rating.money import plain_text

TYPES: Final = {
    ("suspend", "raised"): "account.suspend",
    ("suspend", "cleared"): "account.resume",
}
SAID: Final = {
    "below": "The balance is below {threshold}: {value}.",
    "top_up_percent": "The balance is below {setting} % of the last top-up ({threshold}): {value}.",
    "hours_left": "The balance lasts for less than {setting} hours, which cost {threshold}: {value}.",
    "budget_percent": "The billing period {period} has reached {setting} % of its budget ({threshold}): {value}.",
    "suspend": "The balance is below what the account may owe ({threshold}): {value}. Suspend its services.",
}
SAID_AGAIN: Final = {
    "below": "The balance is no longer below {threshold}: {value}.",
    "top_up_percent": "The balance is no longer below {setting} % of the last top-up ({threshold}): {value}.",
    "hours_left": "The balance lasts for {setting} hours again, which cost {threshold}: {value}.",
    "budget_percent": "The billing period {period} is below {setting} % of its budget ({threshold}) again: {value}.",
    "suspend": "The balance is above nothing again: {value}. Resume its services.",
}
OVER: Final = "This no longer holds: the rule, its billing period or the account's mode is another now."
DATA: Final = (
    "alert_id", "account_id", "rule_id", "kind", "state", "reason", "period", "currency", "value", "threshold", "setting",
    "run", "place",
)  # fmt: skip


def message_of(alert: Mapping[str, Any], sent_at: datetime) -> Message:
    """The message of a stored alert; `email` is the address of its account as it is now, `taken_by` who has it."""
    kind = TYPES.get((alert["kind"], alert["state"]), f"alert.{alert['state']}")
    hour = alert["hour"].astimezone(UTC).isoformat().replace("+00:00", "Z")
    document = {"type": kind, "timestamp": hour, "data": {name: _plain(alert[name]) for name in DATA}}
    return Message(
        id=alert["alert_id"],
        account_id=alert["account_id"],
        subject=f"{alert['account_id']}: {kind} ({alert['kind']})",
        text=f"{_sentence(alert)}\n\nAccount {alert['account_id']}, as of {hour}, rule {alert['rule_id']}.\n",
        body=json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        address=alert["email"] or "",
        sent_at=sent_at,
        taken_by=tuple(filter(None, alert["taken_by"].split(","))),
    )


def _sentence(alert: Mapping[str, Any]) -> str:
    if alert["reason"] == "ended":
        return OVER if alert["kind"] != "suspend" else f"{OVER} Resume its services."
    said = (SAID if alert["state"] == "raised" else SAID_AGAIN)[alert["kind"]]
    money = {name: f"{_plain(alert[name])} {alert['currency']}" for name in ("value", "threshold")}
    return said.format(**money, setting=_plain(alert["setting"]), period=alert["period"])


def _plain(value: object) -> object:
    return plain_text(value) if isinstance(value, Decimal) else value
