"""Goal: what `make docs` writes is what stands there, and every worked example adds up."""

import re
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from rating.pricebook import Account, Meter, ModelName, Plan, Price, PriceBook, Rounding, Tier, When
from tools.write_docs import written_files

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "pricebook.md").read_text(encoding="utf-8")
WORKED = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \| (.+) \|$", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize(("name", "text"), written_files().items(), ids=list(written_files()))
def test_written_files_are_current(name: str, text: str) -> None:
    stands = (ROOT / name).read_text(encoding="utf-8") if (ROOT / name).exists() else ""
    assert stands == text, f"{name} is not what the code says: run `make docs`"


@pytest.mark.parametrize("part", [Account, Meter, Plan, Price, PriceBook, Rounding, Tier, When])
def test_every_key_has_its_row(part: type[Price]) -> None:
    assert [key for key in part.model_fields if f"\n| `{key}` | " not in REFERENCE] == []


@pytest.mark.parametrize("model", get_args(ModelName))
def test_every_model_is_worked_through(model: str) -> None:
    section = REFERENCE.partition(f"\n### `{model}`: ")[2].partition("\n#")[0]
    assert f"\nmodel: {model}\n" in section
    assert section.count("\n| ") > 3


def amount(term: str) -> Decimal:
    """What a term says, worked out by hand: 20 x 0.0113, 2 packages x 1.00, 4.90 fee."""
    product = Decimal(1)
    for number in re.findall(r"[\d.]+", term):
        product *= Decimal(number)
    return product


@pytest.mark.parametrize(("quantity", "cost", "how"), WORKED)
def test_worked_examples_add_up(quantity: str, cost: str, how: str) -> None:
    due = "" if how.endswith(" included") or how == "nothing is due" else how.rpartition("; ")[2]
    terms = re.findall(r"(^| [+-] )(.+?)(?= [+-] |$)", due)
    assert sum(-amount(term) if "-" in sign else amount(term) for sign, term in terms) == Decimal(cost), quantity


def test_there_are_worked_examples() -> None:
    assert len(WORKED) > 20
