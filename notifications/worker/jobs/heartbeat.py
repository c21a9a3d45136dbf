"""Heartbeat job: writes what /readyz and /metrics show of a worker.

That is whether it is alive, whether escalation keeps up, and whether messages get through.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from threading import Lock

from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import measure_backlog, step_lateness_seconds
from models.outbox.heartbeat import Heartbeat
from models.outbox.metric_counter import MetricCounter
from notifications.channels.base import DeliveryResult
from notifications.decide.escalation import count_overdue
from notifications.worker.circuit_breaker import CircuitBreaker
from notifications.worker.jobs.every import Every

HEARTBEAT_INTERVAL = timedelta(seconds=5)
LATE_STEP_AFTER = timedelta(seconds=30)


class HeartbeatJob:
    """Heartbeat of one worker. Many threads may count at once.

    Counters are cleared only after they were written, so that a database that is unavailable loses none.
    """

    def __init__(self, database: Database, worker: str, breakers: Mapping[str, CircuitBreaker]) -> None:
        self._database, self._worker, self._breakers = database, worker, breakers
        self.every = Every(HEARTBEAT_INTERVAL)
        self._counters: Counter[tuple[str, str, str]] = Counter()
        self._lock = Lock()

    def count(self, service: str, result: DeliveryResult) -> None:
        """Count an attempt to deliver."""
        with self._lock:
            self._counters["send", service, result.outcome.value] += 1

    def run(self) -> None:
        if self.every.due(self._database.clock()):
            self.beat()

    def beat(self) -> None:
        """Write a heartbeat and the counters."""
        at = self._database.clock()
        increments = self._snapshot()
        with self._database.writing(ALL_TENANTS) as session:
            MetricCounter.add(session, increments)
            Heartbeat.beat(
                session,
                self._worker,
                overdue_steps=count_overdue(session, at=at, by=LATE_STEP_AFTER),
                push="ok" if self._is_healthy("push") else "degraded",
                channels={name: "open" if breaker.open else "closed" for name, breaker in self._breakers.items()},
                figures=measure_backlog(session, at=at) | {"lateness_seconds": step_lateness_seconds(session, at=at)},
                at=at,
            )
        self._clear(increments)
        self.every.restart(at)

    def stop(self) -> None:
        """Write the counters and remove the heartbeat: this worker ends in good order and is not missed."""
        increments = self._snapshot()
        with self._database.writing(ALL_TENANTS) as session:
            MetricCounter.add(session, increments)
            Heartbeat.stop(session, self._worker)
        self._clear(increments)

    def _is_healthy(self, service: str) -> bool:
        return service not in self._breakers or self._breakers[service].healthy

    def _snapshot(self) -> Counter[tuple[str, str, str]]:
        with self._lock:
            return self._counters.copy()

    def _clear(self, increments: Counter[tuple[str, str, str]]) -> None:
        with self._lock:
            self._counters -= increments
