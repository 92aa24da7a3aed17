"""The meters of a price book: what is measured, and how records become quantities (semantics 2).

What belongs here: the keys of a meter, and the rules between them. What does not: metering (`rating/metering.py`), and what
a later book must not change (`succession.py`).
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rating.errors import Problem
from rating.money import QUANTITY_DIGITS
from rating.pricebook.fields import Duration, Factor, Positive, Quantity, Text, refuse_all
from rating.pricebook.part import Part

Aggregation = Literal["sum", "count", "max", "latest", "unique_count", "time_weighted", "counter", "percentile"]
# The keys that mean something for some aggregations only.
KEYS_OF_AGGREGATION: Final[dict[Aggregation, tuple[str, ...]]] = {
    "sum": ("value", "window", "minimum_per_record"),
    "count": ("window",),
    "max": ("window", "minimum_per_record"),
    "latest": ("window", "minimum_per_record"),
    "unique_count": ("of", "window"),
    "time_weighted": ("max_gap", "factor", "time_unit", "series"),
    "counter": ("series", "width"),
    "percentile": ("percentile", "minimum_samples", "pooled"),
}
# Those without which an aggregation says nothing, and what to write.
NEEDED_BY_AGGREGATION: Final[dict[Aggregation, dict[str, str]]] = {
    "time_weighted": {"max_gap": "say how long a sample holds at most: max_gap: 10 min"},
    "unique_count": {"of": "name the dimension whose different values count: of: user"},
    "percentile": {"percentile": 'say which: percentile: "95"'},
}
# The aggregations that take each record's own value, which may be rounded.
OF_VALUES: Final[tuple[Aggregation, ...]] = ("sum", "max", "latest", "percentile")
# Those that another record of the period changes otherwise than by adding to it.
_RUNNING: Final[tuple[Aggregation, ...]] = ("max", "latest", "unique_count")
_HUNDRED: Final = Decimal(100)


class Rounding(Part):
    """How a metered quantity is rounded; decimals only, so nothing is lost elsewhere."""

    mode: Literal["ceil", "floor", "half_up"]
    """To the multiple of the step above, the one below, or the nearest (of two as near, the one away from zero)."""
    step: Positive = Decimal(1)
    """What the quantity becomes a multiple of."""
    per: Literal["record", "slice", "period"]
    """What is rounded: the value of each record, each slice's quantity, or what the period has come to so far."""


class Meter(Part):
    """What is measured, in which unit, and how records become an hour's quantity."""

    unit: Text
    """What one of the quantity is called, on invoices too; it never changes."""
    aggregation: Aggregation
    """What the records of a slice come to; each is explained below."""
    title: Text | None = None
    """What invoices call the meter; its name if left out."""
    value: Literal["quantity", "amount"] = "quantity"
    """What is summed of a record: its quantity, or the `amount` of money that it carries, for prices that are `dynamic`."""
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
    width: Positive | None = None
    """How many different readings a counter has before it begins at 0 again: a fall is then a wrap, and else a reset."""
    allow_negative: bool = False
    """Whether records may be negative; where they may not, such a record is refused."""

    window: Literal["hour", "period"] = "hour"
    """Over which records the aggregation is: those of each slice, or those of the billing period up to its end."""
    percentile: Positive | None = None
    """The share of a period's samples, in per cent, of which none is larger than what is billed."""
    minimum_samples: Annotated[int, Field(strict=True, ge=1)] = 1
    """How many samples a period needs; with fewer nothing is billed, and the run reports it."""
    pooled: bool = False
    """Whether an account's resources are summed, the last sample of each per five minutes; the resource is called `*`."""
    rounding: Rounding | None = None
    """How the quantity is rounded; exact if left out."""
    minimum_per_record: Quantity | None = None
    """What a record counts at least, after its value is rounded."""

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
        is_changed = self.rounding is not None or self.minimum_per_record is not None
        return self.aggregation == "sum" and self.value == "quantity" and not is_changed

    @property
    def is_periodic(self) -> bool:
        """Whether what a slice holds depends on the records of its billing period before it."""
        by_period = self.window == "period" and self.aggregation in _RUNNING
        return by_period or self.aggregation == "percentile" or self.rounding_per == "period"

    @property
    def is_pooled(self) -> bool:
        """Whether the resources of an account are metered together."""
        return self.pooled

    @property
    def percentile_nano(self) -> int | None:
        """The percentile in units of 1e-9 per cent."""
        return None if self.percentile is None else int(self.percentile.scaleb(QUANTITY_DIGITS))

    @property
    def rounding_mode(self) -> str | None:
        """Where it is rounded to, if it is."""
        return None if self.rounding is None else self.rounding.mode

    @property
    def rounding_step(self) -> Decimal | None:
        """What it becomes a multiple of."""
        return None if self.rounding is None else self.rounding.step

    @property
    def rounding_per(self) -> str | None:
        """What is rounded."""
        return None if self.rounding is None else self.rounding.per

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_all([*_key_problems(self), *_series_problems(self), *_sign_problems(self), *_rounding_problems(self)])
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
    if meter.minimum_per_record is not None and meter.allow_negative:
        mend = "leave it out, or refuse negative records"
        yield Problem("minimum_per_record", "would turn what is given back into use", mend)
    if meter.percentile is not None and meter.percentile > _HUNDRED:
        yield Problem("percentile", f"{meter.percentile:f} is more than all samples", 'give 100 at most: "95"')


def _rounding_problems(meter: Meter) -> Iterator[Problem]:
    """What is rounded has to be there, and rounding must not add up to more than was used."""
    if meter.rounding_per == "record" and meter.aggregation not in OF_VALUES:
        mend = "use per: slice or period"
        yield Problem("rounding.per", f"records have no value of their own for aggregation {meter.aggregation}", mend)
    if meter.rounding_per == "slice" and (meter.window == "period" or meter.aggregation == "percentile"):
        yield Problem("rounding.per", "is slice, but the quantity is that of the period", "use per: period")
