"""The worker keeps the sums that reports are read from; nobody waits for it, for what is marked is counted anew."""

from datetime import datetime, timedelta

from models.reports.refresh import DAYS_AT_ONCE, refresh
from models.session import Database

EVERY = timedelta(seconds=5)  # a day on which much happens is worked out once for all of it


class Sums:
    """Some days every few seconds; without a pause while there are more than are done at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at: datetime | None = None

    def refresh(self) -> int:
        """Work out what is marked, if it is time; how much is left to do at once."""
        at = self._database.clock()
        if self._at is not None and timedelta(0) <= at - self._at < EVERY:
            return 0
        days = refresh(self._database)
        self._at = None if days >= DAYS_AT_ONCE else at
        return days if self._at is None else 0
