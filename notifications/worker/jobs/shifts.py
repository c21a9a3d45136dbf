"""Shift job: asks people whose shift is about to end, records the end of those that ran out, gives back their concerns.

Whether somebody is on shift holds by the clock, whether or not the job has run.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.db.session import ALL_TENANTS, Database
from models.operations.people.shifts import settle_end
from models.staff.shift import Shift
from notifications.decide.announce import announce_near_end
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import for_each_in_own_transaction

SHIFT_INTERVAL = timedelta(seconds=10)
SHIFT_BATCH = 50  # thousands of shifts may end at the same moment: no alert has to wait for all of them


class ShiftJob:
    """Looks a few times a minute, and settles a slice of the shifts that are near their end or over in each round."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(SHIFT_INTERVAL)

    def run(self) -> int:
        """Settle a slice, each shift in its own transaction; return for how many something was done."""
        at = self._database.clock()
        if not self.every.due(at):
            return 0
        stmt = select(Shift.organization_id, Shift.id).where(Shift.is_near_end(at)).order_by(Shift.ends_at, Shift.id)
        with self._database.reading(ALL_TENANTS) as session:
            due = [(organization_id, id_) for organization_id, id_ in session.execute(stmt.limit(SHIFT_BATCH))]
        if len(due) < SHIFT_BATCH:
            self.every.restart(at)
        return for_each_in_own_transaction(
            self._database, due, self._settle, fields=lambda shift_id: {"job": "shifts", "shift_id": str(shift_id)}
        )

    def _settle(self, session: Session, shift_id: UUID) -> bool:
        at = self._database.clock()
        near_end = settle_end(session, shift_id, at=at)
        if near_end is not None:
            announce_near_end(session, near_end, at=at)
        return near_end is not None
