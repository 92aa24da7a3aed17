"""The rating kernel alone: from the hourly quantities of an hour to its charges, on one core.

What belongs here: the frames, the two things measured, and the lines that are printed. What does not: files, the lake.

It is compared with the shortest program that does the same: join the price, sort, add up within the scope, one clip per
tier at both ends of each row. Both run in turn in one process with one thread; the medians count. Their amounts are
compared row by row, so that neither is fast by being wrong.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import polars as pl
import yaml
from rich.console import Console

from benchmarks.data import price_book
from benchmarks.measure import BenchmarkError, with_threads
from benchmarks.sizes import MEASURED_HOUR, METERS, MONTH_END, MONTH_START, RESOURCES_OF_ACCOUNT, Sizes
from rating import difference, rate
from rating.money import AMOUNT, QUANTITY
from rating.pricebook import parse_price_book
from rating.pricing import compile_prices
from rating.schemas import DUE, SUBSCRIPTIONS, TOTALS, USAGE, no_rows

# Rows per second of one core.
TARGET: Final = 1_000_000
TIERS: Final = 3
_OF_SCOPE: Final = ("account_id", "meter")


@dataclass(frozen=True)
class Kernel:
    """What rating takes: the increments of an hour, the prices, who subscribes to what, and where each scope stood."""

    usage: pl.DataFrame
    prices: pl.DataFrame
    subscriptions: pl.DataFrame
    totals: pl.DataFrame


@dataclass(frozen=True)
class KernelTimes:
    """How many rows were rated, and the seconds of each time: ours, and the short program's."""

    rows: int
    ours: Sequence[float]
    plain: Sequence[float]

    @property
    def rows_per_second(self) -> float:
        """Rows that our kernel rates in a second on one core."""
        return self.rows / median(self.ours)


def make_kernel(sizes: Sizes) -> Kernel:
    """Make the frames, the same ones each time; accounts stand in all tiers, and a few pass one within the hour.

    The hourly run writes its quantities account by account, and otherwise in no order; so they are here.
    """
    book = parse_price_book(yaml.safe_load(price_book()), "benchmark")
    number = pl.int_range(sizes.series, eager=True).alias("number").to_frame()
    resource = pl.col("number") // len(METERS)
    account = resource // RESOURCES_OF_ACCOUNT
    used = 500 + pl.col("number") * 7919 % 3500
    usage = number.select(
        account_id=_named("account", account), service_id=pl.lit(""), resource_id=_named("machine", resource),
        meter=_meter(pl.col("number")), dimensions=pl.lit("{}"), slice_start=pl.lit(MEASURED_HOUR, USAGE["slice_start"]),
        quantity=_thousandths(used), counted=_thousandths(pl.lit(0)),
    ).sample(fraction=1, shuffle=True, seed=1).sort("account_id")  # fmt: skip
    month = {"period_start": pl.lit(MONTH_START), "period_end": pl.lit(MONTH_END)}
    scopes = pl.int_range(sizes.accounts * len(METERS), eager=True).alias("number").to_frame()
    of_account = pl.col("number") // len(METERS)
    totals = scopes.select(
        account_id=_named("account", of_account), subscription_id=_named("subscription", of_account),
        plan=pl.lit("standard"), price_id=_meter(pl.col("number")), resource_id=pl.lit(""), meter=_meter(pl.col("number")),
        **month, quantity=_thousandths(pl.col("number") * 7907 % 6_000_000),
    ).select(pl.col(name).cast(kind) for name, kind in TOTALS.items())  # fmt: skip
    accounts = pl.int_range(sizes.accounts, eager=True).alias("number").to_frame()
    subscriptions = accounts.select(
        account_id=_named("account", pl.col("number")), currency=pl.lit("EUR"), time_zone=pl.lit("UTC"),
        service_id=pl.lit(""), subscription_id=_named("subscription", pl.col("number")), plan=pl.lit("standard"),
        effective_from=pl.lit(MONTH_START),
    ).select(pl.col(name).cast(kind) for name, kind in SUBSCRIPTIONS.items())  # fmt: skip
    return Kernel(usage, compile_prices([book]), subscriptions, totals)


def _named(what: str, number: pl.Expr) -> pl.Expr:
    return pl.format(f"{what}-{{}}", number.cast(pl.String).str.zfill(7))


def _meter(number: pl.Expr) -> pl.Expr:
    return (number % len(METERS)).replace_strict(dict(enumerate(METERS)), return_dtype=pl.String)


def _thousandths(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.Decimal(38, 0)).cast(QUANTITY) * pl.lit("0.001").cast(QUANTITY)


def rate_ours(kernel: Kernel) -> pl.DataFrame:
    """The charges of the hour: rated, with all checks, and the difference to what stands, which is nothing."""
    rated = rate(kernel.usage, kernel.prices, kernel.subscriptions, kernel.totals)
    return difference(rated.due, no_rows(DUE))


def rate_plainly(kernel: Kernel) -> pl.DataFrame:
    """The same amounts by the shortest program: nothing but this one case, and nothing checked."""
    tiers = [name for name in kernel.prices.columns if name.startswith("tier_")]
    base = kernel.totals.select(*_OF_SCOPE, base="quantity")
    ordered = (
        kernel.usage.join(kernel.prices.select("meter", "price_id", *tiers), on="meter")
        .join(base, on=_OF_SCOPE)
        .sort("slice_start", "price_id", "resource_id")
    )
    after = pl.col("base") + pl.col("quantity").cum_sum().over(_OF_SCOPE)
    return (
        ordered.with_columns(after=after)
        .with_columns(amount=_plain_cost(pl.col("after")) - _plain_cost(pl.col("after") - pl.col("quantity")))
        .select("account_id", "resource_id", "meter", "slice_start", "price_id", "quantity", "amount")
    )


def _plain_cost(quantity: pl.Expr) -> pl.Expr:
    parts = [
        (quantity - pl.col(f"tier_{tier}_above")).clip(0, pl.col(f"tier_{tier}_width")).cast(AMOUNT)
        * pl.col(f"tier_{tier}_unit_price").cast(AMOUNT)
        for tier in range(1, TIERS + 1)
    ]
    return parts[0] + parts[1] + parts[2]


def time_kernel(sizes: Sizes, times: int) -> KernelTimes:
    """Rate the same hour so many times, both ways in turn, in a new process with one thread."""
    return with_threads(1, _time_here, sizes, times)


def _time_here(sizes: Sizes, times: int) -> KernelTimes:
    kernel = make_kernel(sizes)
    ours, plain = rate_ours(kernel), rate_plainly(kernel)
    _check_equal(ours, plain)
    del ours, plain
    seconds: dict[Callable[[Kernel], pl.DataFrame], list[float]] = {rate_ours: [], rate_plainly: []}
    for _ in range(times):
        for way, taken in seconds.items():
            started = time.perf_counter()
            way(kernel)
            taken.append(time.perf_counter() - started)
    return KernelTimes(kernel.usage.height, seconds[rate_ours], seconds[rate_plainly])


def _check_equal(ours: pl.DataFrame, plain: pl.DataFrame) -> None:
    key = ["resource_id", "meter"]
    found = ours.select(*key, quantity="quantity_delta", amount="amount_delta").sort(key)
    if not found.equals(plain.select(found.columns).sort(key)):
        message = "the kernel and the short program charge different amounts for the same hour"
        raise BenchmarkError(message)


def print_kernel(measured: KernelTimes, console: Console) -> None:
    """Print how fast a core rates, and against the short program."""
    plain = measured.rows / median(measured.plain)
    console.print(f"The rating kernel alone: {measured.rows:,} hourly quantities, three tiers an account, one core")
    console.print(f"rows per second     {measured.rows_per_second:,.0f} (target {TARGET:,})", highlight=False)
    console.print(f"a short program     {plain:,.0f}")
    console.print(
        f"ratio               {measured.rows_per_second / plain:.2f} times the short program's\n", highlight=False
    )


def measure_kernel(sizes: Sizes, *, times: int, console: Console) -> KernelTimes:
    """Measure and print."""
    measured = time_kernel(sizes, times)
    print_kernel(measured, console)
    return measured
