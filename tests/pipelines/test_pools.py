"""Goal: pooled allowances in the lake: the same books hour by hour, late, corrected and at once, and every answer true."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.explain import Hour, explain_hour, explain_line
from pipelines.quote import quote
from pipelines.quote_terms import read_terms
from pipelines.simulate import simulate
from resources.price_books import read_price_book
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.settings import Settings
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import DAY, FIRST_DAY, HOUR, MONTH_END, check_all

D = Decimal
UNTIL = MONTH_END + 12 * HOUR
BOOK = """
version: "1"
effective_from: 2026-10-01T00:00:00Z
currency: EUR
meters:
  cpu: {unit: hour, aggregation: sum}
  out: {unit: GB, aggregation: sum}
plans:
  standard:
    discount: "10"
    prices:
      - {id: out, meter: out, model: unit, unit_price: "2", included: "31", pooled: {meter: cpu, quantity: "310"}}
      - {id: cpu, meter: cpu, model: unit, unit_price: "0.01"}
  large:
    prices:
      - id: out
        meter: out
        model: graduated
        maximum: "300"
        tiers: [{up_to: "10", unit_price: "1", flat_fee: "0.5"}, {unit_price: "0.7"}]
        pooled: {meter: out, quantity: "31"}
"""
MIDDLE = FIRST_DAY + 30 * HOUR
SECOND_BOOK = BOOK.replace('version: "1"', 'version: "2"').replace('"310"', '"620"').replace('"2",', '"3",')
SECOND_BOOK = SECOND_BOOK.replace("2026-10-01T00:00:00Z", f"{MIDDLE:%Y-%m-%dT%H:%M:%SZ}")
CHANGE = """subscription_id,account_id,plan,effective_from
s-second,second,large,2026-10-31T06:15:00Z
"""
Record = tuple[datetime, str, str, str, str]


def make(directory: Path) -> Settings:
    settings = tiny.make(directory)
    settings.price_book.write_text(BOOK, encoding="utf-8")
    return settings


def land(settings: Settings, name: str, text: str) -> None:
    path = settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def land_records(settings: Settings, name: str, records: Iterable[Record]) -> None:
    lines = [
        {
            "event_id": f"{account}-{meter}-{resource}-{at:%dT%H%M}", "timestamp": at.isoformat(), "account_id": account,
            "resource_id": resource, "meter": meter, "quantity": quantity,
        }
        for at, account, resource, meter, quantity in records
    ]  # fmt: skip
    land(settings, f"usage_records/{name}.ndjson", "\n".join(map(json.dumps, lines)))


def many_records() -> list[Record]:
    """Two accounts with five machines each, which begin at one hour or another, and traffic now and then."""
    random = Random(7)  # noqa: S311 - no secret
    found: list[Record] = []
    for account in ("first", "second"):
        for number in range(5):
            begins = random.randrange(0, 80)
            for hour in range(84):
                at = FIRST_DAY + hour * HOUR + timedelta(minutes=number + 20 * random.randrange(3))
                if hour >= begins and random.random() < 0.3:
                    found.append((at, account, f"m{number}", "cpu", "0.5"))
                if random.random() < 0.2:
                    found.append((at, account, f"m{number}", "out", str(random.choice(("0.333333333", "4", "17")))))
    return found


VOIDS = "source,event_id,timestamp,action,quantity,reason,by\n"


def void_of(records: Iterable[Record]) -> str:
    """Corrections after which these records do not count."""
    rows = [
        f"usage_records,{account}-{meter}-{resource}-{at:%dT%H%M},{at.isoformat()},void,,wrong,me"
        for at, account, resource, meter, _ in records
    ]
    return VOIDS + "\n".join(rows) + "\n"


def firsts(records: list[Record]) -> list[Record]:
    """The first use of cpu of some machines: without it they join later."""
    ordered = sorted(record for record in records if record[3] == "cpu")
    return [next(one for one in ordered if one[1] == account and one[2] == "m1") for account in ("first", "second")]


@pytest.fixture(scope="module")
def hourly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Hour by hour: every fifth record is late by a day, a book and a plan change on the way, and then corrections."""
    settings = make(tmp_path_factory.mktemp("pools") / "hourly")
    records = many_records()
    with Project.open(settings, tiny.CLOCK) as project:
        until = FIRST_DAY + 6 * HOUR
        seen: set[Record] = set()
        while until <= UNTIL:
            due = [
                one for number, one in enumerate(records) if one[0] < until - (DAY if number % 5 == 0 else timedelta())
            ]
            land_records(settings, f"until-{until:%dT%H}", [one for one in due if one not in seen])
            seen.update(due)
            if until == MIDDLE:
                settings.price_book.write_text(SECOND_BOOK, encoding="utf-8")
            if until == MIDDLE + 3 * HOUR:
                land(settings, "subscriptions/change.csv", CHANGE)
            tiny.bill(project, until)
            until += HOUR if 28 < (until - FIRST_DAY) // HOUR < 33 else 8 * HOUR
        land_records(settings, "last", [one for one in records if one not in seen])
        tiny.bill(project, UNTIL)
        check_all(project)
        land(settings, "corrections/void.csv", void_of(firsts(records)))
        tiny.bill(project, UNTIL)
        yield project


def test_hour_by_hour_late_and_corrected_is_at_once(hourly: Project, tmp_path: Path) -> None:
    check_all(hourly)
    settings = make(tmp_path / "once")
    records = many_records()
    with Project.open(settings, tiny.CLOCK) as once:
        tiny.bill(once, FIRST_DAY)
        settings.price_book.write_text(SECOND_BOOK, encoding="utf-8")
        land(settings, "subscriptions/change.csv", CHANGE)
        land_records(settings, "all", [one for one in records if one not in firsts(records)])
        tiny.bill(once, UNTIL)
        tables = {"charges", "ledger_entries", "usage_hourly"}
        expected, found = books(once.lake), books(hourly.lake)
        for whole in (expected, found):
            for name in set(whole.tables) - tables:
                del whole.tables[name]
        assert_same(expected, found)
        check_all(once)
    given_back = hourly.lake.connection.execute(
        "select count(*) from (select sum(quantity_delta) q, sum(amount_delta) a from charges where meter = 'out'"
        " and kind = 'usage' group by account_id, resource_id, slice_start having q = 0 and a < 0)"
    ).fetchone()
    assert given_back is not None
    assert given_back[0] > 2


def test_a_rebuild_appends_nothing(hourly: Project) -> None:
    count = "select count(*), sum(amount_delta) from charges"
    before = hourly.lake.connection.execute(count).fetchone()
    rebuild_caches(hourly.lake)
    tiny.bill(hourly, UNTIL)
    assert hourly.lake.connection.execute(count).fetchone() == before


def test_simulating_the_book_that_holds_changes_nothing_but_what_the_other_one_priced(hourly: Project) -> None:
    """November has one book all the time."""
    same = simulate(hourly.lake, read_price_book(hourly.settings.price_book), "2026-11")
    assert same.totals["difference"].to_list() == [0]
    assert same.totals["now"][0] != 0


def test_invoices_show_the_pool_and_are_proved_and_explained(hourly: Project) -> None:
    write_drafts(hourly, "drafts", tiny.PERIOD)
    issue(hourly, "issue", tiny.PERIOD)
    lake = hourly.lake
    numbers = [row[0] for row in lake.connection.execute("select number from invoices").fetchall()]
    assert len(numbers) == 2
    for number in numbers:
        assert [finding.first_difference for finding in verify_invoice(hourly, number)] == [None] * 3
    lines = lake.connection.execute(
        "select number, line, exact, quantity, kind, price_id, account_id from invoice_lines order by all"
    ).fetchall()
    for number, line, exact, quantity, kind, price, _ in lines:
        explained = explain_line(lake, number, line)
        if price:
            assert explained.slices["amount"].sum() == explained.sums["books"] == exact, (number, line, kind)
            assert explained.slices["quantity"].sum() == quantity, (number, line, kind)
    free = [row[3] for row in lines if row[4:] == ("included", "out", "first")]
    assert sum(free) > 31  # what is included without a pool
    check_all(hourly)


@pytest.mark.soak
def test_every_charge_is_explained(hourly: Project) -> None:
    query = "select distinct account_id, date_trunc('hour', slice_start) from charges where meter = 'out' order by all"
    for account, hour in hourly.lake.connection.execute(query).fetchall()[::9]:
        for made in explain_hour(hourly.lake, Hour(account, hour, price="out")):
            assert made.parts["amount"].sum() == made.sums["amount"], (account, hour)


def test_a_charge_that_gives_back_too_little_is_found(hourly: Project) -> None:
    lake = hourly.lake
    last = lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(lake, 0, last).is_empty()
    lake.connection.execute("begin")
    lake.connection.execute(
        "update charges set amount_delta = amount_delta + 0.000000000000000001 where quantity_delta = 0 and meter = 'out'"
    )
    assert charges_that_do_not_sum(lake, 0, last).height > 0
    lake.connection.execute("rollback")


def test_by_hand(tmp_path: Path) -> None:
    """m1 has 31 / 31 x 31 = 2 of 31 days, so 20 of 310; m2 joins with a day left and brings 10."""
    settings = make(tmp_path / "hand")
    with Project.open(settings, tiny.CLOCK) as project:
        first: list[Record] = [(FIRST_DAY, "first", "m1", "cpu", "1"), (FIRST_DAY + HOUR, "first", "m1", "out", "56")]
        land_records(settings, "a", first)
        tiny.bill(project, FIRST_DAY + 2 * HOUR)
        assert charged(project) == [(FIRST_DAY + HOUR, "m1", D(56), D(10))]
        land_records(settings, "b", [(FIRST_DAY + DAY, "first", "m2", "cpu", "1")])
        tiny.bill(project, FIRST_DAY + DAY + HOUR)
        both = [(FIRST_DAY + HOUR, "m1", D(56), D(10)), (FIRST_DAY + DAY, "m2", D(0), D(-10))]
        assert charged(project) == both
        # It ran before already: it brings 15, which is all that is over, and nothing is paid at all from there on.
        land_records(settings, "c", [(FIRST_DAY + 12 * HOUR, "first", "m2", "cpu", "1")])
        tiny.bill(project, FIRST_DAY + DAY + HOUR)
        assert charged(project) == [both[0], (FIRST_DAY + 12 * HOUR, "m2", D(0), D(-10))]
        check_all(project)


def charged(project: Project) -> list[tuple[Any, ...]]:
    """What traffic costs before the discount, by slice and machine."""
    return project.lake.connection.execute(
        "select slice_start, resource_id, sum(quantity_delta), sum(amount_delta) from charges where meter = 'out'"
        " and kind = 'usage' group by all having sum(amount_delta) <> 0 or sum(quantity_delta) <> 0 order by all"
    ).fetchall()


def test_a_quote_counts_who_joins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERBOOK_THREADS", "1")
    book, file = tmp_path / "book.yaml", tmp_path / "usage.csv"
    book.write_text(BOOK, encoding="utf-8")
    rows = [
        "1,2026-10-30T00:00:00Z,a,m1,cpu,1",
        "2,2026-10-30T01:00:00Z,a,m1,out,56",
        "3,2026-10-31T00:00:00Z,a,m2,cpu,1",
    ]
    file.write_text(
        "event_id,timestamp,account_id,resource_id,meter,quantity\n" + "\n".join(rows) + "\n", encoding="utf-8"
    )
    made = quote(file, "usage_records", read_terms(book, "standard", None, "UTC"))
    assert made.parts.filter(price_id="out").select("kind", "quantity", "amount").rows() == [
        ("included", D(56), D(0)),
    ]
    assert made.total == D("0.02") * D("0.9")
    assert made.parts["amount"].sum() == made.total
