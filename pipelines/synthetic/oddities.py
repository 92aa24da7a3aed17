"""What is wrong in the files: repeated records, malformed rows, conflicting copies, all counted as they are planted.

Here belongs the ordinary dirt of one file. Whole files that come twice are `landing.py`; what comes late is
`lateness.py`. Dirt is planted at fixed instants, so a day landed in one file or hour by hour holds the same.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from pipelines.synthetic.cloud import DAY, HOUR, SAMPLE_INTERVAL, Cloud
from pipelines.synthetic.lateness import is_withheld, withheld_samples
from pipelines.synthetic.manifest import Planted, Reason
from pipelines.synthetic.noise import identifier, key, mixed, uniform
from pipelines.synthetic.records import NIGHTLY, OBJECT_STORE, Record, TimedRecord, records_between
from pipelines.synthetic.reference import instant_text
from pipelines.synthetic.samples import samples

GAUGES_PER_ROW = 6
SHARE_REPEATED = 0.0005
NOBODY = "ghost-industries"
NOTHING_PLANTED = Planted()

# Days, counted from the cloud's first.
_BROKEN_PROBE_DAY = 4
_CONFLICT_DAY = 8
_RESTART_DAY = 10
_BROKEN_RECORD_DAYS = {NIGHTLY: (3, 5), OBJECT_STORE: (2, 9)}
_NINE_IN_THE_MORNING = 9 * HOUR
_FAR_FUTURE = "2099-01-01T00:00:00Z"


@dataclass(frozen=True)
class WideOddity:
    """One malformed wide row: its place among the rows of its five minutes, what stands in it, what must be refused."""

    place: int
    values: dict[str, object]
    reason: Reason
    refused_gauges: int


WIDE_ODDITIES = (
    WideOddity(1, {"account_id": NOBODY}, Reason.UNKNOWN_ACCOUNT, GAUGES_PER_ROW),
    WideOddity(2, {"account_id": NOBODY}, Reason.UNKNOWN_ACCOUNT, GAUGES_PER_ROW),
    WideOddity(3, {"timestamp": None}, Reason.TIMESTAMP_UNREADABLE, GAUGES_PER_ROW),
    WideOddity(4, {"cores": None}, Reason.QUANTITY_MISSING, 1),
    WideOddity(5, {"disk_read_kibs": float("nan")}, Reason.QUANTITY_UNREADABLE, 1),
    WideOddity(6, {"net_rx_kibs": -12.5}, Reason.NEGATIVE, 1),
    WideOddity(7, {"net_tx_kibs": 1e12}, Reason.OUT_OF_RANGE, 1),
)


def landed_samples(cloud: Cloud, start: datetime, end: datetime) -> tuple[pl.DataFrame, Planted]:
    """Return the wide rows of [start, end) as a collector lands them, with what is planted among them."""
    punctual = samples(cloud, start, end).filter(~withheld_samples(cloud))
    broken, planted_rows = _with_malformed_rows(cloud, punctual)
    copies = [_conflicting_copy(cloud, punctual), _repeats(cloud, punctual), _resent_hour(cloud, start)]
    planted = planted_rows
    for _, count in copies:
        planted += count
    return pl.concat([broken, *(frame for frame, _ in copies)]), planted


def _in_five_minutes(instant: datetime) -> pl.Expr:
    return (pl.col("timestamp") >= instant) & (pl.col("timestamp") < instant + SAMPLE_INTERVAL)


def _with_malformed_rows(cloud: Cloud, rows: pl.DataFrame) -> tuple[pl.DataFrame, Planted]:
    """Spoil a few rows: a probe that reports for nobody, at no time, nothing, no number or too much."""
    instant = cloud.start + _BROKEN_PROBE_DAY * DAY + _NINE_IN_THE_MORNING
    places = rows.select(_in_five_minutes(instant).arg_true()).to_series()
    refused: Counter[str] = Counter()
    spoiled = rows.with_row_index("place_in_file")
    for oddity in WIDE_ODDITIES[: max(len(places) - 1, 0)]:
        is_here = pl.col("place_in_file") == places[oddity.place]
        spoiled = spoiled.with_columns(
            pl.when(is_here).then(pl.lit(value, dtype=rows.schema[column])).otherwise(pl.col(column)).alias(column)
            for column, value in oddity.values.items()
        )
        refused[oddity.reason.value] += oddity.refused_gauges
    return spoiled.drop("place_in_file"), Planted(refused=dict(refused))


def _conflicting_copy(cloud: Cloud, rows: pl.DataFrame) -> tuple[pl.DataFrame, Planted]:
    """Copy one row with other values in two of its six gauges: four duplicates and two conflicts."""
    instant = cloud.start + _CONFLICT_DAY * DAY + _NINE_IN_THE_MORNING
    copy = rows.filter(_in_five_minutes(instant)).head(1)
    changed = copy.with_columns(pl.col("disk_write_kibs") + 1, pl.col("net_tx_kibs") + 0.001)
    return changed, Planted(4 * copy.height, {Reason.CONFLICT.value: 2 * copy.height} if copy.height else {})


def _repeats(cloud: Cloud, rows: pl.DataFrame) -> tuple[pl.DataFrame, Planted]:
    """Repeat a small share of the rows at the file's end, as a collector does that missed a confirmation."""
    bits = mixed(pl.lit(key(cloud.seed, "repeats"), dtype=pl.UInt64), pl.col("timestamp").dt.epoch("us"), 0)
    planted_days = (_BROKEN_PROBE_DAY, _CONFLICT_DAY)
    is_planted = pl.any_horizontal(
        _in_five_minutes(cloud.start + day * DAY + _NINE_IN_THE_MORNING) for day in planted_days
    )
    # Two lanes of 16 bits: one alone is too coarse for so small a share.
    chance = uniform(bits, 0) + uniform(bits, 1) / (1 << 16)
    repeated = rows.filter((chance < SHARE_REPEATED) & ~is_planted)
    return repeated, Planted(duplicates=repeated.height * GAUGES_PER_ROW)


def _resent_hour(cloud: Cloud, start: datetime) -> tuple[pl.DataFrame, Planted]:
    """Send the hour before once more: on one day the collector was restarted at midnight."""
    if start != cloud.start + _RESTART_DAY * DAY:
        return samples(cloud, start, start), NOTHING_PLANTED
    resent = samples(cloud, start - HOUR, start).filter(~withheld_samples(cloud))
    return resent, Planted(duplicates=resent.height * GAUGES_PER_ROW)


def landed_records(cloud: Cloud, source: str, start: datetime, end: datetime) -> tuple[list[Record], Planted]:
    """Return the backup records of [start, end) as they are landed, with what is planted among them."""
    punctual = [timed.record for timed in records_between(cloud, source, start, end) if not is_withheld(cloud, timed)]
    repeated = [timed.record for timed in _first_of_days(cloud, source, start, end)]
    broken = [
        pair
        for day in _BROKEN_RECORD_DAYS[source]
        if start <= (instant := cloud.start + day * DAY + _NINE_IN_THE_MORNING) < end
        for pair in _malformed_records(cloud, source, instant)
    ]
    refused = Counter(outcome.value for _, outcome in broken if isinstance(outcome, Reason))
    duplicates = len(repeated) + sum(outcome == "duplicate" for _, outcome in broken)
    return [*punctual, *repeated, *(record for record, _ in broken)], Planted(duplicates, dict(refused))


def _first_of_days(cloud: Cloud, source: str, start: datetime, end: datetime) -> list[TimedRecord]:
    """Return each day's first record, if it lies in [start, end): it is sent twice."""
    midnight = start.replace(hour=0)
    of_day = [timed for timed in records_between(cloud, source, midnight, end) if not is_withheld(cloud, timed)]
    return [timed for timed in of_day[:1] if timed.instant >= start]


def _malformed_records(cloud: Cloud, source: str, instant: datetime) -> Sequence[tuple[Record, str]]:
    """Return one record of every malformed kind, and two right ones with a copy each: one equal, one that differs."""
    right = records_between(cloud, source, instant - 2 * DAY, instant + DAY)[0].record

    def record(number: int, **changes: Any) -> Record:  # noqa: ANN401 - passed on to `replace`, which takes Any
        event_id = identifier(cloud.seed, source, instant, number)
        fresh = replace(right, event_id=event_id, timestamp=instant_text(instant + timedelta(minutes=number)))
        return replace(fresh, **changes)

    first, second = record(0, quantity="1.500"), record(1, quantity="2.250")
    return (
        (first, "accepted"),
        (first, "duplicate"),
        (second, "accepted"),
        (replace(second, quantity="2.251"), Reason.CONFLICT),
        (record(2, account_id=NOBODY), Reason.UNKNOWN_ACCOUNT),
        (record(3, meter="bakcup"), Reason.UNKNOWN_METER),
        (record(4, timestamp=None), Reason.TIMESTAMP_UNREADABLE),
        (record(5, timestamp="yesterday at noon"), Reason.TIMESTAMP_UNREADABLE),
        (record(6, timestamp=_FAR_FUTURE), Reason.FUTURE),
        (record(7, quantity=None), Reason.QUANTITY_MISSING),
        (record(8, quantity="12,5 GB"), Reason.QUANTITY_UNREADABLE),
        (record(9, quantity="-3.500"), Reason.NEGATIVE),
        (record(10, quantity="1000000000000"), Reason.OUT_OF_RANGE),
        (record(11, dimensions='{"region": {"zone": "a"}}'), Reason.DIMENSIONS_NOT_FLAT),
    )
