"""Accounts, with their subscriptions and grants, from landed files (semantics 1)."""

from typing import Any

import dagster as dg

from assets.partitions import DAYS
from assets.shown import counts, failed_files, shown
from resources.project import Project
from resources.project_source import ProjectSource
from resources.reference_files import take_reference
from resources.writer import converge


def take_accounts(project: Project, job: str) -> dict[str, Any]:
    """Take the landed files of accounts, subscriptions, grants and corrections; returns counts, and files and rows refused."""
    files = converge(project.lake, "reference", job, lambda step: take_reference(step, project.settings.landing))
    failed = files.filter(files["status"] == "failed")
    return {
        "files": files.height,
        "rows": int(files["records"].sum()),
        "refused": int(files["refused"].sum()),
        "failed_files": dict(zip(failed["source"] + "/" + failed["file"], failed["error"], strict=True)),
    }


@dg.asset(partitions_def=DAYS, group_name="reference", kinds={"csv", "yaml"}, owners=["team:operations"])
def accounts(context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]) -> dg.MaterializeResult[Any]:
    """Who pays and for what: accounts, their subscriptions and their credit, from landed files."""
    with project.open() as opened:
        report = take_accounts(opened, context.run.run_id)
        numbers = counts(report, {"rows taken": "rows", "refused": "refused", "files": "files"})
        return shown(context, project, opened, report, {**numbers, **failed_files(report)})
