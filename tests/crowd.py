"""A crowd for tests: many threads that begin at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

PATIENCE = 60.0  # seconds until a test gives up on a busy machine
T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Call all of these at the same moment, each in a thread of its own; what they gave back, in their order."""
    start = Barrier(len(calls))

    def call_one(call: Callable[[], T]) -> T:
        start.wait(PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as crowd:
        return list(crowd.map(call_one, calls))
