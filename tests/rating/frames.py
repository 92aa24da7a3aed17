"""What the tests of credit and documents share: small frames from rows."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import polars as pl

from rating.periods import INSTANT

D: Final = Decimal
TIME: Final = INSTANT
TEXT: Final = pl.String()
Columns = Mapping[str, pl.DataType]


def frame(columns: Columns, *rows: Sequence[Any]) -> pl.DataFrame:
    """Make a frame of these columns from rows in their order."""
    return pl.DataFrame(rows, schema=dict(columns), orient="row")
