"""The samples: what a collector reads of every machine about every five minutes, as wide rows.

Here belongs what is true of the machines, with the gaps and the jitter of a real collector. What is wrong in the
files (repeats, malformed rows) is `oddities.py`; what comes late is `lateness.py`.
"""

from datetime import datetime
from functools import cache

import polars as pl

from pipelines.synthetic.cloud import HOUR, SAMPLE_INTERVAL, Cloud
from pipelines.synthetic.companies import COUNTRIES
from pipelines.synthetic.fleet import RATE_COLUMNS, ROLES, machines
from pipelines.synthetic.noise import mixed, uniform
from pipelines.synthetic.rhythm import SLOTS_PER_WEEK, local_slots, rhythms

COLUMNS = ("timestamp", "vm", "account_id", "cores", "memory_kib", "storage_gb", *RATE_COLUMNS)
TIME_ZONES = tuple(dict.fromkeys(country.time_zone for country in COUNTRIES))

JITTER_MS = 4_000
SHARE_OF_SAMPLES_MISSED = 0.002
SHARE_OF_HOURS_MISSED = 0.0005
SHARE_OF_BURSTS = 0.01

_TIMING, _RATES, _BURSTS, _OUTAGES = range(4)


@cache
def _spans_with_place(cloud: Cloud) -> pl.DataFrame:
    """Return the machines with where their role's week begins in `rhythms`."""
    first_slot = {role: number * SLOTS_PER_WEEK for number, role in enumerate(ROLES)}
    return machines(cloud).with_columns(
        week_offset=pl.col("role").replace_strict(first_slot, return_dtype=pl.Int32),
        may_be_off=pl.col("role") == "dev",
    )


def _slots(start: datetime, end: datetime) -> pl.DataFrame:
    """Return the five-minute instants of [start, end), each with its place in the week of every time zone."""
    zones = [local_slots(zone, start, end) for zone in TIME_ZONES]
    places = [frame["slot_of_week"].alias(f"place_{number}") for number, frame in enumerate(zones)]
    counter = pl.col("slot").dt.epoch("us") // (SAMPLE_INTERVAL.seconds * 1_000_000)
    return zones[0].select("slot").with_columns(places).with_columns(counter=counter)


def _timed(spans: pl.DataFrame, slots: pl.DataFrame) -> pl.DataFrame:
    """Pair every slot with every machine that was provisioned when it was sampled, slot by slot."""
    timing = mixed(pl.col("key"), pl.col("counter"), _TIMING)
    outage = mixed(pl.col("key"), pl.col("counter") // (HOUR // SAMPLE_INTERVAL), _OUTAGES)
    jitter_ms = (uniform(timing, 0) * JITTER_MS).cast(pl.Int64)
    is_read = (uniform(timing, 1) >= SHARE_OF_SAMPLES_MISSED) & (uniform(outage, 0) >= SHARE_OF_HOURS_MISSED)
    timestamp = pl.col("slot") + pl.duration(milliseconds=pl.col("phase_ms") + jitter_ms)
    is_provisioned = (pl.col("timestamp") >= pl.col("valid_from")) & (pl.col("timestamp") < pl.col("valid_to"))
    return slots.join(spans, how="cross").with_columns(timestamp=timestamp).filter(is_provisioned & is_read)


def _loaded(timed: pl.DataFrame) -> pl.DataFrame:
    """Add the share of its full load that each machine carries."""
    zone = pl.col("time_zone")
    place = pl.coalesce(pl.when(zone == name).then(f"place_{number}") for number, name in enumerate(TIME_ZONES))
    place_in_rhythms = timed.select((place + pl.col("week_offset")).alias("place")).to_series()
    return timed.with_columns(load=rhythms().gather(place_in_rhythms))


def _rates() -> list[pl.Expr]:
    """Return the four rates in KiB/s: load, noise that leans to the low side, now and then a burst."""
    noise = mixed(pl.col("key"), pl.col("counter"), _RATES)
    bursts = mixed(pl.col("key"), pl.col("counter"), _BURSTS)
    expressions = []
    for lane, column in enumerate(RATE_COLUMNS):
        chance = uniform(noise, lane)
        burst = pl.when(uniform(bursts, lane) < SHARE_OF_BURSTS).then(6.0).otherwise(1.0)
        rate = pl.col(column) * pl.col("load") * (0.55 + 0.9 * chance * chance) * burst
        expressions.append(rate.round(3).alias(column))
    return expressions


def _without_what_is_off(loaded: pl.DataFrame) -> pl.DataFrame:
    # A development machine is switched off at night: no cores and no memory, but its disk stays.
    is_off = pl.col("may_be_off") & (pl.col("load") == 0)
    return loaded.with_columns(
        pl.when(~is_off).then(column).otherwise(0).alias(column) for column in ("cores", "memory_kib")
    )


def samples(cloud: Cloud, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the wide rows of the slots in [start, end), in the order of slot and machine."""
    spans = _spans_with_place(cloud).filter(pl.col("valid_from") < end, pl.col("valid_to") > start)
    loaded = _loaded(_timed(spans, _slots(start, end)))
    return _without_what_is_off(loaded.with_columns(_rates())).select(COLUMNS)
