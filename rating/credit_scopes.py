"""What a lot may pay for: scopes of grants against the few kinds of use there are (semantics 4).

What belongs here: reading a scope, and telling which kinds of use each one fits. What does not: whether a lot lived, and
who pays first (`rating/burning.py`).

A scope is canonical JSON text (`rating/grant_scopes.py`); all that it asks for must match. A lot without one pays for
everything.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl
from pydantic import ValidationError

from rating.credit_schemas import CHARGES, USES_SCHEMA
from rating.errors import FrameError
from rating.grant_scopes import GrantScope, read_scope
from rating.money import ZERO_AMOUNT
from rating.schemas import check_frame
from rating.sums import sum_by

_KIND: Final = ("meter", "plan", "price_id", "dimensions")
# The order of events within a slice (semantics 3).
_EVENT: Final = (
    "account_id",
    "slice_start",
    "plan",
    "price_id",
    "service_id",
    "resource_id",
    "meter",
    "dimensions",
    "kind",
)


@dataclass(frozen=True)
class Fits:
    """Which scope fits which use.

    Attributes:
        scopes: scope (text), number from 1 on; an empty scope has none, and fits every use.
        flags: whether scope `number` fits `use`, at (number - 1) * uses + use.
        uses: how many numbers of uses there are.
    """

    scopes: pl.DataFrame
    flags: pl.Series
    uses: int

    def number(self, scope: pl.Series) -> pl.Series:
        """The number of each scope, 0 for that of everything."""
        if self.scopes.is_empty():
            return pl.Series("scope", [0], pl.UInt32).new_from_index(0, scope.len())
        found = scope.to_frame("scope").join(self.scopes, on="scope", how="left", maintain_order="left")
        return found["number"].fill_null(0).alias("scope")

    def allow(self, scope: pl.Expr, use: pl.Expr) -> pl.Expr:
        """Whether a lot of scope number `scope` may pay for a charge of `use`."""
        if self.scopes.is_empty():
            return pl.lit(value=True)
        if self.flags.is_empty():
            return scope == 0
        pair = (scope.cast(pl.Int64) - 1).clip(0) * self.uses + use.cast(pl.Int64)
        return (scope == 0) | pl.lit(self.flags).gather(pair)


EVERYTHING: Final = Fits(
    pl.DataFrame(schema={"scope": pl.String, "number": pl.UInt32}), pl.Series("fits", [], pl.Boolean), 1
)


def classify_uses(charges: pl.DataFrame, scopes: pl.Series) -> tuple[pl.DataFrame, Fits]:
    """Tell charges apart as far as scopes do, and say which scope fits which.

    `charges` (`USES`: one row a charge, with prepaid) are those of accounts that have a lot with one of the `scopes`.
    Returns the rows that `burn_down` takes: in the order of events within each slice, with `use`, the number of what
    fits the same scopes. Neighbours of one use and sign are one row, since lots treat them alike.

    Raises:
        FrameError: a scope cannot be read.
    """
    check_frame(charges, USES_SCHEMA, "charges with their uses")
    asked = sorted(text for text in scopes.unique().to_list() if text)
    if not asked:
        return _merged(charges.with_columns(use=pl.lit(0, pl.UInt32))), EVERYTHING
    kinds = charges.select(_KIND).unique()
    columns = [f"fits_{place}" for place in range(len(asked))]
    fitting = kinds.select(*_KIND, *(_fits(_read(text)).alias(name) for text, name in zip(asked, columns, strict=True)))
    classes = fitting.select(columns).unique().sort(columns).with_row_index("use")
    marked = charges.join(fitting.join(classes, on=columns).select(*_KIND, "use"), on=_KIND, how="left")
    flags = pl.concat([pl.Series("fits", [], pl.Boolean), *(classes[name].alias("fits") for name in columns)])
    numbered = pl.DataFrame({"scope": asked}, schema={"scope": pl.String}).with_row_index("number", offset=1)
    return _merged(marked), Fits(numbered.select("scope", "number"), flags, max(classes.height, 1))


def _read(text: str) -> GrantScope:
    """A scope as it was kept when the grant was taken."""
    try:
        return read_scope(text)
    except ValidationError as error:
        message = f"the scope {text!r} of a grant cannot be read: {error.errors()[0]['msg']}; void it and grant anew"
        raise FrameError(message) from None


def _fits(scope: GrantScope) -> pl.Expr:
    """Whether a kind of use meets all conditions of a scope."""
    lists = {"meter": scope.meters, "plan": scope.plans, "price_id": scope.prices}
    named = [pl.col(column).is_in(names) for column, names in lists.items() if names is not None]
    wanted = scope.dimensions or {}
    if not wanted:
        return pl.all_horizontal(pl.lit(value=True), *named)
    held = pl.col("dimensions").str.json_decode(pl.Struct(dict.fromkeys(wanted, pl.String)))
    pairs = [held.struct.field(key).eq_missing(pl.lit(value)) for key, value in wanted.items()]
    return pl.all_horizontal(*named, *pairs)


def _merged(charges: pl.DataFrame) -> pl.DataFrame:
    """One row for neighbours of one use and sign within a slice, in the order of events.

    What is negative may cancel what is open of other uses (`rating/settling.py`), so the signs stay apart.
    """
    ordered = charges.sort(_EVENT).with_columns(is_negative=pl.col("amount") < ZERO_AMOUNT)
    same = [pl.col(name) == pl.col(name).shift(1) for name in ("account_id", "slice_start", "use", "is_negative")]
    run = (~pl.all_horizontal(same)).fill_null(value=True).cum_sum().cast(pl.UInt32)
    runs = ordered.with_columns(place=run)
    names = [name for name in CHARGES if name not in ("amount", "counted")]
    summed = sum_by(runs, names, "amount", "counted")
    return summed.select(pl.col(name).cast(dtype) for name, dtype in CHARGES.items()).sort("place")


def plain_charges(charges: pl.DataFrame) -> pl.DataFrame:
    """The rows that `burn_down` takes, of accounts whose lots pay for everything: one net row a slice.

    `charges` has account_id, slice_start, slice_end, prepaid, amount and counted, a row an account and slice.
    """
    nothing = pl.lit(0, pl.UInt32)
    given = charges.with_columns(place=nothing, use=nothing)
    return given.select(pl.col(name).cast(dtype) for name, dtype in CHARGES.items())
