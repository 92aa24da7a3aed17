"""The chart shows each day's charges: in proportion, inside its frame, whatever the numbers."""

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from documents.chart import HEIGHT, OTHER_TITLE, SHADES, WIDTH, Chart, draw_chart
from documents.formats import MINUS
from documents.invoice import ChartData


def data_of(*amounts: list[str]) -> ChartData:
    days = [date(2026, 10, 1) + timedelta(days=day) for day in range(len(amounts[0]))]
    series = [{"meter": f"m{place}", "title": f"Meter {place}", "amounts": one} for place, one in enumerate(amounts)]
    return ChartData.model_validate({"days": days, "series": series})


def bars_of(chart: Chart) -> list[list[tuple[Decimal, Decimal]]]:
    """Read each path back as (from, to) heights above the axis; the pixel axis points down."""
    zero = Decimal(chart.zero)
    found = [re.findall(r"M\S+ (\S+?)V(\S+?)h", shape.path) for shape in chart.shapes]
    return [[(zero - Decimal(base), zero - Decimal(top)) for base, top in bars] for bars in found]


def drawn(data: ChartData | None) -> Chart:
    chart = draw_chart(data)
    assert chart is not None
    return chart


def test_nothing_charged_draws_nothing() -> None:
    assert draw_chart(None) is None
    assert draw_chart(data_of([])) is None
    assert draw_chart(data_of(["0", "0.00"])) is None


def test_bars_stack_in_proportion() -> None:
    (first,), (second,) = bars_of(drawn(data_of(["10"], ["30"])))
    assert first[0] == 0
    assert second[0] == first[1]
    assert second[1] == 4 * first[1]


def test_what_is_below_zero_hangs_under_the_axis() -> None:
    (first,), (second,), (third,) = bars_of(drawn(data_of(["10"], ["-5"], ["-5"])))
    assert first[1] > 0 == second[0] > second[1] == third[0] > third[1]


def test_small_meters_are_gathered_as_other() -> None:
    chart = drawn(data_of(*([str(size)] for size in (1, 90, 2, 80, 70, 60, 50))))
    assert [shape.title for shape in chart.shapes] == [f"Meter {place}" for place in (1, 3, 4, 5, 6)] + [OTHER_TITLE]
    assert len({shape.shade for shape in chart.shapes}) == len(SHADES) + 1


def test_ticks_are_round_and_named() -> None:
    assert [tick.text for tick in drawn(data_of(["1370"])).ticks] == ["0", "500", "1,000", "1,500"]
    assert [tick.text for tick in drawn(data_of(["0.00034"])).ticks] == ["0", "0.0001", "0.0002", "0.0003", "0.0004"]
    assert [tick.text for tick in drawn(data_of(["3", "-1"])).ticks] == [f"{MINUS}1", "0", "1", "2", "3"]


def test_a_label_a_week() -> None:
    labels = drawn(data_of(["1"] * 31)).days
    assert [label.text.replace("\u00a0", " ") for label in labels] == ["1 Oct", "8 Oct", "15 Oct", "22 Oct", "29 Oct"]


AMOUNTS = st.decimals(-(10**12), 10**12, places=9)


@given(st.integers(1, 4).flatmap(lambda days: st.lists(st.lists(AMOUNTS, min_size=days, max_size=days), min_size=1)))
def test_every_bar_and_tick_lies_in_the_frame(amounts: list[list[Decimal]]) -> None:
    chart = draw_chart(data_of(*[[str(amount) for amount in one] for one in amounts]))
    if chart is None:
        assert not any(map(any, amounts))
        return
    lefts = [Decimal(left) for shape in chart.shapes for left in re.findall(r"M(\S+)", shape.path)]
    heights = [Decimal(y) for shape in chart.shapes for y in re.findall(r"[ V](\d\S*?)(?=[Vhz])", shape.path)]
    ticks = [Decimal(tick.at) for tick in chart.ticks]
    assert all(Decimal(chart.left) <= left < WIDTH for left in lefts)
    assert all(ticks[-1] <= height <= ticks[0] for height in heights)
    assert 0 < ticks[-1] < ticks[0] < HEIGHT
    assert 2 <= len(ticks) <= 6
    assert len({round(below - above, 1) for below, above in pairwise(ticks)}) <= 2
