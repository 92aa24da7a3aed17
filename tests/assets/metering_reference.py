"""Metering, record by record in plain Python: what `usage_hourly` must hold (semantics 2).

What belongs here: the slow and plain way, from `semantics.md` alone. Nothing of the product is imported.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
NANO = Decimal("1e-9")

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """One accepted record."""

    event_id: str
    timestamp: datetime
    account: str
    resource: str
    meter: str
    quantity: Decimal
    amount: Decimal | None = None
    dimensions: str = "{}"
    source: str = "usage_records"

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Where the record stands among others."""
        return self.timestamp, self.source, self.event_id


@dataclass(frozen=True)
class Slice:
    """What a quantity is of."""

    account: str
    resource: str
    meter: str
    dimensions: str
    start: datetime


@dataclass(frozen=True)
class Calendar:
    """The zones of accounts, and the boundaries of their slices besides those of periods."""

    zones: Mapping[str, str]
    cuts: Mapping[str, Sequence[datetime]]

    def period_start(self, account: str, instant: datetime) -> datetime:
        """The local midnight at which the month began that holds the instant."""
        local = instant.astimezone(ZoneInfo(self.zones[account]))
        return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)

    def period_end(self, account: str, instant: datetime) -> datetime:
        """Where the month ends that holds the instant."""
        return self.period_start(account, self.period_start(account, instant) + timedelta(days=32))

    def slice_start(self, account: str, instant: datetime) -> datetime:
        """Where the slice begins that holds the instant."""
        hour = instant.replace(minute=0, second=0, microsecond=0)
        inside = [cut for cut in (*self.cuts.get(account, ()), self.period_start(account, instant)) if cut > hour]
        return max([hour, *(cut for cut in inside if cut <= instant)])

    def slice_end(self, account: str, instant: datetime) -> datetime:
        """Where it ends."""
        hour = instant.replace(minute=0, second=0, microsecond=0)
        later = [cut for cut in (*self.cuts.get(account, ()), self.period_end(account, instant)) if cut > instant]
        return min([hour + HOUR, *later])


def metered(
    meters: Mapping[str, Spec], records: Iterable[Record], calendar: Calendar, until: datetime
) -> dict[Slice, Decimal]:
    """The quantity of every slice before `until` that holds one."""
    of_meter: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.order):
        if record.timestamp < until:
            of_meter[record.meter].append(record)
    found: dict[Slice, Decimal] = {}
    for meter, those in of_meter.items():
        found |= _of_meter(meters[meter], those, calendar, until)
    return {key: quantity for key, quantity in found.items() if quantity}


def _of_meter(spec: Spec, records: list[Record], calendar: Calendar, until: datetime) -> dict[Slice, Decimal]:
    """What each slice holds, and then what it adds to its period."""
    made: dict[str, Callable[[], dict[Slice, Decimal]]] = {
        "time_weighted": lambda: _integrals(spec, records, calendar, until),
        "counter": lambda: _steps(spec, records, calendar),
        "percentile": lambda: _percentiles(spec, records, calendar, until),
    }
    slices = made.get(spec["aggregation"], lambda: _by_slice(spec, records, calendar))()
    per = spec.get("rounding", {}).get("per")
    if per == "slice" or spec["aggregation"] == "percentile":
        return {key: _rounded(spec, quantity, str(per)) for key, quantity in slices.items()}
    if spec.get("window") == "period" or per == "period":
        return _increments(spec, slices, records, calendar)
    return slices


def _increments(
    spec: Spec, slices: dict[Slice, Decimal], records: list[Record], calendar: Calendar
) -> dict[Slice, Decimal]:
    """What the period comes to at the end of each slice, less what it came to at the end of the one before."""
    found: dict[Slice, Decimal] = {}
    standing: dict[tuple[Slice, datetime], Decimal] = defaultdict(Decimal)
    running: dict[tuple[Slice, datetime], Decimal] = defaultdict(Decimal)
    for key in sorted(slices, key=lambda key: key.start):
        begun = calendar.period_start(key.account, key.start)
        series = (replace(key, start=begun), begun)
        running[series] += slices[key]
        if spec.get("window") == "period":
            end = calendar.slice_end(key.account, key.start)
            running[series] = _aggregate(spec, [
                record for record in records
                if (record.account, record.resource) == (key.account, key.resource)
                and _without(record.dimensions, spec.get("of")) == key.dimensions and begun <= record.timestamp < end
            ])  # fmt: skip
        level = _rounded(spec, running[series], "period")
        found[key] = level - standing[series]
        standing[series] = level
    return found


def _percentiles(spec: Spec, records: list[Record], calendar: Calendar, until: datetime) -> dict[Slice, Decimal]:
    """The nearest rank of each period that is over, in its last slice."""
    sampled = _sampled(spec, records, calendar, until)
    enough = {key: sorted(values) for key, values in sampled.items() if len(values) >= spec.get("minimum_samples", 1)}
    share = Fraction(spec["percentile"]) / 100
    return {key: values[ceil(share * len(values)) - 1] for key, values in enough.items()}


def short_percentiles(
    meters: Mapping[str, Spec], records: Iterable[Record], calendar: Calendar, until: datetime
) -> dict[Slice, int]:
    """How many samples the periods have that have too few."""
    found: dict[Slice, int] = {}
    for meter, spec in meters.items():
        those = sorted((record for record in records if record.meter == meter), key=lambda record: record.order)
        if "minimum_samples" in spec:
            sampled = _sampled(spec, those, calendar, until)
            found |= {key: len(values) for key, values in sampled.items() if len(values) < spec["minimum_samples"]}
    return found


def estimates(
    meters: Mapping[str, Spec], records: Iterable[Record], calendar: Calendar, until: datetime
) -> dict[Slice, tuple[int, Decimal]]:
    """How many samples each percentile of a period that goes on at `until` has by then, and its nearest rank."""
    found: dict[Slice, tuple[int, Decimal]] = {}
    for meter, spec in meters.items():
        if spec["aggregation"] == "percentile":
            those = [record for record in records if record.meter == meter and record.timestamp < until]
            share = Fraction(spec["percentile"]) / 100
            ordered = sorted(those, key=lambda record: record.order)
            for key, values in _sampled(spec, ordered, calendar, until, are_over=False).items():
                nearest = sorted(values)[ceil(share * len(values)) - 1]
                found[key] = len(values), _rounded(spec, nearest, "period")
    return found


def _sampled(
    spec: Spec, records: list[Record], calendar: Calendar, until: datetime, *, are_over: bool = True
) -> dict[Slice, list[Decimal]]:
    """The samples of each period that is over, or of each that is not."""
    sampled: dict[Slice, list[Decimal]] = defaultdict(list)
    pooled: dict[tuple[Slice, datetime], dict[str, Decimal]] = defaultdict(dict)
    for record in records:
        end = calendar.period_end(record.account, record.timestamp)
        last = calendar.slice_start(record.account, end - MICROSECOND)
        key = Slice(record.account, record.resource, record.meter, record.dimensions, last)
        if (end <= until) != are_over:
            continue
        if spec.get("pooled"):
            minute = record.timestamp.minute // 5 * 5
            at = record.timestamp.replace(minute=minute, second=0, microsecond=0)
            pooled[replace(key, resource="*"), at][record.resource] = _value(spec, record)
        else:
            sampled[key].append(_value(spec, record))
    for (key, _), values in pooled.items():
        sampled[key].append(sum(values.values(), Decimal(0)))
    return sampled


def _by_slice(spec: Spec, records: list[Record], calendar: Calendar) -> dict[Slice, Decimal]:
    """What the records of each slice come to."""
    slices: dict[Slice, list[Record]] = defaultdict(list)
    for record in records:
        dimensions = _without(record.dimensions, spec.get("of"))
        start = calendar.slice_start(record.account, record.timestamp)
        slices[Slice(record.account, record.resource, record.meter, dimensions, start)].append(record)
    return {key: _aggregate(spec, those) for key, those in slices.items()}


def _aggregate(spec: Spec, records: list[Record]) -> Decimal:
    """What some records in their order come to."""
    values = [_value(spec, record) for record in records]
    counted = {json.loads(record.dimensions).get(spec.get("of")) for record in records} - {None}
    made: dict[str, Callable[[], Decimal]] = {
        "sum": lambda: sum(values, Decimal(0)),
        "count": lambda: Decimal(len(values)),
        "max": lambda: max(values),
        "latest": lambda: values[-1],
        "unique_count": lambda: Decimal(len(counted)),
    }
    return made[spec["aggregation"]]()


def _value(spec: Spec, record: Record) -> Decimal:
    value = (record.amount or Decimal(0)) if spec.get("value") == "amount" else record.quantity
    return max(_rounded(spec, value, "record"), Decimal(spec.get("minimum_per_record", "-1e30")))


def _rounded(spec: Spec, value: Decimal, per: str) -> Decimal:
    """A multiple of the step, where the meter rounds what `per` says."""
    rounding = spec.get("rounding", {})
    if rounding.get("per") != per:
        return value
    step = Fraction(rounding["step"])
    steps = Fraction(value) / step
    half = floor(abs(steps) + Fraction(1, 2)) * (1 if steps >= 0 else -1)
    whole = {"ceil": ceil(steps), "floor": floor(steps), "half_up": half}[rounding["mode"]]
    return half_even(whole * step)


def _without(dimensions: str, name: str | None) -> str:
    kept = {key: value for key, value in json.loads(dimensions).items() if key != name}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _series(spec: Spec, records: list[Record]) -> Iterator[list[Record]]:
    """The samples of each series in their order; of those at one instant the last."""
    series: dict[tuple[Any, ...], dict[datetime, Record]] = defaultdict(dict)
    for record in records:
        named = [json.loads(record.dimensions).get(name) for name in spec.get("series", ())]
        series[record.resource, *named][record.timestamp] = record
    for samples in series.values():
        yield list(samples.values())


def _steps(spec: Spec, records: list[Record], calendar: Calendar) -> dict[Slice, Decimal]:
    """By how much a reading rose, in the slice of the later sample."""
    found: dict[Slice, Decimal] = defaultdict(Decimal)
    for samples in _series(spec, records):
        for before, sample in pairwise(samples):
            step = sample.quantity - before.quantity
            width = Decimal(spec.get("width", 0))
            if step < 0:
                step = step + width if before.quantity < width else sample.quantity
            start = calendar.slice_start(sample.account, sample.timestamp)
            found[Slice(sample.account, sample.resource, sample.meter, sample.dimensions, start)] += step
    return dict(found)


def _integrals(spec: Spec, records: list[Record], calendar: Calendar, until: datetime) -> dict[Slice, Decimal]:
    """Value x time of each slice, divided once."""
    found: dict[Slice, Fraction] = defaultdict(Fraction)
    gap = timedelta(minutes=int(spec["max_gap"].removesuffix(" min")))
    for samples in _series(spec, records):
        ends = [following.timestamp for following in samples[1:]]
        for sample, end in zip(samples, [*ends, datetime.max.replace(tzinfo=UTC)], strict=True):
            moment, held_until = sample.timestamp, min(end, sample.timestamp + gap, until)
            while moment < held_until:
                piece_end = min(held_until, calendar.slice_end(sample.account, moment))
                start = calendar.slice_start(sample.account, moment)
                key = Slice(sample.account, sample.resource, sample.meter, sample.dimensions, start)
                found[key] += Fraction(sample.quantity) * ((piece_end - moment) // MICROSECOND)
                moment = piece_end
    scale = Fraction(spec.get("factor", "1")) / (HOUR // MICROSECOND)
    return {key: half_even(integral * scale) for key, integral in found.items()}


def half_even(value: Fraction) -> Decimal:
    """Round to the ninth decimal."""
    with localcontext(prec=80):
        return Decimal(round(value * 10**9)).scaleb(-9).quantize(NANO, ROUND_HALF_EVEN)
