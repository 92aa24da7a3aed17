"""The alerts that did not get through: which they are, whose turn it is, and those that somebody gave up (docs/alerts.md).

What belongs here: reading the outbox, and keeping what waits at hand. What does not: sending (`deliveries.py`). The facts are
`alerts` and `deliveries`; `waiting_alerts` is a cache of what is open among them, so that a look at the outbox costs what is
open and new, and not what ever was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from rating.errors import MeterbookError
from resources.alert_settings import MAIL
from resources.lake import Lake
from resources.project import Project
from resources.writer import Step, record, transaction

DELIVERIES: Final = pl.Schema(
    {
        "alert_id": pl.String(), "account_id": pl.String(), "channel": pl.String(), "attempt": pl.Int64(),
        "outcome": pl.String(), "error": pl.String(), "at": pl.Datetime("us", "UTC"), "due_at": pl.Datetime("us", "UTC"),
        "reason": pl.String(), "by": pl.String(), "taken_by": pl.String(),
    }
)  # fmt: skip
LONGEST_PAUSE: Final = timedelta(hours=1)
# Alerts that are looked up at once.
MOST_LOOKED_UP: Final = 1000

Row = dict[str, Any]


class OutboxError(MeterbookError):
    """An alert that does not wait; the message says where to look."""


def waiting(lake: Lake) -> pl.DataFrame:
    """All that waits, a row an alert and channel, with what was tried; in no order."""
    known_until = lake.value("steps/deliveries/known_until")
    return lake.frame("steps/deliveries/waiting", {"known_until": known_until or 0})


def queued(lake: Lake) -> pl.DataFrame:
    """The same, with `turn_at` (when it is tried again) and `behind` (the alert that must get through before)."""
    with transaction(lake):
        found = waiting(lake)
    with lake.registered(waiting=found):
        return lake.frame("steps/deliveries/queued")


def due(project: Project, names: Sequence[str], most: int = MOST_LOOKED_UP) -> list[Row]:
    """What is to be sent now on these channels, in order; no more than `most`."""
    if not names:
        return []
    now = project.clock.now()
    bounds = {"channels": list(names), "now": now, "too_far": now + LONGEST_PAUSE, "most": most}
    with project.lake.registered(queued=queued(project.lake)):
        found = project.lake.frame("steps/deliveries/due", bounds)
    return _with_addresses(project.lake, found).to_dicts()


def _with_addresses(lake: Lake, alerts: pl.DataFrame) -> pl.DataFrame:
    """Add the address of each account, where something is to be mailed."""
    accounts = alerts.filter(pl.col("channel") == MAIL)["account_id"].unique().to_list()
    if not accounts:
        return alerts
    addresses = lake.frame("steps/deliveries/addresses", {"accounts": accounts})
    return alerts.drop("email").join(addresses, on="account_id", how="left", maintain_order="left")


def lacks_cache(lake: Lake) -> bool:
    """Whether what waits has to be worked out from all alerts there ever were: after a rebuild, until the next sending."""
    return bool(lake.value("steps/deliveries/lacks_cache"))


def keep_waiting(lake: Lake) -> None:
    """Keep what waits now in the cache, so that whoever looks next begins there."""
    record(lake, "deliveries", "deliver", _keep)


def _keep(step: Step) -> None:
    newest = int(step.lake.value("steps/deliveries/newest_alerts"))
    mark = pl.DataFrame({"alert_id": [""], "alert_run": [newest]})
    step.delete("steps/deliveries/forget")
    step.append("waiting_alerts", pl.concat([waiting(step.lake), mark], how="diagonal"))


def give_up(project: Project, alert_ids: Sequence[str], channel: str | None, reason: str, by: str) -> int:
    """Give up on alerts that wait, on one channel or on all: they are not sent again, and hold up nobody.

    Returns how many messages that were. What was given up stays a row: who, when and why.

    Raises:
        OutboxError: one of them does not wait.
    """
    now = project.clock.now()
    return record(
        project.lake, "deliveries", "give-up", lambda step: _give_up(step, alert_ids, channel, (reason, by, now))
    )


def _give_up(step: Step, alert_ids: Sequence[str], channel: str | None, why: tuple[str, str, datetime]) -> int:
    reason, by, now = why
    found = waiting(step.lake).filter(pl.col("alert_id").is_in(list(alert_ids)))
    found = found.filter(pl.col("channel") == channel) if channel else found
    if missing := sorted(set(alert_ids) - set(found["alert_id"])):
        where = f" on channel {channel}" if channel else ""
        raise OutboxError(f"alert {missing[0]} does not wait{where}; `meterbook alerts` shows what does")
    given_up = found.with_columns(
        attempt="attempts",
        outcome=pl.lit("given_up"),
        at=pl.lit(now),
        due_at=pl.lit(now),
        reason=pl.lit(reason),
        by=pl.lit(by),
    )
    step.append("deliveries", given_up.select(DELIVERIES.names()).cast(DELIVERIES))
    return found.height
