"""Threads for tests: many that begin at the same moment."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import sqlalchemy as sa

from tests.support.app import App

TIMEOUT = 60.0  # seconds until a test gives up on a busy machine
T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Call all of these at the same moment, each in its own thread; return their results in order."""
    start = Barrier(len(calls))

    def call_one(call: Callable[[], T]) -> T:
        start.wait(TIMEOUT)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call_one, calls))


def wait_for_blocked_transaction(app: App) -> None:
    """Wait until some transaction of this database waits for a lock of another."""
    engine = sa.create_engine(app.url)
    stmt = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    ends_at = time.monotonic() + TIMEOUT
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(stmt):
            assert time.monotonic() < ends_at, "no transaction waited"
    engine.dispose()
