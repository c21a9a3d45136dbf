"""Timer of periodic jobs."""

from datetime import datetime, timedelta


class Every:
    """Timer that is due at first and then once per interval.

    It is due, too, when the clock was set back: otherwise a job would stand still until the clock has caught up.
    """

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval
        self._started_at: datetime | None = None

    def due(self, at: datetime) -> bool:
        return self._started_at is None or not timedelta(0) <= at - self._started_at < self._interval

    def restart(self, at: datetime) -> None:
        """Start a new interval. A job that failed or has work left does not, and is due in the next round again."""
        self._started_at = at
