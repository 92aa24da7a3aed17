"""The journal as Beancount text.

What belongs here: directives as lines of text. What does not: names of accounts (`beancount_names.py`), and what was posted.

Amounts have every digit. Beancount adds up in 28 digits: as long as they hold all that a currency ever moved, nothing at all
may be off; beyond that, a billionth.
"""

from datetime import date
from typing import Final

import polars as pl

from documents.beancount_names import beancount_names
from rating.statements import Grain

# What is below this has ten digits before the point, and with eighteen behind it 28.
EXACT_BELOW: Final = 10**10
# By kind of posting; any other is called by its own name.
OPENING: Final = "opening"
NARRATIONS: Final = {
    OPENING: "Balances before",
    "usage": "Charges",
    "grant": "Credit granted",
    "expiry": "Credit expired",
    "rollover": "Credit rolled over",
    "settlement": "Charges settled from credit",
    "issue": "Invoices issued",
}


def header(remarks: list[str], currencies: list[str], first: date, *, is_exact: bool) -> pl.Series:
    """Remarks, options and commodities."""
    lines = [f"; {remark}" for remark in remarks]
    # Without a multiplier Beancount overlooks half a digit of the coarsest amount.
    lines += ["", 'option "title" "Meterbook"', f'option "tolerance_multiplier" "{0 if is_exact else 10**9}"']
    lines += [f'option "operating_currency" "{currency}"' for currency in currencies]
    return pl.Series("text", [*lines, "", *(f"{first} commodity {currency}" for currency in currencies)])


def openings(accounts: pl.DataFrame) -> pl.Series:
    """An `open` directive for each account (account, opened: a date)."""
    named = accounts.join(beancount_names(accounts["account"]), on="account").sort("opened", "name")
    texts = named.select(text=pl.format("{} open {}", "opened", "name"))["text"]
    return _after_a_blank(texts)


def transactions(postings: pl.DataFrame, *, is_exact: bool) -> pl.Series:
    """A transaction for each moment, kind and currency.

    `postings` (date, at, kind, account, currency, amount): `at` is text that tells transactions of one date apart, or empty.
    """
    key = ("date", "at", "kind", "currency")
    named = postings.join(beancount_names(postings["account"]), on="account")
    narrated = pl.col("kind").replace_strict(NARRATIONS, default=pl.col("kind").str.replace_all("_", " "))
    narration = pl.concat_str(narrated, pl.when(pl.col("at") != "").then("at"), separator=", ", ignore_nulls=True)
    heads = named.select(key).unique().select(*key, name=pl.lit(""), text=pl.format('\n{} * "{}"', "date", narration))
    legs = named.select(*key, "name", text=pl.format("  {}  {} {}", "name", _amount(is_exact=is_exact), "currency"))
    return pl.concat([heads, legs]).sort(*key, "name")["text"]


def assertions(balances: pl.DataFrame, at: date, *, is_exact: bool) -> pl.Series:
    """A `balance` directive for each account and currency, as they stand when a day begins (account, currency, amount)."""
    named = balances.join(beancount_names(balances["account"]), on="account").sort("name", "currency")
    off = pl.lit("0" if is_exact else "0.000000001")
    text = pl.format("{} balance {}  {} ~ {} {}", pl.lit(at), "name", _amount(is_exact=is_exact), off, "currency")
    return _after_a_blank(named.select(text=text)["text"])


def _amount(*, is_exact: bool) -> pl.Expr:
    """Every digit; in a file that is not exact also the zeros, because Beancount infers from them how much may be off."""
    text = pl.col("amount").cast(pl.String)
    return text.str.strip_chars_end("0").str.strip_chars_end(".") if is_exact else text


def _after_a_blank(lines: pl.Series) -> pl.Series:
    return pl.concat([pl.Series(lines.name, [""]), lines]) if lines.len() else lines


def dates(posted: pl.Expr, grain: Grain, last: date) -> tuple[pl.Expr, pl.Expr]:
    """The date of a transaction, and the time that its narration names: a month is dated at its end, or on the last day."""
    day = posted.dt.date()
    nothing = pl.lit("")
    if grain is Grain.HOUR:
        return day, posted.dt.strftime("%H:%M UTC")
    return (pl.min_horizontal(day.dt.month_end(), pl.lit(last)) if grain is Grain.MONTH else day), nothing
