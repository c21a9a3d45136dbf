"""Once an hour the worker forgets what has had its time."""

from datetime import datetime, timedelta

from models.db.idempotency import AnsweredRequest
from models.db.session import EVERYTHING, Database
from models.outbox.admin import FORGOTTEN_AT_ONCE, forget_done
from models.staff.credentials import StaffSession

EVERY = timedelta(hours=1)


class Tidying:
    """Keys of answered requests, sign-ins, what was done: of the last there may be much, so some in each round."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at: datetime | None = None

    def tidy(self) -> None:
        """Forget some of it, if it is time, until no more is left."""
        at = self._database.clock()
        if self._at is not None and at - self._at < EVERY:
            return
        with self._database.writing(EVERYTHING) as session:
            AnsweredRequest.forget_old(session, at=at)
            StaffSession.forget_expired(session, at=at)
            if forget_done(session, at=at) < FORGOTTEN_AT_ONCE:
                self._at = at
