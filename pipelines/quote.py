"""What a file of usage would cost under a plan of a price book: no project is needed, and none is touched.

What belongs here: what a quote says, and taking apart what is charged. What does not: by what to price (`quote_terms.py`),
billing (`quoted_books.py`), and printing (`pipelines/command/quotes.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from assets.invoices import draft
from documents.content import WITHOUT_QUANTITY, describe_lines
from pipelines.quote_terms import Terms
from pipelines.quoted_books import Billed, Span, billed
from rating.invoicing import LINE_KEY
from rating.money import ZERO_AMOUNT
from rating.sums import sum_by
from resources.facts import facts_as_of

NEWEST: Final = 2**62


@dataclass(frozen=True)
class Quote:
    """What a file costs; all money is exact and in the currency of the terms.

    Attributes:
        records: how many were read (`records`), and what became of them.
        refused: reason, records.
        parts: a row a price and tier: meter, title, price_id, tier, kind, description, quantity, unit, unit_price, amount.
            Their amounts sum to `total`, which is what the books charge.
        accounts: account_id, amount, for each account that the file names.
        unpriced: meter, unit, quantity, slices: what the plan has no price for.
    """

    terms: Terms
    span: Span
    records: dict[str, int]
    refused: pl.DataFrame
    parts: pl.DataFrame
    accounts: pl.DataFrame
    unpriced: pl.DataFrame
    total: Decimal


def quote(file: Path, source: str, terms: Terms, progress: Callable[[str], None] = lambda _words: None) -> Quote:
    """Bill a file of usage, in the columns of a source, and take apart what it costs.

    All accounts that the file names are on the plan from the start of the first record's month to the end of the last
    one's, and the book holds from then on, whenever it begins. So what counts by the month is whole: included, maximum and
    tiers, and what is due beside use (fees, minimums, commitments) of every account and month, as when the month and its
    grace are over. Hours are metered up to the end of the last record's; a gauge is not carried beyond that. (Where the book
    has a percentile, which is billed when a month is over, up to the end of the last record's month.) Nothing is used
    when the file has no records. Everything is in a temporary directory meanwhile.

    Raises:
        QuoteError: there is no such file or source, or no record in it that could be billed.
        UnreadableFileError: the file cannot be read whole.
    """
    with billed(file, source, terms, progress) as books:
        progress("adding up")
        return _taken_apart(books, terms)


def _taken_apart(books: Billed, terms: Terms) -> Quote:
    """Read from the books what was charged, and what its parts are on invoices, before they are rounded."""
    project, span = books.project, books.span
    facts = facts_as_of(project.lake, NEWEST)
    lines = draft(
        project.lake, project.settings, NEWEST, span.months["period"][-1], issued_at=project.clock.now()
    ).lines
    exact = lines.drop("amount").rename({"exact": "amount"})
    units = facts.meters.select("meter", "unit")
    unpriced = project.lake.frame("steps/quote/unpriced").join(units, on="meter", how="left", maintain_order="left")
    counts = ("records", "accepted", "duplicates", "refused")
    return Quote(
        terms=terms, span=span, records={name: books.taken[name] for name in counts},
        refused=project.lake.frame("steps/status/refused"),
        parts=_parts(describe_lines(exact, facts.prices, facts.fees, facts.percentages, facts.meters)),
        accounts=_accounts(exact, span.accounts),
        unpriced=unpriced.select("meter", "unit", "quantity", "slices"),
        total=sum((Decimal(report["charged"].get(terms.currency, 0)) for report in books.rated), Decimal(0)),
    )  # fmt: skip


def _accounts(lines: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """What each account that the file names is charged, which may be nothing."""
    amounts = sum_by(lines, ["account_id"], "amount")
    return named.join(amounts, on="account_id", how="left", maintain_order="left").with_columns(
        pl.col("amount").fill_null(ZERO_AMOUNT)
    )


def _parts(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines of all accounts and months together, by meter, in the order of the tiers; what a cap takes off is last.

    Fees come after the meters: `meter` has the plan, as on documents. A discount or surcharge follows what it is on.
    """
    words = ["place", "meter", "title", "unit", "description"]
    summed = sum_by(lines, [*LINE_KEY, "unit_price", *words], "quantity", "amount")
    is_fee = pl.col("meter").str.contains(":", literal=True)
    last = pl.col("kind").is_in(WITHOUT_QUANTITY) & (pl.col("kind") != "cap")
    ordered = summed.sort(is_fee, "meter", last, pl.col("kind") == "cap", "place")
    return ordered.select(
        "meter", "title", "price_id", "tier", "kind", "description", "quantity", "unit", "unit_price", "amount"
    )
