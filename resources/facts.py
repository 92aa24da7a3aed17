"""The reference data that holds as of a run, as the frames that the engine takes.

What belongs here: loading. What does not: taking new rows (`reference.py`) and deciding what they mean.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import polars as pl

from rating.fees import compile_fees
from rating.held import compile_bookings, in_use
from rating.metering import compile_meters
from rating.modes import mode_changes
from rating.percentages import compile_percentages
from rating.periods import INSTANT, cuts
from rating.pricebook import PriceBook, effective_books
from rating.pricing import compile_prices
from rating.true_ups import compile_graces, compile_minimums
from rating.windows import window_changes
from resources.lake import Lake
from resources.price_books import books_as_of
from resources.writer import Step, reference_mark

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """Price books, meters, subscriptions, and the modes of accounts that are or were prepaid, as of one run."""

    books: list[PriceBook]
    meters: pl.DataFrame
    subscriptions: pl.DataFrame
    # How accounts pay, and since when, of those that are or were prepaid (`rating/modes.py`).
    modes: pl.DataFrame

    @cached_property
    def prices(self) -> pl.DataFrame:
        """The prices of all books, one row a (plan, price, version, currency)."""
        return compile_prices(self.books)

    @cached_property
    def zones(self) -> pl.DataFrame:
        """The time zone of every account that ever had a plan: account_id, time_zone."""
        return self.subscriptions.select("account_id", "time_zone").unique()

    @cached_property
    def fees(self) -> pl.DataFrame:
        """The recurring fees of all books, one row a (plan, fee, version, currency)."""
        return compile_fees(self.books)

    @cached_property
    def percentages(self) -> pl.DataFrame:
        """The discounts and surcharges of all books, of plans and of accounts."""
        return compile_percentages(self.books)

    @cached_property
    def minimums(self) -> pl.DataFrame:
        """The minimums and commitments of all books, one row a (price, account, version, currency) that ever has one."""
        return compile_minimums(self.books)

    @cached_property
    def bookings(self) -> pl.DataFrame:
        """When the prices of all books are booked of which something may be held back; none where nothing can be."""
        return in_use(compile_bookings(self.books), self.modes)

    @cached_property
    def graces(self) -> pl.DataFrame:
        """How long after a period's end its true-ups are booked."""
        return compile_graces(self.books)

    def under(self, books: list[PriceBook]) -> "Facts":
        """The same facts, had these books been in force."""
        return Facts(books, self.meters, self.subscriptions, self.modes)

    def cuts(self, start: datetime, end: datetime) -> pl.DataFrame:
        """The boundaries off the whole hour that cut slices in [start, end), by account."""
        times = [book.effective_from for book in effective_books(self.books)]
        windows = window_changes(self.prices, self.subscriptions, start, end)
        turns = mode_changes(self.modes)
        both = [frame for frame in (windows, turns) if frame is not None and frame.height]
        return cuts(self.subscriptions, times, start, end, pl.concat(both) if both else None)


def facts_as_of(lake: Lake, run: int) -> Facts:
    """Load the reference data as of a run; what was loaded is kept until there is new reference data."""
    key = ("facts", reference_mark(lake, run))
    if key not in lake.memo:
        books = books_as_of(lake, run)
        subscriptions = lake.frame("steps/reference/subscriptions_now", {"run": run})
        modes = lake.frame("steps/reference/modes", {"run": run})
        lake.memo[key] = Facts(books, compile_meters(books), subscriptions, modes)
    kept: Facts = lake.memo[key]
    return kept


def reference_moved(step: Step) -> bool:
    """Whether accounts, subscriptions or price books have rows that are newer than the step's head."""
    return step.has_new_reference and bool(step.lake.value("steps/reference/moved", step.bounds()))


def closed_until(lake: Lake, run: int) -> datetime | None:
    """The end of the last hour that runs up to this one closed; None before the first."""
    value: datetime | None = lake.value("steps/ingest/closed_until", {"run": run})
    return value


def closed_before(step: Step) -> datetime | None:
    """The end of the last hour that was closed at the step's head; asked once a step."""
    if "closed before" not in step.memo:
        step.memo["closed before"] = closed_until(step.lake, step.head)
    known: datetime | None = step.memo["closed before"]
    return known


def slices_of(cut_times: pl.DataFrame) -> pl.DataFrame:
    """The slices of every account hour that a cut divides: account_id, hour, slice_start, slice_end."""
    hour = pl.col("cut_at").dt.truncate("1h")
    inside = cut_times.select("account_id", hour=hour, slice_start="cut_at")
    starts = pl.concat([inside, inside.select("account_id", "hour", slice_start="hour")]).unique()
    ordered = starts.sort("account_id", "hour", "slice_start")
    following = pl.col("slice_start").shift(-1).over("account_id", "hour")
    end = following.fill_null(pl.col("hour") + timedelta(hours=1))
    return ordered.with_columns(slice_end=end).cast({"hour": INSTANT, "slice_start": INSTANT, "slice_end": INSTANT})
