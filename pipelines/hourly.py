"""One run of the hourly steps in the order of the data, without Dagster: what tests, benchmarks and `meterbook` share.

What belongs here: that order. What does not: what each step does (`assets/`).
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from assets.accounts import take_accounts
from assets.alerts import judge_accounts
from assets.charges import rate_usage
from assets.ledger_entries import post_charges
from assets.price_book import take_book
from assets.usage_events import take_usage
from assets.usage_hourly import meter_usage
from resources.project import Project

Report = dict[str, Any]


def hourly_steps(project: Project, job: str, until: datetime) -> Mapping[str, Callable[[], Report]]:
    """The steps of a run by the name of their asset, in order."""
    return {
        "price_book": lambda: take_book(project, job),
        "accounts": lambda: take_accounts(project, job),
        "usage_events": lambda: take_usage(project, job),
        "usage_hourly": lambda: meter_usage(project, job, until),
        "charges": lambda: rate_usage(project, job),
        "ledger_entries": lambda: post_charges(project, job),
        "alerts": lambda: judge_accounts(project, job),
    }


def run_hourly(project: Project, until: datetime) -> dict[str, Report]:
    """Take what landed, close the hours that end at or before `until`, and bring the books up to them."""
    job = f"run-{uuid.uuid4()}"
    return {name: step() for name, step in hourly_steps(project, job, until).items()}
