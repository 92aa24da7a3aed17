"""Alerts: raised once a crossing, cleared with hysteresis; equal to a slow reference that knows only decimals."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.alert_schemas import OPEN, RULES, STATES
from rating.alerts import judge, rules_for

D = Decimal
STATE = {
    "account_id": "a", "currency": "EUR", "mode": "prepaid", "overdraft_limit": D(0), "balance": D(0), "period": "2026-11",
    "spent": D(0), "burned": D(0), "hours": 24, "top_up": None,
}  # fmt: skip


def states(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**STATE, **row} for row in rows], schema=STATES)


def rule(kind: str, threshold: str, amount: str = "0", account: str = "a") -> dict[str, object]:
    return {
        "account_id": account, "rule_id": f"{account}-{kind}-{threshold}", "kind": kind, "threshold": D(threshold),
        "amount": D(amount),
    }  # fmt: skip


def after(known: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """What is known once these alerts are."""
    every = pl.concat([known, found.select(OPEN.names())])
    return every.sort("turn").unique(["account_id", "rule_id", "period"], keep="last", maintain_order=True)


def course(rules: list[dict[str, object]], *seen: dict[str, object]) -> list[list[str]]:
    """What each of some states one after the other raises (+) and clears (-)."""
    known, told = pl.DataFrame(schema=OPEN), []
    for row in seen:
        now = states(row)
        found = judge(now, pl.DataFrame(rules, schema=RULES), known)
        told.append(
            [("+" if state == "raised" else "-") + kind for kind, state in found.select("kind", "state").rows()]
        )
        known = after(known, found)
    return told


def balances(*values: str, **others: object) -> list[dict[str, object]]:
    return [{"balance": D(value), **others} for value in values]


BELOW = [rule("below", "20")]
COURSES = {
    "at the threshold nothing is crossed": (BELOW, balances("20"), [[]]),
    "once a crossing": (BELOW, balances("19.99", "10", "5"), [["+below"], [], []]),
    "a tenth above": (BELOW, balances("19", "21", "22", "22.01", "19"), [["+below"], [], [], ["-below"], ["+below"]]),
    "a threshold of nothing": ([rule("below", "0")], balances("0", "-1", "0", "0.01"), [[], ["+below"], [], ["-below"]]),
    "a threshold below nothing": (
        [rule("below", "-10")], balances("-10", "-11", "-9", "-8.99"), [[], ["+below"], [], ["-below"]],
    ),
    "of the last top-up": (
        [rule("top_up_percent", "20")],
        [*balances("20", "19.9", top_up=D(100)), *balances("55", "56", top_up=D(250))],
        [[], ["+top_up_percent"], [], ["-top_up_percent"]],
    ),
    "never a top-up": ([rule("top_up_percent", "20")], balances("-5"), [[]]),
    "hours left": (
        [rule("hours_left", "48")], balances("48", "47.9", "52.8", "52.9", burned=D(24)),
        [[], ["+hours_left"], [], ["-hours_left"]],
    ),
    "nothing burned": ([rule("hours_left", "48")], balances("0", "-1", burned=D(-3)), [[], ["+hours_left"]]),
    "a budget": (
        [rule("budget_percent", "80", "100")],
        [
            {"mode": "postpaid", "spent": D(spent), "period": period}
            for spent, period in (("79.9", "10"), ("80", "10"), ("72", "10"), ("71", "10"), ("99", "10"), ("90", "11"))
        ],
        [[], ["+budget_percent"], [], ["-budget_percent"], ["+budget_percent"], ["-budget_percent", "+budget_percent"]],
    ),
    "each in its mode": (
        [*BELOW, rule("budget_percent", "80", "100")],
        [{"mode": "postpaid", "balance": D(5)}, {"mode": "prepaid", "balance": D(5), "spent": D(500)}, {"mode": "postpaid"}],
        [[], ["+below"], ["-below"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "seen", "told"), COURSES.values(), ids=COURSES.keys())
def test_what_is_raised_and_cleared(
    rules: list[dict[str, object]], seen: list[dict[str, object]], told: list[list[str]]
) -> None:
    assert course(rules, *seen) == told


def test_suspend_and_resume_around_a_top_up() -> None:
    rules = rules_for(states({"overdraft_limit": D(5)}), _no_rules(), _no_defaults(), suspends=True).to_dicts()
    seen = balances("0", "-5", "-5.01", "-9", "-1", "0", "0.01", "-4")
    assert course(rules, *seen) == [[], [], ["+suspend"], [], [], [], ["-suspend"], []]


def test_an_alert_ends_with_its_rule() -> None:
    found = judge(states({"balance": D(1)}), pl.DataFrame(BELOW, schema=RULES), pl.DataFrame(schema=OPEN))
    ended = judge(states({"balance": D(1)}), _no_rules(), after(pl.DataFrame(schema=OPEN), found))
    told = ended.select("state", "reason", "turn", "currency", "value").rows()
    assert told == [("cleared", "ended", 2, "EUR", None)]
    assert judge(states(), _no_rules(), after(pl.DataFrame(schema=OPEN), found)).is_empty(), (
        "an account that is not judged"
    )


def test_rules_of_its_own_replace_the_usual_ones_of_their_kind() -> None:
    usual = pl.DataFrame(
        [
            {"rule_id": f"usual-{kind}", "kind": kind, "threshold": D(1), "amount": D(0)}
            for kind in ("below", "hours_left")
        ],
        schema={name: dtype for name, dtype in RULES.items() if name != "account_id"},
    )
    both = states({"account_id": "a"}, {"account_id": "b", "mode": "postpaid"})
    found = rules_for(both, pl.DataFrame([rule("below", "7")], schema=RULES), usual, suspends=True)
    assert set(found.select("account_id", "rule_id").rows()) == {
        ("a", "a-below-7"), ("a", "usual-hours_left"), ("a", "suspend"), ("b", "usual-below"), ("b", "usual-hours_left"),
    }  # fmt: skip


def _no_rules() -> pl.DataFrame:
    return pl.DataFrame(schema=RULES)


def _no_defaults() -> pl.DataFrame:
    return _no_rules().drop("account_id")


# --- the slow reference: one account, one rule, one state at a time


@dataclass
class Watch:
    """What a careful clerk remembers of one rule in one period."""

    raised: bool = False
    turn: int = 0


def divided(number: Decimal, by: int) -> Decimal:
    with localcontext() as context:
        context.prec = 80
        return (number / by).quantize(D(1).scaleb(-18), rounding=ROUND_HALF_EVEN)


def limit_of(rule: dict[str, object], state: dict[str, object]) -> Decimal | None:
    threshold, amount = D(str(rule["threshold"])), D(str(rule["amount"]))
    match rule["kind"]:
        case "top_up_percent":
            return None if state["top_up"] is None else divided(D(str(state["top_up"])) * threshold, 100)
        case "hours_left":
            return divided(max(D(0), D(str(state["burned"]))) * threshold, int(str(state["hours"])))
        case "budget_percent":
            return divided(amount * threshold, 100)
    return threshold


def clerk(
    state: dict[str, object], rules: list[dict[str, object]], book: dict[tuple[str, str], Watch]
) -> set[tuple[str, str, str, int]]:
    """Judge one account by hand; returns (rule, period, state, turn) of each alert."""
    told, seen = set(), set()
    for rule in rules:
        is_budget = rule["kind"] == "budget_percent"
        limit = limit_of(rule, state)
        if limit is None or state["mode"] != ("postpaid" if is_budget else "prepaid"):
            continue
        key = (str(rule["rule_id"]), str(state["period"]) if is_budget else "")
        seen.add(key)
        watch = book.setdefault(key, Watch())
        value = D(str(state["spent" if is_budget else "balance"]))
        room = divided(abs(limit), 10)
        if is_budget:
            crossed, left = value >= limit, value < limit - room
        else:
            crossed, left = value < limit, value > (0 if rule["kind"] == "suspend" else limit + room)
        if crossed if not watch.raised else left:
            watch.raised, watch.turn = not watch.raised, watch.turn + 1
            told.add((*key, "raised" if watch.raised else "cleared", watch.turn))
    for key, watch in book.items():
        if watch.raised and key not in seen:
            watch.raised, watch.turn = False, watch.turn + 1
            told.add((*key, "cleared", watch.turn))
    return told


MONEY = st.decimals(-60, 60, places=1)
SEEN = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["prepaid", "prepaid", "postpaid"]), "balance": MONEY, "spent": MONEY, "burned": MONEY,
        "hours": st.integers(1, 24), "period": st.sampled_from(["2026-11", "2026-12"]),
        "top_up": st.none() | st.decimals("0.1", 100, places=1), "overdraft_limit": st.sampled_from([D(0), D(20)]),
    }
)  # fmt: skip
RULE_CHOICES = [
    rule("below", "20"), rule("below", "0"), rule("below", "-15.5"), rule("top_up_percent", "30"), rule("hours_left", "7"),
    rule("budget_percent", "33.3", "77"), rule("budget_percent", "100", "20"),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(SEEN, SEEN, st.lists(st.sampled_from(RULE_CHOICES), unique_by=lambda chosen: str(chosen["rule_id"]))),
             min_size=1, max_size=8)
)  # fmt: skip
def test_equal_to_a_slow_reference(
    steps: list[tuple[dict[str, object], dict[str, object], list[dict[str, object]]]],
) -> None:
    known = pl.DataFrame(schema=OPEN)
    books: dict[str, dict[tuple[str, str], Watch]] = {"a": {}, "b": {}}
    for first, second, chosen in steps:
        both = {"a": first, "b": second}
        now = states(*({**row, "account_id": account} for account, row in both.items()))
        own = [{**row, "account_id": account} for row in chosen for account in both]
        rules = rules_for(now, pl.DataFrame(own, schema=RULES), _no_defaults(), suspends=True)
        found = judge(now, rules, known)
        assert len(found.unique(["account_id", "place"])) == len(found)
        for account, row in both.items():
            suspend = {
                "rule_id": "suspend",
                "kind": "suspend",
                "threshold": -D(str(row["overdraft_limit"])),
                "amount": 0,
            }
            of_account = found.filter(pl.col("account_id") == account)
            told = set(of_account.select("rule_id", "period", "state", "turn").rows())
            assert told == clerk(row, [*chosen, suspend], books[account])
        known = after(known, found)
        assert judge(now, rules, known).is_empty(), "the same again tells nothing new"
