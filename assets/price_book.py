"""The price book: the file that the settings name, taken when it is new (semantics 1)."""

from datetime import datetime
from typing import Any

import dagster as dg

from assets.shown import counts, shown
from resources.lake import Lake
from resources.price_books import take_price_book
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge


def take_book(project: Project, job: str) -> dict[str, Any]:
    """Take the price book if it says something new.

    Raises:
        PriceBookError: the file is refused whole, with every problem in it; the book in force stays.
    """

    def work(step: Step) -> dict[str, Any]:
        taken = take_price_book(step, project.settings.price_book, first_open_period(step.lake, step.run))
        return {"taken": taken is not None, "version": taken.version if taken else "as before"}

    return converge(project.lake, "reference", job, work)


def first_open_period(lake: Lake, run: int) -> datetime | None:
    """The end of the latest period that has an issued invoice: a price may change from there on."""
    value: datetime | None = lake.value("steps/reference/first_open_period", {"run": run})
    return value


@dg.asset(group_name="reference", kinds={"yaml"}, owners=["team:finance"])
def price_book(context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]) -> dg.MaterializeResult[Any]:
    """What things cost: the price book of the settings, taken when it is new, refused whole when it is wrong."""
    with project.open() as opened:
        report = take_book(opened, context.run.run_id)
        return shown(opened, context.run.run_id, report, counts(report, {"new": "taken", "version": "version"}))
