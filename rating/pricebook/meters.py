"""The meters of a price book: what is measured, and how records become quantities (semantics 2).

What belongs here: the keys of a meter, and the rules between them. What does not: metering (`rating/metering.py`), and what
a later book must not change (`succession.py`).
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal, Self

from pydantic import model_validator

from rating.errors import Problem
from rating.pricebook.fields import Duration, Factor, PackageSize, Text, refuse_all
from rating.pricebook.part import Part

Aggregation = Literal["sum", "count", "max", "latest", "unique_count", "time_weighted", "counter"]
# The keys that mean something for some aggregations only.
KEYS_OF_AGGREGATION: Final[dict[Aggregation, tuple[str, ...]]] = {
    "sum": ("value",),
    "count": (),
    "max": (),
    "latest": (),
    "unique_count": ("of",),
    "time_weighted": ("max_gap", "factor", "time_unit", "series"),
    "counter": ("series", "width"),
}
# Those without which an aggregation says nothing, and what to write.
NEEDED_BY_AGGREGATION: Final[dict[Aggregation, dict[str, str]]] = {
    "time_weighted": {"max_gap": "say how long a sample holds at most: max_gap: 10 min"},
    "unique_count": {"of": "name the dimension whose different values count: of: user"},
}


class Meter(Part):
    """What is measured, in which unit, and how records become an hour's quantity."""

    unit: Text
    """What one of the quantity is called, on invoices too; it never changes."""
    aggregation: Aggregation
    """What the records of a slice come to; each is explained below."""
    title: Text | None = None
    """What invoices call the meter; its name if left out."""
    value: Literal["quantity", "amount"] = "quantity"
    """What is summed of a record: its quantity, or the amount of money that it carries itself (0 where it has none)."""
    of: Text | None = None
    """The dimension whose different values are counted; it does not tell quantities apart, and records without it add nothing."""
    max_gap: Duration | None = None
    """How long a sample holds at most if no other follows; the rest of a longer gap is not billed."""
    factor: Factor = Decimal(1)
    """What the value of a sample is multiplied by, to convert it to the unit."""
    time_unit: Duration = timedelta(hours=1)
    """The time for which a value counts once: an hour for vCPU-hours, a second where values are per second."""
    series: tuple[Text, ...] = ()
    """The dimensions that tell the samples of one resource apart; each series is metered by itself."""
    width: PackageSize | None = None
    """How many different readings a counter has before it begins at 0 again: a fall is then a wrap, and else a reset."""
    allow_negative: bool = False
    """Whether records may be negative; where they may not, such a record is refused."""

    @property
    def max_gap_microseconds(self) -> int | None:
        """How long a sample holds at most."""
        return None if self.max_gap is None else self.max_gap // timedelta(microseconds=1)

    @property
    def time_unit_microseconds(self) -> int:
        """The time by which value x time is divided."""
        return self.time_unit // timedelta(microseconds=1)

    @property
    def is_additive(self) -> bool:
        """Whether new records just add to what stands; what others come to is worked out again."""
        return self.aggregation == "sum" and self.value == "quantity"

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([*_key_problems(self), *_series_problems(self), *_sign_problems(self)])
        return self


def _key_problems(meter: Meter) -> Iterator[Problem]:
    """Each aggregation has its own keys, and none that only others have."""
    for name, mend in NEEDED_BY_AGGREGATION.get(meter.aggregation, {}).items():
        if getattr(meter, name) is None:
            yield Problem(name, "is missing", mend)
    own = KEYS_OF_AGGREGATION[meter.aggregation]
    for name in dict.fromkeys(key for keys in KEYS_OF_AGGREGATION.values() for key in keys):
        if name not in own and getattr(meter, name) != Meter.model_fields[name].default:
            having = " or ".join(found for found, keys in KEYS_OF_AGGREGATION.items() if name in keys)
            mend = f"leave it out, or make the aggregation {having}"
            yield Problem(name, f"has no meaning for aggregation {meter.aggregation}", mend)


def _series_problems(meter: Meter) -> Iterator[Problem]:
    if len(set(meter.series)) < len(meter.series):
        yield Problem("series", "names a dimension twice", "name each dimension once")


def _sign_problems(meter: Meter) -> Iterator[Problem]:
    if meter.aggregation == "counter" and meter.allow_negative:
        yield Problem("allow_negative", "has no meaning for aggregation counter", "leave it out: a counter only rises")
