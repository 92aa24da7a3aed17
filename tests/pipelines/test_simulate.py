"""Goal: a simulation says what other prices would come to for what was really used, to the last digit, and writes nothing."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.command.application import app
from pipelines.hourly import run_hourly
from rating.money import plain_text
from resources.lake import Lake
from resources.project import Project
from resources.settings import Settings
from tests.pipelines.answers import BOOK, CLOCK, make

DEARER = BOOK.replace('"0.02"', '"0.03"').replace('"3.00"', '"2.50"').replace('"2026-09"', '"next"')
LATER = DEARER.replace("2026-09-01T00", "2027-01-01T00")


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """October billed under one book."""
    settings = make(tmp_path_factory.mktemp("simulated") / "project")
    with Project.open(settings, CLOCK) as project:
        run_hourly(project, datetime(2026, 11, 1, 6, tzinfo=UTC))
    return settings


def directory_of(settings: Settings) -> Path:
    """Where the project is."""
    return Path(settings.price_book).parent


def ask(settings: Settings, book: str, *words: str, period: str = "2026-10", code: int = 0) -> str:
    """What the command prints about a book."""
    path = directory_of(settings) / "asked.yaml"
    path.write_text(book, encoding="utf-8")
    words = ("simulate", "--price-book", str(path), "--period", period, *words)
    result = CliRunner().invoke(app, ["-C", str(directory_of(settings)), *words])
    assert result.exit_code == code, result.output
    return result.output


def asked(settings: Settings, book: str, period: str = "2026-10") -> Any:  # noqa: ANN401 - what JSON says
    """What it prints as JSON."""
    return json.loads(ask(settings, book, "--json", period=period))


def state(settings: Settings) -> list[Any]:
    """Every commit and every row count of the lake, and its data files."""
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        snapshots = lake.connection.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchall()
    files = sorted(settings.lake.data.rglob("*.parquet"))
    return [snapshots, [(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]]


@pytest.mark.parametrize("book", [DEARER, LATER], ids=["in force", "in force later"])
def test_what_changes_is_what_the_prices_say(billed: Settings, book: str) -> None:
    before = state(billed)
    made = asked(billed, book)
    # first: 100 requests at a cent more and the site's cap at 2.50; second: 40 requests above 10 (the last 30 are November's).
    assert {row["account_id"]: (row["now"], row["then"], row["difference"]) for row in made["accounts"]} == {
        "first": _first(),
        "second": ("0.8", "1.2", "0.4"),
    }
    assert [(row["plan"], row["price_id"], row["difference"]) for row in made["prices"]] == [
        ("standard", "cpu", "0"),
        ("standard", "requests", "1.4"),
        ("standard", "storage", "0"),
        ("standard", "traffic", "-0.5"),
    ]
    total = {name: sum(Decimal(row[name]) for row in made["accounts"]) for name in ("now", "then", "difference")}
    assert {name: Decimal(made["totals"][0][name]) for name in total} == total
    assert state(billed) == before


def _first() -> tuple[str, str, str]:
    """By hand: the gauge, 183.3 requests above the 10 included, traffic of site (70.5, capped) and machine, storage."""
    cpu = Decimal("0.666666667") * Decimal("0.04")
    now = cpu + 100 * Decimal("0.02") + Decimal("83.3") * Decimal("0.0123") + Decimal("0.5") + 3 + Decimal("0.5") + 12
    then = now + 100 * Decimal("0.01") - Decimal("0.5")
    return plain_text(now), plain_text(then), plain_text(then - now)


def test_the_same_book_changes_nothing(billed: Settings) -> None:
    made = asked(billed, BOOK)
    assert {row["difference"] for row in made["accounts"]} == {"0"}
    assert "0 of 2 accounts change" in ask(billed, BOOK)


def test_a_month_without_use_is_empty(billed: Settings) -> None:
    made = asked(billed, DEARER, period="2026-08")
    assert made["accounts"] == made["totals"] == made["unpriced"] == []


def test_what_the_book_has_no_price_for_is_said(billed: Settings) -> None:
    without = "\n".join(line for line in DEARER.splitlines() if "id: cpu" not in line)
    made = asked(billed, without)
    assert made["unpriced"] == [{"meter": "cpu", "reason": "no_price", "quantity": "0.666666667", "slices": 1}]
    assert "unpriced: 0.666666667 of cpu" in ask(billed, without)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda book: book.replace("standard:", "other:"), "lacks the plan 'standard', subscribed to by first, second"),
        (
            lambda book: book.replace("max_gap: 10 min", "max_gap: 20 min"),
            "meters.cpu.max_gap is not what was metered by",
        ),
        (lambda book: book.replace("unit_price", "unitprice"), "unitprice"),
    ],
)
def test_a_book_that_cannot_be_compared_is_refused(billed: Settings, change: Callable[[str], str], said: str) -> None:
    assert said in ask(billed, change(DEARER), code=1)
