"""What was landed and what was planted in it, so that a test can compare it with what ingest reports.

Here belongs the count, made while the files are written. Nothing here reads a landed file or a table.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self


class Reason(StrEnum):
    """Why a planted record must be refused (semantics 2), in the words of `rejected_events.reason`."""

    CONFLICT = "conflict"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_METER = "unknown_meter"
    TIMESTAMP_UNREADABLE = "timestamp_unreadable"  # or missing
    FUTURE = "future"
    QUANTITY_MISSING = "quantity_missing"
    QUANTITY_UNREADABLE = "quantity_unreadable"  # or not finite
    NEGATIVE = "negative"
    OUT_OF_RANGE = "out_of_range"
    DIMENSIONS_NOT_FLAT = "dimensions_not_flat"


@dataclass(frozen=True)
class Planted:
    """How many of a file's records are not simply new and right."""

    duplicates: int = 0
    refused: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __add__(self, other: Self) -> "Planted":
        """Count both."""
        return Planted(self.duplicates + other.duplicates, dict(Counter(self.refused) + Counter(other.refused)))


@dataclass(frozen=True)
class LandedFile:
    """One landed file. A record is what a source makes of it: a wide row is one a gauge.

    `repeats` names the file that this one is a copy of, byte for byte; its records then count for nothing.
    """

    source: str
    file: str
    records: int
    planted: Planted = Planted()
    is_late: bool = False
    repeats: str | None = None

    @property
    def refused(self) -> int:
        """How many records must be refused, for whatever reason."""
        return sum(self.planted.refused.values())

    @property
    def accepted(self) -> int:
        """How many records are new and right."""
        return self.records - self.planted.duplicates - self.refused

    def as_dict(self) -> dict[str, object]:
        """Return the file's counts as plain values."""
        return {"source": self.source, "file": self.file, "repeats": self.repeats} | Manifest((self,)).totals()


@dataclass(frozen=True)
class Manifest:
    """The files that were landed, in the order in which they landed; manifests of several landings add up.

    The counts hold when the days are landed in order, from the first on.
    """

    files: tuple[LandedFile, ...] = ()

    def __add__(self, other: Self) -> "Manifest":
        """Return what landed in both."""
        return Manifest(self.files + other.files)

    @classmethod
    def of(cls, files: Iterable[LandedFile | None]) -> Self:
        """Return the manifest of the files that there are."""
        return cls(tuple(file for file in files if file is not None))

    def totals(self) -> dict[str, object]:
        """Return the counts over all files; the records of files that are copies are only `skipped`."""
        taken = [file for file in self.files if file.repeats is None]
        refused: Counter[str] = Counter()
        for file in taken:
            refused.update(file.planted.refused)
        return {
            "files": len(taken),
            "repeated_files": len(self.files) - len(taken),
            "records": sum(file.records for file in taken),
            "accepted": sum(file.accepted for file in taken),
            "duplicates": sum(file.planted.duplicates for file in taken),
            "refused": dict(sorted(refused.items())),
            "skipped": sum(file.records for file in self.files if file.repeats is not None),
            "late": sum(file.accepted for file in taken if file.is_late),
        }

    def as_dict(self) -> dict[str, object]:
        """Return totals, totals per source and all files as plain values, ready for JSON."""
        sources = dict.fromkeys(file.source for file in self.files)
        per_source = {
            source: Manifest(tuple(file for file in self.files if file.source == source)).totals() for source in sources
        }
        return {"totals": self.totals(), "sources": per_source, "files": [file.as_dict() for file in self.files]}
