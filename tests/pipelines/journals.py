"""Journals as Beancount reads them, and the ledger under the same names.

What belongs here: reading back. What does not: what the tests expect of it.
"""

from collections import defaultdict
from datetime import date
from decimal import Decimal, localcontext

import polars as pl
from beancount import loader
from beancount.core.data import Transaction

from documents.beancount_names import beancount_names
from resources.lake import Lake

Balances = dict[tuple[str, str], Decimal]


def check(text: str) -> Balances:
    """What Beancount adds up a journal to, which it must accept without a word."""
    entries, errors, _ = loader.load_string(text)
    assert not errors, errors[:3]
    sums: Balances = defaultdict(Decimal)
    with localcontext(prec=80):
        for entry in entries:
            if isinstance(entry, Transaction):
                for posting in entry.postings:
                    assert posting.units is not None
                    sums[posting.account, posting.units.currency] += posting.units.number or Decimal(0)
    return {key: amount for key, amount in sums.items() if amount}


def sums_of(text: str) -> int:
    """How many balances a journal asserts."""
    return sum(" balance " in line for line in text.splitlines())


def accounts_of_the_books(lake: Lake, until: date) -> Balances:
    """What the ledger holds before a day of UTC, by the name and currency of each account."""
    rows = lake.connection.execute(
        "select account, currency, sum(amount) as amount from ledger_entries where posted_hour < $until::timestamptz"
        " group by all having sum(amount) <> 0",
        {"until": f"{until} 00:00:00+00"},
    ).pl()
    named = rows.join(beancount_names(rows["account"]), on="account").select("name", "currency", "amount")
    return {
        (name, currency): amount for name, currency, amount in named.cast({"amount": pl.Decimal(38, 18)}).iter_rows()
    }
