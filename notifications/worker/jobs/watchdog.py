"""The auditor: looks once a minute for what is stuck, sets it going again, and says so; silence is told to nobody."""

from datetime import datetime, timedelta

import requests
import structlog
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.db.session import ALL_TENANTS, Database
from models.outbox.message import OutboxKind, OutboxMessage
from models.outbox.metric_counter import MetricCounter
from models.outbox.watchdog_run import WatchdogRun
from notifications.decide.escalation import escalate_alert, select_due
from notifications.worker.own_transactions import AlertAction, AlertStatement, for_each_alert

log = structlog.get_logger(__name__)

WATCHDOG_INTERVAL = timedelta(seconds=60)
LATE_AFTER = timedelta(seconds=30)
PING_TIMEOUT_SECONDS = 5.0  # to connect, and again for the answer

IS_OPEN = Alert.state == AlertState.OPEN


def select_late(at: datetime) -> Select[Alert]:
    """Alerts whose time has come and gone: the next step should have begun, or who took it be reminded."""
    return select_due(at - LATE_AFTER)


def select_without_next_step(_at: datetime) -> Select[Alert]:
    """Open alerts that no step will come for."""
    return Alert.alone().where(IS_OPEN, Alert.next_step_at.is_(None))


def select_unreached(at: datetime) -> Select[Alert]:
    """Open alerts for which nobody has found out whom to reach."""
    return Alert.alone().where(
        IS_OPEN,
        Alert.next_step_at.is_not(None),
        Alert.recipients_found_at.is_(None),
        Alert.run_started_at < at - LATE_AFTER,
    )


def select_stuck(at: datetime, lease: timedelta) -> Select[OutboxMessage]:
    """What has been leased for longer than twice a lease, by the clock of today or by one that was ahead."""
    too_long = or_(OutboxMessage.lease_until < at - lease, OutboxMessage.lease_until > at + 2 * lease)
    return select(OutboxMessage).where(OutboxMessage.done_at.is_(None), too_long)


def resume(_session: Session, alert: Alert, at: datetime) -> None:
    alert.next_step_at = at
    alert.bump_version()


def find_recipients_again(session: Session, alert: Alert, at: datetime) -> None:
    """Unless it is to be done anyway: then it will be, and one more row would change nothing."""
    to_be_done = select(OutboxMessage.id).where(
        OutboxMessage.alert_id == alert.id,
        OutboxMessage.run_id == alert.run_id,
        OutboxMessage.kind == OutboxKind.FIND_RECIPIENTS,
        OutboxMessage.done_at.is_(None),
    )
    if session.scalars(to_be_done.limit(1)).one_or_none() is None:
        session.add(OutboxMessage.for_alert(alert, OutboxKind.FIND_RECIPIENTS, at=at))


REPAIRS: dict[str, tuple[AlertStatement, AlertAction]] = {
    "late_step": (select_late, escalate_alert),
    "no_next_step": (select_without_next_step, resume),
    "unreached": (select_unreached, find_recipients_again),
}


class WatchdogJob:
    """One worker's. However many there are, one of them looks each minute."""

    def __init__(self, database: Database, *, lease: timedelta, dead_man_url: str | None) -> None:
        self._database, self._lease, self._dead_man_url = database, lease, dead_man_url
        self._asked_at: datetime | None = None

    def its_turn(self) -> bool:
        """Whether a look is due, and this worker is the one to take it."""
        at = self._database.clock()
        if self._asked_at is not None and timedelta(0) <= at - self._asked_at < WATCHDOG_INTERVAL:
            return False
        self._asked_at = at
        with self._database.writing(ALL_TENANTS) as session:
            return WatchdogRun.take_turn(session, every=WATCHDOG_INTERVAL, at=at)

    def look(self) -> bool:
        """Find what is stuck, mend it, write down how much there was. True when there was nothing."""
        found = {name: self._mend(*alerts) for name, alerts in REPAIRS.items()}
        with self._database.writing(ALL_TENANTS) as session:
            found["stuck_lease"] = self._release(session)
            aside = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.dead_lettered_at.is_not(None))
            found["dead_lettered"] = session.scalars(aside).one()
            WatchdogRun.record(session, found)
            MetricCounter.add(session, {("found", name, ""): count for name, count in found.items() if count})
        if any(found.values()):
            log.error("watchdog found stuck rows", **found)
        return not any(found.values())

    def ping(self) -> None:
        """Tell the one who waits for it that all is well; without it, that one raises the alarm."""
        if self._dead_man_url is None:
            return
        try:
            # Streamed, and so not read: whatever is said there, it is no business of ours.
            requests.get(self._dead_man_url, timeout=PING_TIMEOUT_SECONDS, stream=True).close()
        except requests.RequestException as error:
            log.warning("dead-man ping failed", error=type(error).__name__)  # no address: there may be a key in it

    def _mend(self, stmt: AlertStatement, mend: AlertAction) -> int:
        """How many were found."""
        with self._database.reading(ALL_TENANTS) as session:
            count = session.scalars(stmt(self._database.clock()).with_only_columns(func.count())).one()
        if count:
            for_each_alert(self._database, stmt, mend)
        return count

    def _release(self, session: Session) -> int:
        rows = session.scalars(
            select_stuck(self._database.clock(), self._lease).with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.lease_id = row.lease_until = None
        return len(rows)
