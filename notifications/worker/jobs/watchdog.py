"""The auditor: looks once a minute for what is stuck, sets it going again, and says so; silence is told to nobody."""

from datetime import datetime, timedelta

import requests
import structlog
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.db.session import EVERYTHING, Database
from models.outbox.message import Outgoing, Task
from models.outbox.metric_counter import Tally
from models.outbox.watchdog_run import Inspection
from notifications.decide.escalation import climb_one, due
from notifications.worker.own_transactions import Do, Question, one_by_one

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=60)
LATE = timedelta(seconds=30)
PING_SECONDS = 5.0  # to connect, and again for the answer

OPEN = Alert.state == AlertState.OPEN


def late(at: datetime) -> Select[Alert]:
    """Alerts whose time has come and gone: the next step should have begun, or who took it be reminded."""
    return due(at - LATE)


def stopped(_at: datetime) -> Select[Alert]:
    """Open alerts that no step will come for."""
    return Alert.alone().where(OPEN, Alert.next_step_at.is_(None))


def unreached(at: datetime) -> Select[Alert]:
    """Open alerts for which nobody has found out whom to reach."""
    return Alert.alone().where(
        OPEN, Alert.next_step_at.is_not(None), Alert.reached_at.is_(None), Alert.run_started_at < at - LATE
    )


def stuck(at: datetime, lease: timedelta) -> Select[Outgoing]:
    """What has been leased for longer than twice a lease, by the clock of today or by one that was ahead."""
    too_long = or_(Outgoing.lease_until < at - lease, Outgoing.lease_until > at + 2 * lease)
    return select(Outgoing).where(Outgoing.done_at.is_(None), too_long)


def go_on(_session: Session, alert: Alert, at: datetime) -> None:
    alert.next_step_at = at
    alert.touch()


def reach_again(session: Session, alert: Alert, at: datetime) -> None:
    """Unless it is to be done anyway: then it will be, and one more row would change nothing."""
    to_be_done = select(Outgoing.id).where(
        Outgoing.alert_id == alert.id,
        Outgoing.run_id == alert.run_id,
        Outgoing.task == Task.REACH,
        Outgoing.done_at.is_(None),
    )
    if session.scalars(to_be_done.limit(1)).one_or_none() is None:
        session.add(Outgoing.about(alert, Task.REACH, at=at))


ALERTS: dict[str, tuple[Question, Do]] = {
    "late_step": (late, climb_one),
    "no_next_step": (stopped, go_on),
    "unreached": (unreached, reach_again),
}


class Auditor:
    """One worker's. However many there are, one of them looks each minute."""

    def __init__(self, database: Database, *, lease: timedelta, dead_man_url: str | None) -> None:
        self._database, self._lease, self._dead_man_url = database, lease, dead_man_url
        self._asked_at: datetime | None = None

    def its_turn(self) -> bool:
        """Whether a look is due, and this worker is the one to take it."""
        at = self._database.clock()
        if self._asked_at is not None and timedelta(0) <= at - self._asked_at < EVERY:
            return False
        self._asked_at = at
        with self._database.writing(EVERYTHING) as session:
            return Inspection.take_turn(session, every=EVERY, at=at)

    def look(self) -> bool:
        """Find what is stuck, mend it, write down how much there was. True when there was nothing."""
        found = {name: self._mend(*alerts) for name, alerts in ALERTS.items()}
        with self._database.writing(EVERYTHING) as session:
            found["stuck_lease"] = self._release(session)
            aside = select(func.count()).select_from(Outgoing).where(Outgoing.set_aside_at.is_not(None))
            found["set_aside"] = session.scalars(aside).one()
            Inspection.record(session, found)
            Tally.add(session, {("found", name, ""): count for name, count in found.items() if count})
        if any(found.values()):
            log.error("found stuck", **found)
        return not any(found.values())

    def ping(self) -> None:
        """Tell the one who waits for it that all is well; without it, that one raises the alarm."""
        if self._dead_man_url is None:
            return
        try:
            # Streamed, and so not read: whatever is said there, it is no business of ours.
            requests.get(self._dead_man_url, timeout=PING_SECONDS, stream=True).close()
        except requests.RequestException as error:
            log.warning("dead man not told", error=type(error).__name__)  # no address: there may be a key in it

    def _mend(self, question: Question, mend: Do) -> int:
        """How many were found."""
        with self._database.reading(EVERYTHING) as session:
            count = session.scalars(question(self._database.clock()).with_only_columns(func.count())).one()
        if count:
            one_by_one(self._database, question, mend)
        return count

    def _release(self, session: Session) -> int:
        rows = session.scalars(stuck(self._database.clock(), self._lease).with_for_update(skip_locked=True)).all()
        for row in rows:
            row.lease_id = row.lease_until = None
        return len(rows)
