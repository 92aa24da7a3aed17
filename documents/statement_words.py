"""What the lines of a statement are called.

What belongs here: titles and descriptions. What does not: which lines there are (`rating/statements.py`).

Kinds are data: the tables below name those that are known, and any other is called by its own name.
"""

from typing import Final

import polars as pl

from documents.formats import MONTHS
from rating.statements import CHARGE, DRAW, Grain

# By kind and, where credit moves, the kind of the credit.
TITLES: Final = {
    ("grant", "paid"): "Top-up",
    ("grant", "promotional"): "Promotion",
    ("grant", "adjustment"): "Adjustment",
    ("grant", "recurring"): "Allowance",
    ("expiry", ""): "Expired",
    ("rollover", ""): "Rolled over",
    ("settlement", ""): "Settled from credit",
    ("issue", ""): "Invoice",
    (CHARGE, ""): "Charge",
    (DRAW, ""): "Paid from credit",
}
CAUSES: Final = {"late": "Late charge", "corrected": "Correction", "rerated": "Price correction"}
TAKEN_BACK: Final = "{} voided"
_LOT_OF_A_MONTH: Final = r"/\d{4}-\d{2}-\d{2}$"


def describe(
    lines: pl.DataFrame, meters: pl.DataFrame, grants: pl.DataFrame, invoices: pl.DataFrame, grain: Grain
) -> pl.DataFrame:
    """Add `title`, `description` and `invoice` (a number, or empty) to the lines of a statement.

    `meters` (meter, meter_title), `grants` (grant_id, receipt, gateway, reason), `invoices` (run, number, period). The lot
    of a recurring grant is called by the grant and the first day of its month.
    """
    told = (
        lines.with_columns(grant_id=pl.col("lot").str.replace(_LOT_OF_A_MONTH, ""), issue_run=_issued("run"))
        .join(meters, on="meter", how="left", maintain_order="left")
        .join(_known(grants), on="grant_id", how="left", maintain_order="left")
        .join(invoices.rename({"run": "issue_run"}), on="issue_run", how="left", maintain_order="left")
    )
    described = told.with_columns(
        title=_title(), description=_description(grain), invoice=pl.col("number").fill_null("")
    )
    return described.select(*lines.columns, "title", "description", "invoice")


def _issued(column: str) -> pl.Expr:
    return pl.when(pl.col("kind") == "issue").then(column)


def _known(grants: pl.DataFrame) -> pl.DataFrame:
    """What may be said of a grant: the receipt of a paid one, else why it was given."""
    receipt = pl.when(pl.col("receipt") != "").then(pl.format("receipt {}", "receipt"))
    reason = pl.when(pl.col("reason") != "").then("reason")
    said = pl.concat_str(receipt, reason, separator=", ", ignore_nulls=True)
    return grants.select("grant_id", said=said.replace("", None))


def _title() -> pl.Expr:
    named = pl.coalesce(
        pl.when((pl.col("kind") == kind) & (pl.col("credit_kind").is_in([credit]) | pl.lit(credit == ""))).then(
            pl.lit(title)
        )
        for (kind, credit), title in TITLES.items()
    )
    caused = pl.col("cause").replace_strict(CAUSES, default=None)
    kind = pl.col("kind").str.replace_all("_", " ")
    own = kind.str.slice(0, 1).str.to_uppercase() + kind.str.slice(1)
    title = pl.coalesce(caused, named, own)
    is_taken_back = (pl.col("kind") == "grant") & (pl.col("amount") < 0)
    return pl.when(is_taken_back).then(pl.format(TAKEN_BACK, title)).otherwise(title)


def _description(grain: Grain) -> pl.Expr:
    of_lot = pl.concat_str(
        pl.when(pl.col("kind") != "grant").then(pl.col("credit_kind")),
        pl.col("lot"),
        pl.when(pl.col("kind") == "grant").then(pl.col("said")),
        separator=" · ",
        ignore_nulls=True,
    )
    of_document = pl.format("{} · {}", pl.col("number"), _month(pl.col("period")))
    return (
        pl.when(pl.col("kind") == CHARGE).then(_of_charge(grain))
        .when(pl.col("lot") != "").then(of_lot)
        .otherwise(of_document.fill_null(""))
    )  # fmt: skip


def _of_charge(grain: Grain) -> pl.Expr:
    """What was used, under which price, and when if it was earlier."""
    used = pl.when(pl.col("meter") != "").then(pl.coalesce("meter_title", "meter")).otherwise(pl.lit("Fee"))
    is_other_name = (pl.col("price_id") != pl.col("meter")) & (pl.col("price_id") != "")
    price = pl.when(is_other_name).then("price_id")
    kind = pl.when(~pl.col("charge_kind").is_in(["usage", "recurring"])).then("charge_kind")
    of = pl.when(pl.col("of").is_not_null()).then(pl.format("for {}", _earlier(pl.col("of"), grain)))
    return pl.concat_str(used, price, kind, of, separator=" · ", ignore_nulls=True)


def _earlier(day: pl.Expr, grain: Grain) -> pl.Expr:
    month = pl.format("{} {}", _month_name(day.dt.month()), day.dt.year())
    return month if grain is Grain.MONTH else pl.format("{} {}", day.dt.day(), month)


def _month(period: pl.Expr) -> pl.Expr:
    """A period such as 2026-10, as October 2026."""
    return pl.format("{} {}", _month_name(period.str.slice(5).cast(pl.Int8)), period.str.slice(0, 4))


def _month_name(month: pl.Expr) -> pl.Expr:
    return month.cast(pl.Int8).replace_strict(dict(enumerate(MONTHS, 1)), default=None, return_dtype=pl.String)
