"""Accounts, with their subscriptions and grants, from landed files (semantics 1)."""

from typing import Any

from resources.project import Project
from resources.reference_files import take_reference
from resources.writer import converge


def take_accounts(project: Project, job: str) -> dict[str, Any]:
    """Take the landed files of accounts, subscriptions and grants; returns counts, and files and rows refused."""
    files = converge(project.lake, "reference", job, lambda step: take_reference(step, project.settings.landing))
    failed = files.filter(files["status"] == "failed")
    return {
        "files": files.height,
        "rows": int(files["records"].sum()),
        "refused": int(files["refused"].sum()),
        "failed_files": dict(zip(failed["source"] + "/" + failed["file"], failed["error"], strict=True)),
    }
