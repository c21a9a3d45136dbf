"""Rate limits: at most so many hits within a moving window, counted once for all processes that share a counter."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple, Protocol

import structlog

log = structlog.get_logger(__name__)

ASK_AGAIN_AFTER: Final = 5.0  # seconds: a counter that does not answer is left alone for so long
MAX_KEYS_IN_MEMORY: Final = 10_000


class Limit(NamedTuple):
    """At most `amount` hits within any `window`."""

    amount: int
    window: timedelta

    def __str__(self) -> str:
        seconds = int(self.window.total_seconds())
        size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
        return f"{self.amount} in {_counted(seconds // size, unit)}"


_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def _counted(number: int, unit: str) -> str:
    return f"a{'n' if unit == 'hour' else ''} {unit}" if number == 1 else f"{number} {unit}s"


@dataclass(frozen=True)
class Usage:
    """How much of a limit is used, whether the hits in question fitted, and when the oldest hit is forgotten."""

    limit: Limit
    used: int
    allowed: bool
    resets_at: datetime

    @property
    def remaining(self) -> int:
        return max(self.limit.amount - self.used, 0)


class HitCounter(Protocol):
    """Remembers the hits of each key for the window of its limit. Hits that do not fit are not counted."""

    failures: tuple[type[Exception], ...]  # what it raises when it is away

    def count(self, key: str, limit: Limit, hits: Sequence[str], *, at: datetime) -> Usage:
        """Count those of the hits, each with a name, that were not counted within the window; all or none.

        Without hits nothing is written, and the answer says what is used.
        """
        ...

    def take_back(self, key: str, hit: str) -> None:
        """Forget this hit, if it was counted."""
        ...

    def ping(self) -> None:
        """Raise one of `failures` when the counter is away."""
        ...


def admit(
    counted: Mapping[str, float], limit: Limit, hits: Sequence[str], *, at: datetime
) -> tuple[Usage, dict[str, float]]:
    """Return the usage of a limit after these hits, and the hits to remember by name and time (seconds)."""
    now, window = at.timestamp(), limit.window.total_seconds()
    recent = {name: second for name, second in counted.items() if second > now - window}
    new = [name for name in dict.fromkeys(hits) if name not in recent]
    allowed = len(recent) + len(new) <= limit.amount
    if allowed:
        recent |= dict.fromkeys(new, now)
    resets_at = datetime.fromtimestamp(min(recent.values(), default=now - window) + window, UTC)
    return Usage(limit, len(recent), allowed, resets_at), recent


class MemoryCounter:
    """Counts in the memory of this process. Of too many keys it forgets the one that was hit last longest ago."""

    failures: tuple[type[Exception], ...] = ()

    def __init__(self) -> None:
        self._lock = Lock()
        self._hits: OrderedDict[str, dict[str, float]] = OrderedDict()  # by key, the one that was hit last at the end

    def count(self, key: str, limit: Limit, hits: Sequence[str], *, at: datetime) -> Usage:
        with self._lock:
            usage, recent = admit(self._hits.get(key, {}), limit, hits, at=at)
            if hits:
                self._hits[key] = recent
                self._hits.move_to_end(key)
                if len(self._hits) > MAX_KEYS_IN_MEMORY:
                    self._hits.popitem(last=False)
            return usage

    def take_back(self, key: str, hit: str) -> None:
        with self._lock:
            self._hits.get(key, {}).pop(hit, None)

    def ping(self) -> None:
        """It is never away."""

    def forget(self) -> None:
        """Forget all hits."""
        with self._lock:
            self._hits.clear()


class RateLimiter:
    """Asks a counter, and while that is away counts in the memory of this process: signing in goes on."""

    def __init__(self, counter: HitCounter) -> None:
        self.counter = counter
        self._fallback = MemoryCounter()
        self._left_alone_until = 0.0  # by time.monotonic

    def count(self, limit: Limit, *key: str, hits: Sequence[str], at: datetime) -> Usage:
        """Count these hits by their names, of which each counts once within the window."""
        digest = _digest(limit, key)
        if time.monotonic() >= self._left_alone_until:
            try:
                return self.counter.count(digest, limit, hits, at=at)
            except self.counter.failures as error:
                self._leave_alone(error)
        return self._fallback.count(digest, limit, hits, at=at)

    def take_back(self, limit: Limit, *key: str, hit: str) -> None:
        """Forget a hit that was counted, wherever that was."""
        digest = _digest(limit, key)
        self._fallback.take_back(digest, hit)
        if time.monotonic() >= self._left_alone_until:
            try:
                self.counter.take_back(digest, hit)
            except self.counter.failures as error:
                self._leave_alone(error)

    def is_away(self) -> bool:
        """Return whether the counter is away now, so that each process counts for itself."""
        try:
            self.counter.ping()
        except self.counter.failures:
            return True
        return False

    def _leave_alone(self, error: Exception) -> None:
        self._left_alone_until = time.monotonic() + ASK_AGAIN_AFTER
        log.warning("rate limits counted in this process only", error=type(error).__name__)


def _digest(limit: Limit, key: Sequence[str]) -> str:
    """Return what a counter knows a key by: keys name logins and addresses, which are personal data."""
    name = "\0".join([str(limit.amount), str(limit.window.total_seconds()), *key])
    return hashlib.sha256(name.encode()).hexdigest()
