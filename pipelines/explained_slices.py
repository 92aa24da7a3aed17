"""The slices of one price of an account in a period, each cost taken apart: what explanations are made of.

What belongs here: loading slices, running quantities in the order of events, parts, and the records behind slices. What
does not: what is asked about, and how the figures add up (`explain.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import polars as pl

from assets.invoices import pools_of, priced_usage
from documents.content import describe_prices
from pipelines.explained_pools import joining, with_joining, with_parts_of_joining
from rating.account_caps import ACCOUNT_MAXIMUM, has_account_caps
from rating.agreed import OF_PRICE
from rating.money import AMOUNT, QUANTITY, ZERO_AMOUNT, ZERO_QUANTITY
from rating.periods import instant
from rating.pools import pool_at
from rating.pricing import tier_parts
from rating.pricing.columns import COMMITMENT_SCHEMA
from rating.sums import sum_by
from rating.true_ups import CLOSE
from resources.facts import Facts, facts_as_of, slices_of
from resources.lake import Lake

HOUR: Final = timedelta(hours=1)
PART: Final = ("version", "tier", "kind")
PART_COLUMNS: Final = (*PART, "description", "quantity", "unit_price", "amount")
PRICE_COLUMNS: Final = (
    "plan", "price_id", "version", "effective_from", "meter", "currency", "model", "accumulate", "included", "maximum",
)  # fmt: skip
_SCOPE: Final = ("subscription_id", "meter", "scope_resource")
_EVENT: Final = ("slice_start", "service_id", "resource_id", "dimensions")


@dataclass(frozen=True)
class ExplainedSlices:
    """A price of an account in a period, as of a run.

    Attributes:
        rows: a row a charged slice in the order of events: row_id, the key of charges, used, charged, the running quantity
            `quantity_before` and `quantity_after`, and the columns of the price, `included` and `maximum` prorated.
        parts: row_id and `PART_COLUMNS`: what each tier, fee, allowance and cap makes of each slice.
    """

    lake: Lake
    run: int
    facts: Facts
    rows: pl.DataFrame
    parts: pl.DataFrame

    @classmethod
    def load(cls, lake: Lake, run: int, scope: Mapping[str, Any]) -> "ExplainedSlices":
        """Load the price that `scope` names: account_id, plan, price_id and period_start."""
        facts = facts_as_of(lake, run)
        standing = lake.frame("steps/explain/slices", {"run": run, **scope_parameters(scope)})
        accounts = lake.frame("steps/invoices/accounts_now", {"snapshot_run": run})
        own = accounts.filter(pl.col("account_id") == scope["account_id"])
        pool = pools_of(lake, facts, run, standing)
        joined = None if pool is None else joining(pool, scope)
        priced = priced_usage(standing if joined is None else with_joining(standing, joined), facts.prices, facts, own)
        rows = _running(priced, facts.prices)
        if pool is None or joined is None:
            return cls(lake, run, facts, _booked(rows), _described(_held_back(_parts(rows), rows), rows, facts))
        pooled = pool_at(rows, pool).with_columns(included=pl.col("included") + pl.col("pool"))
        parts = with_parts_of_joining(_parts(pooled), pooled, joined)
        return cls(lake, run, facts, _booked(pooled), _described(_held_back(parts, pooled), pooled, facts))

    def summed_parts(self) -> pl.DataFrame:
        """The parts of all slices together."""
        texts = self.parts.select(*PART, "description", "unit_price").unique(PART, keep="first")
        summed = sum_by(self.parts, PART, "quantity", "amount")
        return summed.join(texts, on=PART).select(PART_COLUMNS).sort(PART)

    def price(self, version: str) -> dict[str, Any] | None:
        """The price of a version, with what is prorated as it holds here; none where no price book has it any more."""
        rows = self.rows.filter(pl.col("version") == version, pl.col("model").is_not_null())
        names = [*PRICE_COLUMNS, *(name for name in (ACCOUNT_MAXIMUM, *COMMITMENT_SCHEMA) if name in rows.columns)]
        # The last row: a pool has grown to what it holds.
        return None if rows.is_empty() else rows.select(names).row(-1, named=True)

    def records(self, slices: pl.DataFrame, *, reaching_in: bool) -> pl.DataFrame:
        """The records stamped in these slices; of a gauge those too, if so asked, whose value may reach into them."""
        first, last = (instant(slices["slice_start"], at) for at in ("min", "max"))
        name = slices["meter"][0]
        gaps = self.facts.meters.filter(pl.col("meter") == name)["max_gap_microseconds"]
        gap = gaps[0] if gaps.len() else None  # a fee has no meter, and no records
        back = timedelta(microseconds=gap or 0) if reaching_in else timedelta()
        cut = slices_of(self.facts.cuts(first, last + HOUR)).select("account_id", "slice_start", "slice_end")
        ended = slices.join(cut, on=["account_id", "slice_start"], how="left")
        wanted = ended.select(
            "service_id", "resource_id", "dimensions", begins=pl.col("slice_start") - back,
            ends=pl.col("slice_end").fill_null(pl.col("slice_start") + HOUR),
        )  # fmt: skip
        parameters = {
            "run": self.run, "meter": name, "account": slices["account_id"][0], "first": first - back,
            "until": last + HOUR, "whoever": reaching_in and gap is not None,
        }  # fmt: skip
        with self.lake.registered(slices_to_explain=wanted):
            return self.lake.frame("steps/explain/records", parameters)


def scope_parameters(scope: Mapping[str, Any]) -> dict[str, Any]:
    """What the statements name a price of an account in a period by."""
    return {
        "account": scope["account_id"], "plan": scope["plan"], "price_id": scope["price_id"],
        "period_start": scope["period_start"],
    }  # fmt: skip


def _running(priced: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Add Q before and after each slice, in the order of events (semantics 3)."""
    accumulation = prices.select("plan", "price_id", "accumulate").unique()
    joined = priced.join(accumulation, on=["plan", "price_id"], how="left", maintain_order="left")
    own = pl.when(pl.col("accumulate") == "resource").then("resource_id").otherwise(pl.lit(""))
    counted = pl.when(pl.col("kind") == "usage").then("quantity").otherwise(pl.lit(0, QUANTITY)).cast(QUANTITY)
    ordered = joined.with_columns(scope_resource=own, counted=counted).sort(*_SCOPE, *_EVENT, "kind")
    after = pl.col("counted").cum_sum().over(_SCOPE)
    running = ordered.with_columns(quantity_before=after - pl.col("counted"), quantity_after=after)
    renamed = running.rename({"quantity": "used", "amount": "charged"}).drop("counted", "scope_resource")
    return renamed.sort(*_EVENT, "meter", "kind").with_row_index("row_id")


def _parts(rows: pl.DataFrame) -> pl.DataFrame:
    """What each slice is made of; a charge that is no usage (a fee, a true-up) is a part of its own."""
    is_usage = pl.col("kind") == "usage"
    of_usage = tier_parts(rows.filter(is_usage))
    others = rows.filter(~is_usage).select(
        "row_id", "kind", tier=pl.lit(0, pl.Int32), quantity="used", unit_price=pl.lit(0, QUANTITY), amount="charged"
    )
    parts = pl.concat([of_usage, others.select(of_usage.columns)])
    if has_account_caps(rows):
        parts = _with_account_caps(parts, rows)
    return parts.join(rows.select("row_id", "version"), on="row_id", maintain_order="left")


def _with_account_caps(parts: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """What `account_maximum` takes off a slice is what its own parts come to beyond its charge; it joins the cap's part."""
    own = sum_by(parts, ["row_id"], "amount").rename({"amount": "own"})
    costs = rows.join(own, on="row_id", how="left").with_columns(pl.col("own").fill_null(ZERO_AMOUNT))
    taken_off = costs.filter(pl.col("charged") != pl.col("own")).with_columns(
        tier=pl.lit(0), kind=pl.lit("cap"), quantity=ZERO_QUANTITY, unit_price=ZERO_QUANTITY,
        amount=pl.col("charged") - pl.col("own"),
    )  # fmt: skip
    caps = taken_off.select(pl.col(name).cast(dtype) for name, dtype in parts.schema.items())
    return sum_by(pl.concat([parts, caps]), ["row_id", "tier", "kind", "unit_price"], "quantity", "amount").select(
        parts.columns
    )


def _held_back(parts: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Add what of each slice is not booked in it, but when its period is over."""
    held = rows.filter(pl.col("held") != 0).with_columns(
        tier=pl.lit(0), kind=pl.lit(CLOSE), quantity=ZERO_QUANTITY, unit_price=ZERO_QUANTITY, amount=-pl.col("held")
    )
    return pl.concat([parts, held.select(pl.col(name).cast(dtype) for name, dtype in parts.schema.items())])


def _booked(rows: pl.DataFrame) -> pl.DataFrame:
    """The slices as they are charged: without what is held back."""
    return rows.with_columns(charged=(pl.col("charged") - pl.col("held")).cast(AMOUNT)).drop("held")


def _described(parts: pl.DataFrame, rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    texts = describe_prices(facts.prices, facts.meters).join(rows.select(OF_PRICE).unique(), on=OF_PRICE, how="semi")
    described = parts.join(texts.select(*PART, "description"), on=PART, how="left", maintain_order="left")
    return described.select("row_id", *PART_COLUMNS)
