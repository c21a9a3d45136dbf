"""Dispatcher: claims messages that are due for delivery, sends them outside any transaction, records the results.

It owns the threads, a lane (bulkhead) per channel and the probes of open circuits.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Semaphore

import structlog
from sqlalchemy import ColumnElement, not_, or_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, joinedload

from models.alerts.notification import Notification
from models.db.failures import is_unavailable
from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import mark_circuit_open
from models.outbox.message import OutboxKind, OutboxMessage
from notifications.channels.base import DEVICE_SERVICES, Channel, DeliveryResult, Message
from notifications.channels.registry import PERSON_CHANNELS
from notifications.messages.compose import MESSAGE_OPTIONS, compose_messages
from notifications.worker.circuit_breaker import CircuitBreaker
from notifications.worker.claims import Claims, log_fields
from notifications.worker.delivery import record_result
from notifications.worker.jobs.every import Every
from notifications.worker.lane import Lane, share_of_oldest
from notifications.worker.own_transactions import errors_logged

log = structlog.get_logger(__name__)

RESULT_OPTIONS = (joinedload(OutboxMessage.notification).lazyload(Notification.staff),)
DELIVERY_KINDS = (
    OutboxKind.DELIVER_RING,
    OutboxKind.DELIVER_INFO,
    OutboxKind.DELIVER_WITHDRAWAL,
    OutboxKind.DELIVER_UPDATE,
)
PUSH_THREADS = 24
MAX_PUSHES_IN_FLIGHT = 32  # a little more: a thread that is done finds the next one, and a new call waits for few
# Fewer than the connections of a worker. Answers come in bursts: otherwise a round, which rings whoever is next, would
# wait behind the results of all that were sent before.
MAX_RECORDED_AT_ONCE = 3
MAX_WAIT_SECONDS = 0.05  # a round waits this long for its deliveries; slower ones do not hold up the next round


@dataclass(frozen=True)
class Batch:
    """Messages that were claimed together; `probed_service` is set for a probe of an open circuit."""

    messages: Mapping[OutboxMessage, Message | None]
    probed_service: str | None = None


class Dispatcher:
    """Delivers outbox messages over the channels.

    While the circuit of a service is open, messages to it stay in the outbox and one at a time goes out as a probe.
    The lease of a message that is in flight is renewed, so that no other worker sends it as well.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        breakers: Mapping[str, CircuitBreaker],
        *,
        count: Callable[[str, DeliveryResult], None],
        lease: timedelta,
        max_wait: float,
    ) -> None:
        """Set up lanes and threads.

        Args:
            database: where the outbox is.
            channels: the channel of each service.
            breakers: the circuit breaker of each service.
            count: called with service and result of each attempt.
            lease: how long a claimed message is withheld from other workers.
            max_wait: seconds a round waits for its deliveries.

        """
        self._database, self._channels, self._breakers, self._count = database, channels, breakers, count
        self._lease, self._max_wait = lease, max_wait
        self._claims = Claims(database, lease)
        self._lanes = _lanes(channels.keys())
        threads = PUSH_THREADS + sum(channel.max_in_flight for channel in PERSON_CHANNELS.values())
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="send")
        self._in_flight: dict[Future[None], OutboxMessage] = {}
        self._probes: dict[str, set[Future[None]]] = {}
        self._every_renewal = Every(lease / 4)
        self._recording = Semaphore(MAX_RECORDED_AT_ONCE)

    def dispatch(self) -> int:
        """Fill the lanes, devices first; return how much there was to deliver.

        Wait a moment for the deliveries that were started. If all lanes are full, wait for the first to end.
        """
        before = set(self._in_flight)
        due = sum(lane.capacity for lane in self._lanes if not lane.free)
        # All are claimed before the first is sent: no lane takes what another one has just begun with.
        for lane, batches in [(lane, self._claim_for(lane)) for lane in self._lanes if lane.free]:
            for batch in batches:
                due += len(batch.messages)
                self._start(batch, lane)
        if started := self._in_flight.keys() - before:
            wait(started, timeout=self._max_wait)
        elif due:
            wait(self._in_flight, timeout=self._max_wait, return_when=FIRST_COMPLETED)
        return due

    def renew_leases(self) -> None:
        """Renew the leases of messages in flight, well before they run out."""
        self._in_flight = {delivery: message for delivery, message in self._in_flight.items() if not delivery.done()}
        at = self._database.clock()
        if not self._every_renewal.due(at):
            return
        self._every_renewal.restart(at)
        if self._in_flight:
            try:
                with self._database.writing(ALL_TENANTS) as session:
                    OutboxMessage.renew(session, self._in_flight.values(), at=at, lease=self._lease)
            except (DBAPIError, PoolTimeout) as error:
                if not is_unavailable(error):
                    raise
                log.warning("leases not renewed", error=type(error).__name__)

    def close(self) -> None:
        """Wait for messages in flight, then close the channels."""
        while self._in_flight:
            wait(self._in_flight, timeout=self._max_wait)
            self.renew_leases()
        self._pool.shutdown(wait=True)
        for channel in set(self._channels.values()):
            channel.close()

    def _claim_for(self, lane: Lane) -> list[Batch]:
        """Claim a little more for a lane than can be sent at once, so that no thread waits for a round.

        Messages to a service whose circuit is open stay in the outbox, marked as such, but for those that have expired
        and for one probe.
        """
        at = self._database.clock()
        away = [service for service in lane.services if self._breakers[service].open]
        held_back = _goes_to_services(*away)
        only = lane.only & or_(not_(held_back), OutboxMessage.is_expired(at)) if away else lane.only
        if away:
            with self._database.writing(ALL_TENANTS) as session:
                mark_circuit_open(session, held_back)
        claimed = self._claim_and_compose(limit=lane.free, only=only, oldest_first=lane.oldest_first)
        batches = [Batch(claimed)]
        for service in away if lane.oldest_first else ():
            if self._may_probe(service, at):
                probe = self._claim_and_compose(limit=1, only=_goes_to_services(service), oldest_first=True)
                batches.append(Batch(probe, probed_service=service))
        return batches

    def _may_probe(self, service: str, at: datetime) -> bool:
        probing = any(not probe.done() for probe in self._probes.get(service, ()))
        return not probing and self._breakers[service].may_probe(at)

    def _claim_and_compose(
        self, *, limit: int, only: ColumnElement[bool], oldest_first: bool
    ) -> dict[OutboxMessage, Message | None]:
        """Claim outbox messages and compose what is sent for them.

        The value is None for a message that is of no use any more, which is done then, and for one that is to be
        composed by itself. All are composed in one transaction, because transactions are what a delivery costs most.
        If one of them breaks that transaction, each is composed by itself later.
        """
        try:
            with self._database.writing(ALL_TENANTS) as session:
                at = self._database.clock()
                claimed = OutboxMessage.claim(
                    session,
                    DELIVERY_KINDS,
                    at=at,
                    limit=limit,
                    lease=self._lease,
                    only=only,
                    options=MESSAGE_OPTIONS,
                    oldest_first=oldest_first,
                )
                return compose_messages(session, claimed, at=at, across_tenants=True)
        except Exception as error:  # whatever it is, it must not hold up the other messages
            if is_unavailable(error):
                raise
            log.exception("unexpected error", job="compose")
            claimed = self._claims.claim(DELIVERY_KINDS, limit=limit, only=only, oldest_first=oldest_first)
            return dict.fromkeys(claimed)

    def _start(self, batch: Batch, lane: Lane) -> None:
        started = {
            self._pool.submit(self._deliver, outbox_message, message): outbox_message
            for outbox_message, message in batch.messages.items()
            if outbox_message.done_at is None
        }
        self._in_flight |= started
        lane.in_flight |= started.keys()
        if batch.probed_service is not None:
            self._probes[batch.probed_service] = set(started)

    def _deliver(self, claimed: OutboxMessage, message: Message | None) -> None:
        """Deliver one message in a thread of the pool: compose it if need be, send it, record the result.

        No transaction is open while it is sent.
        """
        on_error = partial(self._claims.record_failure, claimed)
        with errors_logged(log_fields(claimed), on_error=on_error, raise_unavailable=False):
            message = message or self._claims.with_claimed(claimed, self._compose, options=MESSAGE_OPTIONS)
            if message is not None:
                result = self._channels[message.recipient.service].deliver(message)
                self._note(message.recipient.service, result)
                with self._recording:
                    self._claims.with_claimed(
                        claimed, partial(self._record, message=message, result=result), options=RESULT_OPTIONS
                    )

    def _compose(self, session: Session, outbox_message: OutboxMessage) -> Message | None:
        return compose_messages(session, [outbox_message], at=self._database.clock())[outbox_message]

    def _record(
        self, session: Session, outbox_message: OutboxMessage, message: Message, result: DeliveryResult
    ) -> None:
        record_result(session, outbox_message, message, result, at=self._database.clock())

    def _note(self, service: str, result: DeliveryResult) -> None:
        """Tell the circuit breaker, the counters and the log of a result."""
        breaker = self._breakers[service]
        was_open = breaker.open
        breaker.record(result, at=self._database.clock())
        if breaker.open is not was_open:
            log.warning("circuit closed" if was_open else "circuit opened", service=service)
        self._count(service, result)
        if result.reason != "sent":
            log.warning("delivery failed", service=service, reason=result.reason, alarm=result.alarm)


def _lanes(services: AbstractSet[str]) -> list[Lane]:
    """Return two lanes for devices and for each person channel: by far most in fair order, the rest the oldest first.

    So nothing waits for ever behind what is newer or more urgent.
    """
    lanes: list[Lane] = []
    to_people = OutboxMessage.is_addressed_to(PERSON_CHANNELS.keys())
    shares = [(not_(to_people), services - PERSON_CHANNELS.keys(), MAX_PUSHES_IN_FLIGHT)] + [
        (OutboxMessage.is_addressed_to([name]), services & {name}, channel.max_in_flight)
        for name, channel in PERSON_CHANNELS.items()
    ]
    for only, its_services, capacity in shares:
        for_oldest = share_of_oldest(capacity)
        lanes.append(Lane(only, its_services, capacity - for_oldest))
        lanes.append(Lane(only, its_services, for_oldest, oldest_first=True))
    return lanes


def _goes_to_services(*services: str) -> ColumnElement[bool]:
    """Match messages to be delivered by one of these services."""
    kinds = [kind for kind, service in DEVICE_SERVICES.items() if service in services]
    return OutboxMessage.is_addressed_to(PERSON_CHANNELS.keys() & set(services), kinds)
