"""Splitting records changes nothing for sums: a quote of the parts is the quote of the whole, by every model."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from pipelines.quote import Quote, quote
from pipelines.quote_terms import read_terms

BOOK = """
version: "next"
effective_from: 2026-10-01T00:00:00Z
currency: EUR
meters:
  unit: {unit: GB, aggregation: sum}
  graduated: {unit: GB, aggregation: sum}
  volume: {unit: GB, aggregation: sum}
  stairstep: {unit: GB, aggregation: sum}
  package: {unit: GB, aggregation: sum}
plans:
  standard:
    prices:
      - {id: unit, meter: unit, model: unit, unit_price: "0.000000007", included: "3"}
      - id: graduated
        meter: graduated
        model: graduated
        accumulate: resource
        maximum: "30"
        tiers: [{up_to: "10", unit_price: "0.7"}, {up_to: "40.000000001", unit_price: "0.3", flat_fee: "2"}, {unit_price: "0.1"}]
      - {id: volume, meter: volume, model: volume, tiers: [{up_to: "50", unit_price: "0.1"}, {unit_price: "0.08", flat_fee: "1"}]}
      - {id: stairstep, meter: stairstep, model: stairstep, tiers: [{up_to: "20", flat_fee: "5"}, {flat_fee: "9"}]}
      - {id: package, meter: package, model: package, package_size: "7", package_price: "1.01"}
"""
HEADER = "event_id,timestamp,account_id,resource_id,meter,quantity\n"
MODELS = ("unit", "graduated", "volume", "stairstep", "package")
BILLIONTHS = 10**9


def records(random: Random) -> list[tuple[datetime, str, str, str, int]]:
    """Moments, accounts, machines, meters and billionths: a hundred records of two days, across a month's end."""
    start = datetime(2026, 10, 31, tzinfo=UTC)
    return [
        (
            start + timedelta(minutes=random.randrange(48 * 60)), random.choice("ab"), f"vm-{random.randrange(3)}",
            random.choice(MODELS), random.choice((1, 10 * BILLIONTHS, random.randrange(20 * BILLIONTHS))),
        )
        for _ in range(100)
    ]  # fmt: skip


def split(random: Random, billionths: int) -> list[int]:
    """Parts of a whole, some of them nothing."""
    cuts = sorted(random.randint(0, billionths) for _ in range(random.randrange(4)))
    return [end - begin for begin, end in zip([0, *cuts], [*cuts, billionths], strict=True)]


def quoted(folder: Path, name: str, rows: list[tuple[datetime, str, str, str, int]]) -> Quote:
    """The quote of these records."""
    lines = [
        f"{number},{at:%Y-%m-%dT%H:%M:%SZ},{account},{machine},{meter},{Decimal(billionths) / BILLIONTHS:f}\n"
        for number, (at, account, machine, meter, billionths) in enumerate(rows)
    ]
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / name).write_text(HEADER + "".join(lines), encoding="utf-8")
    return quote(folder / name, "usage_records", read_terms(folder / "book.yaml", "standard", None, "Europe/Berlin"))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_the_parts_cost_what_the_whole_costs(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - records that can be had again
    whole = records(random)
    parts = [(*row[:-1], part) for row in whole for part in split(random, row[-1])]
    assert len(parts) > len(whole)
    random.shuffle(parts)
    of_whole, of_parts = quoted(tmp_path, "whole.csv", whole), quoted(tmp_path, "parts.csv", parts)
    assert of_parts.total == of_whole.total > 0
    assert of_parts.parts.equals(of_whole.parts)
    assert set(of_whole.parts["meter"]) == set(MODELS)
