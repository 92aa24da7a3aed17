"""Drafts: cases worked by hand (semantics 5)."""

import pytest

from rating.credit_schemas import CREDIT_PAID, OTHERS, STATED
from rating.invoicing import Drafts, draft_invoices
from tests.rating.frames import D
from tests.rating.issuing import DECEMBER, NOVEMBER, OCTOBER, Issued, Used, accounts_frame, usage_frame


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
    accounts = accounts_frame(OCTOBER, ("acme",))
    drafts = draft_invoices(usage_frame(used), OTHERS.to_frame(), CREDIT_PAID.to_frame(), STATED.to_frame(), accounts)
    assert drafts.lines.select("account_id", "period_start").rows() == [("acme", OCTOBER)]


@pytest.mark.parametrize(("account", "amount"), [("acme", "1.25"), ("bits", "1"), ("kite", "1.251")])
def test_minor_units(account: str, amount: str) -> None:
    drafts = Issued().draft({(account, OCTOBER, "cpu", "", 1): D(5)}, {}, OCTOBER)
    assert totals(drafts, account)["lines_total"] == amount
