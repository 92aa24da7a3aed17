"""Suspended accounts that were topped up since the last run: a run that closes no hour resumes them at once (docs/alerts.md).

What belongs here: finding them. What does not: judging their balance, which is for the run alone (`alerts.py`): so an account is
resumed once, whoever runs first.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from resources.facts import closed_until
from resources.project import Project
from resources.writer import transaction

NEWEST: Final = 2**62


@dataclass(frozen=True)
class TopUp:
    """Suspended accounts with new credit: the run of the newest of it, and the end of the last closed hour."""

    accounts: tuple[str, ...]
    run: int
    closed_until: datetime


def topped_up(project: Project) -> TopUp | None:
    """Who has credit that no run has posted yet, and is suspended; None where nobody is. It costs what is not posted."""
    lake = project.lake
    with transaction(lake):
        posted = lake.value("steps/alerts/last_posting")
        new = lake.frame("steps/alerts/not_posted", {"posted": posted})
        closed = closed_until(lake, NEWEST) if new.height else None
        if closed is None:
            return None
        found = lake.frame("steps/alerts/suspended", {"accounts": new["account_id"].to_list()})
    accounts = tuple(found["account_id"])
    return TopUp(accounts, max(new["run"]), closed) if accounts else None
