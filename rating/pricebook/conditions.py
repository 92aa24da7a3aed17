"""Where and when a price holds: by dimensions of records, by hours of the day and days of the week (semantics 3).

What belongs here: reading one condition. What does not: prices that could tie (`choice.py`), and which hours of which
days a time in a zone is in (`rating/windows.py`).
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema, model_validator

from rating.errors import Problem
from rating.periods import time_zones
from rating.pricebook.fields import refuse, refuse_all
from rating.pricebook.part import Part
from rating.pricebook.shapes import DIMENSIONS, HOURS, ZONE

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
QUARTERS_OF_DAY: Final = 96
QUARTERS_OF_WEEK: Final = 7 * QUARTERS_OF_DAY
_HOURS: Final = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_LAST_MINUTE: Final = 59


def _read_where(value: object) -> dict[str, str]:
    """Read which values dimensions have."""
    if not isinstance(value, Mapping):
        refuse(f"{value!r} is not a mapping", "name dimensions and their values: {region: eu}")
    if not value:
        refuse("it names no dimension", "leave it out, or name dimensions and their values: {region: eu}")
    for key, wanted in value.items():
        if not isinstance(key, str) or not key.strip() or not isinstance(wanted, str):
            refuse(
                f"{key!r}: {wanted!r} is not a dimension with its value",
                'both are text: write {ssd: "true", size: "2"}',
            )
    return dict(value)


def _read_hours(value: object) -> tuple[int, int]:
    """Read `08:00-20:00` as quarters of the day: from when, and until when."""
    if isinstance(value, tuple):
        return value
    match = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[2]) > _LAST_MINUTE or int(match[4]) > _LAST_MINUTE:
        refuse(f"{value!r} are not hours of the day", 'write two times of the day in quotes: "08:00-20:00"')
    if int(match[2]) % 15 or int(match[4]) % 15:
        refuse(f"{value!r} are off the quarter hour", "slices are cut at :00, :15, :30 and :45; use these")
    start, end = (int(match[hour]) * 4 + int(match[minute]) // 15 for hour, minute in ((1, 2), (3, 4)))
    if start >= QUARTERS_OF_DAY or end > QUARTERS_OF_DAY:
        refuse(f"{value!r} are not hours of the day", "a day begins at 00:00 and ends at 24:00")
    if start == end:
        refuse(f"{value!r} begin where they end", "leave the hours out for whole days")
    return start, end


def _write_hours(value: tuple[int, int]) -> str:
    return "-".join(f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in value)


def _read_zone(value: object) -> str:
    if not isinstance(value, str) or value not in time_zones():
        refuse(f"{value!r} is not a time zone", "write its name in the IANA database: Europe/Berlin")
    return value


Where = Annotated[dict[str, str], BeforeValidator(_read_where), WithJsonSchema(DIMENSIONS)]
Hours = Annotated[
    tuple[int, int],
    BeforeValidator(_read_hours),
    PlainSerializer(_write_hours, when_used="json"),
    WithJsonSchema(HOURS),
]
Zone = Annotated[str, BeforeValidator(_read_zone), WithJsonSchema(ZONE)]


class When(Part):
    """Hours of the day, days of the week, or both."""

    hours: Hours | None = None
    """From when until when on each day, by the clock of the zone; whole days if left out; it may pass midnight."""
    days: tuple[Day, ...] | None = None
    """On which days of the week; hours that pass midnight belong to the day on which they begin; every day if left out."""
    zone: Zone | None = None
    """The time zone in which hours and days are meant; that of the account if left out."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = []
        if self.hours is None and not self.days:
            mend = 'give hours: "08:00-20:00", days: [mon, tue], or both'
            problems.append(Problem("hours", "neither hours nor days are given", mend))
        if self.days is not None and len(set(self.days)) < len(self.days):
            problems.append(Problem("days", "names a day twice", "name each day once"))
        refuse_all(problems)
        return self

    def quarters(self) -> frozenset[int]:
        """The quarter hours of the week in which it holds, counted from Monday 00:00."""
        start, end = self.hours or (0, QUARTERS_OF_DAY)
        length = (end - start) % QUARTERS_OF_DAY or QUARTERS_OF_DAY
        begins = [get_args(Day).index(day) * QUARTERS_OF_DAY + start for day in self.days or get_args(Day)]
        return frozenset((begin + quarter) % QUARTERS_OF_WEEK for begin in begins for quarter in range(length))
