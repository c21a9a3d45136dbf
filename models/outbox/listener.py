"""Outbox listener: wakes the worker when somebody writes to the outbox."""

import sqlite3
import threading
import time
from typing import Any, Self

from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout


class OutboxListener:
    """Sleeps until somebody writes to the outbox.

    On PostgreSQL it uses LISTEN; a trigger notifies at commit. On SQLite it polls `PRAGMA data_version` every 50 ms,
    which takes no lock. A wake-up is only a hint. The caller also looks after each time-out, because rows become due
    without anybody writing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._seen_version: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def wait(self, seconds: float, stopping: threading.Event) -> None:
        """Return when there may be work, when `stopping` is set, or after so many seconds."""
        try:
            if self._connection is None:
                self._connect()  # returns at once: writes before LISTEN are not notified
            elif self._engine.dialect.name == "postgresql":
                self._listen(seconds)
            else:
                self._watch_file(seconds, stopping)
        except (self._engine.dialect.loaded_dbapi.Error, PoolTimeout):
            self._disconnect()
            stopping.wait(seconds)

    def _connect(self) -> None:
        """Open a connection that stays out of the pool, with the role of the worker."""
        if self._engine.dialect.name == "postgresql":
            pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()
            self._connection.autocommit = True
            self._connection.execute("LISTEN amends_outbox")
        else:
            self._connection = sqlite3.connect(str(self._engine.url.database), isolation_level=None)
            self._seen_version = self._file_version()

    def _listen(self, seconds: float) -> None:
        for _notification in self._connection.notifies(timeout=seconds, stop_after=1):
            pass  # several notifications are one reason to look

    def _watch_file(self, seconds: float, stopping: threading.Event) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not stopping.is_set():
            version = self._file_version()
            if version != self._seen_version:
                self._seen_version = version
                return
            stopping.wait(0.05)

    def _file_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
