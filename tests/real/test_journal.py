"""The real week as Beancount reads it: accepted, and equal to the ledger to the last digit."""

from datetime import date

from pipelines.journal import Scope, beancount_lines
from resources.lake import Lake
from tests.pipelines.journals import accounts_of_the_books, check


def test_beancount_accepts_the_week_and_adds_up_the_same(caught_up: Lake) -> None:
    text = "".join(f"{line}\n" for part in beancount_lines(caught_up, Scope()) for line in part)
    held = accounts_of_the_books(caught_up, date(2999, 1, 1))
    assert len(held) > 10
    assert check(text) == held
