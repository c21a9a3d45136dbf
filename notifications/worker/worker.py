"""Worker: does in rounds what is due, from escalation steps to deliveries and periodic jobs."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from models.db.failures import is_unavailable
from models.db.session import ALL_TENANTS, Database
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from notifications.channels.base import Channel
from notifications.decide.approvals import expire_approvals
from notifications.decide.escalation import (
    auto_release,
    escalate_alert,
    escalate_due,
    find_recipients,
    select_due,
)
from notifications.decide.follow_ups import break_overdue, remind
from notifications.decide.informational import find_readers
from notifications.decide.withdrawals import find_withdrawals
from notifications.worker.circuit_breaker import CircuitBreaker
from notifications.worker.claims import Claims, log_fields
from notifications.worker.dispatcher import MAX_WAIT_SECONDS, Dispatcher
from notifications.worker.jobs.cleanup import CleanupJob
from notifications.worker.jobs.day_end import DayEndJob
from notifications.worker.jobs.heartbeat import HeartbeatJob
from notifications.worker.jobs.leaves import LeaveJob
from notifications.worker.jobs.moved_addresses import MovedAddressJob
from notifications.worker.jobs.refile import RefileJob
from notifications.worker.jobs.rollups import RollupJob
from notifications.worker.jobs.shifts import ShiftJob
from notifications.worker.jobs.watchdog import WatchdogJob
from notifications.worker.lane import OLDEST_SHARE, share_of_oldest
from notifications.worker.own_transactions import for_each_alert, for_each_in_own_transaction

log = structlog.get_logger(__name__)

HANDLERS: Mapping[OutboxKind, Callable[..., None]] = {
    OutboxKind.FIND_RECIPIENTS: find_recipients,
    OutboxKind.FIND_WITHDRAWALS: find_withdrawals,
    OutboxKind.AUTO_RELEASE: auto_release,
    OutboxKind.FIND_READERS: find_readers,
    OutboxKind.EXPIRE_APPROVALS: expire_approvals,
    OutboxKind.REMIND_OWNER: remind,
    OutboxKind.BREAK_FOLLOW_UP: break_overdue,
}
# Decisions are carried out one after the other, for so long in each round: what was decided before has to be sent.
DECISION_BATCH, DECIDING_SECONDS, FORGOTTEN_SECONDS = 16, 0.25, 0.001


class Worker:
    """Works on the outbox in rounds. Any number of workers may run side by side.

    A message that fails holds up no other, nor does a service that is away. A worker that dies leaves leases behind,
    which end after `lease`; then another worker takes its messages over.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        *,
        name: str,
        lease: timedelta = OUTBOX_LEASE,
        max_wait: float = MAX_WAIT_SECONDS,
        dead_man_url: str | None = None,
    ) -> None:
        """Set up a worker.

        Args:
            database: opened with the worker's role.
            channels: the channel of each service, see notifications/channels/.
            name: unique name of this worker, for its heartbeat.
            lease: how long a claimed message is withheld from other workers.
            max_wait: seconds a round waits for its deliveries.
            dead_man_url: pinged once a minute while the watchdog finds nothing.

        """
        self._database = database
        breakers = {service: CircuitBreaker() for service in channels}
        self._claims = Claims(database, lease)
        self._rounds = 0
        self._spent: defaultdict[UUID, float] = defaultdict(float)  # seconds on decisions of each organization, of late
        self._heartbeat = HeartbeatJob(database, name, breakers)
        self._dispatcher = Dispatcher(
            database, channels, breakers, count=self._heartbeat.count, lease=lease, max_wait=max_wait
        )
        self._rollups, self._day_end, self._cleanup = RollupJob(database), DayEndJob(database), CleanupJob(database)
        self._refile, self._leaves, self._shifts = RefileJob(database), LeaveJob(database), ShiftJob(database)
        self._moved = MovedAddressJob(database)
        self._watchdog = WatchdogJob(database, lease=lease, dead_man_url=dead_man_url)

    def work_once(self) -> int:
        """Do one round: escalate, decide, deliver, and run the jobs that are due. Return how much there was to do."""
        self._heartbeat.run()
        self._dispatcher.renew_leases()
        self._cleanup.run()
        done = self._leaves.run() + self._shifts.run() + self._moved.run() + self._escalate() + self._day_end.run()
        done += self._decide() + self._dispatcher.dispatch()
        self._watchdog.run()
        return done + self._refile.run() + self._rollups.run()

    def close(self) -> None:
        """Finish deliveries that were started, and close the channels."""
        self._dispatcher.close()
        self._watchdog.close()
        self._heartbeat.stop()

    def _escalate(self) -> int:
        """Take all alerts that are due a step further in one transaction; if one breaks it, each in its own."""
        try:
            with self._database.writing(ALL_TENANTS) as session:
                return escalate_due(session, at=self._database.clock())
        except Exception as error:  # whatever it is, it must not hold up the other alerts, nor deliveries
            if is_unavailable(error):
                raise
            log.exception("unexpected error", job="escalate")
            return for_each_alert(self._database, select_due, escalate_alert)

    def _decide(self) -> int:
        """Carry out decisions, such as whom a step reaches, for a moment; return how many were claimed.

        What is not begun is given back, also when the database fails meanwhile.
        """
        waiting: deque[OutboxMessage] = deque()
        try:
            self._claim_decisions(waiting)
            claimed = len(waiting)
            for_each_in_own_transaction(
                self._database,
                self._for_a_moment(waiting),
                self._decide_one,
                fields=log_fields,
                on_error=self._claims.record_failure,
                raise_unavailable=False,
            )
        finally:
            if waiting:
                self._claims.give_back(waiting)
        return claimed

    def _claim_decisions(self, waiting: deque[OutboxMessage]) -> None:
        """Claim a batch of decisions, most of it in fair order and the rest the oldest first.

        What is urgent comes first. A decision may call one phone or a hundred: so an organization comes the later, the
        more time its decisions of late have taken. As there may be time for the first one only, the oldest take turns
        at standing first.
        """
        self._rounds += 1
        turn_of_oldest = self._rounds % OLDEST_SHARE == 0
        for_oldest = share_of_oldest(DECISION_BATCH)
        limits = {False: DECISION_BATCH - for_oldest, True: for_oldest}
        for oldest_first in sorted(limits, reverse=turn_of_oldest):
            limit = limits[oldest_first]
            waiting.extend(self._claims.claim(tuple(HANDLERS), limit=limit, oldest_first=oldest_first))
        first = [waiting.popleft()] if turn_of_oldest and waiting else []
        others = sorted(waiting, key=lambda message: (not message.urgent, self._spent[message.organization_id]))
        waiting.clear()
        waiting.extend([*first, *others])

    def _for_a_moment(self, waiting: deque[OutboxMessage]) -> Iterator[tuple[UUID, OutboxMessage]]:
        """Take messages with their organizations until the time is up, and note how long each took."""
        for organization_id in list(self._spent):
            self._spent[organization_id] /= 2
            if self._spent[organization_id] < FORGOTTEN_SECONDS:
                del self._spent[organization_id]
        started = time.monotonic()
        until = started + DECIDING_SECONDS
        while waiting:
            message = waiting.popleft()
            yield message.organization_id, message
            ended = time.monotonic()
            self._spent[message.organization_id] += ended - started
            started = ended
            if ended >= until:
                return

    def _decide_one(self, session: Session, claimed: OutboxMessage) -> None:
        outbox_message = self._claims.lock(session, claimed)
        if outbox_message is not None:
            at = self._database.clock()
            HANDLERS[outbox_message.kind](session, outbox_message, at=at)
            outbox_message.finish(at=at)
