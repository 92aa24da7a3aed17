"""Goal: prices in other units and caps over all resources give the same books in many runs as in one, and are proved."""

import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from pipelines.charge_proof import charges_that_do_not_sum
from resources.project import Project
from resources.settings import Settings
from tests.pipelines import tiny

BOOK = """
version: "{version}"
effective_from: {begins}
currency: EUR
meters:
  storage: {{unit: GB-hour, aggregation: sum}}
  machines: {{unit: hour, aggregation: sum}}
plans:
  standard:
    prices:
      - {{id: storage, meter: storage, unit: GB-month, model: unit, included: "0.001", unit_price: "{price}"}}
      - id: machines
        meter: machines
        model: graduated
        accumulate: resource
        maximum: "7"
        account_maximum: "{cap}"
        tiers: [{{up_to: "2.5", unit_price: "1"}}, {{unit_price: "0.7", flat_fee: "0.1"}}]
"""
OCTOBER = BOOK.format(version="1", begins="2026-10-01T00:00:00Z", price="0.05", cap="6")
MIDDLE = datetime(2026, 10, 30, 6, tzinfo=UTC)
FROM_MIDDLE = BOOK.format(version="2", begins=MIDDLE.isoformat(), price="0.06", cap="12")
NEWEST = 2**62
RESOURCES = ("m1", "m2", "m3")


def make(directory: Path) -> Settings:
    made = tiny.make(directory)
    made.price_book.write_text(OCTOBER, encoding="utf-8")
    return made


def land(project: Project, name: str, records: list[tuple[datetime, str, str, str]]) -> None:
    lines = [
        {
            "event_id": f"{meter}-{resource}-{at:%dT%H%M}", "timestamp": at.isoformat(), "account_id": "first",
            "resource_id": resource, "meter": meter, "quantity": quantity,
        }
        for at, resource, meter, quantity in records
    ]  # fmt: skip
    path = project.settings.landing / "usage_records" / f"{name}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")


def hours(first: datetime, count: int) -> list[tuple[datetime, str, str, str]]:
    """Records of some hours; a machine runs in every second or third of them only."""
    every = [first + timedelta(hours=number, minutes=5) for number in range(count)]
    stored = [(at, "disk", "storage", "1.333333333") for at in every]
    ran = [(at, name, "machines", "0.9") for at in every for n, name in enumerate(RESOURCES, 1) if at.hour % n == 0]
    return [*stored, *ran]


FIRST, LATE = hours(tiny.FIRST_DAY, 4), [(tiny.FIRST_DAY + timedelta(hours=1, minutes=9), "m2", "machines", "1.7")]
SECOND, THIRD = hours(tiny.FIRST_DAY + timedelta(hours=4), 4), hours(tiny.FIRST_DAY + timedelta(hours=8), 4)


def charges(project: Project) -> list[tuple[Any, ...]]:
    frame = project.lake.frame("steps/verify/charges", {"account": "first", "run": NEWEST})
    rows = frame.filter((pl.col("amount") != 0) | (pl.col("quantity") != 0)).sort(frame.columns)
    return rows.rows()


def total(rows: list[tuple[Any, ...]]) -> Decimal:
    return sum((row[-1] for row in rows), Decimal(0))


def test_many_runs_give_what_one_gives_and_the_invoice_is_proved(tmp_path: Path) -> None:
    """Two hours a run: the second book comes before its time, and a late record after it."""
    with Project.open(make(tmp_path / "many"), tiny.CLOCK) as many:
        for number, part in enumerate((FIRST, SECOND, THIRD)):
            land(many, f"part{number}", part)
            if number == 1:
                many.settings.price_book.write_text(FROM_MIDDLE, encoding="utf-8")
            if number == 2:
                land(many, "late", LATE)
            for closed in (4 * number + 2, 4 * number + 4):
                tiny.bill(many, tiny.FIRST_DAY + timedelta(hours=closed))
        assert charges_that_do_not_sum(many.lake, 0, NEWEST).is_empty()
        found = charges(many)
        tiny.bill(many, tiny.MONTH_END)
        write_drafts(many, "drafts", tiny.PERIOD)
        issue(many, "issue", tiny.PERIOD, ["first"])
        invoice = many.lake.connection.execute("select number, net from invoices").fetchone()
        assert invoice is not None
        assert {finding.stage: finding.first_difference for finding in verify_invoice(many, invoice[0])} == {
            "quantities and charges": None, "draws on credit": None, "lines and totals": None,
        }  # fmt: skip
        charged = total(found)
        assert invoice[1] == charged.quantize(Decimal("0.01"), ROUND_HALF_UP) - Decimal("1.50")  # what is granted
    with Project.open(make(tmp_path / "one"), tiny.CLOCK) as one:
        tiny.bill(one, tiny.FIRST_DAY)
        one.settings.price_book.write_text(FROM_MIDDLE, encoding="utf-8")
        land(one, "all", [*FIRST, *SECOND, *THIRD, *LATE])
        tiny.bill(one, tiny.FIRST_DAY + timedelta(hours=12))
        assert charges(one) == found
    # Until the middle 4.63 + 3.93 + 1.80 = 10.36, of which 6 are due; from 10.36 on up to 12 under the second book.
    assert total([row for row in found if row[3] == "machines"]) == 6 + Decimal("1.64")
