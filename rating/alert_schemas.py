"""The contracts of the frames of alerts and balances (design 5, rule 4).

What belongs here: columns, types and what may be null. What does not: what is judged (`rating/alerts.py`).
"""

from collections.abc import Sequence
from typing import Final

import pandera.polars as pandera
import polars as pl

from rating.money import AMOUNT
from rating.periods import INSTANT

_TEXT: Final = pl.String()
# How each account stands: money in its currency. `burned` is what the last `hours` closed hours cost, `top_up` the last one.
STATES: Final = pl.Schema(
    {
        "account_id": _TEXT, "currency": _TEXT, "mode": _TEXT, "overdraft_limit": AMOUNT, "balance": AMOUNT,
        "period": _TEXT, "spent": AMOUNT, "burned": AMOUNT, "hours": pl.Int64(), "top_up": AMOUNT,
    }
)  # fmt: skip
RULES: Final = pl.Schema({"account_id": _TEXT, "rule_id": _TEXT, "kind": _TEXT, "threshold": AMOUNT, "amount": AMOUNT})
# The newest alert of each rule and period: whether it is `raised` or `cleared`, and the how-manieth it was.
OPEN: Final = pl.Schema(
    {"account_id": _TEXT, "rule_id": _TEXT, "period": _TEXT, "kind": _TEXT, "state": _TEXT, "turn": pl.Int64()}
)
TRANSITIONS: Final = pl.Schema(
    {
        "account_id": _TEXT, "rule_id": _TEXT, "kind": _TEXT, "period": _TEXT, "state": _TEXT, "reason": _TEXT,
        "turn": pl.Int64(), "place": pl.Int64(), "currency": _TEXT, "value": AMOUNT, "threshold": AMOUNT,
        "setting": AMOUNT,
    }
)  # fmt: skip
# What is kept of each account: money in its currency, and what the billing period that begins at `period_start` has cost.
BALANCES: Final = pl.Schema(
    {
        "account_id": _TEXT, "currency": _TEXT, "credit": AMOUNT, "unbilled": AMOUNT, "period_start": INSTANT,
        "spent": AMOUNT,
    }
)  # fmt: skip


def _schema(columns: pl.Schema, nullable: Sequence[str] = ()) -> pandera.DataFrameSchema:
    return pandera.DataFrameSchema(
        {name: pandera.Column(dtype, nullable=name in nullable) for name, dtype in columns.items()}
    )


STATES_SCHEMA: Final = _schema(STATES, nullable=("top_up",))
RULES_SCHEMA: Final = _schema(RULES)
OPEN_SCHEMA: Final = _schema(OPEN)
TRANSITIONS_SCHEMA: Final = _schema(TRANSITIONS, nullable=("value", "threshold", "setting"))
BALANCES_SCHEMA: Final = _schema(BALANCES)
