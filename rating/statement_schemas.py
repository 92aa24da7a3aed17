"""The contracts of the frames of a statement (design 5, rule 4).

What belongs here: columns, types and what may be null of what crosses into `rating/statements.py` and out of it. What does
not: what they mean.
"""

from typing import Final

import pandera.polars as pandera
import polars as pl

from rating.money import AMOUNT, AMOUNT_LIMIT
from rating.periods import INSTANT
from rating.schemas import check_bound, check_frame

# Where an account's money is: what it has in credit, what it was charged and is not invoiced, and what is invoiced and open.
COLUMNS: Final = ("credit", "unbilled", "receivable")

_TEXT: Final = pl.String()
_RUN: Final = pl.Int64()
OPENING: Final = pl.Schema({"account": _TEXT, "amount": AMOUNT})
LEGS: Final = pl.Schema(
    {
        "account": _TEXT,
        "lot": _TEXT,
        "amount": AMOUNT,
        "slice_start": INSTANT,
        "posted_hour": INSTANT,
        "kind": _TEXT,
        "run": _RUN,
    }
)
CHARGES: Final = pl.Schema(
    {
        "run": _RUN,
        "slice_start": INSTANT,
        "plan": _TEXT,
        "price_id": _TEXT,
        "meter": _TEXT,
        "charge_kind": _TEXT,
        "amount": AMOUNT,
    }
)
POSTINGS: Final = pl.Schema({"run": _RUN, "first_open": INSTANT})
REASONS: Final = pl.Schema({"run": _RUN, "meter": _TEXT, "cause": _TEXT})
_KEY: Final = {
    "date": pl.Date(), "hour": INSTANT, "kind": _TEXT, "at": INSTANT, "run": _RUN, "credit_kind": _TEXT, "lot": _TEXT,
    "plan": _TEXT, "price_id": _TEXT, "meter": _TEXT, "charge_kind": _TEXT, "of": pl.Date(), "cause": _TEXT,
}  # fmt: skip
# What tells one line from another, besides its amounts.
LINE_KEY: Final = tuple(_KEY)
LINES: Final = pl.Schema({**_KEY, **dict.fromkeys((*COLUMNS, "amount", "balance"), AMOUNT)})


def check_statement(
    opening: pl.DataFrame, legs: pl.DataFrame, charges: pl.DataFrame, postings: pl.DataFrame, reasons: pl.DataFrame
) -> None:
    """Check all that goes into a statement."""
    named = (
        (opening, OPENING, "opening"), (legs, LEGS, "legs"), (charges, CHARGES, "charges"), (postings, POSTINGS, "postings"),
        (reasons, REASONS, "reasons"),
    )  # fmt: skip
    for frame, columns, name in named:
        schema = pandera.DataFrameSchema({column: pandera.Column(dtype) for column, dtype in columns.items()})
        check_frame(frame, schema, f"{name} of a statement")
    for frame, name in ((opening, "account"), (legs, "account"), (charges, "price_id")):
        check_bound(frame, "amount", AMOUNT_LIMIT, (name,))
