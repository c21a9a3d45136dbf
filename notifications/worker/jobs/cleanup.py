"""Once an hour the worker forgets what has had its time."""

from datetime import datetime, timedelta

from models.db.idempotency import IdempotencyKey
from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import DELETE_BATCH, delete_done
from models.staff.credentials import StaffSession

CLEANUP_INTERVAL = timedelta(hours=1)


class CleanupJob:
    """Keys of answered requests, sign-ins, what was done: of the last there may be much, so some in each round."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at: datetime | None = None

    def tidy(self) -> None:
        """Forget some of it, if it is time, until no more is left."""
        at = self._database.clock()
        if self._at is not None and at - self._at < CLEANUP_INTERVAL:
            return
        with self._database.writing(ALL_TENANTS) as session:
            IdempotencyKey.delete_expired(session, at=at)
            StaffSession.delete_expired(session, at=at)
            if delete_done(session, at=at) < DELETE_BATCH:
                self._at = at
