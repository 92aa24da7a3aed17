"""A project as its settings describe it: the lake, the landing folder, the clock, ready for use.

What belongs here: putting the effects together. What does not: what is done with them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from resources.clock import Clock, SystemClock
from resources.lake import Lake
from resources.migrations import migrate
from resources.settings import Settings


@dataclass
class Project:
    """The effects that every step is given; `progress` is told in words what long work is at."""

    settings: Settings
    lake: Lake
    clock: Clock = field(default_factory=SystemClock)
    progress: Callable[[str], None] = field(default=lambda _words: None)

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None, *, read_only: bool = False) -> Self:
        """Open the project's lake; for writing, its tables are made or brought up to date first."""
        lake = Lake(
            settings.lake.catalog,
            settings.lake.data,
            read_only=read_only,
            threads=settings.threads,
            memory_limit=settings.memory_limit,
        )
        if not read_only:
            migrate(lake)
        return cls(settings, lake, clock or SystemClock())

    def close(self) -> None:
        """Close the lake."""
        self.lake.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
