"""Goal: Beancount text that says to the last digit what was posted, under names that give ours back."""

import re
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from beancount import loader
from beancount.core.account import is_valid
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.beancount import assertions, header, openings, transactions
from documents.beancount_names import ROOTS, beancount_names
from rating.money import AMOUNT

DAY, NEXT_DAY = date(2026, 10, 1), date(2026, 10, 2)
POSTED = {
    "date": pl.Date(), "at": pl.String(), "kind": pl.String(), "account": pl.String(), "currency": pl.String(), "amount": AMOUNT,
}  # fmt: skip


def word_back(word: str) -> str:
    """Read a word from the left, as the module says."""
    marked = word.startswith("0-u")
    rest, text = word.removeprefix("0-u") if marked else word, ""
    while rest:
        if rest.startswith("--"):
            text, rest = text + "-", rest[2:]
        elif rest.startswith("-"):
            code, _, rest = rest[1:].partition("-")
            text += chr(int(code, 16))
        else:
            text, rest = text + rest[0], rest[1:]
    return text if marked else text[:1].lower() + text[1:]


def account_back(name: str) -> str:
    """Our account that a name stands for."""
    if name.startswith("Equity:Other:"):
        return ":".join(map(word_back, name.split(":")[2:]))
    heads = {root: head for head, root in ROOTS.items()}
    head = heads[":".join(name.split(":")[:2])]
    return ":".join([head, *map(word_back, name.split(":")[2:])])


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("credit:acme:paid", "Liabilities:Credit:Acme:Paid"),
        ("credit:a:b:paid", "Liabilities:Credit:A-3A-b:Paid"),
        ("credit:paid", "Liabilities:Credit:Paid"),
        ("unbilled", "Assets:Unbilled"),
        ("unbilled:acme-1", "Assets:Unbilled:Acme--1"),
        ("receivable:ACME", "Assets:Receivable:0-uACME"),
        ("cash:bank_1", "Assets:Cash:Bank-5F-1"),
        ("fees:bank", "Expenses:Fees:Bank"),
        ("revenue:(fees)", "Income:Revenue:0-u-28-fees-29-"),
        ("revenue:9to5", "Income:Revenue:9to5"),
        ("tax:standard", "Liabilities:Tax:Standard"),
        ("promotion", "Expenses:Promotion"),
        ("refund", "Expenses:Refund"),
        ("rounding", "Income:Rounding"),
        ("bad_debt", "Expenses:Bad-Debt"),
        ("breakage", "Income:Breakage"),
        ("new_kind:ü", "Equity:Other:New-5F-kind:0-u-FC-"),
    ],
)
def test_names(account: str, name: str) -> None:
    assert beancount_names(pl.Series([account]))["name"].item() == name
    assert is_valid(name)


IDS = st.text(st.sampled_from('aAzZ09-_.:/ "\\uU\n\té€\U0001f600'), min_size=1, max_size=8) | st.text(
    min_size=1, max_size=8
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*ROOTS, "odd"]), IDS), min_size=1, max_size=8))
def test_names_are_legal_and_give_the_account_back(given_ids: list[tuple[str, str]]) -> None:
    accounts = {f"{head}:{name}:paid" if head == "credit" else f"{head}:{name}" for head, name in given_ids}
    named = dict(beancount_names(pl.Series(sorted(accounts))).iter_rows())
    assert set(named) == accounts
    for account, name in named.items():
        assert is_valid(name), name
        assert re.fullmatch(r"[A-Za-z0-9:-]+", name), name
        assert account_back(name) == account


def postings_of(*rows: tuple[str, str]) -> pl.DataFrame:
    given_rows = [
        {"date": DAY, "at": "", "kind": "usage", "account": account, "currency": "EUR", "amount": Decimal(amount)}
        for account, amount in rows
    ]
    return pl.DataFrame(given_rows, schema=POSTED)


def file_of(postings: pl.DataFrame, balances: pl.DataFrame, *, is_exact: bool = True) -> str:
    """A whole file: what is posted on a day, and what stands on the next."""
    parts = [
        header(["a file"], ["EUR"], DAY, is_exact=is_exact),
        openings(postings.select("account", opened="date").unique()),
        transactions(postings, is_exact=is_exact),
        assertions(balances.select("account", "currency", "amount"), NEXT_DAY, is_exact=is_exact),
    ]
    return "\n".join(pl.concat(parts)) + "\n"


def errors_of(text: str) -> list[str]:
    return [error.message.splitlines()[0] for error in loader.load_string(text)[1]]


WHOLE = (("unbilled:a", "1234567890.000000000000000003"), ("revenue:cpu", "-1234567890.000000000000000003"))
SMALL = (("unbilled:a", "2.5"), ("credit:a:paid", "0.000000000000000001"), ("revenue:cpu", "-2.500000000000000001"))


@pytest.mark.parametrize("rows", [WHOLE, SMALL, ()])
def test_what_balances_is_accepted(rows: tuple[tuple[str, str], ...]) -> None:
    postings = postings_of(*rows)
    assert errors_of(file_of(postings, postings)) == []


@pytest.mark.parametrize("rows", [WHOLE, SMALL])
@pytest.mark.parametrize("off", ["0.000000000000000001", "-0.000000000000000001"])
def test_one_digit_is_seen(rows: tuple[tuple[str, str], ...], off: str) -> None:
    postings = postings_of(*rows)
    is_first = pl.int_range(pl.len()) == 0
    moved = postings.with_columns(amount=pl.when(is_first).then(pl.col("amount") + Decimal(off)).otherwise("amount"))
    assert any("Balance failed" in error for error in errors_of(file_of(postings, moved)))
    assert any("does not balance" in error for error in errors_of(file_of(moved, moved)))


def test_more_digits_than_beancount_has_may_be_off_by_a_billionth() -> None:
    rows = [(f"unbilled:{name}", "98765432109876.000000000000000003") for name in "abc"]
    postings = postings_of(*rows, ("revenue:cpu", "-296296296329628.000000000000000009"))
    assert errors_of(file_of(postings, postings, is_exact=False)) == []
    wrong = postings.with_columns(pl.col("amount") + Decimal("0.00001"))
    assert errors_of(file_of(wrong, postings, is_exact=False))


def test_a_file_reads_well() -> None:
    postings = pl.concat(
        [postings_of(*SMALL), postings_of(*SMALL).with_columns(kind=pl.lit("bank_refund"), at=pl.lit("13:00 UTC"))]
    )
    assert file_of(postings, postings_of(SMALL[0])).splitlines()[8:] == [
        "2026-10-01 open Assets:Unbilled:A",
        "2026-10-01 open Income:Revenue:Cpu",
        "2026-10-01 open Liabilities:Credit:A:Paid",
        "",
        '2026-10-01 * "Charges"',
        "  Assets:Unbilled:A  2.5 EUR",
        "  Income:Revenue:Cpu  -2.500000000000000001 EUR",
        "  Liabilities:Credit:A:Paid  0.000000000000000001 EUR",
        "",
        '2026-10-01 * "bank refund, 13:00 UTC"',
        "  Assets:Unbilled:A  2.5 EUR",
        "  Income:Revenue:Cpu  -2.500000000000000001 EUR",
        "  Liabilities:Credit:A:Paid  0.000000000000000001 EUR",
        "",
        "2026-10-02 balance Assets:Unbilled:A  2.5 ~ 0 EUR",
    ]
