"""What an invoice document says, as the JSON that is kept: from drafts, in one vectorized pass over all accounts.

What belongs here: names, descriptions and texts of amounts. What does not: amounts (`rating/invoicing.py`), the page
(`render.py`), numbers and dates of issue (given when it is issued).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from documents.formats import format_number
from rating.agreed import OF_PRICE, add_agreed_with, by_agreement
from rating.fees import RECURRING
from rating.hourly_commitments import COMMITTED, HOURLY_COMMITMENT
from rating.percentages import PERCENTAGE_KINDS
from rating.pricebook.booking import BOOKED
from rating.true_ups import CLOSE, COMMITMENT, MINIMUM, TRUE_UPS

TEXT_OF_DIGITS: Final = (0, 2, 3)
AMOUNT_COLUMNS: Final = ("lines_total", "promotional_credit", "paid_credit", "net", "tax", "due")
# What stands for an amount alone.
WITHOUT_QUANTITY: Final = ("cap", *PERCENTAGE_KINDS, *TRUE_UPS)
_BOOKED_LATER: Final = "booked when the period is over"
_UP_TO: Final = {MINIMUM: "up to the minimum", COMMITMENT: "up to what was committed", CLOSE: _BOOKED_LATER}
CREDIT_KINDS: Final = ("promotional_credit", "paid_credit")


@dataclass(frozen=True)
class Content:
    """All that documents are made of besides the drafts themselves.

    Attributes:
        seller: the seller as documents name it.
        accounts: account_id, name, address (lines joined by '; '), email, tax_id, time_zone.
        meters: meter, title.
        prices: compiled prices (`rating.pricing.compile_prices`); they have the units.
        fees: compiled recurring fees (`rating.fees.compile_fees`).
        percentages: compiled percentages (`rating.percentages.compile_percentages`).
        chart: account_id, day, meter, amount.
        receipts: account_id, receipts.
        tax_label: what the tax is called.
        run: the run that the documents state.
    """

    seller: dict[str, Any]
    accounts: pl.DataFrame
    meters: pl.DataFrame
    prices: pl.DataFrame
    fees: pl.DataFrame
    percentages: pl.DataFrame
    chart: pl.DataFrame
    receipts: pl.DataFrame
    tax_label: str
    run: int


def add_documents(invoices: pl.DataFrame, lines: pl.DataFrame, content: Content) -> pl.DataFrame:
    """Add `document`, the JSON of each invoice, to the drafts.

    `invoices` has what `rating.invoicing.draft_invoices` gives plus `digits`, `number`, `issued_on` and `due_on` (null
    for drafts); `lines` are its lines.
    """
    whole = invoices.join(content.accounts, on="account_id", how="left").join(
        content.receipts, on="account_id", how="left"
    )
    whole = whole.join(_lines(lines, invoices, content), on="account_id", how="left")
    whole = whole.join(_charts(invoices, content), on="account_id", how="left")
    document = pl.struct(
        "number", "issued_on", "due_on", "currency",
        period=_period(), minor_digits=pl.col("digits"), seller=_constant(content.seller), customer=_customer(),
        lines=pl.col("document_lines"), totals=_totals(content.tax_label),
        paid_credit_receipts=pl.col("receipts").fill_null([]), chart=pl.col("chart"), run=pl.lit(content.run),
    )  # fmt: skip
    keyed = whole.select("account_id", document=document.struct.json_encode())
    return invoices.join(keyed, on="account_id", how="left")


def minor_text(amount: pl.Expr, digits: pl.Expr) -> pl.Expr:
    """An amount that is whole minor units, as text with just their digits."""
    return pl.coalesce(
        pl.when(digits == count).then(amount.cast(pl.Decimal(38, count)).cast(pl.String)) for count in TEXT_OF_DIGITS
    )


def _constant(value: dict[str, Any]) -> pl.Expr:
    """A value that is the same on every document, as a struct."""
    parts = [
        (pl.lit(list(part), pl.List(pl.String)) if isinstance(part, tuple | list) else pl.lit(part, pl.String)).alias(
            key
        )
        for key, part in value.items()
    ]
    return pl.struct(parts)


def _period() -> pl.Expr:
    # Both days are included: the last one is the day before the next period's first.
    first = _local_day("period_start", 0)
    return pl.struct(
        label=first.dt.strftime("%B %Y"), start=first.cast(pl.String), end=_local_day("period_end", 1).cast(pl.String)
    )


def _local_day(column: str, before: int) -> pl.Expr:
    """The local day of a period's bound. `local_` columns are the local times that the caller worked out."""
    return pl.col(f"local_{column}").dt.date().dt.offset_by(f"-{before}d")


def _customer() -> pl.Expr:
    lines = pl.col("address").str.split("; ").list.eval(pl.element().filter(pl.element() != ""))
    return pl.struct("account_id", "name", "email", "tax_id", address=lines)


def _totals(tax_label: str) -> pl.Expr:
    texts = {name: minor_text(pl.col(name), pl.col("digits")) for name in AMOUNT_COLUMNS}
    rate = pl.col("tax_rate").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    texts["lines"] = texts.pop("lines_total")
    texts |= {"tax_rate": rate, "tax_label": pl.format("{} {} %", pl.lit(tax_label), rate)}
    return pl.struct([text.alias(name) for name, text in texts.items()])


def _lines(lines: pl.DataFrame, invoices: pl.DataFrame, content: Content) -> pl.DataFrame:
    """The lines of each account as a list; credit stands among the totals, not here."""
    shown = lines.filter(~pl.col("kind").is_in(CREDIT_KINDS))
    described = describe_lines(shown, content.prices, content.fees, content.percentages, content.meters)
    drafted = invoices.select("account_id", "digits", "time_zone_of_period")
    local = described.join(drafted, on="account_id", how="left", maintain_order="left")
    without = pl.col("kind").is_in(WITHOUT_QUANTITY)
    line = pl.struct(
        "line", group=pl.col("meter"), title=pl.col("title"), description=pl.col("description"),
        kind=pl.when("adjustment").then(pl.lit("adjustment")).otherwise("kind"),
        period=pl.col("period_label"),
        quantity=pl.when(~without).then(pl.col("quantity").cast(pl.String)),
        unit=pl.when(~without).then("unit"),
        unit_price=pl.when(~without).then(pl.col("unit_price").cast(pl.String)),
        amount=minor_text(pl.col("amount"), pl.col("digits")),
    )  # fmt: skip
    ordered = local.sort("account_id", "line")
    return ordered.group_by("account_id", maintain_order=True).agg(document_lines=line)


def describe_lines(
    lines: pl.DataFrame, prices: pl.DataFrame, fees: pl.DataFrame, percentages: pl.DataFrame, meters: pl.DataFrame
) -> pl.DataFrame:
    """Add what each line is called on a document: meter, title, unit, description, and its `place` among others.

    `lines` have account_id and the line key. A percentage is called by what it takes of which price or fee.
    """
    words = pl.concat([describe_prices(prices, meters), describe_fees(fees)]).with_row_index("place")
    keys = [*OF_PRICE, "version", "tier", "kind"]
    described = add_agreed_with(lines, prices).join(words, on=keys, how="left", maintain_order="left")
    if described["meter"].null_count() == 0:
        return described
    return _describe_by_price(described, words, percentages)


def _describe_by_price(described: pl.DataFrame, words: pl.DataFrame, percentages: pl.DataFrame) -> pl.DataFrame:
    """Put what a price or fee brings with it under its heading, and say of a discount how many percent it is."""
    headings = words.unique(["plan", "price_id"], keep="first", maintain_order=True)
    headed = described.join(
        headings.select("plan", "price_id", of_meter="meter", of_title="title"),
        on=["plan", "price_id"], how="left", maintain_order="left",
    )  # fmt: skip
    percent = pl.col("percent").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    said = percentages.select("account_id", "plan", version="percentage_version", kind="percentage_kind", text=percent)
    for key, column in (("account_id", "agreed"), ("plan", "of_plan")):
        known = said.filter(pl.col(key) != "").select(key, "version", "kind", pl.col("text").alias(column))
        headed = headed.join(known, on=[key, "version", "kind"], how="left", maintain_order="left")
    called = pl.format("{} {} %", "kind", pl.coalesce("agreed", "of_plan"))
    return headed.with_columns(
        meter=pl.coalesce("meter", "of_meter"), title=pl.coalesce("title", "of_title"),
        description=pl.coalesce("description", pl.col("kind").replace_strict(_UP_TO, default=None), called),
    ).drop("of_meter", "of_title", "agreed", "of_plan")  # fmt: skip


def describe_fees(fees: pl.DataFrame) -> pl.DataFrame:
    """What each recurring fee is called on a document. Its lines stand together under their plan."""
    named = fees.unique(["plan", "price_id", "version"], keep="first", maintain_order=True)
    return named.select(
        "plan", "price_id", pl.lit("").alias("agreed_with"), "version", tier=pl.lit(0, pl.Int32), kind=pl.lit(RECURRING),
        meter=pl.format("plan:{}", "plan"), title=pl.col("plan_title"), unit=pl.lit("month"),
        description=pl.col("title").fill_null("monthly fee"),
    )  # fmt: skip


def describe_prices(prices: pl.DataFrame, meters: pl.DataFrame) -> pl.DataFrame:
    """What each tier, fee, cap, included and committed quantity of each price is called on a document."""
    once = by_agreement(prices).unique([*OF_PRICE, "version"], keep="first", maintain_order=True)
    units = meters.select(
        "meter", "title", *(pl.col(name).alias("meter_unit") for name in meters.columns if name == "unit")
    )
    titled = once.join(units, on="meter", how="left")
    rows = [row for price in titled.iter_rows(named=True) for row in _descriptions(price)]
    schema = {
        **dict.fromkeys(OF_PRICE, pl.String), "version": pl.String, "tier": pl.Int32, "kind": pl.String,
        "meter": pl.String, "title": pl.String, "unit": pl.String, "description": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _descriptions(price: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    """The rows of one price; there are as many as a price book has tiers."""
    unit = price["unit"]
    key = (*(price[name] for name in OF_PRICE), price["version"])
    named = (price["meter"], price["title"], unit)
    priced = (*named[:2], "package") if price["model"] == "package" else named
    rows: list[tuple[Any, ...]] = [
        (*key, 0, "included", *named, f"included in the plan{_pool_text(price)}"),
        (*key, 0, "cap", *named, "maximum of the plan reached"),
    ]
    if price["model"] in BOOKED:
        rows.append((*key, 0, CLOSE, *named, _BOOKED_LATER))
    if price.get("committed"):
        committed = f"commitment of {format_number(price['committed'])} {unit}"
        rows += [
            (*key, 0, "committed", *named, f"of the {committed}"),
            (*key, 0, COMMITMENT, *named, f"rest of the {committed}"),
        ]
    if price.get("hourly_committed"):
        committed = f"commitment of {format_number(price['hourly_committed'])} {unit} an hour"
        of_meter = (*named[:2], price.get("meter_unit") or unit)
        rows += [
            (*key, 0, COMMITTED, *of_meter, f"within the {committed}"),
            (*key, 0, HOURLY_COMMITMENT, *named, committed),
        ]
    number = 1
    while price.get(f"tier_{number}_unit_price") is not None:
        text = _tier_text(price, number, unit)
        rows += [(*key, number, "usage", *priced, text), (*key, number, "flat_fee", *named, f"fee: {text}")]
        number += 1
    return rows


def _pool_text(price: dict[str, Any]) -> str:
    return "" if price.get("pooled_quantity") is None else " and in the pool of its resources"


def _tier_text(price: dict[str, Any], number: int, unit: str) -> str:
    above, width = price[f"tier_{number}_above"], price[f"tier_{number}_width"]
    if price["model"] == "package":
        return f"packages of {format_number(width)} {unit}"
    whole = price["model"] in ("volume", "stairstep")
    if width is None:
        return f"{'all, ' if whole else ''}above {format_number(above)} {unit}" if above else f"per {unit}"
    if whole:
        return f"all, up to {format_number(above + width)} {unit}"
    return f"{'next' if above else 'first'} {format_number(width)} {unit}"


def _charts(invoices: pl.DataFrame, content: Content) -> pl.DataFrame:
    """Charges by day and meter of each account; every series has an amount for every day."""
    span = invoices.select(
        "account_id",
        day=pl.date_ranges(_local_day("period_start", 0), _local_day("period_end", 1)).cast(pl.List(pl.String)),
    )
    days = span.explode("day")
    used = content.chart.select("account_id", "meter").unique()
    grid = days.join(used, on="account_id").join(content.chart, on=["account_id", "meter", "day"], how="left")
    titled = grid.join(content.meters.select("meter", "title"), on="meter", how="left").sort(
        "account_id", "meter", "day"
    )
    amount = pl.col("amount").fill_null(0).cast(pl.String)
    series = titled.group_by("account_id", "meter", "title", maintain_order=True).agg(amounts=amount)
    listed = series.group_by("account_id", maintain_order=True).agg(series=pl.struct("meter", "title", "amounts"))
    return span.join(listed, on="account_id").select("account_id", chart=pl.struct(days="day", series="series"))
