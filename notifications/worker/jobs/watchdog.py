"""Watchdog job: looks once a minute for what is stuck, sets it going again and reports it.

After a run that found nothing it pings a dead-man's switch. That service raises the alarm when no ping comes.
"""

from concurrent.futures import Future, ThreadPoolExecutor
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
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import AlertAction, AlertStatement, for_each_alert

log = structlog.get_logger(__name__)

WATCHDOG_INTERVAL = timedelta(seconds=60)
OVERDUE_AFTER = timedelta(seconds=30)
PING_TIMEOUT_SECONDS = 5.0  # to connect, and again for the answer

IS_OPEN = Alert.state == AlertState.OPEN


def select_late(at: datetime) -> Select[Alert]:
    """Select alerts that are overdue for their next step, or for the reminder of whoever took them."""
    return select_due(at - OVERDUE_AFTER)


def select_without_next_step(_at: datetime) -> Select[Alert]:
    """Select open alerts without a time for their next step."""
    return Alert.select_without_notifications().where(IS_OPEN, Alert.next_step_at.is_(None))


def select_unreached(at: datetime) -> Select[Alert]:
    """Select open alerts whose recipients have not been determined."""
    return Alert.select_without_notifications().where(
        IS_OPEN,
        Alert.next_step_at.is_not(None),
        Alert.recipients_found_at.is_(None),
        Alert.run_started_at < at - OVERDUE_AFTER,
    )


def select_stuck(at: datetime, lease: timedelta) -> Select[OutboxMessage]:
    """Select messages whose lease ended a whole lease ago, or ends so late that the clock must have been ahead."""
    too_long = or_(OutboxMessage.lease_until < at - lease, OutboxMessage.lease_until > at + 2 * lease)
    return select(OutboxMessage).where(OutboxMessage.done_at.is_(None), too_long)


def resume(_session: Session, alert: Alert, at: datetime) -> None:
    """Make the next step of the alert due now."""
    alert.next_step_at = at
    alert.bump_version()


def find_recipients_again(session: Session, alert: Alert, at: datetime) -> None:
    """Queue the search for recipients, unless it is queued already."""
    queued = select(OutboxMessage.id).where(
        OutboxMessage.alert_id == alert.id,
        OutboxMessage.run_id == alert.run_id,
        OutboxMessage.kind == OutboxKind.FIND_RECIPIENTS,
        OutboxMessage.done_at.is_(None),
    )
    if session.scalars(queued.limit(1)).one_or_none() is None:
        session.add(OutboxMessage.for_alert(alert, OutboxKind.FIND_RECIPIENTS, at=at))


REPAIRS: dict[str, tuple[AlertStatement, AlertAction]] = {
    "late_step": (select_late, escalate_alert),
    "no_next_step": (select_without_next_step, resume),
    "unreached": (select_unreached, find_recipients_again),
}


class WatchdogJob:
    """Watchdog of one worker. However many workers there are, one of them runs it each minute."""

    def __init__(self, database: Database, *, lease: timedelta, dead_man_url: str | None) -> None:
        self._database, self._lease, self._dead_man_url = database, lease, dead_man_url
        self.every = Every(WATCHDOG_INTERVAL)
        self._pings = ThreadPoolExecutor(1, thread_name_prefix="ping")
        self._ping: Future[None] | None = None

    def run(self) -> None:
        """Check and repair if it is this worker's turn, and ping the dead-man's switch if nothing was found.

        The ping goes out from a thread of its own: a switch that does not answer holds up nobody.
        """
        if not self.take_turn() or not self.check():
            return
        if self._ping is None or self._ping.done():
            self._ping = self._pings.submit(self.ping)

    def close(self) -> None:
        """Wait for a ping that is on its way."""
        self._pings.shutdown(wait=True)

    def take_turn(self) -> bool:
        """Return whether a run is due and this worker is the one to do it."""
        at = self._database.clock()
        if not self.every.due(at):
            return False
        self.every.restart(at)
        with self._database.writing(ALL_TENANTS) as session:
            return WatchdogRun.take_turn(session, every=WATCHDOG_INTERVAL, at=at)

    def check(self) -> bool:
        """Find what is stuck, repair it and record how much there was. Return whether there was nothing."""
        counts = {name: self._repair(*alerts) for name, alerts in REPAIRS.items()}
        with self._database.writing(ALL_TENANTS) as session:
            counts["stuck_lease"] = self._release(session)
            dead_letters = (
                select(func.count()).select_from(OutboxMessage).where(OutboxMessage.dead_lettered_at.is_not(None))
            )
            counts["dead_lettered"] = session.scalars(dead_letters).one()
            WatchdogRun.record(session, counts)
            MetricCounter.add(session, {("found", name, ""): count for name, count in counts.items() if count})
        if any(counts.values()):
            log.error("watchdog found stuck rows", **counts)
        return not any(counts.values())

    def ping(self) -> None:
        """Ping the dead-man's switch, if one is configured."""
        if self._dead_man_url is None:
            return
        try:
            # With `stream` the body of the answer is not read. A redirect is not followed: whoever answers at that
            # address would choose what this machine asks for, inside its network as well.
            with requests.get(
                self._dead_man_url, timeout=PING_TIMEOUT_SECONDS, stream=True, allow_redirects=False
            ) as answer:
                if not answer.ok or answer.is_redirect:
                    log.warning("dead-man ping failed", status=answer.status_code)
        except requests.RequestException as error:
            log.warning("dead-man ping failed", error=type(error).__name__)  # no URL: it may contain a key

    def _repair(self, stmt: AlertStatement, repair: AlertAction) -> int:
        """Repair the alerts of a statement, each by itself; return how many there were."""
        with self._database.reading(ALL_TENANTS) as session:
            count = session.scalars(stmt(self._database.clock()).with_only_columns(func.count())).one()
        if count:
            for_each_alert(self._database, stmt, repair)
        return count

    def _release(self, session: Session) -> int:
        """End the leases of stuck messages; return how many there were."""
        rows = session.scalars(
            select_stuck(self._database.clock(), self._lease).with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.lease_id = row.lease_until = None
        return len(rows)
