"""What a person sees of a step in Dagster: numbers that are plotted over time, tables, a picture.

What belongs here: labels and shapes of metadata. What does not: the numbers, which each step reports.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import dagster as dg
import polars as pl

from rating.apportion import currency_digits
from rating.money import minor_digits, plain_text
from resources.project import Project
from resources.project_source import ProjectSource
from resources.writer import run_of

Report = Mapping[str, Any]
Metadata = dict[str, Any]
LONGEST_TABLE: Final = 100
# Wide enough to be read in Dagster's dialog, small enough for its event log.
PICTURE_WIDTH: Final = 760


def shown(
    context: dg.AssetExecutionContext, source: ProjectSource, project: Project, report: Report, metadata: Metadata
) -> dg.MaterializeResult[Any]:
    """The result of a step: what a person reads, and the run's number in the books; the report is handed on."""
    source.keep(context.asset_key.to_user_string(), report)
    return dg.MaterializeResult(metadata={**metadata, "run": run_of(project.lake, context.run.run_id) or 0})


def counts(report: Report, labels: Mapping[str, str]) -> Metadata:
    """Numbers (and times) under the labels of a person: `labels` maps a label to its name in the report."""
    values = {label: report[name] for label, name in labels.items()}
    return {
        label: dg.MetadataValue.timestamp(value) if isinstance(value, datetime) else value
        for label, value in values.items()
    }


def money(label: str, amounts: Mapping[str, str]) -> Metadata:
    """An amount by currency: a number to plot, and the exact decimals beside it as text."""
    values: Metadata = {}
    for currency, amount in sorted(amounts.items()):
        # The one float of money, rounded for the eye: Dagster plots nothing else. The text is what counts.
        plotted = float(round(Decimal(amount), minor_digits(currency) + 2))
        values[f"{label}, {currency}"] = dg.MetadataValue.float(plotted)
        values[f"{label}, {currency}, exact"] = dg.MetadataValue.text(plain_text(Decimal(amount)))
    return values


def documents_shown(documents: pl.DataFrame) -> Metadata:
    """How many invoices there are and what they come to, and a table of them with amounts as printed."""
    issued = documents["issued"].count()
    due = documents.group_by("currency").agg(pl.col("due").sum())
    return {
        "issued": issued,
        "drafts": documents.height - issued,
        **money("due", {currency: str(amount) for currency, amount in due.iter_rows()}),
        "invoices": table(_printed(documents)),
    }


def failed_files(report: Report) -> Metadata:
    """How many files could not be read, and which, with the reason."""
    failed = report["failed_files"]
    if not failed:
        return {"files failed": 0}
    rows = pl.DataFrame(
        {"file": list(failed), "reason": list(failed.values())}, schema={"file": pl.String, "reason": pl.String}
    )
    return {"files failed": len(failed), "failed files": table(rows)}


def _printed(documents: pl.DataFrame) -> pl.DataFrame:
    """Amounts as text, with the decimals of the minor unit of their currency: they are rounded to it already."""
    with_digits = documents.join(
        currency_digits(documents["currency"]), on="currency", how="left", maintain_order="left"
    )
    amounts = [name for name, dtype in documents.schema.items() if isinstance(dtype, pl.Decimal)]
    texts = [pl.col(name).cast(pl.String) for name in amounts]
    cut = [
        text.str.head(text.str.find(".", literal=True) + pl.col("digits") + 1).str.strip_suffix(".") for text in texts
    ]
    return with_digits.with_columns(cut).drop("digits")


def table_if_any(label: str, rows: pl.DataFrame) -> Metadata:
    """A table under its label, or nothing where it would be empty."""
    return {} if rows.is_empty() else {label: table(rows)}


def table(rows: pl.DataFrame) -> dg.TableMetadataValue:
    """A frame as a table of Dagster's, with money and times as text; of many rows the first ones."""
    kinds = {name: _kind(dtype) for name, dtype in rows.schema.items()}
    texts = [pl.col(name).cast(pl.String) for name, kind in kinds.items() if kind == "string"]
    records = [dg.TableRecord(row) for row in rows.head(LONGEST_TABLE).with_columns(texts).iter_rows(named=True)]
    columns = [dg.TableColumn(name, kind) for name, kind in kinds.items()]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _kind(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean:
        return "bool"
    return "int" if dtype.is_integer() else "string"


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """A picture inside the metadata itself, so that Dagster shows it without a file."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
