"""Goal: the lines of a statement are what a slow reading of legs and charges gives, and sum to closing less opening."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.errors import BalanceError, FrameError
from rating.money import round_half_up
from rating.shown_balances import SHOWN, in_minor_units
from rating.statement_schemas import CHARGES, COLUMNS, LEGS, OPENING, POSTINGS, REASONS
from rating.statements import Grain, Span, Statement, state

Row = dict[str, Any]
HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 10, 24, tzinfo=UTC)
# The clock changes in Berlin on 25 October 2026; India is half an hour off the hour; both cross a month's end.
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata")
PART_OF = {"credit": "credit:a:b:paid", "promotion": "credit:a:b:promotional", "unbilled": "unbilled:a:b"}


@dataclass
class Account:
    """An account with what happened to it."""

    legs: list[Row] = field(default_factory=list)
    charges: list[Row] = field(default_factory=list)
    postings: list[Row] = field(default_factory=list)
    reasons: list[Row] = field(default_factory=list)

    def post(self, run: int, hour: datetime) -> None:
        self.postings.append({"run": run, "first_open": hour})

    def use(
        self, run: int, slice_start: datetime, amount: str, drawn: str = "0", meter: str = "cpu", lot: str = "l"
    ) -> None:
        """A charge, and the legs that a run posts of it."""
        self.charges.append(
            {"run": run, "slice_start": slice_start, "plan": "p", "price_id": meter, "meter": meter, "charge_kind": "usage",
             "amount": Decimal(amount)}
        )  # fmt: skip
        self.leg(run, slice_start, "usage", "unbilled:a:b", str(Decimal(amount) - Decimal(drawn)))
        self.leg(run, slice_start, "usage", "credit:a:b:paid", drawn, lot)

    def leg(self, run: int, slice_start: datetime, kind: str, account: str, amount: str, lot: str = "") -> None:
        open_hour = next(posting["first_open"] for posting in self.postings if posting["run"] >= run)
        posted = max(slice_start.replace(minute=0, second=0), open_hour)
        self.legs.append(
            {"account": account, "lot": lot, "amount": Decimal(amount), "slice_start": slice_start, "posted_hour": posted,
             "kind": kind, "run": run}
        )  # fmt: skip

    def state(self, span: Span) -> Statement:
        """The statement, with the legs split as the lake splits them."""
        legs = pl.DataFrame(self.legs, schema=LEGS)
        moment = pl.max_horizontal("slice_start", "posted_hour")
        before = legs.filter(moment < span.start).group_by("account").agg(pl.col("amount").sum())
        inside = legs.filter((moment >= span.start) & (moment < span.end))
        charges, postings = pl.DataFrame(self.charges, schema=CHARGES), pl.DataFrame(self.postings, schema=POSTINGS)
        return state(before, inside, charges, postings, pl.DataFrame(self.reasons, schema=REASONS), span)


def moment_of(leg: Row) -> datetime:
    moment: datetime = max(leg["slice_start"], leg["posted_hour"])
    return moment


def span_of(first: date, until: date, zone: str = "UTC", grain: Grain = Grain.DAY) -> Span:
    start, end = (datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC) for day in (first, until))
    return Span(start, end, zone, grain)


def rows(made: Statement, *columns: str) -> list[tuple[object, ...]]:
    return made.lines.select(columns).rows()


@pytest.fixture
def october() -> Account:
    """A top-up, two days of use, one late charge and an invoice."""
    account = Account()
    for run, day in ((1, 0), (2, 1), (3, 2)):
        account.post(run, BEGIN + day * 24 * HOUR)
    account.leg(1, BEGIN + timedelta(minutes=7), "grant", "credit:a:b:paid", "-10", "l")
    for hour in range(2):
        account.use(1, BEGIN + hour * HOUR, "1.000000000000000001", "1")
    account.use(1, BEGIN, "0.5", meter="disk")
    account.use(2, BEGIN + 25 * HOUR, "2", "2")
    account.use(2, BEGIN + 3 * HOUR, "0.25", "0.25")
    account.leg(3, BEGIN + 49 * HOUR, "issue", "unbilled:a:b", "-0.500000000000000002")
    account.leg(3, BEGIN + 49 * HOUR, "issue", "receivable:a:b", "0.60")
    return account


def test_the_lines_of_three_days(october: Account) -> None:
    made = october.state(span_of(date(2026, 10, 24), date(2026, 10, 27)))
    assert made.opening == dict.fromkeys(COLUMNS, Decimal(0))
    assert rows(made, "date", "kind", "meter", "of", "cause", "amount") == [
        (date(2026, 10, 24), "grant", "", None, "", Decimal(10)),
        (date(2026, 10, 24), "charge", "cpu", None, "", Decimal("-2.000000000000000002")),
        (date(2026, 10, 24), "charge", "disk", None, "", Decimal("-0.5")),
        (date(2026, 10, 24), "draw", "", None, "", Decimal(0)),
        (date(2026, 10, 25), "charge", "cpu", date(2026, 10, 24), "late", Decimal("-0.25")),
        (date(2026, 10, 25), "charge", "cpu", None, "", Decimal(-2)),
        (date(2026, 10, 25), "draw", "", None, "", Decimal(0)),
        (date(2026, 10, 26), "issue", "", None, "", Decimal("-0.099999999999999998")),
    ]
    assert made.lines["balance"].to_list()[-1] == Decimal("5.15")
    assert rows(made, "credit", "unbilled", "receivable")[3] == (Decimal(-2), Decimal(2), Decimal(0))
    assert rows(made, "credit", "unbilled", "receivable")[-1][2] == Decimal("-0.60")
    assert made.lines["at"].to_list()[0] == BEGIN + timedelta(minutes=7)


def test_what_was_before_is_the_opening(october: Account) -> None:
    made = october.state(span_of(date(2026, 10, 26), date(2026, 10, 27)))
    assert made.opening == {
        "credit": Decimal("5.75"), "unbilled": Decimal("-0.500000000000000002"), "receivable": Decimal(0),
    }  # fmt: skip
    assert rows(made, "kind", "balance") == [("issue", Decimal("5.15"))]


def test_months_and_hours(october: Account) -> None:
    month = october.state(span_of(date(2026, 10, 1), date(2026, 11, 1), grain=Grain.MONTH))
    assert rows(month, "kind", "meter", "cause") == [
        ("grant", "", ""), ("charge", "cpu", ""), ("charge", "disk", ""), ("draw", "", ""), ("issue", "", ""),
    ]  # fmt: skip
    assert set(month.lines["date"]) == {date(2026, 10, 1)}
    hours = october.state(span_of(date(2026, 10, 24), date(2026, 10, 25), grain=Grain.HOUR))
    assert hours.lines.filter(pl.col("meter") == "cpu")["hour"].to_list() == [BEGIN, BEGIN + HOUR]


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (("cpu", "corrected"), "corrected"),
        (("", "rerated"), "rerated"),
        (("disk", "corrected"), "late"),
    ],
)
def test_why_a_closed_hour_was_charged_again(october: Account, reason: tuple[str, str], cause: str) -> None:
    october.reasons.append({"run": 2, "meter": reason[0], "cause": reason[1]})
    made = october.state(span_of(date(2026, 10, 25), date(2026, 10, 26)))
    assert made.lines.filter(pl.col("kind") == "charge")["cause"].to_list() == [cause, ""]


def test_kinds_that_are_not_known_stand_as_they_are() -> None:
    account = Account()
    account.post(1, BEGIN)
    for kind in ("chargeback", "settlement", "rollover"):
        account.leg(1, BEGIN, kind, "credit:a:b:recurring", "1", "l")
        account.leg(1, BEGIN, kind, "unbilled:a:b", "-1", "l")
    made = account.state(span_of(date(2026, 10, 24), date(2026, 10, 25)))
    assert rows(made, "kind", "credit_kind", "lot", "credit", "unbilled", "amount") == [
        (kind, "recurring", "l", Decimal(-1), Decimal(1), Decimal(0))
        for kind in ("rollover", "settlement", "chargeback")
    ]


def test_nothing_makes_no_lines() -> None:
    made = Account().state(span_of(date(2026, 10, 24), date(2026, 10, 25)))
    assert made.lines.is_empty()
    assert in_minor_units(made, 2).closing == dict.fromkeys(SHOWN, Decimal(0))


@pytest.mark.parametrize("off", ["0.000000000000000001", "-1"])
def test_a_charge_that_the_ledger_does_not_have_is_refused(october: Account, off: str) -> None:
    october.charges[0]["amount"] += Decimal(off)
    with pytest.raises(BalanceError, match=r"charges and ledger of 2026-10-24 differ by -?[0-9.]+; run the checks"):
        october.state(span_of(date(2026, 10, 24), date(2026, 10, 27)))


def test_a_frame_of_other_types_is_refused() -> None:
    opening, legs, charges, postings, reasons = (
        pl.DataFrame(schema=schema) for schema in (OPENING, LEGS, CHARGES, POSTINGS, REASONS)
    )
    with pytest.raises(FrameError, match="legs of a statement"):
        state(opening, legs.drop("lot"), charges, postings, reasons, span_of(date(2026, 10, 24), date(2026, 10, 25)))


AMOUNTS = st.decimals(-1000, 1000, places=18) | st.sampled_from([Decimal("0.005"), Decimal(0), Decimal("-0.015")])
MOMENTS = st.integers(0, 24 * 16 * 4 - 1).map(lambda quarters: BEGIN + quarters * HOUR / 4)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    account = Account()
    for run, day in enumerate(sorted(draw(st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True))), 1):
        account.post(2 * run, BEGIN + day * 24 * HOUR)
    newest = 2 * len(account.postings)
    account.post(newest + 1, BEGIN + 13 * 24 * HOUR)
    runs, names = st.integers(1, newest), st.sampled_from("lmn")
    for _ in range(draw(st.integers(0, 12))):
        amount, drawn = draw(AMOUNTS), draw(AMOUNTS)
        meter = draw(st.sampled_from(["cpu", "disk", ""]))
        run = draw(runs)
        account.use(run + run % 2, draw(MOMENTS), str(amount), str(drawn), meter, draw(names))
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["grant", "expiry", "issue", "settlement", "payment"]))
        part = draw(st.sampled_from([*PART_OF.values(), "receivable:a:b"]))
        run = draw(runs)
        account.leg(run + run % 2, draw(MOMENTS), kind, part, str(draw(AMOUNTS)), draw(names))
    return account


def slow(account: Account, span: Span) -> tuple[dict[str, Decimal], dict[date, dict[str, Decimal]]]:
    """What stood in each column before, and what each day (or month) moved, leg by leg."""
    before = dict.fromkeys(COLUMNS, Decimal(0))
    moved: dict[date, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(COLUMNS, Decimal(0)))
    for leg in account.legs:
        column, moment = str(leg["account"]).split(":")[0], moment_of(leg)
        if moment < span.start:
            before[column] -= leg["amount"]
        elif moment < span.end:
            day = moment.astimezone(ZoneInfo(span.time_zone)).date()
            moved[day.replace(day=1) if span.grain is Grain.MONTH else day][column] -= leg["amount"]
    return before, moved


@settings(max_examples=150, deadline=None)
@given(
    account=accounts(),
    first=st.integers(-1, 12),
    days=st.integers(1, 14),
    zone=st.sampled_from(ZONES),
    grain=st.sampled_from(list(Grain)),
)
def test_lines_are_what_a_slow_reading_gives(account: Account, first: int, days: int, zone: str, grain: Grain) -> None:
    day = BEGIN.date() + timedelta(days=first)
    span = span_of(day, day + timedelta(days=days), zone, grain)
    made = account.state(span)
    with localcontext(prec=80):
        before, moved = slow(account, span)
        assert made.opening == before
        found: dict[date, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(COLUMNS, Decimal(0)))
        balance = sum(before.values(), Decimal(0))
        for line in made.lines.iter_rows(named=True):
            for column in COLUMNS:
                found[line["date"]][column] += line[column]
            assert line["amount"] == sum((line[column] for column in COLUMNS), Decimal(0))
            balance += line["amount"]
            assert line["balance"] == balance
        ended = {day: sums for day, sums in moved.items() if any(sums.values())}
        assert {day: sums for day, sums in found.items() if any(sums.values())} == ended
        closing = sum((sums[column] for sums in (before, *moved.values()) for column in COLUMNS), Decimal(0))
        assert balance == closing
    assert made.lines["date"].is_sorted()
    late = made.lines.filter(pl.col("cause") == "late")
    assert late.filter(pl.col("of") > pl.col("date")).is_empty()


@settings(max_examples=100, deadline=None)
@given(account=accounts(), digits=st.sampled_from([0, 2, 3]))
def test_what_is_shown_adds_up_across_and_down(account: Account, digits: int) -> None:
    made = account.state(span_of(date(2026, 10, 26), date(2026, 11, 20)))
    shown = in_minor_units(made, digits)
    exact = sum(made.opening.values(), Decimal(0))
    assert shown.opening["balance"] == round_half_up(exact, digits)
    standing = dict(shown.opening)
    for line, before in zip(shown.lines.iter_rows(named=True), made.lines.iter_rows(named=True), strict=True):
        for column in COLUMNS:
            standing[column] += line[column]
            assert line[column] == round_half_up(line[column], digits)
        assert (
            line["balance"] == sum(standing[column] for column in COLUMNS) == round_half_up(before["balance"], digits)
        )
        assert abs(line["amount"] - before["amount"]) < Decimal(1).scaleb(-digits)
    assert {column: shown.closing[column] for column in COLUMNS} == {column: standing[column] for column in COLUMNS}
