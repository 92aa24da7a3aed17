"""Goal: the figures that explain an amount add up to it, to the last digit, whatever it is a line or a charge of."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.command import explanations
from pipelines.command.application import app, console
from resources.lake import Lake
from resources.project import Project
from resources.settings import Settings
from tests.pipelines.answers import make_invoiced
from tests.resources.billed import sqlite_file

# (invoice, line) -> what the line is made of, worked out by hand where it is easy to.
ARGUMENTS = ("--account", "first", "--hour", "2026-10-06T08:00Z", "--meter", "traffic")


@pytest.fixture(scope="module")
def invoiced(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The project that is asked, billed once."""
    return make_invoiced(tmp_path_factory.mktemp("explained") / "project")


@pytest.fixture(scope="module")
def reader(invoiced: Settings) -> Iterator[Project]:
    """It, open."""
    with Project.open(invoiced, read_only=True) as opened:
        yield opened


@pytest.fixture
def lent(reader: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked a hundred times opens the project once."""
    monkeypatch.setattr(explanations, "opened", lambda **_: nullcontext(reader))


def ask(settings: Settings, *words: str, code: int = 0) -> str:
    """What the command prints."""
    directory = sqlite_file(settings.lake.catalog).parents[1]
    result = CliRunner().invoke(app, ["-C", str(directory), "explain", *words])
    assert result.exit_code == code, result.output
    return result.output


def asked(settings: Settings, *words: str) -> Any:  # noqa: ANN401 - what JSON says
    """What it prints as JSON."""
    return json.loads(ask(settings, *words, "--json"))


def query(settings: Settings, text: str) -> list[dict[str, Any]]:
    """Rows of the lake."""
    with Lake(settings.lake.catalog, settings.lake.data, read_only=True) as lake:
        return list(lake.connection.execute(text).pl().iter_rows(named=True))


def total(rows: Sequence[dict[str, str]], name: str = "amount") -> Decimal:
    """The exact sum of a figure."""
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


@pytest.mark.usefixtures("lent")
def test_the_figures_of_every_invoice_line_add_up_to_it(invoiced: Settings) -> None:
    lines = query(invoiced, "from invoice_lines order by number, line")
    seen = set()
    for line in lines:
        made = asked(invoiced, line["number"], "--line", str(line["line"]))
        sums = {name: Decimal(text) for name, text in made["sums"].items()}
        assert total(made["slices"]) + total(made["draws"]) == sums["books"], line
        assert total(made["stated"], "exact") == sums["stated"], line
        assert sums["books"] - sums["stated"] == sums["exact"] == line["exact"], line
        assert sums["exact"] + sums["rounding"] == sums["amount"] == line["amount"], line
        if made["slices"]:
            (part,) = [part for part in made["parts"] if part["explained"]]
            assert total(made["slices"]) == Decimal(part["amount"])
            assert total(made["slices"], "quantity") == Decimal(part["quantity"])
            assert total(made["slices"], "quantity") - total(made["stated"], "quantity") == line["quantity"]
            # What all runs charged is what all parts come to.
            assert total(made["runs"]) == total(made["parts"])
        seen.add((line["kind"], bool(made["stated"])))
    kinds = ("usage", "included", "flat_fee", "cap", "promotional_credit", "paid_credit")
    assert {kind for kind, _ in seen} == set(kinds)
    assert {("usage", True), ("cap", True), ("included", False)} <= seen


def test_quantities_of_a_line_run_on_from_slice_to_slice(invoiced: Settings) -> None:
    (line,) = query(
        invoiced,
        "select * from invoice_lines where number like '%1' and account_id = 'first' and price_id = 'requests' and tier = 1",
    )
    made = asked(invoiced, line["number"], "--line", str(line["line"]))
    found = [
        (row["used"], row["quantity_before"], row["quantity_after"], row["quantity"], row["amount"])
        for row in made["slices"]
    ]
    assert found == [("60", "0", "60", "50", "1"), ("100", "60", "160", "50", "1")]
    assert [(record["event_id"], record["file"], record["row"]) for record in made["records"]["records"]] == [
        ("3", "october.csv", 3),
        ("4", "october.csv", 4),
    ]
    assert made["price"]["included"] == "10"


@pytest.mark.usefixtures("lent")
def test_every_charge_is_explained_by_its_parts_and_by_the_runs_that_made_it(invoiced: Settings) -> None:
    charges = query(invoiced, "from books.charges order by all")
    slices = {
        (row["slice_start"], row["account_id"], row["resource_id"], row["meter"], row["version"]): row["amount"]
        for row in query(invoiced, "from books.charges_by_slice")
    }
    assert len(charges) > len(slices)
    for charge in charges:
        made = asked(invoiced, charge["charge_id"])
        key = tuple(charge[name] for name in ("slice_start", "account_id", "resource_id", "meter", "version"))
        amount = slices[key]
        assert Decimal(made["sums"]["amount"]) == amount
        assert total(made["parts"]) == amount
        assert total(made["runs"]) == amount
        assert charge["run"] in [run["run"] for run in made["runs"]]


def test_an_hour_is_explained_with_its_cap_its_records_and_its_late_run(invoiced: Settings) -> None:
    (made,) = asked(invoiced, *ARGUMENTS)
    assert [(part["kind"], part["quantity"], part["amount"]) for part in made["parts"]] == [
        ("cap", "0", "-0.675"),
        ("usage", "73.5", "3.675"),
    ]
    assert made["price"]["maximum"] == "3"
    assert [(record["event_id"], record["file"], record["row"]) for record in made["records"]["records"]] == [
        ("6", "october.csv", 6),
        ("7", "october.csv", 7),
        ("l2", "late.csv", 2),
    ]
    assert [(run["quantity"], run["amount"]) for run in made["runs"]] == [("70.5", "3"), ("3", "0")]


def test_a_gauge_names_the_samples_that_reach_into_its_hour(invoiced: Settings) -> None:
    (made,) = asked(invoiced, "--account", "first", "--hour", "2026-10-05T00:00Z", "--meter", "cpu")
    assert [record["event_id"] for record in made["records"]["records"]] == ["1", "l5", "2"]
    assert made["slices"][0]["used"] == "0.616666667"  # (4 x 2 + 3 x 3 + 2 x 10) / 60


def test_the_tables_say_the_same(invoiced: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_width", 200)
    printed = ask(invoiced, *ARGUMENTS)
    for text in ("maximum of the plan reached", "october.csv", "late.csv", "3.675", "at most 3 EUR", "3.00 EUR"):
        assert text in printed
    line = ask(invoiced, "INV-2026-000001", "--line", "1")
    assert "INV-2026-000001, line 1" in line
    assert "the books hold" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("INV-2026-999999", "--line", "1"), "there is no invoice 'INV-2026-999999'"),
        (("INV-2026-000001", "--line", "99"), "has no line 99; its lines are 1 to"),
        (("nothing",), "there is no charge 'nothing'"),
        (("--account", "first", "--hour", "2026-10-01T00:00Z"), "is charged nothing such in 2026-10-01 00:00 UTC"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(invoiced: Settings, words: tuple[str, ...], said: str) -> None:
    assert said in ask(invoiced, *words, code=1)


@pytest.mark.parametrize("words", [(), ("--account", "first"), ("INV-2026-000001", "--account", "first")])
def test_a_question_without_a_subject_is_refused(invoiced: Settings, words: tuple[str, ...]) -> None:
    assert "name a charge, an invoice with --line" in " ".join(ask(invoiced, *words, code=2).replace("│", "").split())
