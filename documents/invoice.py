"""An invoice document as stored (semantics 5), read into a frozen value that is complete once built.

Here belongs what an invoice must have before it may be printed. What it looks like does not: see `templates/`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError

from documents.errors import DocumentError
from documents.values import Month, Number, Part, Text, Words


class Days(Part):
    """The billing period, both days included, in the customer's time zone."""

    label: Text
    start: date
    end: date


class Seller(Part):
    """Who bills; what is missing is not shown."""

    name: Text
    address: tuple[Words, ...] = ()
    tax_id: Words | None = None
    email: Words | None = None
    website: Words | None = None
    bank: Words | None = None
    registration: Words | None = None


class Customer(Part):
    """Who is billed."""

    account_id: Text
    name: Text
    address: tuple[Words, ...] = ()
    tax_id: Words | None = None
    email: Words | None = None


class Line(Part):
    """One line: what one tier (or fee, or cap) of one meter comes to, or one fee of a plan."""

    line: int
    group: str
    title: Text
    description: Words = ""
    kind: Literal[
        "usage", "included", "committed", "flat_fee", "cap", "recurring", "discount", "surcharge", "minimum", "commitment",
        "hourly_commitment", "close",
        "adjustment",
    ]  # fmt: skip
    period: Month
    quantity: Number | None = None
    unit: Words | None = None
    unit_price: Number | None = None
    amount: Number


class Totals(Part):
    """How the lines become the amount due; credits are negative."""

    lines: Number
    promotional_credit: Number
    paid_credit: Number
    net: Number
    tax_rate: Number
    tax_label: Text
    tax: Number
    due: Number

    def amounts(self) -> Iterator[tuple[str, Decimal]]:
        """Yield what must be whole minor units, with its path."""
        for name in ("lines", "promotional_credit", "paid_credit", "net", "tax", "due"):
            yield f"totals.{name}", getattr(self, name)


class ChartSeries(Part):
    """One meter's charge per day."""

    meter: str
    title: Text
    amounts: tuple[Number, ...]


class ChartData(Part):
    """Charges per day and meter, before credit and tax, not rounded."""

    days: tuple[date, ...]
    series: tuple[ChartSeries, ...]


class LineGroup(Part):
    """Lines shown under one heading, with their sum."""

    title: str
    lines: tuple[Line, ...]
    amount: Decimal


class Invoice(Part):
    """A whole invoice; without a number it is a draft."""

    number: Text | None
    issued_on: date | None = None
    due_on: date | None = None
    period: Days
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    minor_digits: Annotated[int, Field(ge=0, le=4)]
    seller: Seller
    customer: Customer
    lines: tuple[Line, ...]
    totals: Totals
    paid_credit_receipts: tuple[Words, ...] = ()
    chart: ChartData | None = None

    @classmethod
    def read(cls, document: Mapping[str, object]) -> Self:
        """Read a stored document, or raise one error that names it and everything wrong with it."""
        try:
            invoice = cls.model_validate(document)
        except ValidationError as refused:
            raise DocumentError(_name(document), [_sentence(problem) for problem in refused.errors()]) from None
        if problems := list(invoice.problems()):
            raise DocumentError(_name(document), problems)
        return invoice

    @property
    def is_draft(self) -> bool:
        """Only an issued invoice has a number."""
        return self.number is None

    def usage_groups(self) -> list[LineGroup]:
        """Group what was used in this invoice's own period by meter, in the order of the lines."""
        own = [line for line in self.lines if not self._is_adjustment(line)]
        order = {group: place for place, group in reversed(list(enumerate(line.group for line in own)))}
        own.sort(key=lambda line: order[line.group])
        return [_group(group[0].title, group) for group in _runs(own, "group")]

    def adjustment_groups(self) -> list[LineGroup]:
        """Group what belongs to earlier periods by period (semantics 5: 'adjustment for <period>')."""
        earlier = sorted(filter(self._is_adjustment, self.lines), key=lambda line: line.period)
        return [_group(group[0].period, group) for group in _runs(earlier, "period")]

    def _is_adjustment(self, line: Line) -> bool:
        return line.kind == "adjustment" or line.period < f"{self.period.start:%Y-%m}"

    def problems(self) -> Iterator[str]:
        """Find what a reader with a pocket calculator would find."""
        if self.number is not None and self.issued_on is None:
            yield "issued_on: an invoice with a number needs its date of issue"
        if self.period.end < self.period.start:
            yield f"period: ends on {self.period.end}, before its start {self.period.start}"
        for path, amount in (
            *self.totals.amounts(),
            *((f"lines, line {line.line}", line.amount) for line in self.lines),
        ):
            if len(f"{amount:f}".partition(".")[2].rstrip("0")) > self.minor_digits:
                yield f"{path}: {amount} has more digits than {self.currency} has ({self.minor_digits})"
        yield from self._sum_problems()
        yield from self._chart_problems()

    def _sum_problems(self) -> Iterator[str]:
        totals = self.totals
        checks = (
            ("lines", totals.lines, sum((line.amount for line in self.lines), Decimal(0)), "the lines sum to"),
            ("net", totals.net, totals.lines + totals.promotional_credit + totals.paid_credit, "lines and credit make"),
            ("due", totals.due, totals.net + totals.tax, "net and tax make"),
        )
        for name, stated, found, how in checks:
            if stated != found:
                yield f"totals.{name}: says {stated}, but {how} {found}"

    def _chart_problems(self) -> Iterator[str]:
        if self.chart is not None:
            for series in self.chart.series:
                if len(series.amounts) != len(self.chart.days):
                    yield (
                        f"chart, {series.title}: {len(series.amounts)} amounts for {len(self.chart.days)} days;"
                        " give one for each day"
                    )


def _runs(lines: Iterable[Line], key: Literal["group", "period"]) -> list[list[Line]]:
    return [list(run) for _, run in groupby(lines, key=lambda line: getattr(line, key))]


def _group(title: str, lines: list[Line]) -> LineGroup:
    return LineGroup(title=title, lines=tuple(lines), amount=sum((line.amount for line in lines), Decimal(0)))


def _name(document: Mapping[str, object]) -> str:
    """Name a document that may lack anything."""
    if number := document.get("number"):
        return f"invoice {number}"
    parts = {key: part if isinstance(part, Mapping) else {} for key, part in document.items()}
    account = parts.get("customer", {}).get("account_id", "unknown")
    label = parts.get("period", {}).get("label", "an unknown period")
    return f"draft invoice of account {account} for {label}"


def _sentence(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    path = ".".join(str(step) for step in location) if isinstance(location, tuple) else str(location)
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{path}: {message[:1].lower()}{message[1:]}"
