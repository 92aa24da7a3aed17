"""Goal: a quote is what the books would charge, taken apart exactly; it leaves nothing behind, and its errors say what to do."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.command.application import app, console
from pipelines.command.quotes import _print
from pipelines.quote import Quote, quote

BOOK = """
version: "next"
effective_from: 2026-12-01T00:00:00Z
currency: EUR
meters:
  cpu: {title: Compute, unit: vCPU-hour, aggregation: time_weighted, max_gap: 10 min}
  disk: {unit: GB, aggregation: sum}
  jobs: {unit: job, aggregation: sum}
  requests: {unit: request, aggregation: sum}
  traffic: {unit: GB, aggregation: sum}
  unsold: {unit: piece, aggregation: sum}
plans:
  large:
    prices: [{id: jobs, meter: jobs, model: unit, unit_price: {EUR: "1", USD: "1.10"}}]
  standard:
    prices:
      - {id: cpu, meter: cpu, model: unit, unit_price: "0.04"}
      - {id: disk, meter: disk, model: volume, tiers: [{up_to: "50", unit_price: "0.10"}, {unit_price: "0.08", flat_fee: "1"}]}
      - {id: jobs, meter: jobs, model: package, package_size: "100", package_price: "1.00"}
      - id: requests
        meter: requests
        model: graduated
        included: "10"
        tiers: [{up_to: "100", unit_price: "0.02"}, {unit_price: "0.0123", flat_fee: "0.5"}]
      - {id: traffic, meter: traffic, model: unit, unit_price: "0.05", maximum: "3.00"}
"""
# In Berlin, October ends at 23:00 UTC: the last two requests of `b` are in two months, with 10 included in each.
RECORDS = """event_id,timestamp,account_id,resource_id,meter,quantity
1,2026-10-05T00:00:00Z,a,vm,cpu,4
2,2026-10-05T00:05:00Z,a,vm,cpu,2
3,2026-10-05T08:00:00Z,a,site,requests,60
4,2026-10-06T08:00:00Z,a,site,requests,100
4,2026-10-06T08:00:00Z,a,site,requests,100
5,2026-10-06T08:00:00Z,a,site,traffic,100
6,2026-10-06T08:00:00Z,a,site,disk,40
7,2026-10-07T08:00:00Z,a,site,disk,20
8,2026-10-07T08:00:00Z,b,site-b,jobs,101
9,2026-10-07T09:00:00Z,b,site-b,unsold,7
10,2026-10-07T09:00:00Z,b,site-b,nonsense,7
11,2026-10-31T22:30:00Z,b,site-b,requests,30
12,2026-10-31T23:30:00Z,b,site-b,requests,30
"""
# (meter, tier, kind, quantity, unit price, amount)
WORKED = [
    ("cpu", 1, "usage", "0.666666667", "0.04", "0.02666666668"),  # (4 x 5 + 2 x 10) / 60, once rounded
    ("disk", 2, "usage", "60", "0.08", "4.8"),
    ("disk", 2, "flat_fee", "1", "1", "1"),
    ("jobs", 1, "usage", "2", "1", "2"),
    ("requests", 0, "included", "30", "0", "0"),
    ("requests", 1, "usage", "140", "0.02", "2.8"),  # 100 of a, 20 and 20 of b
    ("requests", 2, "usage", "50", "0.0123", "0.615"),
    ("requests", 2, "flat_fee", "1", "0.5", "0.5"),
    ("traffic", 1, "usage", "100", "0.05", "5"),
    ("traffic", 0, "cap", "0", "0", "-2"),
]
TOTAL = "14.74166666668"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a price book and records."""
    return write_files(tmp_path)


@dataclass(frozen=True)
class Worked:
    """The quote that is worked out above: what was made, what the command said of it, and the person's own project."""

    made: Quote
    said: dict[str, Any]
    project: Path


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    """It, asked for once, by somebody whose environment names a project; DuckDB has all its threads."""
    files = write_files(tmp_path_factory.mktemp("worked"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DIRECTORY", "LANDING", "PRICE_BOOK", "LAKE__CATALOG", "LAKE__DATA"):
            patch.setenv(f"METERBOOK_{name}", str(files / "project" / name))
        made = kept(patch)
        said = quoted(files, "--time-zone", "Europe/Berlin")
    return Worked(made[0], said, files / "project")


def kept(patch: pytest.MonkeyPatch) -> list[Quote]:
    """What the command will have made, beside what it prints."""
    made: list[Quote] = []

    def make(*words: Any) -> Quote:  # noqa: ANN401 - as the function takes them
        made.append(quote(*words))
        return made[-1]

    patch.setattr("pipelines.quote.quote", make)
    return made


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few records are billed with a third less work where DuckDB has no threads to wake."""
    monkeypatch.setenv("METERBOOK_THREADS", "1")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for temporary files, which is empty again after each quote, good or bad."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def write_files(folder: Path) -> Path:
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "records.csv").write_text(RECORDS, encoding="utf-8")
    return folder


def ask(files: Path, *options: str, usage: str = "records.csv", plan: str = "standard") -> tuple[int, str, str]:
    """The exit code of the command, what it prints, and what it complains about."""
    words = ["quote", str(files / usage), "--price-book", str(files / "book.yaml"), "--plan", plan, *options]
    result = CliRunner().invoke(app, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def quoted(files: Path, *options: str, **names: str) -> dict[str, Any]:
    code, printed, complaint = ask(files, "--json", *options, **names)
    assert (code, complaint) == (0, "")
    document: dict[str, Any] = json.loads(printed)
    return document


def summed(amounts: Sequence[str]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), Decimal(0))


def test_a_quote_worked_by_hand(worked: Worked) -> None:
    said = worked.said
    names = ("meter", "tier", "kind", "quantity", "unit_price", "amount")
    assert [tuple(part[name] for name in names) for part in said["parts"]] == WORKED
    assert said["total"] == {"EUR": TOTAL}
    assert summed([part["amount"] for part in said["parts"]]) == Decimal(TOTAL)
    assert said["accounts"] == [{"account_id": "a", "amount": "11.94166666668"}, {"account_id": "b", "amount": "2.8"}]
    assert said["records"] == {"read": 13, "accepted": 11, "duplicates": 1, "refused": 1}
    assert said["refused"] == {"unknown_meter": 1}
    assert said["unpriced"] == [{"meter": "unsold", "unit": "piece", "quantity": "7", "slices": 1}]
    assert (said["from"], said["until"]) == ("2026-09-30T22:00:00+00:00", "2026-11-01T00:00:00+00:00")
    units = {part["meter"]: (part["title"], part["unit"]) for part in said["parts"]}
    assert (units["cpu"], units["jobs"]) == (("Compute", "vCPU-hour"), ("jobs", "package"))


def test_a_percentile_is_billed_at_the_end_of_the_month(tmp_path: Path) -> None:
    (tmp_path / "book.yaml").write_text(
        """
version: "1"
effective_from: 2026-10-01T00:00:00Z
currency: EUR
meters: {line: {unit: Mbit/s, aggregation: percentile, percentile: "50"}}
plans: {standard: {prices: [{id: line, meter: line, model: unit, unit_price: "2"}]}}
""",
        encoding="utf-8",
    )
    rows = [f"e{place},2026-10-0{place}T10:00:00Z,a,r,line,{place}" for place in (1, 2, 3)]
    text = "event_id,timestamp,account_id,resource_id,meter,quantity\n" + "\n".join(rows)
    (tmp_path / "records.csv").write_text(f"{text}\n", encoding="utf-8")
    said = quoted(tmp_path, "--time-zone", "Asia/Kolkata")
    assert said["total"] == {"EUR": "4"}
    assert said["until"] == "2026-10-31T19:00:00+00:00"


def test_months_are_those_of_the_zone(files: Path) -> None:
    requests = [part for part in quoted(files)["parts"] if part["meter"] == "requests"]
    assert [part["quantity"] for part in requests if part["tier"] <= 1] == ["20", "150"]


def test_the_table_shows_every_part_and_sums(
    worked: Worked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_width", 150)
    _print(worked.made)
    printed = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line.startswith("│")]
    *amounts, total = [row[-1].replace("\N{MINUS SIGN}", "-") for row in rows]
    assert [Decimal(amount) for amount in amounts] == [Decimal(amount) for *_, amount in WORKED]
    assert (summed(amounts), total) == (Decimal(TOTAL), TOTAL)
    assert ["Compute", "per vCPU-hour", "0.666666667", "vCPU-hour", "0.04", "0.02666666668"] in rows
    for line in (
        "plan standard of price book next, 2 accounts",
        "records: 13 read, 11 accepted, 1 duplicates, 1 refused",
        "refused: 1 unknown_meter",
        "unpriced: 7 piece of unsold (1 slices); the plan has no price for it",
    ):
        assert line in printed


def test_nothing_is_cut_off_where_the_terminal_is_narrow(
    worked: Worked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_width", 60)
    _print(worked.made)
    assert "…" not in capsys.readouterr().out


def test_another_currency_and_format(files: Path) -> None:
    jobs = pl.read_csv(files / "records.csv", infer_schema=False).filter(pl.col("meter") == "jobs")
    jobs.with_columns(pl.col("quantity").cast(pl.Decimal(12, 3))).write_parquet(files / "may, or june.2026.parquet")
    said = quoted(files, "--currency", "USD", usage="may, or june.2026.parquet", plan="large")
    assert said["total"] == {"USD": "111.1"}


def test_another_source(files: Path) -> None:
    sample = {"timestamp": "2026-10-05T00:00:00Z", "vm": "v", "account_id": "a", "cores": 3, "memory_kib": 1}
    sample |= dict.fromkeys(("disk_read_kibs", "disk_write_kibs", "net_rx_kibs", "net_tx_kibs"), 1)
    (files / "samples.ndjson").write_text(json.dumps(sample), encoding="utf-8")
    said = quoted(files, "--source", "vm_samples", usage="samples.ndjson")
    assert (said["total"], said["refused"]) == ({"EUR": "0.02"}, {"unknown_meter": 4})


def test_records_that_are_all_refused_cost_nothing(files: Path) -> None:
    header, *rows = RECORDS.splitlines(keepends=True)
    (files / "odd.csv").write_text("".join([header, *(row for row in rows if "nonsense" in row)]), encoding="utf-8")
    said = quoted(files, usage="odd.csv")
    assert (said["parts"], said["total"], said["refused"]) == ([], {"EUR": "0"}, {"unknown_meter": 1})
    assert said["accounts"] == [{"account_id": "b", "amount": "0"}]


def test_a_project_of_the_environment_is_left_alone(worked: Worked) -> None:
    assert worked.said["total"] == {"EUR": TOTAL}
    assert not worked.project.exists()


HEADER = RECORDS.splitlines()[0]
# What is written to a file, what is asked for, and what the complaint says.
ERRORS: dict[str, tuple[dict[str, str], list[str], dict[str, str], tuple[str, ...]]] = {
    "no file": ({}, [], {"usage": "none.csv"}, ("none.csv is not there", "name a file")),
    "a folder": ({"folder/x.csv": ""}, [], {"usage": "folder"}, ("folder is not a file",)),
    "no format": ({"usage.xls": "x"}, [], {"usage": "usage.xls"}, ("usage.xls: its ending tells no format", ".parquet")),
    "a column too few": (
        {"x.csv": "event_id,timestamp\n1,2\n"}, [], {"usage": "x.csv"}, ("x.csv: column 'account_id' is missing", "needs"),
    ),
    "a damaged file": ({"x.parquet": "PAR1 no"}, [], {"usage": "x.parquet"}, ("x.parquet: cannot be read",)),
    "no records": ({"x.csv": f"{HEADER}\n"}, [], {"usage": "x.csv"}, ("x.csv has no record with an account and a time",)),
    "a wrong year": (
        {"x.csv": f"{RECORDS}13,2226-10-07T09:00:00Z,b,s,jobs,1\n"}, [], {"usage": "x.csv"},
        ("from 2026-10-05 to 2226-10-07", "ten years at most"),
    ),
    "no such plan": ({}, [], {"plan": "gold"}, ("no plan 'gold'", "its plans: large, standard")),
    "no such currency": (
        {}, ["--currency", "USD"], {}, ("plan 'standard' has no price in 'USD'", "cpu (sold in EUR)", "--currency"),
    ),
    "no such zone": ({}, ["--time-zone", "Mars/Base"], {}, ("'Mars/Base'", "Europe/Berlin")),
    "no such source": ({}, ["--source", "magic"], {}, ("no source 'magic'", "cloudevents, usage_records, vm_samples")),
    "no price book": ({}, ["--price-book", "none.yaml"], {}, ("none.yaml", "not found")),
    "a bad price book": (
        {"book.yaml": BOOK.replace('"0.04"', "0.04").replace("model: volume", "model: magic")}, [], {},
        ("2 problems", "plans.standard.prices[0].unit_price", "plans.standard.prices[1].model"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "options", "names", "expected"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_says_what_to_do(
    files: Path, written: dict[str, str], options: list[str], names: dict[str, str], expected: tuple[str, ...]
) -> None:
    for name, text in written.items():
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text(text, encoding="utf-8")
    code, printed, complaint = ask(files, *options, **names)
    assert (code, printed) == (1, "")
    assert complaint.startswith("error: ")
    assert "Traceback" not in complaint
    assert [words for words in expected if words not in complaint] == []


CHOICE = """
      - {id: night, meter: traffic, when: {hours: "22:00-06:15", zone: Asia/Kathmandu}, model: unit, unit_price: "0.01"}
      - {id: jobs-eu, meter: jobs, where: {region: eu}, model: unit, unit_price: "2"}
accounts:
  b: {prices: {standard: [{id: jobs, meter: jobs, model: unit, unit_price: "3"}]}}
"""
CHOSEN = """event_id,timestamp,account_id,resource_id,meter,quantity,dimensions
1,2026-10-05T00:29:59Z,a,site,traffic,10,
2,2026-10-05T00:30:00Z,a,site,traffic,10,
3,2026-10-05T08:00:00Z,a,site,jobs,10,
4,2026-10-05T08:00:00Z,a,site,jobs,10,"{""region"":""eu""}"
5,2026-10-05T08:00:00Z,b,site-b,jobs,10,
"""


def test_a_quote_chooses_prices_by_account_dimensions_and_clock(files: Path) -> None:
    (files / "book.yaml").write_text(BOOK.rstrip() + CHOICE, encoding="utf-8")
    (files / "records.csv").write_text(CHOSEN, encoding="utf-8")
    said = quoted(files)
    found = [(part["price_id"], part["description"], part["quantity"], part["amount"]) for part in said["parts"]]
    assert sorted(found) == [
        ("jobs", "packages of 100 job", "1", "1"),
        ("jobs", "per job", "10", "30"),
        ("jobs-eu", "per job", "10", "20"),
        ("night", "per GB", "10", "0.1"),
        ("traffic", "per GB", "10", "0.5"),
    ]
    assert {row["account_id"]: row["amount"] for row in said["accounts"]} == {"a": "21.6", "b": "30"}


BESIDE = """
version: "next"
effective_from: 2026-12-01T00:00:00Z
currency: EUR
grace: 36 h
meters:
  cpu: {unit: vCPU-hour, aggregation: time_weighted, max_gap: 1 h}
  requests: {unit: request, aggregation: sum}
  traffic: {unit: GB, aggregation: sum}
plans:
  standard:
    title: Standard
    recurring: {amount: "5.00", interval: month, bill: BILL}
    discount: "10"
    prices:
      - {id: cpu, meter: cpu, model: unit, unit_price: "0.60"}
      - {id: requests, meter: requests, model: unit, unit_price: "0.02", minimum: "3.00"}
      - {id: traffic, meter: traffic, model: unit, unit_price: "0.05", commit: {quantity: "100", per: period, unit_price: "0.04"}}
"""
# The gauge's last sample is ten minutes before the end of the last hour: the hour that it holds for ends there.
USED_BESIDE = f"""{HEADER}
1,2026-10-05T08:00:00Z,a,site,requests,60
2,2026-11-03T08:00:00Z,b,site-b,traffic,10
3,2026-11-30T23:50:00Z,b,vm,cpu,1
"""
# Of two accounts in two months each: a fee of 5 less a tenth, at least 3 for requests, 4 for traffic, after discounts.
WORKED_BESIDE = [
    ("cpu", "usage", "0.166666667", "0.1000000002"),
    ("cpu", "discount", "0", "-0.01000000002"),
    ("requests", "usage", "60", "1.2"),
    ("requests", "discount", "0", "-0.12"),
    ("requests", "minimum", "0", "10.92"),  # 4 x 3 - (1.2 - 0.12)
    ("traffic", "committed", "10", "0.4"),
    ("traffic", "discount", "0", "-0.04"),
    ("traffic", "commitment", "0", "15.64"),  # 4 x 4 - (0.4 - 0.04)
    ("plan:standard", "recurring", "4", "20"),
    ("plan:standard", "discount", "0", "-2"),
]


@pytest.mark.parametrize("bill", ["advance", "arrears"])
def test_what_is_due_beside_use_is_in_it(tmp_path: Path, bill: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kept(monkeypatch)
    monkeypatch.setattr(console, "_width", 200)
    (tmp_path / "book.yaml").write_text(BESIDE.replace("BILL", bill), encoding="utf-8")
    (tmp_path / "records.csv").write_text(USED_BESIDE, encoding="utf-8")
    said = quoted(tmp_path)
    found = [(part["meter"], part["kind"], part["quantity"], part["amount"]) for part in said["parts"]]
    assert sorted(found) == sorted(WORKED_BESIDE)
    assert [meter for meter, *_ in found] == [meter for meter, *_ in WORKED_BESIDE]
    assert said["total"] == {"EUR": "46.09000000018"}
    assert summed([part["amount"] for part in said["parts"]]) == Decimal("46.09000000018")
    assert said["accounts"] == [{"account_id": "a", "amount": "23"}, {"account_id": "b", "amount": "23.09000000018"}]
    assert (said["months"], said["unpriced"]) == (["2026-10", "2026-11"], [])
    assert (said["from"], said["until"], said["billed_until"]) == (
        "2026-10-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00",
    )  # fmt: skip
    assert said["first_record"] == "2026-10-05T08:00:00+00:00"
    monkeypatch.setattr("pipelines.quote.quote", lambda *_words: made[0])
    code, printed, _ = ask(tmp_path)
    assert code == 0
    whole = " ".join(printed.split())
    assert "billed: 2026-10 to 2026-11, 2 whole months in UTC, for every account: fees, minimums" in whole
    assert "used: by records from 2026-10-05 08:00 to 2026-11-30 23:50 UTC; nothing in the rest of the time" in whole
    for words in ("monthly fee", "up to the minimum", "rest of the commitment of 100 GB", "discount 10 %"):
        assert words in whole


def test_a_fee_in_another_currency_only_is_refused(files: Path) -> None:
    (files / "book.yaml").write_text(
        BOOK.replace("  large:\n", "  large:\n    recurring: {amount: {EUR: '1', USD: '2'}, interval: month}\n"),
        encoding="utf-8",
    )
    assert (
        quoted(files, "--currency", "USD", plan="large")["total"]["USD"] == "115.1"
    )  # 101 jobs, and the fee of two accounts
    (files / "book.yaml").write_text(BOOK + "  flat: {recurring: {amount: '1'}, prices: []}\n", encoding="utf-8")
    code, _, complaint = ask(files, "--currency", "USD", plan="flat")
    assert (code, "has no price in 'USD' for recurring (sold in EUR)" in complaint) == (1, True)
