"""Caches of one process: answers that may be a minute old, and answers that stay true.

Neither may hold rows of a session.
"""

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from cachetools import FIFOCache, LRUCache

CACHE_TTL = timedelta(minutes=1)
MAX_CACHED_ANSWERS = 1000  # of a few hundred bytes each
MAX_CACHED_BYTES = 32 * 2**20  # of one LruCache
T = TypeVar("T")


class TtlCache:
    """Answers that may be used for `CACHE_TTL`. The oldest is evicted when there are more than `MAX_CACHED_ANSWERS`.

    This is not cachetools' TTLCache. That one reads a timer of its own, which must never go back. Here the caller
    passes the instant, as everywhere in the application, and no answer is used for an instant before it was computed.
    """

    def __init__(self) -> None:
        self._answers: FIFOCache[Hashable, tuple[datetime, Any]] = FIFOCache(MAX_CACHED_ANSWERS)
        self._lock = Lock()

    def get_or_compute(self, key: Hashable, *, at: datetime, compute: Callable[[], T]) -> T:
        """Return the cached answer, or compute and cache it. An error of `compute` is raised and not cached."""
        with self._lock:
            cached = self._answers.get(key)
        if cached is not None and cached[0] <= at < cached[0] + CACHE_TTL:
            cached_answer: T = cached[1]
            return cached_answer
        answer = compute()  # outside the lock: it asks the database
        with self._lock:
            self._answers[key] = at, answer
        return answer


class LruCache:
    """Answers that stay true, because the key contains everything they were computed from.

    Takes up to `MAX_CACHED_BYTES`; the least recently used answer is evicted first.
    """

    def __init__(self) -> None:
        self._answers: LRUCache[Hashable, tuple[Any, int]] = LRUCache(
            MAX_CACHED_BYTES, getsizeof=lambda answer_and_size: answer_and_size[1]
        )
        self._lock = Lock()

    def get(self, key: Hashable) -> Any:
        """Return the cached answer, or None."""
        with self._lock:
            answer, _ = self._answers.get(key, (None, 0))
            return answer

    def put(self, key: Hashable, answer: Any, *, size: int) -> None:
        """Cache an answer of about `size` bytes, unless it alone exceeds the cache. Nobody may change it afterwards."""
        with self._lock:
            if size <= MAX_CACHED_BYTES:
                self._answers[key] = answer, size
