"""The usage chart: stacked bars, one a day, one shade a meter.

Here belongs the geometry, as text ready for SVG; `templates/parts.html.j2` draws it. Everything is Decimal, so that the
same numbers give the same picture on every machine. Money below zero (a cap that took back) hangs under the axis.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from documents.formats import format_number, format_short_date
from documents.invoice import ChartData

# Shades of the one accent colour, dark to light, then a neutral one for what is gathered as "Other".
SHADES = ("#0b4654", "#23788b", "#5fa5b4", "#9fcbd4", "#d2e7eb")
OTHER_SHADE = "#b9c0cb"
OTHER_TITLE = "Other"

WIDTH = Decimal(480)
HEIGHT = Decimal(104)
AXIS_WIDTH = Decimal(40)
LABEL_HEIGHT = Decimal(16)
TOP = Decimal(5)
BAR_SHARE = Decimal("0.68")
MOST_TICKS = 4
DAYS_A_LABEL = 7
ZERO = Decimal(0)


@dataclass(frozen=True)
class Shape:
    """All bars of one meter, as one SVG path (a path costs a tenth of the rectangles)."""

    title: str
    shade: str
    path: str


@dataclass(frozen=True)
class Mark:
    """A label on an axis, `at` units along it."""

    at: str
    text: str


@dataclass(frozen=True)
class Chart:
    """What the template draws."""

    width: str
    height: str
    left: str
    label_y: str
    zero: str
    shapes: tuple[Shape, ...]
    ticks: tuple[Mark, ...]
    days: tuple[Mark, ...]


def draw_chart(data: ChartData | None) -> Chart | None:
    """Draw charges per day, or nothing where there were none."""
    layers = _layers(data) if data is not None else []
    if data is None or not layers:
        return None
    scale = _scale(layers)
    return Chart(
        width=_text(WIDTH),
        height=_text(HEIGHT),
        left=_text(AXIS_WIDTH),
        label_y=_text(HEIGHT - Decimal(3)),
        zero=_text(scale.y(ZERO)),
        shapes=tuple(_shapes(layers, scale)),
        ticks=tuple(_ticks(scale)),
        days=tuple(_day_marks(data.days, scale)),
    )


@dataclass(frozen=True)
class _Layer:
    """What is stacked in one shade: a meter's amount for each day."""

    title: str
    shade: str
    amounts: tuple[Decimal, ...]


@dataclass(frozen=True)
class _Scale:
    floor: Decimal
    ceiling: Decimal
    step: Decimal
    days: int

    def y(self, amount: Decimal) -> Decimal:
        room = HEIGHT - LABEL_HEIGHT - TOP
        return TOP + room * (self.ceiling - amount) / (self.ceiling - self.floor)

    @property
    def day_width(self) -> Decimal:
        return (WIDTH - AXIS_WIDTH) / self.days

    def x(self, day: int) -> Decimal:
        return AXIS_WIDTH + self.day_width * day


def _layers(data: ChartData) -> list[_Layer]:
    """Keep the meters that cost something: the largest as themselves, the rest added up as one."""
    costly = [series for series in data.series if any(series.amounts)]
    by_size = sorted(costly, key=lambda series: (-sum(map(abs, series.amounts), ZERO), series.meter))
    named, rest = by_size[: len(SHADES)], by_size[len(SHADES) :]
    in_order = [series for series in costly if series in named]
    layers = [_Layer(series.title, shade, series.amounts) for series, shade in zip(in_order, SHADES, strict=False)]
    if rest:
        sums = tuple(sum(day, ZERO) for day in zip(*(series.amounts for series in rest), strict=True))
        layers.append(_Layer(OTHER_TITLE, OTHER_SHADE, sums))
    return layers


def _scale(layers: Sequence[_Layer]) -> _Scale:
    """Let the axis reach from the lowest to the highest stack, in whole steps."""
    stacks = list(zip(*(layer.amounts for layer in layers), strict=True))
    highest = max(sum((max(amount, ZERO) for amount in stack), ZERO) for stack in stacks)
    lowest = min(sum((min(amount, ZERO) for amount in stack), ZERO) for stack in stacks)
    step = _tick_step(highest - lowest)
    floor, ceiling = _whole_steps(lowest, step, ROUND_FLOOR), _whole_steps(highest, step, ROUND_CEILING)
    return _Scale(floor, ceiling, step, len(stacks))


def _shapes(layers: Iterable[_Layer], scale: _Scale) -> Iterable[Shape]:
    """Stack each layer on those before it: above the axis what was charged, below it what was taken back."""
    above, below = [ZERO] * scale.days, [ZERO] * scale.days
    for layer in layers:
        bars = []
        for day, amount in enumerate(layer.amounts):
            stack = above if amount > 0 else below
            base, stack[day] = stack[day], stack[day] + amount
            if amount:
                bars.append(_bar(scale, day, base, stack[day]))
        yield Shape(layer.title, layer.shade, " ".join(bars))


def _bar(scale: _Scale, day: int, base: Decimal, top: Decimal) -> str:
    width = scale.day_width * BAR_SHARE
    left = scale.x(day) + (scale.day_width - width) / 2
    return f"M{_text(left)} {_text(scale.y(base))}V{_text(scale.y(top))}h{_text(width)}V{_text(scale.y(base))}z"


def _tick_step(span: Decimal) -> Decimal:
    """Find the smallest of 1, 2, 5, 10, 20, ... that needs at most a few ticks."""
    power = Decimal(1).scaleb(span.adjusted() - 1)
    return next(power * factor for factor in (1, 2, 5, 10, 20, 50, 100) if span <= power * factor * MOST_TICKS)


def _whole_steps(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (amount / step).to_integral_value(rounding=rounding) * step


def _ticks(scale: _Scale) -> Iterable[Mark]:
    for count in range(int((scale.ceiling - scale.floor) / scale.step) + 1):
        amount = scale.floor + scale.step * count
        yield Mark(at=_text(scale.y(amount)), text=format_number(amount))


def _day_marks(days: Sequence[date], scale: _Scale) -> Iterable[Mark]:
    for place in range(0, len(days), DAYS_A_LABEL):
        yield Mark(at=_text(scale.x(place) + scale.day_width / 2), text=format_short_date(days[place]))


def _text(length: Decimal) -> str:
    return f"{length:.2f}"
