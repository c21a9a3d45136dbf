"""The worker: claims what is due, sends it outside any transaction, records what became of it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import ColumnElement, not_, or_, true
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.base import ExecutableOption

from models.alerts.notification import Notification
from models.db.engines import DATABASE_UNAVAILABLE
from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import mark_circuit_open
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from notifications.channels.base import DEVICE_SERVICES, Channel, DeliveryResult, Message
from notifications.channels.registry import PERSON_CHANNELS
from notifications.decide.approvals import expire_approvals
from notifications.decide.escalation import (
    auto_release,
    escalate_alert,
    escalate_due,
    find_recipients,
    find_withdrawals,
    select_due,
)
from notifications.decide.follow_ups import break_overdue, remind
from notifications.decide.informational import find_readers
from notifications.messages.compose import MESSAGE_OPTIONS, compose_messages
from notifications.worker.circuit_breaker import CircuitBreaker
from notifications.worker.delivery import after_dead_letter, back_off, record_result
from notifications.worker.jobs.cleanup import CleanupJob
from notifications.worker.jobs.day_end import DayEndJob
from notifications.worker.jobs.every import Every
from notifications.worker.jobs.heartbeat import HeartbeatJob
from notifications.worker.jobs.rollups import RollupJob
from notifications.worker.jobs.watchdog import WatchdogJob
from notifications.worker.lane import Lane
from notifications.worker.own_transactions import for_each_alert

log = structlog.get_logger(__name__)
T = TypeVar("T")

HANDLERS: Mapping[OutboxKind, Callable[..., None]] = {
    OutboxKind.FIND_RECIPIENTS: find_recipients,
    OutboxKind.FIND_WITHDRAWALS: find_withdrawals,
    OutboxKind.AUTO_RELEASE: auto_release,
    OutboxKind.FIND_READERS: find_readers,
    OutboxKind.EXPIRE_APPROVALS: expire_approvals,
    OutboxKind.REMIND_OWNER: remind,
    OutboxKind.BREAK_FOLLOW_UP: break_overdue,
}
RESULT_OPTIONS = (joinedload(OutboxMessage.notification).lazyload(Notification.staff),)
DELIVERY_KINDS = (OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO, OutboxKind.DELIVER_WITHDRAWAL)
DECISION_BATCH = 32
PUSH_THREADS = 16
MAX_PUSHES_IN_FLIGHT = 2 * PUSH_THREADS
ROUND_WAIT_SECONDS = 0.05  # seconds a round waits for its letters; those that take longer do not hold up the next round


class Worker:
    """Does the work of the outbox in rounds. Any number of them may run side by side.

    A row that fails never holds up the others, nor does a service that is away. A worker that dies leaves leases
    behind, which run out after `lease`; while a letter is out its lease is renewed, so that nobody sends it as well.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        *,
        name: str,
        lease: timedelta = OUTBOX_LEASE,
        patience: float = ROUND_WAIT_SECONDS,
        dead_man_url: str | None = None,
    ) -> None:
        self._database, self._channels, self._lease, self._patience = database, channels, lease, patience
        self._breakers = {service: CircuitBreaker() for service in channels}
        self._heartbeat = HeartbeatJob(database, name, self._breakers)
        self._rollups, self._day_end, self._cleanup = RollupJob(database), DayEndJob(database), CleanupJob(database)
        self._watchdog = WatchdogJob(database, lease=lease, dead_man_url=dead_man_url)
        threads = PUSH_THREADS + sum(channel.max_in_flight for channel in PERSON_CHANNELS.values())
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="send")
        to_people = OutboxMessage.goes_to(PERSON_CHANNELS.keys())
        self._lanes = (
            Lane(not_(to_people), channels.keys() - PERSON_CHANNELS.keys(), MAX_PUSHES_IN_FLIGHT),
            *(
                Lane(OutboxMessage.goes_to([name]), channels.keys() & {name}, channel.max_in_flight)
                for name, channel in PERSON_CHANNELS.items()
            ),
        )
        self._sending: dict[Future[None], OutboxMessage] = {}
        self._probing: dict[str, set[Future[None]]] = {}
        self._every_renewal = Every(lease / 4)

    def work_once(self) -> int:
        """One round: climb, decide, send, and look after what may be stuck. Returns how much there was to do."""
        self._heartbeat.run()
        self._renew()
        self._cleanup.run()
        done = self._escalate() + self._day_end.run() + self._decide() + self._send()
        self._watchdog.run()
        return done + self._rollups.run()

    def close(self) -> None:
        """Finish what is being sent, and let go of the channels."""
        while self._sending:
            wait(self._sending, timeout=self._patience)
            self._renew()
        self._pool.shutdown(wait=True)
        for channel in set(self._channels.values()):
            channel.close()
        self._watchdog.close()
        self._heartbeat.stop()

    def _renew(self) -> None:
        """Hold on to what is still out, well before its lease runs out."""
        self._sending = {
            future: outbox_message for future, outbox_message in self._sending.items() if not future.done()
        }
        at = self._database.clock()
        if not self._every_renewal.due(at):
            return
        self._every_renewal.restart(at)
        if self._sending:
            try:
                with self._database.writing(ALL_TENANTS) as session:
                    OutboxMessage.renew(session, self._sending.values(), at=at, lease=self._lease)
            except DATABASE_UNAVAILABLE as error:
                log.warning("leases not renewed", error=type(error).__name__)

    def _escalate(self) -> int:
        """All that is due at once; should one of them break that, each by itself."""
        try:
            with self._database.writing(ALL_TENANTS) as session:
                return escalate_due(session, at=self._database.clock())
        except DATABASE_UNAVAILABLE:
            raise
        except Exception:  # whatever it is, it must not hold up the others, nor the letters
            log.exception("unexpected error", job="escalate")
            return for_each_alert(self._database, select_due, escalate_alert)

    def _decide(self) -> int:
        """Turn 'a step began' and 'it was answered' into one task per phone, each in its own transaction."""
        claimed = self._claim(tuple(HANDLERS), limit=DECISION_BATCH)
        for outbox_message in claimed:
            try:
                self._with_claimed(outbox_message, self._decide_one)
            except Exception as error:  # noqa: BLE001 whatever it is, it must not hold up the others
                self._fail(outbox_message, error)
        return len(claimed)

    def _decide_one(self, session: Session, outbox_message: OutboxMessage) -> None:
        at = self._database.clock()
        HANDLERS[outbox_message.kind](session, outbox_message, at=at)
        outbox_message.finish(at=at)

    def _send(self) -> int:
        """Fill the lanes, phones first. A round waits for what it begins; where a lane is full, for the next to end."""
        before = set(self._sending)
        found = sum(self._fill(lane) if lane.free else lane.in_hand for lane in self._lanes)
        if begun := self._sending.keys() - before:
            wait(begun, timeout=self._patience)
        elif found:
            wait(self._sending, timeout=self._patience, return_when=FIRST_COMPLETED)
        return found

    def _fill(self, lane: Lane) -> int:
        """Claim a little more than can be sent at once, so that no thread waits for a round.

        Letters to a service that is away stay where they are, and say so; one at a time goes out to see whether it is
        back.
        """
        at = self._database.clock()
        away = [service for service in lane.services if self._breakers[service].open]
        waiting = _goes_to_services(*away)
        only = or_(not_(waiting), OutboxMessage.out_of_time(at)) if away else true()
        if away:
            with self._database.writing(ALL_TENANTS) as session:
                mark_circuit_open(session, waiting)
        claimed = self._claim_letters(limit=lane.free, only=lane.which & only)
        self._begin(claimed, lane)
        for service in away:
            if lane.free and self._may_probe(service, at):
                probe = self._claim_letters(limit=1, only=_goes_to_services(service))
                self._probing[service] = self._begin(probe, lane)
                claimed |= probe
        return len(claimed)

    def _may_probe(self, service: str, at: datetime) -> bool:
        out = any(not probe.done() for probe in self._probing.get(service, ()))
        return not out and self._breakers[service].may_probe(at)

    def _claim_letters(self, *, limit: int, only: ColumnElement[bool]) -> dict[OutboxMessage, Message | None]:
        """What is due, with its letter; None for what is of no use any more, which is done, and for what broke.

        All in one transaction, for that is what a letter costs most. Should one of them break it, each of them is
        written by itself.
        """
        try:
            with self._database.writing(ALL_TENANTS) as session:
                at = self._database.clock()
                options: dict[str, Any] = {
                    "limit": limit,
                    "lease": self._lease,
                    "only": only,
                    "options": MESSAGE_OPTIONS,
                }
                claimed = OutboxMessage.claim(session, DELIVERY_KINDS, at=at, **options)
                return compose_messages(session, claimed, at=at)
        except DATABASE_UNAVAILABLE:
            raise
        except Exception:  # whatever it is, it must not hold up the others
            log.exception("unexpected error", job="compose")
            return dict.fromkeys(self._claim(DELIVERY_KINDS, limit=limit, only=only))

    def _begin(self, claimed: Mapping[OutboxMessage, Message | None], lane: Lane) -> set[Future[None]]:
        to_do = {
            outbox_message: message for outbox_message, message in claimed.items() if outbox_message.done_at is None
        }
        begun = {
            self._pool.submit(self._deliver, outbox_message, message): outbox_message
            for outbox_message, message in to_do.items()
        }
        self._sending |= begun
        lane.out |= begun.keys()
        return set(begun)

    def _deliver(self, claimed: OutboxMessage, message: Message | None) -> None:
        """One letter, in a thread of the pool: written unless it is, sent with no transaction open, recorded."""
        try:
            message = message or self._with_claimed(claimed, self._write, options=MESSAGE_OPTIONS)
            if message is not None:
                result = self._channels[message.recipient.service].deliver(message)
                self._note(message, result)
                self._with_claimed(
                    claimed,
                    lambda session, outbox_message: self._settle(session, outbox_message, message, result),
                    options=RESULT_OPTIONS,
                )
        except Exception as error:  # noqa: BLE001 as above
            self._fail(claimed, error)

    def _write(self, session: Session, outbox_message: OutboxMessage) -> Message | None:
        return compose_messages(session, [outbox_message], at=self._database.clock())[outbox_message]

    def _settle(
        self, session: Session, outbox_message: OutboxMessage, message: Message, result: DeliveryResult
    ) -> None:
        record_result(session, outbox_message, message, result, at=self._database.clock())

    def _note(self, message: Message, result: DeliveryResult) -> None:
        service = message.recipient.service
        was_open = self._breakers[service].open
        self._breakers[service].record(result, at=self._database.clock())
        if self._breakers[service].open is not was_open:
            log.warning("circuit closed" if was_open else "circuit opened", service=service)
        self._heartbeat.count(service, result)
        if result.reason != "sent":
            log.warning("delivery failed", service=service, reason=result.reason, alarm=result.alarm)

    def _claim(
        self, outbox_messages: tuple[OutboxKind, ...], *, limit: int, only: ColumnElement[bool] | None = None
    ) -> list[OutboxMessage]:
        if limit <= 0:
            return []
        with self._database.writing(ALL_TENANTS) as session:
            at = self._database.clock()
            return list(OutboxMessage.claim(session, outbox_messages, at=at, limit=limit, lease=self._lease, only=only))

    def _with_claimed(
        self,
        claimed: OutboxMessage,
        do: Callable[[Session, OutboxMessage], T],
        *,
        options: Sequence[ExecutableOption] = (),
    ) -> T | None:
        """Do something with a claimed row in one transaction of its organization; nothing if the lease was lost."""
        with self._database.writing(claimed.organization_id) as session:
            outbox_message = OutboxMessage.lock_claimed(session, claimed, options=options)
            if outbox_message is None:
                log.warning("lease lost", kind=claimed.kind, outbox_id=str(claimed.id))
                return None
            return do(session, outbox_message)

    def _fail(self, claimed: OutboxMessage, error: Exception) -> None:
        """What nobody foresaw counts against the row, and a few of them set it aside; a database that is away does not.

        Where even this cannot be written down, the lease runs out by itself.
        """
        away = isinstance(error, DATABASE_UNAVAILABLE)
        note = log.warning if away else log.error
        note(
            "database unavailable" if away else "unexpected error",
            kind=claimed.kind,
            outbox_id=str(claimed.id),
            exc_info=error,
        )

        def fail(session: Session, outbox_message: OutboxMessage) -> None:
            at = self._database.clock()
            until, reason = at + back_off(outbox_message.attempts), type(error).__name__
            if away:
                outbox_message.retry_at(until=until, reason=reason)
                return
            outbox_message.record_failure(until=until, reason=reason, at=at)
            if outbox_message.dead_lettered_at:
                log.error(
                    "message dead-lettered", kind=outbox_message.kind, outbox_id=str(outbox_message.id), reason=reason
                )
                after_dead_letter(session, outbox_message, at=at)

        try:
            self._with_claimed(claimed, fail)
        except Exception as second:  # noqa: BLE001 as above
            log.warning("message not rescheduled", outbox_id=str(claimed.id), error=type(second).__name__)


def _goes_to_services(*services: str) -> ColumnElement[bool]:
    """Match messages to be delivered by one of these services."""
    kinds = [kind for kind, service in DEVICE_SERVICES.items() if service in services]
    return OutboxMessage.goes_to(PERSON_CHANNELS.keys() & set(services), kinds)
