"""What a process may remember for a minute: what is learned from the past costs nothing when it is asked again."""

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

A_MINUTE = timedelta(minutes=1)
MOST = 1000  # answers of a few hundred bytes each
T = TypeVar("T")


class Memory:
    """Answers by what was asked; the oldest is forgotten when there are too many. Holds no rows of any session."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[datetime, Any]] = {}
        self._lock = Lock()

    def recall(self, asked: Hashable, *, at: datetime, ask: Callable[[], T]) -> T:
        """The answer of the last minute, or else the one that `ask` finds now."""
        kept = self._answers.get(asked)
        if kept is not None and kept[0] <= at < kept[0] + A_MINUTE:
            remembered: T = kept[1]
            return remembered
        answer = ask()
        with self._lock:
            self._answers.pop(asked, None)
            self._answers[asked] = at, answer
            if len(self._answers) > MOST:
                del self._answers[next(iter(self._answers))]
        return answer
