"""The price book: the file that the settings name, taken when it is new (semantics 1)."""

from datetime import datetime
from functools import partial
from typing import Any

import dagster as dg

from assets.partitions import DAYS
from assets.shown import counts, shown
from rating.errors import PriceBookError
from resources.lake import Lake
from resources.price_books import books_as_of, take_price_book
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import Step, converge


def take_book(project: Project, job: str) -> dict[str, Any]:
    """Take the price book if it says something new.

    A bad one is refused whole, with every problem in it, and the run goes on with the one in force (semantics 1).

    Raises:
        PriceBookError: it is refused, and there is none in force.
    """

    def work(step: Step) -> dict[str, Any]:
        try:
            first_open = partial(first_open_period, step.lake, step.run)
            taken = take_price_book(step, project.settings.price_book, first_open)
        except PriceBookError as error:
            if not books_as_of(step.lake, step.run):
                raise
            return {"taken": False, "version": "as before", "refused": str(error)}
        return {"taken": taken is not None, "version": taken.version if taken else "as before", "refused": ""}

    return converge(project.lake, "reference", job, work)


def first_open_period(lake: Lake, run: int) -> datetime | None:
    """The end of the latest period that has an issued invoice: a price may change from there on."""
    value: datetime | None = lake.value("steps/reference/first_open_period", {"run": run})
    return value


@dg.asset(partitions_def=DAYS, group_name="reference", kinds={"yaml"}, owners=["team:finance"])
def price_book(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]
) -> dg.MaterializeResult[Any]:
    """What things cost: the price book of the settings, taken when it is new, refused whole when it is wrong."""
    with project.open() as opened:
        report = take_book(opened, context.run.run_id)
        refused = {"refused": report["refused"]} if report["refused"] else {}
        if refused:
            context.log.error(report["refused"])
        metadata = {**counts(report, {"new": "taken", "version": "version"}), **refused}
        return shown(context, project, opened, report, metadata)
