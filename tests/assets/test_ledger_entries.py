"""Whose entry a leg is."""

import polars as pl
import pytest

from assets.ledger_entries import account_of

OF_ACCOUNTS = {
    "credit:a:paid": "a",
    "credit:x:adjustment:promotional": "x:adjustment",
    "credit:credit:paid:recurring": "credit:paid",
    "credit:unbilled:a:paid": "unbilled:a",
    "unbilled:a:paid": "a:paid",
    "receivable:credit:a:paid": "credit:a:paid",
    "revenue:credit": "",
    "revenue:(fees)": "",
    "cash:bank": "",
    "promotion": "",
    "breakage": "",
}


@pytest.mark.parametrize("name", OF_ACCOUNTS)
def test_account_of(name: str) -> None:
    assert pl.DataFrame({"account": [name]}).select(account_of()).item() == OF_ACCOUNTS[name]
