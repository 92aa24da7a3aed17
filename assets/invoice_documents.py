"""Invoice documents: the PDFs of issued invoices, rendered where they are missing (semantics 5)."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import dagster as dg

from assets.partitions import MONTHS, months_of
from assets.shown import PICTURE_WIDTH, picture, shown
from documents.render import preview_png, render_pdf
from resources.project import Project
from resources.project_source import ProjectSource

# Below this a pool of processes costs more than it saves: each loads the renderer anew.
FEWEST_FOR_A_POOL = 12


def render_documents(project: Project, period: str | None = None) -> dict[str, Any]:
    """Render the PDFs of the issued invoices of a period, or of all, that are not in the documents folder yet.

    A document is a function of the stored invoice: rendered anew, it has the same bytes.
    """
    rows = project.lake.frame("steps/invoices/documents", {"period": period or ""})
    folder = project.settings.documents
    wanted = [(number, document, document_path(folder, number)) for number, document in rows.iter_rows()]
    missing = [(document, path) for _, document, path in wanted if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if len(missing) >= FEWEST_FOR_A_POOL:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            list(pool.map(_render_one, *zip(*missing, strict=True), chunksize=4))
    else:
        for document, path in missing:
            _render_one(document, path)
    return {"documents": len(wanted), "rendered": len(missing), "folder": str(folder)}


def document_path(folder: Path, number: str) -> Path:
    """Where the PDF of an invoice lies; a number's slashes would make folders."""
    return folder / f"{number.replace('/', '-')}.pdf"


def _render_one(document: str, path: Path) -> None:
    """Write under another name first, so that a PDF that is there is whole."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(render_pdf(json.loads(document)))
    unfinished.replace(path)


@dg.asset(
    deps=["invoices"], partitions_def=MONTHS,
    group_name="invoicing", kinds={"pdf"}, owners=["team:finance"],
)  # fmt: skip
def invoice_documents(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]
) -> dg.MaterializeResult[Any]:
    """The PDFs of issued invoices, each a function of the stored document, and a look at the first one."""
    with project.open() as opened:
        reports = {period: render_documents(opened, period) for period in months_of(context.partition_time_window)}
        sample = opened.lake.value("steps/invoices/sample_document", {"periods": list(reports)})
        return shown(context, project, opened, reports, _look(reports, sample))


def _look(reports: dict[str, dict[str, Any]], sample: str | None) -> dict[str, Any]:
    """How many documents there are, and the first page of one: an issued one, else a draft."""
    numbers = {label: sum(report[name] for report in reports.values()) for label, name in LABELS.items()}
    if sample is None:
        return numbers
    return {**numbers, "first page": picture(preview_png(render_pdf(json.loads(sample)), PICTURE_WIDTH), "first page")}


LABELS = {"invoices": "documents", "PDFs written": "rendered"}
