"""What a process may remember: for a minute what is learned from the past, and for good what stays true."""

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from cachetools import LRUCache

CACHE_TTL = timedelta(minutes=1)
MAX_CACHED_ANSWERS = 1000  # answers of a few hundred bytes each
MAX_CACHED_BYTES = 32 * 2**20  # on a shelf
T = TypeVar("T")


class TtlCache:
    """Answers by what was asked; the oldest is forgotten when there are too many. Holds no rows of any session."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[datetime, Any]] = {}
        self._lock = Lock()

    def get_or_compute(self, asked: Hashable, *, at: datetime, ask: Callable[[], T]) -> T:
        """The answer of the last minute, or else the one that `ask` finds now."""
        kept = self._answers.get(asked)
        if kept is not None and kept[0] <= at < kept[0] + CACHE_TTL:
            remembered: T = kept[1]
            return remembered
        answer = ask()
        with self._lock:
            self._answers.pop(asked, None)
            self._answers[asked] = at, answer
            if len(self._answers) > MAX_CACHED_ANSWERS:
                del self._answers[next(iter(self._answers))]
        return answer


class LruCache:
    """Answers that stay true: whatever they were made from is part of what was asked. Long unused ones go first."""

    def __init__(self) -> None:
        self._answers: LRUCache[Hashable, tuple[Any, int]] = LRUCache(MAX_CACHED_BYTES, getsizeof=lambda kept: kept[1])
        self._lock = Lock()

    def get(self, asked: Hashable) -> Any:
        """The answer, or None where nobody knows it any more."""
        with self._lock:
            answer, _ = self._answers.get(asked, (None, 0))
            return answer

    def put(self, asked: Hashable, answer: Any, *, size: int) -> None:
        """Keep what takes about so many bytes, unless it would fill the shelf alone. Nobody may change it any more."""
        with self._lock:
            if size <= MAX_CACHED_BYTES:
                self._answers[asked] = answer, size
