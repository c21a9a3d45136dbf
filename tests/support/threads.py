"""Threads for tests: many that begin at the same moment."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from typing import Any, TypeVar

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


class Meeting:
    """A point of the code at which all meet who come there, `met` of them; the others meet them at their end."""

    def __init__(self, people: int) -> None:
        self._people, self._start, self._mine = people, Barrier(people), local()
        self._met: list[bool] = []

    @property
    def met(self) -> int:
        return len(self._met)

    def before(self, call: Callable[..., T]) -> Callable[..., T]:
        """Return the function of the code, which waits for all."""

        def meet_and_call(*arguments: Any, **keywords: Any) -> T:
            if self._come():
                self._met.append(True)
            return call(*arguments, **keywords)

        return meet_and_call

    def all_at_once(self, call: Callable[[], T]) -> list[T]:
        """Call this as many times at the same moment."""

        def call_and_meet() -> T:
            try:
                return call()
            finally:
                self._come()

        return at_once([call_and_meet] * self._people)

    def _come(self) -> bool:
        """Return whether it is the first time, and wait for all then."""
        if getattr(self._mine, "came", False):
            return False
        self._mine.came = True
        self._start.wait(TIMEOUT)
        return True


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
