"""What wakes the worker when somebody writes to the outbox."""

import sqlite3
import threading
import time
from typing import Any, Self

from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout


class OutboxListener:
    """Sleeps until somebody wrote to the outbox.

    PostgreSQL tells it (LISTEN; a trigger notifies at commit). On SQLite the number of the file's last change is
    looked at every 50 ms, which costs no lock. Both are only a hint: the caller looks for itself after a time-out,
    which is also how it finds what becomes due without anybody writing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._seen: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def wait(self, seconds: float, stopping: threading.Event) -> None:
        """Come back when there may be work, when asked to stop, or after so many seconds."""
        try:
            if self._connection is None:
                self._connect()  # and look once more: what was written before it listened is not told
            elif self._engine.dialect.name == "postgresql":
                self._listen(seconds)
            else:
                self._watch_file(seconds, stopping)
        except (self._engine.dialect.loaded_dbapi.Error, PoolTimeout):
            self._hang_up()
            stopping.wait(seconds)

    def _connect(self) -> None:
        """A connection of its own, of the worker's role like all its others."""
        if self._engine.dialect.name == "postgresql":
            pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()
            self._connection.autocommit = True
            self._connection.execute("LISTEN amends_outbox")
        else:
            self._connection = sqlite3.connect(str(self._engine.url.database), isolation_level=None)
            self._seen = self._file_version()

    def _listen(self, seconds: float) -> None:
        for _told in self._connection.notifies(timeout=seconds, stop_after=1):
            pass  # a burst of them is one reason to look

    def _watch_file(self, seconds: float, stopping: threading.Event) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not stopping.is_set():
            version = self._file_version()
            if version != self._seen:
                self._seen = version
                return
            stopping.wait(0.05)

    def _file_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
