"""Drafts of any usage equal a reference in plain `decimal`, over several documents (semantics 5)."""

from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.credit_schemas import STATED
from rating.invoicing import Drafts
from tests.rating.frames import D
from tests.rating.issuing import CURRENCY, DIGITS, NOVEMBER, OCTOBER, RATE, VERSIONS, Issued, Paid, Used

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
        amount, exact = found.get(key, (D(0), D(0)))
        found[key] = (amount + row["amount"], exact + row["exact"])
    return found


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(CHANGES, PAYMENTS), min_size=1, max_size=3))
def test_documents_state_what_is_due(steps: list[tuple[Used, Paid]]) -> None:
    """Draft, issue, late data, next draft: every line equals the reference, and the totals are round(exact)."""
    issued = Issued()
    used: Used = {}
    paid: Paid = {}
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
