"""How an amount of the books came about: a line of an issued invoice, or what a slice is charged.

What belongs here: what is asked about, and the figures that add up to it. What does not: taking slices apart
(`explained_slices.py`), proof from the records alone (`assets/verify.py`), and printing
(`pipelines/command/explanations.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl

from assets.settled_rows import settled_rows
from pipelines.explained_slices import PART, PART_COLUMNS, ExplainedSlices, scope_parameters
from rating.errors import MeterbookError
from rating.invoicing import PAID_CREDIT, PROMOTIONAL_CREDIT
from rating.money import AMOUNT, ZERO_AMOUNT, add_exact
from rating.periods import periods
from rating.schemas import CHARGE_KEY
from resources.facts import facts_as_of
from resources.lake import Lake

NEWEST: Final = 2**62
LOTS_OF: Final = {PROMOTIONAL_CREDIT: "promotional", PAID_CREDIT: "paid"}
SLICE_COLUMNS: Final = (
    "slice_start", "service_id", "resource_id", "dimensions", "subscription_id", "used", "quantity_before",
    "quantity_after", "quantity", "amount",
)  # fmt: skip
LINE_COLUMNS: Final = (
    "number", "line", "account_id", "period_start", "plan", "price_id", "version", "tier", "kind", "quantity",
    "unit_price", "amount", "currency", "snapshot_run",
)  # fmt: skip


class ExplainError(MeterbookError):
    """What was asked about is not in the books; the message says what is."""


@dataclass(frozen=True)
class Explanation:
    """How one amount came about; every figure is exact, and they add up to it.

    Attributes:
        subject: what is explained: `LINE_COLUMNS` of an invoice's line, or the key of a charged slice.
        sums: books - stated = exact, and exact + rounding = amount; a charge has `amount` alone.
        price: the price in its version, with `included` and `maximum` as they hold here; none for credit.
        slices: `SLICE_COLUMNS`, a row a slice: what it used, the running quantity before and after it, and what the slice
            makes of the line (or its charge). The amounts, and those of `draws`, sum to `sums["books"]`, or to the charge.
        parts: `PART_COLUMNS`, a row a tier, fee, allowance and cap. Of a charge its own, which sum to it; of a line all of
            its price and period, of which `explained` marks the line's.
        draws: lot, slice_start, amount: what a line of credit is made of.
        stated: number, line, quantity, exact, amount: what earlier invoices stated of the line.
        runs: run, began_at, command, reason, by, quantity, amount: which run charged what, and why if it rated again.
            Of a line over all tiers of its price, with `late` where the hours were closed before; of a charge they sum to it.
        records: source, event_id, timestamp, account_id, resource_id, quantity as it came, counted (null where it was voided),
            action, reason and by of its correction, file, row, run.
    """

    subject: Mapping[str, Any]
    sums: Mapping[str, Decimal]
    price: Mapping[str, Any] | None
    slices: pl.DataFrame
    parts: pl.DataFrame
    draws: pl.DataFrame
    stated: pl.DataFrame
    runs: pl.DataFrame
    records: pl.DataFrame


@dataclass(frozen=True)
class Hour:
    """Charges as a person names them: an account and an hour, and what narrows them down."""

    account: str
    hour: datetime
    meter: str | None = None
    price: str | None = None
    resource: str | None = None


def explain_line(lake: Lake, number: str, line: int) -> Explanation:
    """Explain a line of an issued invoice, as of the invoice's run.

    Raises:
        ExplainError: there is no such invoice or line.
    """
    found = lake.frame("steps/explain/invoice_line", {"number": number, "line": line})
    if found.is_empty():
        raise ExplainError(_no_such_line(lake, number, line))
    stands = found.row(0, named=True)
    parameters = {name: stands[name] for name in ("run", "plan", "price_id", "version", "tier", "kind", "period_start")}
    stated = lake.frame("steps/explain/stated_before", {**parameters, "account": stands["account_id"]})
    if stands["kind"] in LOTS_OF:
        return _of_credit(lake, stands, stated)
    return _of_usage(lake, stands, stated)


def _no_such_line(lake: Lake, number: str, line: int) -> str:
    lines = lake.value("steps/explain/line_numbers", {"number": number})
    if lines is None:
        return f"there is no invoice {number!r}; `meterbook sql -c 'select number from invoices'` lists them"
    return f"invoice {number} has no line {line}; its lines are 1 to {lines}"


def _of_usage(lake: Lake, stands: Mapping[str, Any], stated: pl.DataFrame) -> Explanation:
    run = int(stands["snapshot_run"])
    whole = ExplainedSlices.load(lake, run, stands)
    is_line = pl.all_horizontal(pl.col(name) == stands[name] for name in PART)
    own = whole.parts.filter(is_line).select("row_id", "quantity", "amount")
    slices = whole.rows.join(own, on="row_id", maintain_order="left")
    records = whole.records(slices, reaching_in=False) if slices.height else _NO_RECORDS
    return Explanation(
        subject={name: stands[name] for name in LINE_COLUMNS},
        sums=_sums(stands, _total(slices), stated),
        price=whole.price(stands["version"]),
        slices=slices.select(SLICE_COLUMNS),
        parts=whole.summed_parts().with_columns(explained=is_line),
        draws=_NO_DRAWS,
        stated=stated,
        runs=lake.frame("steps/explain/runs", {"run": run, **scope_parameters(stands)}),
        records=records,
    )


def _of_credit(lake: Lake, stands: Mapping[str, Any], stated: pl.DataFrame) -> Explanation:
    """Credit is what lots paid of the period's slices; on an invoice it is negative."""
    run, start = int(stands["snapshot_run"]), stands["period_start"]
    accounts = lake.frame("steps/invoices/accounts_now", {"snapshot_run": run})
    zone = accounts.filter(pl.col("account_id") == stands["account_id"])["time_zone"][0]
    end = periods([zone], start, start + timedelta(microseconds=1))["period_end"][0]
    parameters = {"run": run, "account": stands["account_id"], "first": start, "until": end}
    drawn = lake.frame("steps/explain/draws", {**parameters, "kind": LOTS_OF[stands["kind"]]})
    settled = _settled(lake, run, stands, (start, end))
    paid = pl.concat([drawn.cast({"drawn": AMOUNT}), settled.select(drawn.columns)])
    draws = paid.select("lot", "slice_start", amount=-pl.col("drawn")).sort("slice_start", "lot")
    return Explanation(
        subject={name: stands[name] for name in LINE_COLUMNS},
        sums=_sums(stands, _total(draws), stated),
        price=None,
        slices=_NO_SLICES,
        parts=_NO_PARTS,
        draws=draws,
        stated=stated,
        runs=_NO_RUNS,
        records=_NO_RECORDS,
    )


def _settled(lake: Lake, run: int, stands: Mapping[str, Any], bounds: tuple[datetime, datetime]) -> pl.DataFrame:
    """What lots paid of the period's slices later, at their starts: lot, slice_start, drawn."""
    rows = settled_rows(lake, facts_as_of(lake, run), run, pl.Series([stands["account_id"]]))
    inside = (pl.col("slice_start") >= bounds[0]) & (pl.col("slice_start") < bounds[1])
    own = rows.filter(inside & (pl.col("kind") == LOTS_OF[stands["kind"]]))
    return own.select("lot", "slice_start", drawn=pl.col("amount").cast(AMOUNT))


def explain_charge(lake: Lake, charge: str) -> Explanation:
    """Explain the slice that a charge is of, by the charge's id (`charge_id` in the view `charges`).

    Raises:
        ExplainError: there is no such charge.
    """
    found = lake.frame("steps/explain/charge", {"charge": charge})
    if found.is_empty():
        mend = (
            "`meterbook sql -c 'select charge_id, * from charges'` lists them; of an invoice, name a line with --line"
        )
        raise ExplainError(f"there is no charge {charge!r}; {mend}")
    return _of_slice(lake, found.row(0, named=True))


def explain_hour(lake: Lake, named: Hour) -> list[Explanation]:
    """Explain every slice that is charged in an hour of an account.

    Raises:
        ExplainError: nothing is charged there.
    """
    parameters = {"account": named.account, "hour": named.hour, "meter": named.meter, "price": named.price}
    found = lake.frame("steps/explain/charges_of_hour", {**parameters, "resource": named.resource})
    if found.is_empty():
        mend = "`meterbook sql -c 'from unpriced_usage'` lists what has no price, `meterbook status` which hours are closed"
        raise ExplainError(
            f"account {named.account!r} is charged nothing such in {named.hour:%Y-%m-%d %H:%M} UTC; {mend}"
        )
    return [_of_slice(lake, row) for row in found.iter_rows(named=True)]


def _of_slice(lake: Lake, key: Mapping[str, Any]) -> Explanation:
    run = int(lake.value("steps/invoices/complete_run", {"run": NEWEST}))
    whole = ExplainedSlices.load(lake, run, key)
    rows = whole.rows.filter(*(pl.col(name) == key[name] for name in CHARGE_KEY))
    parts = whole.parts.join(rows.select("row_id"), on="row_id", how="semi", maintain_order="left")
    named = {name: key[name] for name in CHARGE_KEY if name not in ("currency", "period_start")}
    slices = rows.with_columns(quantity="used", amount="charged").select(SLICE_COLUMNS)
    of_slice = (
        rows if rows.height else pl.DataFrame([dict(key)], schema_overrides={"slice_start": rows.schema["slice_start"]})
    )
    return Explanation(
        subject=key,
        sums={"amount": _total(slices)},
        price=whole.price(key["version"]),
        slices=slices,
        parts=parts.select(PART_COLUMNS),
        draws=_NO_DRAWS,
        stated=_NO_STATED,
        runs=lake.frame("steps/explain/differences", {"run": run, **named}),
        records=whole.records(of_slice, reaching_in=True),
    )


def _total(rows: pl.DataFrame) -> Decimal:
    total: Decimal = rows.select(pl.col("amount").sum()).item()
    return total


def _sums(stands: Mapping[str, Any], books: Decimal, stated: pl.DataFrame) -> dict[str, Decimal]:
    """What the books hold of a line, less what was stated: exact, then rounded with the lines that round with it."""
    before: Decimal = stated.select(pl.col("exact").sum()).item() if stated.height else Decimal(0)
    exact = add_exact(books, -before)
    return {
        "books": books, "stated": before, "exact": exact, "rounding": add_exact(stands["amount"], -exact),
        "amount": stands["amount"],
    }  # fmt: skip


def _empty(*names: str) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String())).with_columns(amount=ZERO_AMOUNT)


_NO_DRAWS: Final = _empty("lot", "slice_start", "amount")
_NO_SLICES: Final = _empty(*SLICE_COLUMNS)
_NO_PARTS: Final = _empty(*PART_COLUMNS)
_NO_STATED: Final = _empty("number", "line", "quantity", "exact", "amount")
_NO_RUNS: Final = _empty("run", "began_at", "command", "reason", "by", "late", "quantity", "amount")
_NO_RECORDS: Final = _empty("source", "event_id", "timestamp", "quantity", "counted", "file", "row").drop("amount")
