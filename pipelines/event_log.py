"""Dagster's event log for many runs in a row: the same files as its own, with connections that stay open.

What belongs here: how the files are reached. What does not: what is in them. Dagster opens each file anew for every event
and compiles each statement anew with it, which is half of what it costs to record a run.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, StaticPool, create_engine

BUSY_TIMEOUT_SECONDS = 60


class KeptEventLogStorage(SqliteEventLogStorage):
    """The event log of a process that is the only one to run jobs; others may read."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Make it from what `HourlyRuns` says in place of dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        """The open file of a run, or the index of all; of runs only the newest stays open."""
        if shard not in self._engines:
            for old in [name for name in self._engines if name != INDEX_SHARD_NAME]:
                self._engines.pop(old).dispose()
            arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            address = self.conn_string_for_shard(shard)
            engine = self._engines[shard] = create_engine(address, poolclass=StaticPool, connect_args=arguments)
            self._initdb(engine)
        return self._engines[shard]

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
