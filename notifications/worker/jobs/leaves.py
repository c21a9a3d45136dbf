"""Leave job: carries out planned leaves, and hands over what was given to somebody while they were leaving."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.db.session import ALL_TENANTS, Database
from models.operations.people.leave_staff import carry_out_planned, hand_over_leftovers, has_due_leave, left_something
from models.staff.staff import Staff
from notifications.decide.open_work import announce_open_work
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import for_each_in_own_transaction

LEAVE_INTERVAL = timedelta(seconds=20)
LEAVE_BATCH = 100


class LeaveJob:
    """Looks a few times a minute. From the planned moment on nobody can sign in, whether or not the job has run."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(LEAVE_INTERVAL)

    def run(self) -> int:
        """Carry out what is due, each leave in its own transaction; return how many there were."""
        at = self._database.clock()
        if not self.every.due(at):
            return 0
        with self._database.reading(ALL_TENANTS) as session:
            due, late = (_find(session, which) for which in (has_due_leave(at), left_something(at)))
        if len(due) < LEAVE_BATCH:
            self.every.restart(at)
        log_fields = lambda staff_id: {"job": "leaves", "staff_id": str(staff_id)}  # noqa: E731 one line, twice
        done = for_each_in_own_transaction(self._database, due, self._carry_out, fields=log_fields)
        return done + for_each_in_own_transaction(self._database, late, self._hand_over, fields=log_fields)

    def _carry_out(self, session: Session, staff_id: UUID) -> bool:
        leave = carry_out_planned(session, staff_id, at=self._database.clock())
        if leave is not None:
            announce_open_work(session, leave.work)
        return leave is not None

    def _hand_over(self, session: Session, staff_id: UUID) -> bool:
        leave = hand_over_leftovers(session, staff_id, at=self._database.clock())
        if leave is not None:
            announce_open_work(session, leave.work)
        return leave is not None and bool(leave.concerns or leave.follow_ups)


def _find(session: Session, which: ColumnElement[bool]) -> list[tuple[UUID, UUID]]:
    stmt = select(Staff.organization_id, Staff.id).where(which).order_by(Staff.organization_id, Staff.id)
    return [(organization_id, staff_id) for organization_id, staff_id in session.execute(stmt.limit(LEAVE_BATCH))]
