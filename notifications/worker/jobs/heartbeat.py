"""What a worker says of itself: that it lives, whether escalation keeps up, whether letters get through."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock

from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import measure_backlog, step_lateness_seconds
from models.outbox.heartbeat import Heartbeat
from models.outbox.metric_counter import MetricCounter
from notifications.channels.base import DeliveryResult
from notifications.decide.escalation import count_overdue
from notifications.worker.circuit_breaker import CircuitBreaker

HEARTBEAT_INTERVAL = timedelta(seconds=5)
LATE_STEP_AFTER = timedelta(seconds=30)


class HeartbeatJob:
    """One worker's. What it counts may come from many threads."""

    def __init__(self, worker: str, breakers: Mapping[str, CircuitBreaker]) -> None:
        self._worker, self._breakers = worker, breakers
        self._beat_at: datetime | None = None
        self._counted: Counter[tuple[str, str, str]] = Counter()
        self._counting = Lock()

    def count(self, service: str, result: DeliveryResult) -> None:
        """One attempt more."""
        with self._counting:
            self._counted["send", service, result.outcome.value] += 1

    def due(self, at: datetime) -> bool:
        """Whether it is time for a sign of life. A clock that was set back makes it due."""
        return self._beat_at is None or not timedelta(0) <= at - self._beat_at < HEARTBEAT_INTERVAL

    def beat(self, database: Database) -> None:
        """What /readyz and /metrics show. What was counted is let go of only when it is written."""
        at = database.clock()
        counted = self._so_far()
        with database.writing(ALL_TENANTS) as session:
            MetricCounter.add(session, counted)
            Heartbeat.beat(
                session,
                self._worker,
                overdue_steps=count_overdue(session, at=at, by=LATE_STEP_AFTER),
                push="ok" if self._well("push") else "degraded",
                channels={name: "open" if breaker.open else "closed" for name, breaker in self._breakers.items()},
                figures=measure_backlog(session, at=at) | {"lateness_seconds": step_lateness_seconds(session, at=at)},
                at=at,
            )
        self._written(counted)
        self._beat_at = at

    def stop(self, database: Database) -> None:
        """It ends in good order."""
        counted = self._so_far()
        with database.writing(ALL_TENANTS) as session:
            MetricCounter.add(session, counted)
            Heartbeat.stop(session, self._worker)
        self._written(counted)

    def _well(self, service: str) -> bool:
        return service not in self._breakers or self._breakers[service].well

    def _so_far(self) -> Counter[tuple[str, str, str]]:
        with self._counting:
            return self._counted.copy()

    def _written(self, counted: Counter[tuple[str, str, str]]) -> None:
        with self._counting:
            self._counted -= counted
