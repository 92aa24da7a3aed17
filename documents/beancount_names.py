"""Accounts of the books as Beancount names them.

What belongs here: the names. What does not: what is posted (`documents/beancount.py`).

Beancount's accounts are words joined by colons; a word begins with a capital or a digit and has letters, digits and dashes.
Ids of ours may hold anything, so they are written one-to-one: a first small letter as a capital, a dash as two, any other
character as its code point between dashes (`vm_1` is `Vm-5F-1`), and `0-u` stands before an id that begins otherwise than with
a small letter or a digit (`ACME` is `0-uACME`). Read from the left, that gives the id back.
"""

from typing import Final

import polars as pl

# By the first word of an account of the books (semantics 4). Any other is `Equity:Other:...`.
ROOTS: Final = {
    "cash": "Assets:Cash",
    "unbilled": "Assets:Unbilled",
    "receivable": "Assets:Receivable",
    "credit": "Liabilities:Credit",
    "tax": "Liabilities:Tax",
    "revenue": "Income:Revenue",
    "breakage": "Income:Breakage",
    "rounding": "Income:Rounding",
    "promotion": "Expenses:Promotion",
    "refund": "Expenses:Refund",
    "fees": "Expenses:Fees",
    "bad_debt": "Expenses:Bad-Debt",
}
OTHER: Final = "Equity:Other"


def beancount_names(accounts: pl.Series) -> pl.DataFrame:
    """The name of each account (account, name); a customer's credit has his id and the kind of credit apart."""
    parts = accounts.unique().sort().alias("account").to_frame().with_columns(
        head=pl.col("account").str.extract("^([^:]*)"), rest=pl.col("account").str.extract("(?s)^[^:]*:(.*)$")
    )  # fmt: skip
    is_credit = pl.col("head") == "credit"
    apart = parts.with_columns(
        owner=pl.when(is_credit).then(pl.col("rest").str.extract("(?s)^(.*):[^:]*$")).otherwise("rest"),
        kind=pl.when(is_credit).then(pl.col("rest").str.extract("([^:]*)$")),
        root=pl.col("head").replace_strict(ROOTS, default=None, return_dtype=pl.String),
    )
    codes = _codes(accounts)
    root = pl.coalesce("root", pl.format("{}:{}", pl.lit(OTHER), _word("head", codes)))
    name = pl.concat_str(root, _word("owner", codes), _word("kind", codes), separator=":", ignore_nulls=True)
    return apart.select("account", name=name)


def _codes(accounts: pl.Series) -> dict[str, str]:
    """How each character is written that is neither a letter nor a digit: there are few of them, whatever the accounts."""
    odd = accounts.str.extract_all(r"(?s)[^A-Za-z0-9]").explode().drop_nulls().unique()
    return {character: "--" if character == "-" else f"-{ord(character):X}-" for character in odd}


def _word(column: str, codes: dict[str, str]) -> pl.Expr:
    text = pl.col(column)
    written = text.str.replace_many(codes) if codes else text
    return (
        pl.when(text.str.contains("^[a-z]")).then(written.str.slice(0, 1).str.to_uppercase() + written.str.slice(1))
        .when(text.str.contains("^[0-9]")).then(written)
        .otherwise(pl.lit("0-u") + written)
    )  # fmt: skip
