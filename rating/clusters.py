"""Rows that lie group by group: what holds for a group is worked out once and spread over its rows.

What belongs here: grouping, choosing and spreading, without a word of prices. What does not: any rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Clusters:
    """One row per group, numbered from 0 in `situation`, and the rows of the groups, in their order."""

    groups: pl.DataFrame
    rows: pl.DataFrame

    def choose(self, chosen: pl.Series) -> "Clusters":
        """Only the chosen groups with their rows, numbered anew."""
        groups = self.groups.filter(chosen)
        number = (chosen.cast(pl.UInt32).cum_sum() - 1).cast(pl.UInt32)
        rows = self.rows.filter(chosen.gather(self.rows["situation"]))
        return Clusters(
            groups.with_columns(situation=pl.int_range(pl.len(), dtype=pl.UInt32)),
            rows.with_columns(situation=number.gather(rows["situation"])),
        )

    def unite(self, keys: Sequence[str]) -> "Clusters":
        """The groups that are alike in `keys` as one, numbered anew; other columns are those of the first of them."""
        sums = {
            "quantity": pl.col("quantity").sum(),
            "counted": pl.col("counted").sum(),
            "least": pl.col("least").min(),
        }
        others = [name for name in self.groups.columns if name not in (*keys, *sums, "situation")]
        united = self.groups.group_by(keys, maintain_order=True).agg(pl.col(others).first(), "situation", **sums)
        number = pl.int_range(united.height, dtype=pl.UInt32, eager=True).alias("situation")
        numbers = united.select(number.alias("number"), "situation").explode("situation").sort("situation")["number"]
        rows = self.rows.with_columns(situation=numbers.gather(self.rows["situation"]))
        return Clusters(united.select(self.groups.columns).with_columns(number), rows)

    def spread(self, *columns: str) -> pl.DataFrame:
        """The rows with these columns of their groups."""
        wanted = [name for name in columns if name != "situation"]
        return pl.concat([self.rows, self.groups.select(wanted)[self.rows["situation"]]], how="horizontal")


def cluster(frame: pl.DataFrame, keys: Sequence[str], values: Sequence[str]) -> Clusters:
    """Bring the rows of a group together, and the groups of an account.

    They are written in this order: what is asked of a few accounts later then lies in few places.

    The groups carry the sums of `quantity` and `counted` and the least quantity; whoever calls has checked the
    bounds, because a sum in a group wraps in silence (design 7).
    """
    sums = {
        "sum_of_quantity": pl.col("quantity").sum(),
        "sum_of_counted": pl.col("counted").sum(),
        "least": pl.col("quantity").min(),
    }
    grouped = frame.group_by(keys).agg(*values, **sums).sort(keys[0])
    lengths = grouped.select(pl.col(values[0]).list.len()).to_series()
    number = pl.int_range(grouped.height, dtype=pl.UInt32, eager=True).alias("situation")
    groups = grouped.select(*keys, quantity="sum_of_quantity", counted="sum_of_counted", least="least")
    rows = grouped.select(values).explode(list(values))
    return Clusters(
        groups.with_columns(number), rows.with_columns(number.repeat_by(lengths).explode().alias("situation"))
    )
