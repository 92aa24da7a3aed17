"""Drafts: cases worked by hand, and equality with a reference in plain `decimal` over several documents."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.invoicing import Drafts, draft_invoices
from rating.money import AMOUNT, QUANTITY

D = Decimal
TIME = pl.Datetime("us", "UTC")
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
CURRENCY = {"acme": "EUR", "bits": "JPY", "kite": "KWD"}
RATE = {"acme": D("19"), "bits": D("10"), "kite": D("0")}

SCOPE = {
    "account_id": pl.String,
    "subscription_id": pl.String,
    "plan": pl.String,
    "price_id": pl.String,
    "version": pl.String,
    "effective_from": TIME,
    "resource_id": pl.String,
    "meter": pl.String,
    "period_start": TIME,
    "quantity": QUANTITY,
}
PRICE = {
    "included": QUANTITY,
    "maximum": AMOUNT,
    "tier_1_above": QUANTITY,
    "tier_1_width": QUANTITY,
    "tier_1_unit_price": QUANTITY,
    "tier_1_flat_fee": AMOUNT,
    "tier_2_above": QUANTITY,
    "tier_2_width": QUANTITY,
    "tier_2_unit_price": QUANTITY,
    "tier_2_flat_fee": AMOUNT,
}
CREDITS = {"account_id": pl.String, "period_start": TIME, "kind": pl.String, "amount": AMOUNT}
STATED = {
    "account_id": pl.String,
    "period_start": TIME,
    "plan": pl.String,
    "price_id": pl.String,
    "version": pl.String,
    "tier": pl.Int32,
    "kind": pl.String,
    "quantity": QUANTITY,
    "unit_price": QUANTITY,
    "amount": AMOUNT,
    "exact": AMOUNT,
}


@dataclass(frozen=True)
class Version:
    """A graduated price of two tiers, with what is included, a fee on the second tier and a cap."""

    name: str
    effective_from: datetime
    prices: tuple[str, str]
    included: str = "0"
    maximum: str | None = None
    fee: str = "0"
    bound: str = "10"

    def columns(self) -> tuple[object, ...]:
        first, second = map(D, self.prices)
        maximum = None if self.maximum is None else D(self.maximum)
        zero, bound = D(0), D(self.bound)
        return (D(self.included), maximum, zero, bound, first, zero, bound, None, second, D(self.fee))

    def parts(self, quantity: Decimal) -> dict[tuple[int, str], Decimal]:
        """C(Q) by tier and kind."""
        charged = max(quantity - D(self.included), D(0))
        first = min(charged, D(self.bound))
        parts = {
            (1, "usage"): first * D(self.prices[0]),
            (2, "usage"): (charged - first) * D(self.prices[1]),
            (2, "flat_fee"): D(self.fee) if charged > D(self.bound) else D(0),
        }
        cost = sum(parts.values(), D(0))
        parts[0, "cap"] = min(cost, D(self.maximum)) - cost if self.maximum is not None else D(0)
        return parts


OLD = Version("2026-10", OCTOBER, ("0.3333", "0.1"), included="2", maximum="9", fee="0.125")
NEW = Version("2026-11", datetime(2026, 10, 15, tzinfo=UTC), ("0.25017", "0.2"), maximum="12")
VERSIONS = (OLD, NEW)

Used = dict[tuple[str, datetime, str, str, int], Decimal]  # account, period, price id, resource, number of version
Paid = dict[tuple[str, datetime, str], Decimal]  # account, period, kind of lot


def usage_frame(used: Used) -> pl.DataFrame:
    rows = []
    for (account, period, price, resource, number), quantity in used.items():
        version = VERSIONS[number]
        scope = (account, "s", "standard", price, version.name, version.effective_from, resource, price, period)
        rows.append((*scope, quantity, *version.columns()))
    return pl.DataFrame(rows, schema={**SCOPE, **PRICE}, orient="row")


def accounts_frame(period: datetime, accounts: tuple[str, ...] = tuple(CURRENCY)) -> pl.DataFrame:
    rows = [
        (account, f"{period:%Y-%m}", period, period, CURRENCY[account], "VAT", RATE[account]) for account in accounts
    ]
    names = ["account_id", "period", "period_start", "period_end", "currency", "tax_code", "tax_rate"]
    types = [pl.String, pl.String, TIME, TIME, pl.String, pl.String, pl.Decimal(38, 9)]
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


@dataclass
class Issued:
    """Drafts and issues documents one after the other, keeping every line that was stated."""

    stated: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=STATED))

    def draft(self, used: Used, paid: Paid, period: datetime) -> Drafts:
        credits = pl.DataFrame([(*key, amount) for key, amount in paid.items()], schema=CREDITS, orient="row")
        return draft_invoices(usage_frame(used), credits, self.stated, accounts_frame(period))

    def issue(self, drafts: Drafts) -> None:
        issuable = drafts.lines.join(drafts.invoices.filter("can_issue"), on="account_id", how="semi")
        self.stated = pl.concat([self.stated, issuable.select(STATED.keys())])


def totals(drafts: Drafts, account: str) -> dict[str, str]:
    row = drafts.invoices.filter(account_id=account).row(0, named=True)
    names = ("lines_total", "promotional_credit", "paid_credit", "net", "tax", "due")
    return {name: f"{row[name].normalize():f}" for name in names}


def lines(drafts: Drafts, account: str = "acme") -> list[tuple[str, int, str, str, str, bool]]:
    """Version, tier, kind, quantity, amount and whether it is an adjustment, in the order of the document."""
    columns = ["version", "tier", "kind", "quantity", "amount", "adjustment"]
    rows = drafts.lines.filter(account_id=account).sort("line").select(columns).rows()
    return [(v, t, k, f"{q.normalize():f}", f"{a.normalize():f}", adjusts) for v, t, k, q, a, adjusts in rows]


def test_a_draft_has_lines_by_tier_and_adds_up() -> None:
    """14 used of which 2 are included: 10 at 0.3333, 2 at 0.1 and the fee of the second tier."""
    drafts = Issued().draft(
        {("acme", OCTOBER, "cpu", "", 0): D(14)},
        {("acme", OCTOBER, "promotional"): D("1.005"), ("acme", OCTOBER, "paid"): D("0.5")},
        OCTOBER,
    )
    assert lines(drafts) == [
        ("2026-10", 0, "included", "2", "0", False),
        ("2026-10", 1, "usage", "10", "3.33", False),
        ("2026-10", 2, "flat_fee", "1", "0.13", False),
        ("2026-10", 2, "usage", "2", "0.2", False),
        ("", 0, "paid_credit", "0", "-0.5", False),
        ("", 0, "promotional_credit", "0", "-1.01", False),
    ]
    expected = {"lines_total": "3.66", "promotional_credit": "-1.01", "paid_credit": "-0.5"}
    assert totals(drafts, "acme") == {**expected, "net": "2.15", "tax": "0.41", "due": "2.56"}
    invoice = drafts.invoices.row(0, named=True)
    assert (invoice["period"], invoice["exact"], invoice["can_issue"]) == ("2026-10", D("2.153"), True)


def test_quantity_runs_on_across_versions_and_what_a_cap_takes_off_is_a_line() -> None:
    drafts = Issued().draft(
        {("acme", OCTOBER, "cpu", "", 0): D(7), ("acme", OCTOBER, "cpu", "", 1): D(90)}, {}, OCTOBER
    )
    assert lines(drafts) == [
        ("2026-10", 0, "included", "2", "0", False),
        ("2026-10", 1, "usage", "5", "1.67", False),
        ("2026-11", 0, "cap", "0", "-7.9", False),
        ("2026-11", 1, "usage", "3", "0.75", False),
        ("2026-11", 2, "usage", "87", "17.4", False),
    ]


def test_scopes_of_resources_sum_to_one_line() -> None:
    used = {("acme", OCTOBER, "cpu", name, 1): D(4) for name in ("vm-1", "vm-2", "vm-3")}
    assert lines(Issued().draft(used, {}, OCTOBER)) == [("2026-11", 1, "usage", "12", "3", False)]


def test_late_use_of_an_issued_period_is_an_adjustment() -> None:
    issued = Issued()
    issued.issue(issued.draft({("acme", OCTOBER, "cpu", "", 1): D(6)}, {}, OCTOBER))
    used = {("acme", OCTOBER, "cpu", "", 1): D(12), ("acme", NOVEMBER, "cpu", "", 1): D(2)}
    drafts = issued.draft(used, {}, NOVEMBER)
    assert lines(drafts) == [
        ("2026-11", 1, "usage", "2", "0.5", False),
        ("2026-11", 1, "usage", "4", "1", True),
        ("2026-11", 2, "usage", "2", "0.4", True),
    ]
    issued.issue(drafts)
    assert issued.draft(used, {}, DECEMBER).invoices.height == 0


def test_what_differs_by_nothing_makes_no_line() -> None:
    issued = Issued()
    used: Used = {("acme", OCTOBER, "cpu", "", 1): D(6), ("acme", OCTOBER, "out", "", 1): D(6)}
    issued.issue(issued.draft(used, {}, OCTOBER))
    assert issued.draft(used, {}, NOVEMBER).lines.height == 0
    used["acme", OCTOBER, "out", "", 1] = D(7)
    drafts = issued.draft(used, {}, NOVEMBER)
    assert drafts.lines["price_id"].to_list() == ["out"]


def test_less_than_a_cent_is_stated_and_not_billed_twice() -> None:
    issued = Issued()
    issued.issue(issued.draft({("acme", OCTOBER, "cpu", "", 1): D("0.01")}, {}, OCTOBER))
    assert issued.stated.select("amount", "exact").rows() == [(D(0), D("0.0025017"))]
    drafts = issued.draft({("acme", OCTOBER, "cpu", "", 1): D("0.02")}, {}, NOVEMBER)
    assert drafts.lines.select("amount", "exact").rows() == [(D("0.01"), D("0.0025017"))]


def test_a_negative_total_stays_a_draft() -> None:
    """It waits for the next draft, which states it with all that came since."""
    issued = Issued()
    issued.issue(issued.draft({("acme", OCTOBER, "cpu", "", 1): D(10)}, {}, OCTOBER))
    drafts = issued.draft({("acme", OCTOBER, "cpu", "", 1): D(4)}, {}, NOVEMBER)
    assert drafts.invoices.select("net", "tax", "due", "can_issue").rows() == [
        (D("-1.5"), D("-0.29"), D("-1.79"), False)
    ]
    issued.issue(drafts)
    later = issued.draft({("acme", OCTOBER, "cpu", "", 1): D(4), ("acme", DECEMBER, "cpu", "", 1): D(8)}, {}, DECEMBER)
    assert later.invoices.select("lines_total", "can_issue").rows() == [(D("0.5"), True)]


def test_credit_that_pays_all_can_be_issued_with_nothing_due() -> None:
    drafts = Issued().draft({("acme", OCTOBER, "cpu", "", 1): D(4)}, {("acme", OCTOBER, "paid"): D("1.00068")}, OCTOBER)
    assert totals(drafts, "acme")["due"] == "0"
    assert drafts.invoices["can_issue"].to_list() == [True]


def test_later_periods_and_other_accounts_are_left_out() -> None:
    used = {(account, month, "cpu", "", 1): D(4) for account in ("acme", "bits") for month in (OCTOBER, NOVEMBER)}
    stated = pl.DataFrame(schema=STATED)
    credits = pl.DataFrame(schema=CREDITS)
    drafts = draft_invoices(usage_frame(used), credits, stated, accounts_frame(OCTOBER, ("acme",)))
    assert drafts.lines.select("account_id", "period_start").rows() == [("acme", OCTOBER)]


@pytest.mark.parametrize(("account", "amount"), [("acme", "1.25"), ("bits", "1"), ("kite", "1.251")])
def test_minor_units(account: str, amount: str) -> None:
    drafts = Issued().draft({(account, OCTOBER, "cpu", "", 1): D(5)}, {}, OCTOBER)
    assert totals(drafts, account)["lines_total"] == amount


QUANTITIES = st.integers(0, 60000).map(lambda n: D(n).scaleb(-3))
ACCOUNTS = st.sampled_from(sorted(CURRENCY))
MONTHS = st.sampled_from([OCTOBER, NOVEMBER])
CHANGES = st.dictionaries(
    st.tuples(
        ACCOUNTS, MONTHS, st.sampled_from(["cpu", "out"]), st.sampled_from(["", "vm-1"]), st.sampled_from([0, 1])
    ),
    QUANTITIES,
    max_size=6,
)
PAYMENTS = st.dictionaries(
    st.tuples(ACCOUNTS, MONTHS, st.sampled_from(["paid", "promotional"])),
    st.integers(0, 10**7).map(lambda n: D(n).scaleb(-6)),
    max_size=4,
)
Key = tuple[str, datetime, str, str, int, str]  # account, period, price id, version, tier, kind


def exact_lines(used: Used, paid: Paid) -> dict[Key, Decimal]:
    """The books now, by line key: played version by version."""
    exact: dict[Key, Decimal] = {}
    running: dict[tuple[str, datetime, str, str], Decimal] = {}
    for (account, period, price, resource, number), quantity in sorted(used.items(), key=lambda item: item[0]):
        scope, version = (account, period, price, resource), VERSIONS[number]
        before = running.get(scope, D(0))
        running[scope] = before + quantity
        after_parts, before_parts = version.parts(before + quantity), version.parts(before)
        for (tier, kind), amount in after_parts.items():
            key = (account, period, price, version.name, tier, kind)
            exact[key] = exact.get(key, D(0)) + amount - before_parts[tier, kind]
    for (account, period, kind), amount in paid.items():
        exact[account, period, "", "", 0, f"{kind}_credit"] = -amount
    return exact


def rounded(amount: Decimal, account: str) -> Decimal:
    return amount.quantize(D(1).scaleb(-DIGITS[CURRENCY[account]]), rounding=ROUND_HALF_UP)


def section_of(key: Key) -> tuple[str, datetime, str]:
    return (key[0], key[1], key[5] if key[5].endswith("_credit") else "lines")


def reference_amounts(now: dict[Key, Decimal], stated: dict[Key, tuple[Decimal, Decimal]]) -> dict[Key, Decimal]:
    """Largest remainder by hand, section by section; `stated` has (amount, exact) by key."""
    amounts: dict[Key, Decimal] = {}
    keys = sorted(now.keys() | stated.keys())
    for section in {section_of(key) for key in keys}:
        members = [key for key in keys if section_of(key) == section]
        unit = D(1).scaleb(-DIGITS[CURRENCY[section[0]]])
        differences = {key: now.get(key, D(0)) - stated.get(key, (D(0), D(0)))[1] for key in members}
        total = rounded(sum((now.get(key, D(0)) for key in members), D(0)), section[0])
        missing = total - sum((stated[key][0] for key in members if key in stated), D(0))
        floors = {key: exact.quantize(unit, rounding=ROUND_FLOOR) for key, exact in differences.items()}
        takers = sorted(
            (key for key in members if differences[key]), key=lambda key: (floors[key] - differences[key], key)
        )
        steps = int((missing - sum(floors.values())) / unit)
        for step in range(abs(steps)):
            key = takers[step % len(takers)] if steps > 0 else takers[-1 - step % len(takers)]
            floors[key] += unit if steps > 0 else -unit
        amounts |= floors
    return amounts


def stated_by_key(frame: pl.DataFrame) -> dict[Key, tuple[Decimal, Decimal]]:
    found: dict[Key, tuple[Decimal, Decimal]] = {}
    for row in frame.iter_rows(named=True):
        key = tuple(row[name] for name in ("account_id", "period_start", "price_id", "version", "tier", "kind"))
        amount, exact = found.get(key, (D(0), D(0)))  # type: ignore[call-overload]
        found[key] = (amount + row["amount"], exact + row["exact"])  # type: ignore[index]
    return found


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(CHANGES, PAYMENTS), min_size=1, max_size=3))
def test_documents_state_what_is_due(steps: list[tuple[Used, Paid]]) -> None:
    """Draft, issue, late data, next draft: every line equals the reference, and the totals are round(exact)."""
    issued, used, paid = Issued(), {}, {}
    for changed, payments in steps:
        used, paid = used | changed, paid | payments
        now, before = exact_lines(used, paid), stated_by_key(issued.stated)
        drafts = issued.draft(used, paid, NOVEMBER)
        found = {key: amount for key, (amount, _) in stated_by_key(drafts.lines).items()}
        expected = reference_amounts(now, before)
        assert {key: a for key, a in found.items() if a} == {key: a for key, a in expected.items() if a}
        check_totals(drafts)
        issued.stated = pl.concat([issued.stated, drafts.lines.select(STATED.keys())])
    sums: dict[tuple[str, datetime, str], tuple[Decimal, Decimal]] = {}
    for key, (amount, exact) in stated_by_key(issued.stated).items():
        before_amount, before_exact = sums.get(section_of(key), (D(0), D(0)))
        sums[section_of(key)] = (before_amount + amount, before_exact + exact)
    assert all(amount == rounded(exact, section[0]) for section, (amount, exact) in sums.items())


def check_totals(drafts: Drafts) -> None:
    """Lines sum to net, net and tax to due; every line says something."""
    assert drafts.invoices["account_id"].to_list() == drafts.lines["account_id"].unique().sort().to_list()
    for row in drafts.invoices.iter_rows(named=True):
        own = drafts.lines.filter(account_id=row["account_id"])
        net = sum(own["amount"], D(0))
        tax = rounded(net * RATE[row["account_id"]] / 100, row["account_id"])
        assert (row["net"], row["tax"], row["due"], row["can_issue"]) == (net, tax, net + tax, net + tax >= 0)
        assert row["lines_total"] + row["promotional_credit"] + row["paid_credit"] == net
        assert row["exact"] == sum(own["exact"], D(0))
    said = drafts.lines.select(pl.any_horizontal(pl.col("exact", "quantity", "amount") != 0))
    assert said.to_series().all()
