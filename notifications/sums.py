"""The worker keeps the sums that reports are read from; nobody waits for it, for what is marked is counted anew."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from models.reports.refresh import DAYS_AT_ONCE, refresh
from models.session import Database

log = structlog.get_logger(__name__)
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
        self._at = at
        try:
            days = refresh(self._database)
        except DBAPIError:
            raise
        except Exception:  # whatever it is, it must not hold up the letters
            log.exception("unforeseen", task="sums")
            return 0
        if days >= DAYS_AT_ONCE:
            self._at = None
        return days if self._at is None else 0
