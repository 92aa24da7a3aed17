"""Goal: what `book: close` holds back is charged once, when its period is over, and comes to what it would by the hour."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.invoices import issue, write_drafts
from assets.verify import verify_invoice
from documents.invoice import Invoice
from pipelines.charge_proof import charges_that_do_not_sum
from pipelines.explain import Hour, explain_hour, explain_line
from pipelines.quote import quote
from pipelines.quote_terms import read_terms
from pipelines.simulate import simulate
from resources.price_books import read_price_book
from resources.project import Project
from resources.rebuild import rebuild_caches
from tests.faults.books import assert_same, books
from tests.pipelines import tiny
from tests.pipelines.tiny import DAY, FIRST_DAY, HOUR, MONTH_END, charged, check_all

MODELS = {
    "volume": 'model: volume\n        tiers: [{up_to: "100", unit_price: "0.02"}, {unit_price: "0.0123", flat_fee: "0.5"}]',
    "stairstep": 'model: stairstep\n        tiers: [{up_to: "5", flat_fee: "1"}, {up_to: "90", flat_fee: "4"}, {flat_fee: "3"}]',
}
GRACE = "grace: 6 hours\n"
HEAD, _, _ = tiny.BOOK.partition("        model: graduated")
PLAIN = f'{HEAD}        {MODELS["volume"]}\n        included: "10"\n{GRACE}'
ACCOUNTS = tiny.ACCOUNTS.replace("tax_rate\n", "tax_rate,mode\n").replace(",19\n", ",19,prepaid\n").replace(
    ",7\n", ",7,postpaid\n"
)  # fmt: skip
END = MONTH_END + DAY
# 48 hours of 3 requests; 47 in Berlin, where the book holds for 743 of October's 745 hours.
INCLUDED = {"first": Decimal(10), "second": round(Decimal(10) * 743 / 745, 9)}


def cost(used: int, account: str = "first") -> Decimal:
    quantity = used - INCLUDED[account]
    return quantity * Decimal("0.02") if quantity <= 100 else quantity * Decimal("0.0123") + Decimal("0.5")


def booked(how: str, text: str = PLAIN) -> str:
    return text.replace('included: "10"', f'included: "10"\n        book: {how}')


def make(directory: Path, book: str = PLAIN, accounts: str = ACCOUNTS) -> Project:
    reference = {"accounts": accounts, "subscriptions": tiny.SUBSCRIPTIONS, "grants": tiny.GRANTS}
    settings = tiny.make_of(directory, book, reference)
    for number in range(3):
        tiny.land_day(settings, FIRST_DAY + number * DAY)
    return Project.open(settings, tiny.CLOCK)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make(tmp_path / "p") as opened:
        yield opened


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project, billed until all of October is booked; tests take copies."""
    directory = tmp_path_factory.mktemp("billed") / "p"
    with make(directory) as opened:
        tiny.bill(opened, END)
    return directory


@pytest.fixture
def ended(billed: Path, tmp_path: Path) -> Iterator[Project]:
    with tiny.a_copy(billed, tmp_path / "p") as opened:
        yield opened


def rows(project: Project, query: str) -> list[tuple[Any, ...]]:
    return project.lake.connection.execute(query).fetchall()


def test_a_prepaid_account_is_charged_once_and_a_postpaid_one_by_the_hour(project: Project, tmp_path: Path) -> None:
    hours = [FIRST_DAY + number * 7 * HOUR for number in range(1, 7)]
    for until in (*hours, MONTH_END, MONTH_END + 5 * HOUR):
        tiny.bill(project, until)
    assert charged(project, "true") == {"first": 0, "second": cost(141, "second")}
    assert rows(project, "select sum(amount_delta) from held_charges where period_start < '2026-10-30'") == [
        (cost(144),)
    ]
    tiny.bill(project, MONTH_END + 6 * HOUR)
    last = rows(
        project,
        "select slice_start, kind, amount_delta, quantity_delta from charges where amount_delta <> 0 and account_id = 'first'",
    )
    assert last == [(MONTH_END - HOUR, "close", cost(144), 0)]
    check_all(project)
    with make(tmp_path / "once") as once:
        tiny.bill(once, MONTH_END + 6 * HOUR)
        assert_same(books(once.lake), books(project.lake))


def test_nothing_is_given_back_to_credit_within_the_month(tmp_path: Path) -> None:
    """By the hour a prepaid account is drawn more than the month costs, and given back when a cheaper tier is reached."""
    signs = (
        "select count(distinct sign(amount)) from ledger_entries"
        " where kind = 'usage' and lot <> '' and account_id = 'first' and account like 'credit%'"
    )
    grant = tiny.GRANTS.replace("1.50", "100").replace("2026-10-31T12:00:00Z", "")
    found = {}
    for how in ("hourly", "close"):
        reference = {"accounts": ACCOUNTS, "subscriptions": tiny.SUBSCRIPTIONS, "grants": grant}
        with Project.open(tiny.make_of(tmp_path / how, booked(how), reference), tiny.CLOCK) as project:
            for number in range(3):
                tiny.land_day(project.settings, FIRST_DAY + number * DAY)
            for day in range(1, 5):
                tiny.bill(project, FIRST_DAY + day * DAY)
            check_all(project)
            found[how] = rows(project, signs)
    assert found == {"hourly": [(2,)], "close": [(1,)]}


@pytest.mark.parametrize(
    ("model", "extra"),
    [("volume", 'maximum: "1.30"'), ("volume", "percent"), ("stairstep", ""), ("stairstep", 'minimum: "9.00"')],
)
def test_a_period_costs_the_same_however_it_is_booked(tmp_path: Path, model: str, extra: str) -> None:
    text = PLAIN.replace(MODELS["volume"], MODELS[model])
    if extra == "percent":
        text = text.replace("  standard:\n", '  standard:\n    discount: "7.7"\n')
    elif extra:
        text = text.replace('included: "10"', f'included: "10"\n        {extra}')
    found = []
    for how in ("hourly", "close"):
        with make(tmp_path / how, booked(how, text)) as project:
            for until in (FIRST_DAY + 5 * HOUR, MONTH_END, END):
                tiny.bill(project, until)
            tiny.land_record(project.settings, "late", FIRST_DAY + 7 * HOUR, 33)
            tiny.bill(project, END + HOUR)
            check_all(project)
            found.append(charged(project, "true"))
            kinds = {kind for (kind,) in rows(project, "select distinct kind from charges where amount_delta <> 0")}
            assert ("close" in kinds) == (how == "close")
            assert not (how == "close" and kinds & {"usage", "discount"})
    assert found[0] == found[1]
    assert set(found[0].values()) != {0}


def test_caps_of_accounts_and_agreed_prices_come_out_right_with_it(tmp_path: Path) -> None:
    capped = booked("close").replace(
        'included: "10"', 'accumulate: resource\n        maximum: "2"\n        account_maximum: "1.1"'
    )
    agreed = "accounts:\n  second:\n    prices:\n      standard:\n        - " + (
        f"id: requests\n        meter: requests\n        {MODELS['stairstep']}\n        accumulate: resource\n"
        "        book: hourly\n"
    ).replace("\n        ", "\n          ")
    with make(tmp_path / "p", capped + agreed) as project:
        tiny.land_record(project.settings, "other", FIRST_DAY + 8 * HOUR, 60)
        for until in (FIRST_DAY + 9 * HOUR, END):
            tiny.bill(project, until)
        assert charged(project, "kind = 'close'") == {"first": Decimal("1.1")}
        assert charged(project, "kind = 'usage'") == {"first": 0, "second": 3}
        check_all(project)


def test_late_records_restate_what_was_booked(ended: Project, tmp_path: Path) -> None:
    assert charged(ended, "kind = 'close'") == {"first": cost(144)}
    tiny.land_record(ended.settings, "late", FIRST_DAY + 7 * HOUR, 100)
    tiny.bill(ended, END + HOUR)
    assert charged(ended, "kind = 'close'") == {"first": cost(244)}
    assert rows(ended, "select amount_delta from charges where kind = 'close' order by run") == [
        (cost(144),), (cost(244) - cost(144),),
    ]  # fmt: skip
    check_all(ended)
    with make(tmp_path / "once") as once:
        tiny.land_record(once.settings, "late", FIRST_DAY + 7 * HOUR, 100)
        tiny.bill(once, END + HOUR)
        assert_same(books(once.lake), books(ended.lake))


NOON = FIRST_DAY + DAY + timedelta(hours=12)


@pytest.mark.parametrize("after", [FIRST_DAY + 3 * HOUR, MONTH_END, END])
@pytest.mark.parametrize("mode", ["prepaid", "postpaid"])
def test_a_change_of_mode_holds_for_the_slices_after_it(tmp_path: Path, after: Any, mode: str) -> None:  # noqa: ANN401
    """Whenever it is said: what was booked by the hour stays, and what is held back is the rest of the same total."""
    other = {"prepaid": "postpaid", "postpaid": "prepaid"}[mode]
    accounts = ACCOUNTS.replace("19,prepaid", f"19,{mode}")
    change = f"{ACCOUNTS.splitlines()[0]}\nfirst,{NOON:%Y-%m-%dT%H:%M:%SZ},First,EUR,UTC,19,{other}\n"
    with make(tmp_path / "p", accounts=accounts) as project, make(tmp_path / "once", accounts=accounts) as once:
        tiny.bill(project, after)
        tiny.land(project.settings, "accounts/change.csv", change)
        tiny.land(once.settings, "accounts/change.csv", change)
        tiny.bill(project, END + HOUR)
        tiny.bill(once, END + HOUR)
        assert_same(books(once.lake), books(project.lake))
        # 36 hours before the change, 12 after it.
        at_noon = cost(36 * 3)
        by_mode = {"prepaid": at_noon, "postpaid": cost(144) - at_noon}
        if mode == "postpaid":
            by_mode = {"postpaid": at_noon, "prepaid": cost(144) - at_noon}
        assert charged(project, "kind = 'close'")["first"] == by_mode["prepaid"]
        assert charged(project, "kind = 'usage'")["first"] == by_mode["postpaid"]
        check_all(project)


def test_a_mode_that_was_wrong_is_put_right(ended: Project, tmp_path: Path) -> None:
    tiny.land(ended.settings, "accounts/right.csv", ACCOUNTS.replace("prepaid", "postpaid"))
    tiny.bill(ended, END + HOUR)
    assert charged(ended, "kind = 'close'") == {"first": 0}
    assert charged(ended, "kind = 'usage'")["first"] == cost(144)
    check_all(ended)
    with make(tmp_path / "once", accounts=ACCOUNTS.replace("prepaid", "postpaid")) as once:
        tiny.bill(once, END + HOUR)
        assert_same(books(once.lake), books(ended.lake))


def test_a_plan_that_ends_is_charged_in_its_last_slice(tmp_path: Path) -> None:
    with make(tmp_path / "p") as project:
        tiny.bill(project, FIRST_DAY + 9 * HOUR)
        end = f"{NOON - timedelta(minutes=45):%Y-%m-%dT%H:%M:%SZ}"
        ending = f"subscription_id,account_id,plan,effective_from\ns-first,first,,{end}\n"
        tiny.land(project.settings, "subscriptions/end.csv", ending)
        tiny.bill(project, END)
        assert rows(
            project, "select slice_start, sum(amount_delta) > 0 from charges where kind = 'close' group by all"
        ) == [(NOON - HOUR, True)]
        check_all(project)


@pytest.mark.parametrize("until", [MONTH_END, END])
def test_a_later_book_that_says_otherwise_holds_from_its_time(tmp_path: Path, until: Any) -> None:  # noqa: ANN401
    later = booked("hourly").replace('"2026-10"', '"later"').replace("2026-10-01T", "2026-10-31T")
    with make(tmp_path / "p") as project:
        tiny.bill(project, FIRST_DAY + 2 * HOUR)
        project.settings.price_book.write_text(later, encoding="utf-8")
        tiny.bill(project, until)
        if until == END:
            assert charged(project, "kind = 'close'") == {"first": cost(72)}
        assert charged(project, "kind = 'usage'")["first"] == cost(144) - cost(72)
        check_all(project)


def test_a_rebuild_appends_nothing(ended: Project) -> None:
    before = books(ended.lake)
    counts = "select (select count(*) from charges), (select count(*) from held_charges)"
    stood = rows(ended, counts)
    rebuild_caches(ended.lake)
    tiny.bill(ended, END)
    assert rows(ended, counts) == stood
    assert_same(before, books(ended.lake))


def lines_of(project: Project, account: str = "first") -> list[tuple[Any, ...]]:
    write_drafts(project, "drafts", tiny.PERIOD)
    text = rows(project, f"select document from invoice_drafts where account_id = '{account}'")[0][0]
    return [(line["kind"], line["description"], line["amount"]) for line in json.loads(text)["lines"]]


def test_an_invoice_shows_tiers_is_explained_and_can_be_proved(tmp_path: Path) -> None:
    text = PLAIN.replace("  standard:\n", '  standard:\n    discount: "10"\n')
    with make(tmp_path / "p", text) as project:
        tiny.bill(project, MONTH_END)
        # Until the period is over, a draft says what was used and that it is not booked yet.
        assert [line for line in lines_of(project) if line[0] == "close"] == [
            ("close", "booked when the period is over", "-1.93")
        ]
        assert sum(Decimal(line[2]) for line in lines_of(project)) == 0
        tiny.bill(project, END)
        assert issue(project, "issue", tiny.PERIOD)["issued"] == 2
        number, document = rows(project, "select number, document from invoices order by account_id")[0]
        shown = json.loads(document)
        assert Invoice.read(shown)
        assert sorted((line["kind"], line["description"]) for line in shown["lines"]) == [
            ("discount", "discount 10 %"), ("flat_fee", "fee: all, above 100 request"), ("included", "included in the plan"),
            ("usage", "all, above 100 request"),
        ]  # fmt: skip
        assert shown["totals"]["lines"] == "1.93"
        for line in shown["lines"]:
            made = explain_line(project.lake, number, line["line"])
            assert made.slices["amount"].sum() == made.sums["books"]
        assert [finding.first_difference for finding in verify_invoice(project, number)] == [None] * 3
        for table, sign in (("held_charges", "+"), ("held_charges", "-"), ("charges", "+")):
            least = f"update {table} set amount_delta = amount_delta {sign} 0.000000000000000001 where kind in ('usage', 'close')"
            project.lake.connection.execute(least)
            found = verify_invoice(project, number)[0].first_difference
            assert (found is None) == (sign == "-")


def test_an_invoice_before_the_close_states_the_rest_afterwards(tmp_path: Path) -> None:
    with make(tmp_path / "p") as project:
        tiny.bill(project, MONTH_END + HOUR)
        assert issue(project, "early", tiny.PERIOD)["issued"] == 2
        assert rows(project, "select net from invoices order by account_id")[0][0] == 0
        number = rows(project, "select number from invoices order by account_id")[0][0]
        found = {line: explain_line(project.lake, number, line) for line in (1, 2)}
        assert all(made.slices["amount"].sum() == made.sums["books"] for made in found.values())
        tiny.bill(project, END)
        assert issue(project, "again", tiny.PERIOD)["issued"] == 1
        total = "select sum(exact) from invoice_lines where account_id = 'first' and kind not like '%credit'"
        assert rows(project, total) == [(cost(144),)]


def test_a_slice_is_explained_with_what_is_held_back(ended: Project) -> None:
    held = explain_hour(ended.lake, Hour("first", FIRST_DAY + 30 * HOUR))[0]
    assert held.sums["amount"] == held.parts["amount"].sum() == 0
    assert held.parts.filter(pl.col("kind") == "close")["description"].to_list() == ["booked when the period is over"]
    last = explain_hour(ended.lake, Hour("first", MONTH_END - HOUR))
    assert sorted(made.sums["amount"] for made in last) == [0, cost(144)]
    assert all(made.parts["amount"].sum() == made.sums["amount"] for made in last)


def test_a_simulation_compares_what_is_due_whenever_it_is_booked(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "asked.yaml"
    path.write_text(booked("hourly"), encoding="utf-8")
    for until in (MONTH_END, END):
        tiny.bill(project, until)
        made = simulate(project.lake, read_price_book(path), tiny.PERIOD)
        assert dict(made.accounts.select("account_id", "then").iter_rows())["first"] == cost(144)
        assert made.accounts["difference"].to_list() == [0, 0]


BREAKS = {
    "a slice is booked that is held back": (
        "insert into charges select * from held_charges where slice_start = '2026-10-30 05:00:00+00';"
        "delete from held_charges where slice_start = '2026-10-30 05:00:00+00';"
        "update charges set amount_delta = (select sum(amount_delta) from held_charges where period_start < '2026-10-30')"
        " where kind = 'close' and period_start < '2026-10-30'"
    ),
    "a closing is lost": "delete from charges where kind = 'close'",
    "what was held back differs": (
        "update held_charges set amount_delta = amount_delta + 1 where slice_start = '2026-10-30 05:00:00+00'"
    ),
    "what was held back is lost": "delete from held_charges where slice_start = '2026-10-30 05:00:00+00'",
}


@pytest.mark.parametrize("broken", BREAKS)
def test_what_is_wrong_or_lost_is_found(ended: Project, broken: str) -> None:
    last = ended.lake.value("steps/writer/next_run") - 1
    assert charges_that_do_not_sum(ended.lake, 0, last).is_empty()
    ended.lake.connection.execute(BREAKS[broken])
    assert charges_that_do_not_sum(ended.lake, 0, last).height >= 1


def test_a_quote_comes_to_the_same(tmp_path: Path) -> None:
    lines = ["event_id,timestamp,account_id,resource_id,meter,quantity"]
    lines += [f"{number},2026-10-05T0{number}:00:00Z,a,site,requests,60" for number in range(3)]
    (tmp_path / "usage.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for how in ("hourly", "close"):
        (tmp_path / "book.yaml").write_text(booked(how), encoding="utf-8")
        terms = read_terms(tmp_path / "book.yaml", "standard", None, "UTC")
        made = quote(tmp_path / "usage.csv", "usage_records", terms)
        assert made.total == made.parts["amount"].sum() == cost(180)
        assert "close" not in made.parts["kind"].to_list()
