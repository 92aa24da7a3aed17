"""Invoices: what documents still have to state of the books, as drafts, and their issue (semantics 5)."""

import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from assets.ledger_entries import account_of
from assets.partitions import MONTHS, months_of
from assets.settled_rows import settled_rows
from assets.shown import documents_shown, shown
from assets.stated_debts import newly_stated
from documents.content import Content, add_documents
from rating.agreed import OF_PRICE, add_agreed_with, by_agreement
from rating.apportion import currency_digits
from rating.credit_schemas import OTHERS
from rating.fees import RECURRING
from rating.hourly_commitments import HOURLY_COMMITMENT, hourly_commitments
from rating.invoicing import Drafts, draft_invoices
from rating.ledger import issue_legs, posted_hour
from rating.periods import INSTANT, in_periods, periods
from rating.pooled_costs import add_pool_of_versions
from rating.pools import has_pools, pools
from rating.pricing import compile_prices, cost_columns
from rating.proration import prorate
from resources.activity import activity_since
from resources.errors import ResourceError
from resources.facts import EPOCH, Facts, closed_until, facts_as_of
from resources.lake import Lake
from resources.project import Project
from resources.project_source import ProjectSource
from resources.settings import Settings
from resources.writer import Step, converge

PERIOD: Final = ("account_id", "period_start")


@dataclass(frozen=True)
class Drafted:
    """The drafts of one period: a row an invoice with its document, and their lines."""

    invoices: pl.DataFrame
    lines: pl.DataFrame
    snapshot_run: int


class IssueError(ResourceError):
    """Invoices that cannot be issued (yet); nothing was."""


def write_drafts(project: Project, job: str, period: str) -> dict[str, Any]:
    """Draft the invoices of a period (`2026-10`) from the books as they are, in place of its drafts before."""

    def work(step: Step) -> dict[str, Any]:
        drafted = draft(step.lake, project.settings, step.run, period)
        step.delete("steps/invoices/delete_drafts", {"period": period})
        if drafted.invoices.height:  # where all is issued, nothing is left to draft
            step.append("invoice_drafts", drafted.invoices.select(*DRAFT_COLUMNS))
        return _report(drafted)

    return converge(project.lake, "drafts", job, work)


DRAFT_COLUMNS: Final = (
    "account_id", "seller", "period", "period_start", "period_end", "currency", "net", "promotional_credit", "paid_credit",
    "tax_rate", "tax", "due", "can_issue", "document",
)  # fmt: skip


def issue(project: Project, job: str, period: str, accounts: list[str] | None = None) -> dict[str, Any]:
    """Issue the drafts of a period, for all accounts or for some: number them, keep them, book them.

    Drafts that are negative, and those of accounts whose period is not closed yet, stay drafts. Numbers are given in
    the committing transaction, so a series has no gaps. Issuing again issues only what is new since.

    Raises:
        IssueError: no hour of the period is closed, or an account is named that has nothing to issue.
    """
    return converge(project.lake, "invoices", job, lambda step: _issue(project, step, period, accounts))


def _issue(project: Project, step: Step, period: str, accounts: list[str] | None) -> dict[str, Any]:
    now = project.clock.now()
    closed = closed_until(step.lake, step.run) or EPOCH
    every = draft(step.lake, project.settings, step.run, period, issued_at=now)
    ready = every.invoices.filter(pl.col("can_issue") & (pl.col("period_end") <= closed))
    if accounts is not None:
        missing = sorted(set(accounts) - set(ready["account_id"]))
        if missing:
            message = f"{', '.join(missing)}: nothing to issue for {period} (no use, negative, or its hours are not all closed)"
            raise IssueError(message)
        ready = ready.filter(pl.col("account_id").is_in(accounts))
    if ready.is_empty():
        return {"issued": 0, "held_back": every.invoices.height, "due": {}}
    numbered = _with_documents(
        project.settings, step, Drafted(_number(project, step, ready, now), every.lines, every.snapshot_run)
    )
    _append_issued(step, numbered, every.lines, now)
    facts = facts_as_of(step.lake, every.snapshot_run)
    stated = newly_stated(step.lake, facts, numbered, every.lines, every.snapshot_run, step.run)
    step.append("stated_debts", stated)
    return {
        "issued": numbered.height,
        "held_back": every.invoices.height - numbered.height,
        "due": _sums(numbered, "due"),
        "numbers": f"{numbered['number'][0]} to {numbered['number'][-1]}",
    }


def draft(
    lake: Lake, settings: Settings, run: int, period: str, issued_at: datetime | None = None, account: str | None = None
) -> Drafted:
    """What documents of a period would state now, for every account that has something to state.

    `issued_at` leaves the document out: it is made when the number is known.
    """
    snapshot_run = int(lake.value("steps/invoices/complete_run", {"run": run}))
    facts = facts_as_of(lake, snapshot_run)
    accounts = _accounts(lake, settings, snapshot_run, period, account)
    touched = _touched_periods(lake, run, snapshot_run, accounts)
    drafts = _drafts(lake, facts, run, snapshot_run, touched, accounts)
    invoices = _stamped(drafts, accounts, snapshot_run)
    drafted = Drafted(invoices, drafts.lines, snapshot_run)
    if issued_at is not None or invoices.is_empty():
        return drafted
    nothing = pl.lit(None, pl.String)
    unnumbered = invoices.with_columns(number=nothing, issued_on=nothing, due_on=nothing)
    return Drafted(
        _documents(lake, settings, facts, Drafted(unnumbered, drafts.lines, snapshot_run)), drafts.lines, snapshot_run
    )


def _accounts(lake: Lake, settings: Settings, snapshot_run: int, period: str, account: str | None) -> pl.DataFrame:
    """The accounts with the bounds of the period in their zones."""
    start = datetime.fromisoformat(f"{period}-01T00:00:00+00:00")
    rows = lake.frame("steps/invoices/accounts_now", {"snapshot_run": snapshot_run}).filter(~pl.col("void"))
    if account is not None:
        rows = rows.filter(pl.col("account_id") == account)
    months = periods(rows["time_zone"].unique(), start - timedelta(days=2), start + timedelta(days=2))
    named = pl.when(pl.col("seller") == "").then(pl.lit(settings.seller.name)).otherwise("seller")
    return rows.join(months.filter(pl.col("period") == period), on="time_zone").with_columns(seller=named)


def _touched_periods(lake: Lake, run: int, snapshot_run: int, accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts and periods, this one and earlier, of which something is not stated yet."""
    parameters = {"run": run, "snapshot_run": snapshot_run}
    charged = lake.frame("steps/invoices/touched_periods", parameters)
    drawn = lake.frame("steps/invoices/touched_draws", parameters)
    zones = accounts.select("account_id", "time_zone", last_start="period_start")
    both = pl.concat([charged.select(PERIOD), in_periods(drawn, zones).select(PERIOD)]).unique()
    of_accounts = both.join(zones, on="account_id").filter(pl.col("period_start") <= pl.col("last_start"))
    return of_accounts.select(PERIOD).unique()


def _drafts(
    lake: Lake, facts: Facts, run: int, snapshot_run: int, touched: pl.DataFrame, accounts: pl.DataFrame
) -> Drafts:
    prices = compile_prices(facts.books)
    first = touched["period_start"].min() or EPOCH
    accumulation = prices.select("plan", "price_id", "accumulate").unique()
    with lake.registered(periods_to_draft=touched, accumulation=accumulation):
        usage = lake.frame("steps/invoices/usage_by_scope", {"snapshot_run": snapshot_run, "first": first})
        others = lake.frame("steps/invoices/other_charges", {"snapshot_run": snapshot_run, "first": first})
        draws = lake.frame("steps/invoices/draws", {"snapshot_run": snapshot_run, "first": first})
        stated = lake.frame("steps/invoices/stated", {"run": run})
    priced = priced_usage(usage, prices, facts, accounts)
    priced = add_pool_of_versions(priced, pools_of(lake, facts, snapshot_run, usage))
    settled = settled_rows(lake, facts, snapshot_run, touched["account_id"])
    paid = pl.concat([draws, settled.select(draws.columns).cast(draws.schema)])
    located = in_periods(paid, accounts).join(touched, on=PERIOD, how="semi").select(*PERIOD, "kind", "amount")
    of_month = accounts.select("account_id", "period", "period_start", "period_end", "currency", "tax_code", "tax_rate")
    return draft_invoices(priced, _with_unit_price(others, facts, accounts), located, stated, of_month)


def _with_unit_price(others: pl.DataFrame, facts: Facts, accounts: pl.DataFrame) -> pl.DataFrame:
    """Add what one of the quantity costs, where it is of time: a whole period of a fee, a unit of a commitment by the hour."""
    fees = facts.fees.select(
        "plan", "price_id", "version", "currency", unit_price=pl.col("fee").cast(pl.Decimal(38, 9))
    )
    currencies = accounts.select("account_id", "currency")
    priced = others.join(currencies, on="account_id").join(
        fees, on=["plan", "price_id", "version", "currency"], how="left"
    )
    offered = hourly_commitments(facts.prices)
    committed = pl.col("hourly_price") if offered.height else pl.lit(None, pl.Decimal(38, 9))
    terms = by_agreement(offered).select(*OF_PRICE, "version", "currency", hourly_unit_price=committed)
    on = [*OF_PRICE, "version", "currency"]
    priced = add_agreed_with(priced, facts.prices).join(terms, on=on, how="left")
    of_time = pl.when(pl.col("kind") == RECURRING).then("unit_price")
    of_fee = of_time.when(pl.col("kind") == HOURLY_COMMITMENT).then("hourly_unit_price")
    return priced.with_columns(unit_price=of_fee, exact=pl.col("exact").cast(pl.Decimal(38, 18))).select(*OTHERS)


def priced_usage(usage: pl.DataFrame, prices: pl.DataFrame, facts: Facts, accounts: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of the price version, its included and maximum prorated."""
    key = ["price_key"] if has_pools(prices) else []
    columns = [*OF_PRICE, *key, "version", "currency", "effective_from", *cost_columns(prices)]
    keyed = by_agreement(prices).select(columns)
    joined = add_agreed_with(usage, prices).join(keyed, on=[*OF_PRICE, "version", "currency"], how="left")
    zones = accounts.select("account_id", "time_zone")
    first, last = usage["period_start"].min(), usage["period_start"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return joined.with_columns(period_end=pl.lit(None, INSTANT))
    months = periods(zones["time_zone"].unique(), first, last + timedelta(microseconds=1))
    ends = zones.join(months, on="time_zone").select("account_id", "period_start", "period_end")
    return prorate(joined.join(ends, on=PERIOD, how="left"), prices, facts.subscriptions)


def pools_of(lake: Lake, facts: Facts, run: int, usage: pl.DataFrame) -> pl.DataFrame | None:
    """The pools of the periods of some usage (account_id, meter, period_start) as of a run; None where no price has one."""
    touched = usage.group_by("account_id", "meter").agg(first_slice=pl.col("period_start").min())
    activity = activity_since(lake, facts, run, touched, closed_until(lake, run) or EPOCH)
    return None if activity is None else pools(activity.slices, facts.prices, facts.subscriptions)


def _stamped(drafts: Drafts, accounts: pl.DataFrame, snapshot_run: int) -> pl.DataFrame:
    """Add seller, digits and the local bounds of the period, and the run that the draft states."""
    extra = accounts.select("account_id", "seller", "time_zone").with_columns(time_zone_of_period="time_zone")
    joined = drafts.invoices.join(extra, on="account_id").join(
        currency_digits(drafts.invoices["currency"]), on="currency"
    )
    return _with_local(joined, "period_start", "period_end").with_columns(snapshot_run=pl.lit(snapshot_run, pl.Int64))


def _with_local(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Add the local time of instants, zone by zone: an expression converts to one zone only."""
    parts = [
        part.with_columns(
            pl.col(name).dt.convert_time_zone(ZoneInfo(zone).key).dt.replace_time_zone(None).alias(f"local_{name}")
            for name in columns
        )
        for (zone,), part in frame.partition_by("time_zone", as_dict=True).items()
    ]
    return (
        pl.concat(parts)
        if parts
        else frame.with_columns(pl.lit(None, pl.Datetime("us")).alias(f"local_{name}") for name in columns)
    )


def _documents(lake: Lake, settings: Settings, facts: Facts, drafted: Drafted) -> pl.DataFrame:
    """Add the JSON of the document to each invoice."""
    invoices = drafted.invoices
    span = {"first": invoices["period_start"].min(), "last": invoices["period_end"].max()}
    of_run = {"snapshot_run": drafted.snapshot_run}
    with lake.registered(periods_to_chart=invoices.select(*PERIOD, "time_zone")):
        chart = lake.frame("steps/invoices/chart", {**of_run, "first": span["first"]})
    receipts = lake.frame("steps/invoices/receipts", {**of_run, **span})
    accounts = lake.frame("steps/invoices/accounts_now", of_run)
    content = Content(
        seller=seller_of(settings), accounts=accounts.select("account_id", "name", "address", "email", "tax_id"),
        meters=facts.meters.select("meter", "title", "unit"), prices=compile_prices(facts.books), fees=facts.fees,
        percentages=facts.percentages,
        chart=chart,
        receipts=receipts, tax_label=settings.tax.label, run=drafted.snapshot_run,
    )  # fmt: skip
    lines = _labelled(drafted.lines, invoices)
    return add_documents(invoices, lines, content)


def _labelled(lines: pl.DataFrame, invoices: pl.DataFrame) -> pl.DataFrame:
    """Add the month of each line, in the zone of its account."""
    zoned = lines.join(invoices.select("account_id", "time_zone"), on="account_id", maintain_order="left")
    local = _with_local(zoned, "period_start")
    return local.with_columns(period_label=pl.col("local_period_start").dt.strftime("%Y-%m"))


def seller_of(settings: Settings) -> dict[str, Any]:
    """The seller as documents name it."""
    seller = settings.seller
    return {
        "name": seller.name, "address": seller.address, "tax_id": seller.tax_id, "email": seller.email,
        "website": seller.website, "bank": seller.bank, "registration": seller.registration,
    }  # fmt: skip


def _number(project: Project, step: Step, ready: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Give the next numbers of each seller's series, in the order of accounts."""
    pattern = project.settings.seller.invoice_number
    by_year = "{year}" in pattern
    numbered = []
    for (seller,), part in ready.sort("account_id").partition_by("seller", as_dict=True, maintain_order=True).items():
        used = step.lake.value(
            "steps/invoices/numbers_used", {"run": step.run, "seller": seller, "year": now.year if by_year else 0}
        )
        place = pl.int_range(used + 1, used + 1 + pl.len())
        numbered.append(part.with_columns(number=_number_text(pattern, place, now.year)))
    due = (now + timedelta(days=project.settings.seller.payment_days)).date()
    dates = {"issued_on": pl.lit(now.date().isoformat()), "due_on": pl.lit(due.isoformat())}
    return pl.concat(numbered).with_columns(**dates)


def _number_text(pattern: str, place: pl.Expr, year: int) -> pl.Expr:
    """Fill a pattern such as INV-{year}-{number:06d} for all rows at once."""
    parts: list[pl.Expr] = []
    for text, name, form, _ in string.Formatter().parse(pattern):
        parts.append(pl.lit(text))
        if name == "number":
            width = int((form or "0").strip("0d") or 0)
            parts.append(place.cast(pl.String).str.zfill(width))
        elif name == "year":
            parts.append(pl.lit(format(year, form or "")))
    return pl.concat_str(parts)


def _with_documents(settings: Settings, step: Step, drafted: Drafted) -> pl.DataFrame:
    facts = facts_as_of(step.lake, drafted.snapshot_run)
    return _documents(step.lake, settings, facts, drafted)


def _append_issued(step: Step, invoices: pl.DataFrame, lines: pl.DataFrame, now: datetime) -> None:
    """Append the issued documents, their lines, and what they book."""
    stamped = invoices.with_columns(issued_at=pl.lit(now, INSTANT))
    step.append("invoices", stamped.select(*INVOICE_COLUMNS))
    of_issued = lines.join(invoices.select("account_id", "number"), on="account_id", maintain_order="left")
    step.append("invoice_lines", of_issued.select(*LINE_COLUMNS))
    legs = issue_legs(stamped.select("account_id", "currency", "issued_at", "due", "tax", "tax_code", "exact"))
    first_open = step.lake.value("steps/ledger/first_open", {"run": step.run, "head": step.run})
    step.append(
        "ledger_entries",
        legs.with_columns(account_id=account_of(), posted_hour=posted_hour(pl.col("slice_start"), first_open)),
    )


INVOICE_COLUMNS: Final = (
    "number", "account_id", "seller", "period", "period_start", "period_end", "issued_at", "currency", "net",
    "promotional_credit", "paid_credit", "tax_rate", "tax", "due", "document", "snapshot_run",
)  # fmt: skip
LINE_COLUMNS: Final = (
    "number", "line", "account_id", "period_start", "plan", "price_id", "version", "tier", "kind", "quantity",
    "unit_price", "amount", "exact",
)  # fmt: skip


def _report(drafted: Drafted) -> dict[str, Any]:
    held = drafted.invoices.filter(~pl.col("can_issue"))
    return {
        "drafts": drafted.invoices.height,
        "lines": drafted.lines.height,
        "due": _sums(drafted.invoices, "due"),
        "negative": held.height,
    }


def _sums(frame: pl.DataFrame, column: str) -> dict[str, str]:
    return {
        currency: f"{amount:f}" for currency, amount in frame.group_by("currency").agg(pl.col(column).sum()).iter_rows()
    }


@dg.asset(
    deps=["ledger_entries"], partitions_def=MONTHS,
    group_name="invoicing", kinds={"polars"}, owners=["team:finance"],
)  # fmt: skip
def invoices(context: dg.AssetExecutionContext, project: dg.ResourceParam[ProjectSource]) -> dg.MaterializeResult[Any]:
    """Drafts of the month's invoices, from the books as they are. To issue them, with numbers, is a person's decision."""
    with project.open() as opened:
        reports = {
            period: write_drafts(opened, context.run.run_id, period)
            for period in months_of(context.partition_time_window)
        }
        documents = opened.lake.frame("steps/invoices/overview", {"periods": list(reports)})
        return shown(context, project, opened, reports, documents_shown(documents))
