"""Closing a month for accounting (design 4): it takes no postings any more.

What belongs here: when a month may be closed, and recording it. What does not: what that means for an entry
(`rating/ledger.py`, `posted_hour`).
"""

from datetime import datetime, timedelta

import polars as pl

from resources.errors import LakeError
from resources.facts import closed_until
from resources.lake import Lake
from resources.writer import Step, record


def close_month(lake: Lake, month: str) -> datetime:
    """Close a calendar month (UTC); returns the first hour that stays open. Closing it again changes nothing.

    Raises:
        LakeError: not all of its hours are closed yet.
    """
    start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    end = (start + timedelta(days=32)).replace(day=1)

    def work(step: Step) -> datetime:
        closed = closed_until(step.lake, step.run)
        if closed is None or closed < end:
            message = f"{month} is not over in the books (hours are closed until {closed}); run its hours first"
            raise LakeError(message)
        if not lake.value("steps/ledger/month_is_closed", {"month": month}):
            row = {"month": month, "closed_until": end}
            step.append(
                "closed_months", pl.DataFrame([row], schema_overrides={"closed_until": pl.Datetime("us", "UTC")})
            )
        return end

    return record(lake, "reference", "close", work)
